"""One loader a data set; all return an `ImageData` or its like."""

from .mnist import DataError, ImageData, check_mnist, load_mnist, to_model, to_pixels

__all__ = ["DataError", "ImageData", "check_mnist", "load_mnist", "to_model", "to_pixels"]
