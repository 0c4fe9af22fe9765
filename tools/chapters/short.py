"""A chapter in short: the same cells with fewer samples and shorter training, for a run that only asks whether it works.

A notebook's metadata may hold a table such as `"short": {"MINUTES": 0.05, "N": 50}`. Each name stands once in the notebook's
code as a line `NAME = value`; the short run has the table's value there. The normal run knows nothing of it.
"""

from __future__ import annotations

import copy
import re
from typing import Any


def shortened(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy of the notebook with its short values; ValueError where a name is not assigned in exactly one line."""
    result = copy.deepcopy(notebook)
    codes = [cell for cell in result["cells"] if cell["cell_type"] == "code"]
    for name, value in result["metadata"].get("short", {}).items():
        line = re.compile(rf"^{re.escape(name)} = .*?(?=\n|  #|\Z)", flags=re.MULTILINE)
        places = [(cell, found) for cell in codes for found in line.findall("".join(cell["source"]))]
        if len(places) != 1:
            raise ValueError(f"The short run sets {name}, so that one line of code must begin with '{name} = '; "
                             f"there are {len(places)}.")
        cell, found = places[0]
        cell["source"] = "".join(cell["source"]).replace(found, f"{name} = {value!r}", 1)
    return result
