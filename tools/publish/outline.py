"""The bookmarks of a PDF that Chromium printed, mended.

Chromium says some titles twice (of a heading that moved to the next sheet) and joins words across lines; formulas are left
out. The objects are written anew at the end of the file, as the format foresees for changes.
"""

from __future__ import annotations

import re
from pathlib import Path

ITEM = re.compile(rb"(\d+) 0 obj\s*<</Title (\((?:\\.|[^\\)])*\)|<[0-9A-F]*>)(.*?)>>\s*endobj", re.DOTALL)
TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)\s*%%EOF\s*$", re.DOTALL)


def give_outline(path: Path, headings: list[str]) -> None:
    """Give the bookmarks the texts of these headings, which are all of the document, in its order."""
    pdf = path.read_bytes()
    items = sorted((item for item in ITEM.finditer(pdf) if b"/Dest" in item[3]), key=lambda item: int(item[1]))
    if len(items) != len(headings):
        raise ValueError(f"the PDF has {len(items)} bookmarks for {len(headings)} headings")
    added, places = bytearray(), []
    for item, heading in zip(items, headings, strict=True):
        places.append((int(item[1]), len(pdf) + len(added)))
        title = b"<FEFF" + heading.encode("utf-16-be").hex().upper().encode() + b">"
        added += b"%d 0 obj\n<</Title %s%s>>\nendobj\n" % (int(item[1]), title, item[3])
    start = len(pdf) + len(added)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % place for place in places)
    trailer = TRAILER.search(pdf)
    added += b"xref\n%strailer\n<<%s\n/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (table, trailer[1], trailer[2], start)
    path.write_bytes(pdf + added)
