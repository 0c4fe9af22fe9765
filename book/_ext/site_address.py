"""Where GitHub Pages shows a repository. Standard library only: `make repository` uses it, too."""

from __future__ import annotations


def site(owner: str, name: str) -> str:
    """The address of github.com/OWNER/NAME's pages, without https:// and a last slash; OWNER.github.io has the whole host."""
    host = f"{owner.lower()}.github.io"
    return host if name.lower() == host else f"{host}/{name}"
