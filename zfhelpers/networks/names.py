"""What a network is called, wherever its name is typed. Nothing here needs torch.

    zfnet                            the world's own, as Fig. 3 has it; or another of its networks, see `catalogue`
    torchvision:squeezenet1_1        any classification network of torchvision
    PATH/file.py:function            a reader's own

>>> kind_of("torchvision:alexnet"), kind_of("mine/net.py:build"), kind_of("fig6-alexnet")
('torchvision', 'own', 'ours')
"""

from __future__ import annotations

from pathlib import Path

TORCHVISION = "torchvision:"


def kind_of(network: str) -> str:
    """ "ours", "torchvision" or "own", by the network's name alone."""
    if str(network).startswith(TORCHVISION):
        return "torchvision"
    return "own" if ".py:" in str(network) else "ours"


def absolute(network: str) -> str:
    """A network's name as it holds in every folder: that of a file becomes absolute."""
    if kind_of(network) != "own":
        return str(network)
    path, function = split_own(network)
    return f"{path.absolute()}:{function}"


def split_own(network: str) -> tuple[Path, str]:
    """The file and the function in the name of a reader's own network.

    >>> split_own("mine/net.py:build")[1]
    'build'
    """
    path, _, function = str(network).rpartition(":")
    return Path(path).expanduser(), function
