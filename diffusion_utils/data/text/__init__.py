"""Text as rows of letters: Shakespeare, first names, and any text file of one's own."""

from .letters import Alphabet, alphabet_of
from .names import END, NAME_LENGTH, NAMES_ALPHABET, load_names, names_of
from .windows import SHAKESPEARE_ALPHABET, WINDOW, TextWindows, load_shakespeare, load_text, read_text, shakespeare, split_text

__all__ = ["END", "NAMES_ALPHABET", "NAME_LENGTH", "SHAKESPEARE_ALPHABET", "WINDOW", "Alphabet", "TextWindows", "alphabet_of",
           "load_names", "load_shakespeare", "load_text", "names_of", "read_text", "shakespeare", "split_text"]
