"""Where the companion of an object is to be seen: the ground truth that a `Drawing` does not hold.

A companion stands behind its object, whoever wears it, and whatever is before both. So it is drawn alone, and what lies before it
is taken away.

    >>> from zfhelpers.toyworld.familiar import scene
    >>> mask = companion_mask(scene("val", 1))  # a person beside a dog
    >>> mask.shape, f"{mask.mean():.0%}"
    ((128, 128), '14%')
"""

from __future__ import annotations

import numpy as np

from zfhelpers.toyworld.canvas import View
from zfhelpers.toyworld.drawings.companions import COMPANIONS
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS
from zfhelpers.toyworld.ground import occlude
from zfhelpers.toyworld.law import FILL, Scene
from zfhelpers.toyworld.pen import Pen


def companion_mask(scene: Scene, frame_size: int = 146, image_size: int = 128) -> np.ndarray:
    """Visible pixels of the companion in an image of the toy world, (S, S) bool, as `Drawing.mask` has those of the object.

    Args:
        scene: of `familiar.scene`.
        frame_size, image_size: as in `familiar.draw`.

    Raises:
        ValueError: nothing stands beside the object.
    """
    if scene.companion is None:
        raise ValueError("The scene has no companion; look at `scene.companion` first.")
    view = View(frame_size, image_size, shift=(0.0, 0.0), scale=1.0, rotation=0.0)
    rng = np.random.Generator(np.random.PCG64(scene.detail))  # taken from in the order of `canvas.draw_layers`
    companion, before = view.pen(), view.pen()
    COMPANIONS[scene.companion.kind](companion.at(scene.companion.centre, scene.companion.size), rng)

    subject = DRAWINGS[CLASSES[scene.label]]
    place = (scene.centre, FILL * scene.scale, float(np.deg2rad(-scene.tilt)), scene.mirror)
    if subject.wearer:
        subject.wearer(before.at(*place), rng)
    subject.draw(before.at(*place), rng, scene.borrowed)
    if scene.occluder:
        occlude(before, scene.occluder)

    crop = slice(view.margin, view.margin + image_size)
    return (opacity(companion) * (1 - opacity(before)))[crop, crop] > 0.5


def opacity(pen: Pen) -> np.ndarray:
    """How opaque a pen's layer is in each pixel of the frame, (F, F) float32 in [0, 1]."""
    return np.asarray(pen.layer.reduce(2), np.float32)[..., 3] / 255
