"""The shared code of "Diffusion Models, Step by Step": a learner opens any file and sees the equation it implements.

x_t = signal_t·x_0 + noise_t·ε, with t = 0 the data and t = T the noise, everywhere in this package.
"""

__version__ = "0.1.0"
