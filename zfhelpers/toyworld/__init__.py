"""The toy world: images drawn by a program that knows where every part lies."""

from zfhelpers.toyworld.canvas import SURROUNDINGS, Drawing
from zfhelpers.toyworld.companion import companion_mask
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS, SIZES, VERSION, draw, parts, render, scene
from zfhelpers.toyworld.law import DIFFICULTY, Scene, choose, stream
from zfhelpers.toyworld.missing import lacking, part_masks, render_lacking, surrounding_masks

__all__ = [
    "CLASSES", "DIFFICULTY", "DOGS", "DRAWINGS", "SIZES", "SURROUNDINGS", "VERSION", "Drawing", "Scene", "choose",
    "companion_mask", "draw", "lacking", "part_masks", "parts", "render", "render_lacking", "scene", "stream",
    "surrounding_masks",
]  # fmt: skip
