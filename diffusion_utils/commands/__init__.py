"""The commands of python -m diffusion_utils, one file each."""
