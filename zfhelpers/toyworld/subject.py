"""What is drawn: for each class how to draw it, and what that asks of its surroundings.

The law, the canvas and the sets of images know subjects only; dogs and necklaces are known to the drawings alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zfhelpers.toyworld.pen import Pen

SMOOTH, FUR = 0.03, 0.1  # how strongly the fine noise shows on what is drawn; ours


@dataclass(frozen=True)
class Subject:
    """One class of drawn objects.

    Attributes:
        draw: takes a pen, a random generator for its small choices (where a Dalmatian's spots lie), and whether it is to wear a
            colour or shape that is `borrowed` from another class; marks its key points with `pen.mark`.
        wearer: draws who wears the object, with a pen at the same place. A wearer belongs to the surroundings: it is not in the
            object's mask, and what is worn throws no shadow of its own. None for whatever stands by itself.
        roughness: how strongly the fine noise shows on it, as a share of its brightness: `SMOOTH` or `FUR`.
        accompanied: whether a person or a ball is often beside it, so that there is something else to recognise an image by.
    """

    draw: Callable[[Pen, np.random.Generator, bool], None]
    wearer: Callable[[Pen, np.random.Generator], None] | None = None
    roughness: float = SMOOTH
    accompanied: bool = False
