"""How good are the samples? One file of measures a modality, by the name that a card gives; and distances of any features."""

from collections.abc import Callable

from . import digits, emoji, molecules, pictures, scenes, series, speech, text, video
from .frechet import feature_statistics, features_of, frechet_distance, nearest_rows, precision_recall, random_floor

# name → (samples, condition or None, calls or None, device or None) → figures with their floors, ready for JSON
METRICS: dict[str, Callable[..., dict]] = {"digits": digits.evaluate, "pictures": pictures.evaluate,
                                         "scenes": scenes.evaluate, "emoji": emoji.evaluate, "series": series.evaluate,
                                         "speech": speech.evaluate,
                                         "text": text.evaluate, "names": text.evaluate_names,
                                         "molecules": molecules.evaluate, "next-door": video.evaluate}

__all__ = ["METRICS", "feature_statistics", "features_of", "frechet_distance", "nearest_rows", "precision_recall",
           "random_floor"]
