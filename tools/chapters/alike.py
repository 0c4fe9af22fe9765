"""Are two runs of a chapter the same? What each cell shows, without what may differ: random names and the clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TIMED = "timed"      # the tag of a cell whose outputs depend on the clock, such as a training of one minute
WIDGET, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
# A widget's looks and the version of ipywidgets are not the chapter's.
NOT_OURS = {"layout", "style", "tabbable", "tooltip", "description_tooltip", "description_allow_html", "behavior", "msg_id"}


def differing_cells(first: Path, second: Path) -> list[str]:
    """The ids of the code cells whose outputs differ, those tagged `timed` left out."""
    one, other = shown(first), shown(second)
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def shown(notebook: Path) -> dict[str, Any]:
    """Cell id → everything that the cell shows, with each widget's state in place of its id; not of cells tagged `timed`."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    widgets = content["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    return {cell["id"]: joined([one_output(output, widgets) for output in cell["outputs"]]) for cell in content["cells"]
            if cell["cell_type"] == "code" and TIMED not in cell["metadata"].get("tags", [])}


def joined(outputs: list[Any]) -> list[Any]:
    """The same with what was printed in one piece: a kernel sends it in pieces whose ends depend on the moment."""
    result: list[Any] = []
    for output in outputs:
        if result and "text" in output and output.get("name") == result[-1].get("name"):
            result[-1]["text"] += output["text"]
        else:
            result.append(output)
    return result


def one_output(output: dict[str, Any], widgets: dict[str, Any]) -> Any:
    """An output: text as it is, pictures to the bit, a widget by all that it holds."""
    output = {key: value for key, value in output.items() if key not in ("metadata", "execution_count")}
    if "text" in output:
        output["text"] = "".join(output["text"])
    if WIDGET in output.get("data", {}):
        output["data"] = {**output["data"], WIDGET: "IPY_MODEL_" + output["data"][WIDGET]["model_id"]}
    return resolved(output, widgets)


def resolved(value: Any, widgets: dict[str, Any]) -> Any:
    """The value with what a reference to a widget refers to in its place."""
    if isinstance(value, str) and value.startswith("IPY_MODEL_") and value[10:] in widgets:
        entry = widgets[value[10:]]
        return {"widget": entry["model_name"], "buffers": entry.get("buffers", []), **resolved(entry["state"], widgets)}
    if isinstance(value, dict):
        return {key: resolved(part, widgets) for key, part in value.items()
                if key not in NOT_OURS and not key.startswith("_")}
    if isinstance(value, list):
        return [resolved(part, widgets) for part in value]
    return value
