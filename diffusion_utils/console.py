"""Output on consoles that cannot show every symbol, such as Windows' in the code pages 1252, 437 or 936."""

from __future__ import annotations

import codecs
import io
import json
import sys

# What our messages hold beyond ASCII, as a typewriter would put it; everything else becomes a question mark.
PLAIN = {"…": "...", "≥": ">=", "≤": "<=", "−": "-", "–": "-", "×": "x", "·": "*", "√": "sqrt ", "²": "^2", "→": "->", "é": "e",
         "ᾱ": "alpha_bar", "α": "alpha", "β": "beta", "ε": "eps", "η": "eta", "λ": "lambda", "σ": "sigma"}


def forgiving_output() -> None:
    """From now on a symbol that the console lacks is printed in plain letters, where it was an error."""
    codecs.register_error("plain_symbols", plain_symbols)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain_symbols")


def plain_symbols(error: UnicodeEncodeError) -> tuple[str, int]:
    """An error handler of `codecs`: the plain letters for what cannot be encoded, and where to go on."""
    return "".join(PLAIN.get(symbol, "?") for symbol in error.object[error.start:error.end]), error.end


def print_json(content: dict) -> None:
    r"""Readable JSON on standard output; where the console lacks a symbol, all beyond ASCII is written as \u…, as JSON may."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(content, indent=1)
    print(text)
