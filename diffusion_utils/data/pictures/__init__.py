"""Your own pictures: a folder of PNG, JPEG, WebP, GIF or BMP files of any size, or of IDX files, as a data set."""

from .reading import Pictures, load_pictures, read_pictures

__all__ = ["Pictures", "load_pictures", "read_pictures"]
