"""A picture that one points at: click, drag, or move with the arrow keys, and the View says what that means.

It shows what it is given and sends back places in it, in pixels of the picture, and steps of the arrow keys. Its script is a few
lines that come with it, so it works without a network.

    >>> spot = PointedPicture("<img alt='A dog.' src='data:,'>", hint="drag the square")
    >>> spot.asked(lambda x, y: print(x, y), lambda across, down: print(across, down))
    >>> spot.place, spot.step = [40.0, 7.5, 1], [0, -1, 1]
    40.0 7.5
    0 -1
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets


class PointedPicture(anywidget.AnyWidget):
    """A picture that sends back where it is pointed at.

    Args:
        value: the picture as one `<img>` with alt text.
        hint: what pointing does, in a few words; a screen reader says it, and it stands in the picture's tooltip.

    Attributes:
        value: may be changed as often as one likes; the picture is exchanged without flicker.
        place: [x, y, count], the last place pointed at, in pixels of the picture; the count tells a second click from the first.
        step: [across, down, count], the last step of the arrow keys: (1, 0) is the right one.
    """

    _esm = Path(__file__).with_name("pointing.js")
    _css = Path(__file__).with_name("pointing.css")
    value = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    place = traitlets.List([0.0, 0.0, 0]).tag(sync=True)
    step = traitlets.List([0, 0, 0]).tag(sync=True)

    def __init__(self, value: str = "", hint: str = ""):
        super().__init__(value=value, hint=hint)

    def asked(self, pointed: Callable[[float, float], None], stepped: Callable[[int, int], None]) -> None:
        """Has a function called with every place (x, y), and one with every step (across, down)."""
        self.observe(lambda change: pointed(*change.new[:2]), names="place")
        self.observe(lambda change: stepped(*change.new[:2]), names="step")
