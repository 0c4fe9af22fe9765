"""Interactive figures for the chapters. They work in a live notebook and, without a kernel, in the rendered page."""

from diffusion_utils.widgets.companions import Curve, Histogram
from diffusion_utils.widgets.explorable import Explorable
from diffusion_utils.widgets.fan_chart import FanChart
from diffusion_utils.widgets.figure import Axis
from diffusion_utils.widgets.film import Film
from diffusion_utils.widgets.frame_scrubber import FrameScrubber
from diffusion_utils.widgets.molecule_scrubber import MoleculeScrubber
from diffusion_utils.widgets.sketch import Sketch
from diffusion_utils.widgets.sound_scrubber import SoundScrubber
from diffusion_utils.widgets.sprites import scatter, tile
from diffusion_utils.widgets.text_scrubber import TextScrubber

__all__ = ["Axis", "Curve", "Explorable", "FanChart", "Film", "FrameScrubber", "Histogram", "MoleculeScrubber", "Sketch",
           "SoundScrubber", "TextScrubber", "scatter", "tile"]
