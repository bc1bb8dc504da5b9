"""What the tests of all figures need."""

import pytest

from zfhelpers.figures import Picture, charts, class_curve, invariance, occlusion, schematics, seeds, sheets


@pytest.fixture
def drawings(monkeypatch):
    """The matplotlib Figures that are made into pictures, in order."""
    kept = []

    def keep(drawing, alt):
        kept.append(drawing)
        return Picture(drawing, alt)

    for module in (charts, class_curve, invariance, occlusion, schematics, seeds, sheets):
        monkeypatch.setattr(module, "Picture", keep)
    return kept
