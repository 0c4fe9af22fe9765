"""The run without data and a network has neither, whatever the machine has."""

from __future__ import annotations

import subprocess
import sys

import check
import project
import pytest

ASK = """
import os, sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=60)
except OSError as error:
    print(type(getattr(error, "reason", error)).__name__, os.environ.get("DIFFUSION_DATA"))
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_request_is_refused_at_once_and_no_folder_of_data_is_named(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DIFFUSION_DATA": "/a/folder", "no_proxy": "*", "NO_PROXY": "*"}.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run([sys.executable, "-c", ASK, f"{scheme}://example.org/digits"], capture_output=True, text=True,
                          check=True, env=project.environment(check.NO_NETWORK))
    assert done.stdout == "ConnectionRefusedError None\n"
