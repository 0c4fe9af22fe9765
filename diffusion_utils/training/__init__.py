"""Training: the loop and all it needs."""

from .batches import batch_rows
from .config import RateFn, TrainConfig, learning_rate
from .loop import LossFn, Progress, Step, TrainingDiverged, TrainingInterrupted, fit, train_step
from .optimisers import make_optimiser

__all__ = ["LossFn", "Progress", "RateFn", "Step", "TrainConfig", "TrainingDiverged", "TrainingInterrupted", "batch_rows",
           "fit", "learning_rate", "make_optimiser", "train_step"]
