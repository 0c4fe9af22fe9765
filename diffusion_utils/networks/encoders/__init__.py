"""Networks that are no denoisers: they read data and say what is in it."""

from .classifier import DigitClassifier

__all__ = ["DigitClassifier"]
