"""Interactive figures for the chapters. They work in a live notebook and, without a kernel, in the rendered page."""

from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.explorable import Explorable
from diffusion_utils.widgets.frame_scrubber import Axis, FrameScrubber
from diffusion_utils.widgets.sprites import scatter, tile

__all__ = ["Axis", "Curve", "Explorable", "FrameScrubber", "Histogram", "scatter", "tile"]
