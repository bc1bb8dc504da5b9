"""Scenes to look at one thing in."""

from dataclasses import replace

import pytest

from zfhelpers.toyworld.familiar import CLASSES, scene


@pytest.fixture
def plain():
    """Makes a scene of one class with nothing before it, no blur and no noise: `plain("husky", 3, tilt=0.0)`."""

    def make(name, index=0, **changes):
        here = scene("val", CLASSES.index(name) + 24 * index)
        return replace(here, **{"occluder": None, "blur": 0.0, "noise": 0.0, **changes})

    return make
