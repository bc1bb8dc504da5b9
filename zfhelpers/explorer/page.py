"""The explorer as a page by itself, for Voila: what the one cell of its notebook calls."""

from __future__ import annotations

import html
import os

import ipywidgets as widgets

from zfhelpers.explorer.opening import explore
from zfhelpers.networks.checkpoints import load


def page() -> widgets.Widget:
    """The explorer of the world `$ZF_WORLD` as the network `$ZF_NETWORK` sees it, or one sentence why there is none.

    >>> os.environ["ZF_WORLD"] = "nowhere"
    >>> page().value
    "<p role='alert'>There is no network nowhere/zfnet; ..."
    >>> del os.environ["ZF_WORLD"]
    """
    world, network = os.environ.get("ZF_WORLD") or "toy", os.environ.get("ZF_NETWORK") or "zfnet"
    try:
        return explore(*load(world, network))
    except (FileNotFoundError, ValueError) as error:
        return widgets.HTML(f"<p role='alert'>{html.escape(str(error))}</p>")
