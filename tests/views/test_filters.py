"""The filter bank's view, driven without a browser."""

import numpy as np
import pytest

from zfhelpers.figures import projection_to_rgb
from zfhelpers.views.filters import bank_sheet, filters_view, spectrum
from zfhelpers.views.panels import PANEL


@pytest.fixture(scope="module")
def banks():
    rng = np.random.default_rng(0)
    smooth = np.broadcast_to(np.array([0.02, -0.02, 0.1])[:, None, None], (20, 3, 7, 7)).copy()
    return {"smooth": smooth, "rough": rng.normal(size=(30, 3, 11, 11))}


def test_reads_strength_and_bands_of_the_filter(banks):
    view = filters_view(banks)
    assert f"RMS: <strong>{np.sqrt((0.02**2 + 0.02**2 + 0.1**2) / 3):.4f}" in view.readout
    assert "high: <strong>8%" in view.readout  # a constant square of seven pixels
    before = view.png
    view.set(bank="rough", filter=29)
    assert "filter: <strong>29 of 30" in view.readout
    assert "of rough, number 29 framed" in view.alt
    assert view.png != before


def test_a_smaller_bank_moves_the_slider_into_range(banks):
    view = filters_view(banks).set(bank="rough", filter=29)
    view.set(bank="smooth")
    assert view.state == {"bank": "smooth", "filter": 19}
    assert view.error is None


def test_a_weak_filter_is_drawn_to_its_own_contrast(banks):
    """As the panel's heading says: ten times weaker, the same picture."""
    weights = banks["rough"][0].astype(np.float32)
    sheet, columns, cell = bank_sheet(np.stack([weights, weights / 10]))
    assert columns == 2
    zoom = cell // 12  # eleven pixels and a line
    drawn = np.asarray(sheet)[::zoom, ::zoom]
    expected = projection_to_rgb(weights).transpose(1, 2, 0)
    np.testing.assert_array_equal(drawn[:, :11], expected)
    np.testing.assert_array_equal(drawn[:, 12:], expected)


def test_thespectrum_peaks_where_the_grating_is():
    wave = np.broadcast_to(np.sin(2 * np.pi * 0.25 * np.arange(32)), (3, 32, 32))
    drawn = np.asarray(spectrum(wave, (0.1, 0.4)), float)[PANEL // 2]  # the row of frequencies along the columns
    brightest = np.abs(drawn - np.array([253, 231, 36])).sum(axis=1).argmin()  # the top of the colour map
    assert abs(abs(brightest / PANEL - 0.5) - 0.25) < 0.02


def test_no_bank_is_refused():
    with pytest.raises(ValueError, match="no network to choose"):
        filters_view({})
