"""Networks that are no denoisers: they read data and say what is in it."""

from .classifier import DigitClassifier
from .speech_judge import SpeechJudge

__all__ = ["DigitClassifier", "SpeechJudge"]
