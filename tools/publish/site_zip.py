"""`make zip`: the built site as one file, for a stick or a room without a network. Unpack it, double-click index.html."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from downloads import NONE, PLACE
from project import BUILD, HTML, ROOT

ZIP = BUILD / "diffusion-models-step-by-step.zip"
NOT_READ = {".buildinfo", "objects.inv", "sitemap.xml"}        # only other programs do


def main() -> int:
    if not (HTML / "index.html").exists():
        sys.exit("There are no pages to pack: run `make book` first.")
    pack(HTML, ZIP)
    print(f"{ZIP.relative_to(ROOT)}: {ZIP.stat().st_size / 1e6:.1f} MB")
    return 0


def pack(site: Path, target: Path) -> None:
    """Write the site, in a folder of the file's name; the same pages give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            name = path.relative_to(site).as_posix()
            if name not in NOT_READ and path.suffix not in {".pdf", ".zip"}:
                entry = zipfile.ZipInfo(f"{target.stem}/{name}")     # with the oldest date there is
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, content(path), zipfile.ZIP_DEFLATED)


def content(path: Path) -> bytes:
    """Of a page without what it offers for download, which is not in the file."""
    if path.suffix != ".html":
        return path.read_bytes()
    return PLACE.sub(NONE, path.read_text(encoding="utf-8")).encode()


if __name__ == "__main__":
    sys.exit(main())
