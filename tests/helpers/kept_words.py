"""A figure of text with all that such figures have: words to keep, rows, marks, masks."""

from diffusion_utils.widgets import Axis, TextScrubber

WORDS = ["to", "be", "or", "not"]
ROWS = 3
FILLED = "abcdefghi"


def line(kept: int, order: int, row: int) -> str:
    """What is not kept is one letter, that of the order and the row; in the first row of the second order it is hidden."""
    letter = "_" if order and not row else FILLED[order * ROWS + row]
    return " ".join(word if kept >> i & 1 else letter * len(word) for i, word in enumerate(WORDS))


def spans(kept: int) -> list[tuple[int, int]]:
    starts = [0, 3, 6, 9]
    return [(start, start + len(word)) for i, (start, word) in enumerate(zip(starts, WORDS, strict=True)) if kept >> i & 1]


def kept_words(**options) -> TextScrubber:
    patterns = range(2 ** len(WORDS))
    return TextScrubber.from_texts(
        [[[line(kept, order, row) for row in range(ROWS)] for kept in patterns] for order in range(2)],
        axes=[Axis("order", ["random", "confidence"]), Axis.of_words("keep", WORDS, start=0b0110)], title="Keep words",
        panels=["one", "two", "three"], marks=[[[spans(kept)] * ROWS for kept in patterns]] * 2, mark_name="kept", mask="_",
        language="en", name="fig-keep", readouts={"kept": [[len(spans(kept)) for kept in patterns]] * 2}, **options)
