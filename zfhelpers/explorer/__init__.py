"""The explorer: a page on which a network can be asked about any image, in a notebook or by itself (`make explore`)."""

from zfhelpers.explorer.opening import explore
from zfhelpers.explorer.widget import Explorer

__all__ = ["Explorer", "explore"]
