"""Is what the chapters install and open on Colab there? `make release`, once the tag is pushed.

The install cell names an archive of the repository, and the rocket opens each notebook at the same tag. The exit status is
0 if all are there, 1 if any is missing, and 2 if that cannot be known, as without a network.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

import install_cell
import resolved
from project import chapters

PATIENCE = 20    # seconds for an answer


def addresses() -> list[str]:
    """The archive that the install cells install, and the notebooks that the rocket opens."""
    release = install_cell.reference().split("/")[-1]
    notebooks = [f"{install_cell.address()}/blob/{release}/{resolved.FOLDER}/{path.name}" for path in chapters()]
    return [install_cell.archive(), *notebooks]


def is_there(address: str) -> bool:
    """Whether the host has it; URLError or TimeoutError if it gives no answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PATIENCE):
            return True
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return False
        raise


def main(wanted: list[str]) -> int:
    try:
        missing = [address for address in wanted if not is_there(address)]
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"It cannot be checked whether {wanted[0]} is there: {error}")
        return 2
    for address in missing:
        print(f"missing: {address}")
    if missing:
        print("Push the version's tag, or let the chapters install the branch: make repository URL=<address> without TAG=1.")
        return 1
    print(f"All {len(wanted)} addresses are there, from {wanted[0]} on.")
    return 0


if __name__ == "__main__":
    sys.exit(main(addresses()))
