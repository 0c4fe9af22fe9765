"""Take the plots' second form, for pages in the dark, out of an executed notebook, into files that only a dark page loads.

tools/chapters/dark_plots.py drew it. A file has the name that Sphinx gives the first form: the digest of its content.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path


def take_out(notebook: Path, folder: Path) -> None:
    """Write the files into the folder, and the notebook without what they hold."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    outputs = [output for cell in content["cells"] for output in cell.get("outputs", [])]
    for output in outputs:
        dark = output.get("metadata", {}).get("image/png", {}).pop("dark", None)
        if dark is None:
            continue
        light = base64.b64decode("".join(output["data"]["image/png"]))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{hashlib.sha256(light).hexdigest()}.png").write_bytes(base64.b64decode(dark))
    notebook.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
