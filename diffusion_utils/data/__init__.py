"""One loader a data set, a function of the split; all return a `Dataset`."""

from collections.abc import Callable

from .dataset import Dataset, TensorData
from .mnist import DataError, ImageData, check_mnist, load_mnist, to_model, to_pixels

LOADERS: dict[str, Callable[[str], Dataset]] = {"mnist": load_mnist}

__all__ = ["LOADERS", "DataError", "Dataset", "ImageData", "TensorData", "check_mnist", "load_mnist", "to_model", "to_pixels"]
