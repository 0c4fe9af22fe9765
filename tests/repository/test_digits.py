"""Without data and with a dead network, `make` asks for the digits once, and every chapter finds and shows the same."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import execute

LOAD = "from diffusion_utils.data import load_mnist\nprint(load_mnist('test').name)"


def test_a_dead_network_is_asked_once_for_all_chapters(tmp_path: Path) -> None:
    asked = []
    notebooks = [tmp_path / name for name in ("01_a.ipynb", "02_b.ipynb")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cell = {"cell_type": "code", "id": "load", "metadata": {}, "outputs": [], "execution_count": None, "source": LOAD}
    for path in notebooks:
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]}))

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        def hang_up() -> None:
            while True:
                try:
                    connection, _ = proxy.accept()
                except OSError:  # closed: the test is over
                    return
                asked.append(connection.recv(1000))
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        place = execute.Place(environment={
            "DIFFUSION_DATA": None, "XDG_CACHE_HOME": str(tmp_path / "cache"), "no_proxy": None, "NO_PROXY": None,
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), address)})
        result = execute.execute_into(tmp_path / "executed", notebooks, place)
        proxy.shutdown(socket.SHUT_RDWR)

    assert result.failed == 0
    assert len(asked) == 2, "each of the two mirrors once, not once a chapter"
    shown = [json.loads((tmp_path / "executed" / path.name).read_text())["cells"][0]["outputs"] for path in notebooks]
    assert {output["name"] for outputs in shown for output in outputs} == {"stdout"}, "on stderr it would fail the build"
    first, second = ("".join(line for output in outputs for line in output["text"]) for outputs in shown)
    assert first == second
    assert first.startswith("Notice: the MNIST digits are not at hand") and first.endswith("\nsklearn-digits-test\n")
