"""`python -m zfhelpers.explorer`: starts the explorer as a page by itself, on this machine alone (`make explore`)."""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
import socket
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from zfhelpers.files import cache_dir, write_whole
from zfhelpers.networks.checkpoints import load

SHARE = Path(__file__).with_name("share")  # Voila looks there for the template named "explorer"
HERE = "127.0.0.1"  # no other machine is answered
PORT, TRIES = 8866, 50


def free_port(first: int = PORT) -> int:
    """The first port from `first` on that nobody listens on.

    Raises:
        ValueError: there is none among the next fifty.
    """
    for port in range(first, first + TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself will ask
            if probe.connect_ex((HERE, port)):
                return port
    raise ValueError(f"Ports {first} to {first + TRIES - 1} are all in use; choose another with --port.")


def notebook() -> Path:
    """The notebook of one cell that Voila shows, written anew; it asks `page` for all there is to see."""
    cell = new_code_cell("from zfhelpers.explorer.page import page\n\npage()", id="page")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = cache_dir() / "explorer" / "page.ipynb"
    text = nbformat.writes(new_notebook(cells=[cell], metadata={"kernelspec": kernel, "title": "Explore a network"}))
    write_whole(path, text.encode())
    return path


def main(arguments: list[str] | None = None) -> None:
    """Say where the page will be, and become its server, until interrupted.

    Raises:
        SystemExit: Voila is not installed, or there is no such world or network; the sentence says what to do.
    """
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.explorer", description=__doc__)
    parser.add_argument("--world", default=os.environ.get("ZF_WORLD") or "toy", help="as zf.load takes it")
    parser.add_argument("--network", default=os.environ.get("ZF_NETWORK") or "zfnet", help="as zf.load takes it")
    parser.add_argument("--port", type=int, default=PORT, help=f"the first to try, {PORT} unless given")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    wanted = parser.parse_args(arguments)
    if importlib.util.find_spec("voila") is None:
        raise SystemExit("The page needs Voila: pip install voila. Without it, zf.explore shows the same in a notebook.")
    try:
        load(wanted.world, wanted.network)
        port, shown = free_port(wanted.port), str(notebook())
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    token = secrets.token_hex(16)
    print(f"The explorer is at http://{HERE}:{port}/?token={token}", flush=True)
    print("It answers this machine alone. Ctrl+C ends it.", flush=True)
    options = [f"--Voila.ip={HERE}", f"--port={port}", "--Voila.port_retries=0", f"--token={token}", "--Voila.log_level=ERROR"]
    options += ["--template=explorer"]
    command = [sys.executable, "-m", "voila", shown, *options, *(["--no-browser"] if wanted.no_browser else [])]
    asked = {"ZF_WORLD": wanted.world, "ZF_NETWORK": wanted.network}
    paths = os.pathsep.join(filter(None, (str(SHARE), os.environ.get("JUPYTER_PATH"))))
    environment = os.environ | asked | {"JUPYTER_PATH": paths, "JUPYTER_PREFER_ENV_PATH": "1"}
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # in place of this program, which would only lie about with a network in it


if __name__ == "__main__":
    main()
