"""Data sets: worlds that a network is trained in, and targets that its features are carried over to.

The function `duplicates` is `zfhelpers.duplicates`: under its own name it would hide its module here.
"""

from zfhelpers.worlds.divisions import split, thin_out
from zfhelpers.worlds.faces import annotated_faces, dog_faces
from zfhelpers.worlds.few import few_images
from zfhelpers.worlds.frames import centre_crop, read_image
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.targets import Target, default_target, open_target
from zfhelpers.worlds.world import ImageSet, World

__all__ = [
    "ImageSet",
    "Target",
    "World",
    "annotated_faces",
    "centre_crop",
    "default_target",
    "dog_faces",
    "few_images",
    "open_target",
    "open_world",
    "read_image",
    "split",
    "thin_out",
]
