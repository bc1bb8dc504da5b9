"""The toy world: images drawn by a program that knows where every part lies."""

from zfhelpers.toyworld.canvas import Drawing
from zfhelpers.toyworld.companion import companion_mask
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS, SIZES, VERSION, draw, render, scene
from zfhelpers.toyworld.law import DIFFICULTY, Scene, choose, stream

__all__ = [
    "CLASSES", "DIFFICULTY", "DOGS", "DRAWINGS", "SIZES", "VERSION", "Drawing", "Scene", "choose", "companion_mask", "draw",
    "render", "scene", "stream",
]  # fmt: skip
