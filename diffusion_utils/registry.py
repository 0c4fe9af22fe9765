"""What a card names: an entry of a registry, alone or with the arguments that it is called with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .errors import unknown_name


def chosen(kind: str, entry: str | dict | None, registry: Mapping[str, Callable]) -> Callable[..., Any]:
    """The registered function of that name; of an entry such as {"name": "pictures", "size": 32} with the arguments in it.

    kind: what it is, for the error. Raises ValueError where nothing is named, and for an unknown name, with the nearest.
    """
    given = dict(entry) if isinstance(entry, dict) else {"name": entry}
    name = given.pop("name", None)
    if name is None:
        raise ValueError(f"no {kind} is named. Allowed: {', '.join(sorted(registry))}")
    if name not in registry:
        raise unknown_name(kind, str(name), registry)
    return partial(registry[name], **given) if given else registry[name]
