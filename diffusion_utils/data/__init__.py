"""One loader a data set; all return an `ImageData` or its like."""

from .mnist import DataError, ImageData, load_mnist, to_model, to_pixels

__all__ = ["DataError", "ImageData", "load_mnist", "to_model", "to_pixels"]
