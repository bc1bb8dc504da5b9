"""The spectral share against closed forms and a Fourier sum written out."""

import math

import numpy as np
import pytest
import torch

from zfhelpers.experiments.spectrum import band_shares, high_frequency_share, one_grating_share


def wave(cycles: float, angle: float = 0.0, side: int = 40) -> np.ndarray:
    """A sinusoid of so many cycles per pixel in three colours, (1, 3, side, side)."""
    rows, columns = np.mgrid[:side, :side]
    along = rows * math.sin(angle) + columns * math.cos(angle)
    return np.broadcast_to(np.sin(2 * np.pi * cycles * along + 0.3), (1, 3, side, side))


@pytest.mark.parametrize(("cycles", "share"), [(0.1, 0.0), (0.2, 0.0), (0.3, 1.0), (0.4, 1.0)])
@pytest.mark.parametrize("angle", [0.0, math.pi / 2])
def test_a_pure_sinusoid_lies_on_one_side_of_the_cutoff(cycles, share, angle):
    # 0.1 * 40 is whole: without zeros around it, the wave is a single line of the spectrum.
    assert high_frequency_share(wave(cycles, angle), grid=40)[0] == pytest.approx(share, abs=1e-12)


def test_frequency_is_radial():
    diagonal = np.sin(2 * np.pi * 0.2 * np.add(*np.mgrid[:40, :40]))[None, None]  # 0.2 along both axes: 0.28 along the diagonal
    assert high_frequency_share(diagonal, grid=40)[0] == pytest.approx(1, abs=1e-12)
    assert high_frequency_share(diagonal, cutoff=0.3, grid=40)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("cycles", "low", "high"), [(0.1, 0.0, 0.15), (0.4, 0.85, 1.0)])
def test_a_sinusoid_cut_to_seven_pixels_leaks_little(cycles, low, high):
    assert low <= high_frequency_share(wave(cycles)[..., :7, :7])[0] <= high


def test_two_waves_share_by_their_squared_amplitudes():
    assert high_frequency_share(2 * wave(0.1) + wave(0.4), grid=40)[0] == pytest.approx(1 / 5, abs=1e-12)


def test_a_single_pixel_has_a_flat_spectrum_and_white_noise_on_average_too():
    dot = np.zeros((1, 3, 7, 7))
    dot[0, 1, 2, 5] = -3
    flat = high_frequency_share(dot)[0]
    assert flat == pytest.approx(1 - math.pi * 0.25**2, abs=0.01)  # the disc's share of the square of frequencies
    noise = np.random.default_rng(0).normal(size=(2000, 3, 7, 7))
    assert high_frequency_share(noise).mean() == pytest.approx(flat, abs=0.005)


def test_equal_to_the_sum_written_out():
    filters = np.random.default_rng(1).normal(size=(2, 3, 5, 5)).cumsum(axis=-1)
    grid, low, total = 8, np.zeros(2), np.zeros(2)
    for u in range(-4, 4):
        for v in range(-4, 4):
            for colour in range(3):
                turn = [[np.exp(-2j * np.pi * (u * x + v * y) / grid) for y in range(5)] for x in range(5)]
                power = np.abs((filters[:, colour] * np.array(turn)).sum(axis=(1, 2))) ** 2
                total += power
                low += power if math.hypot(u, v) / grid <= 0.25 else 0
    np.testing.assert_allclose(high_frequency_share(filters, grid=grid), 1 - low / total, atol=1e-12)


def test_bands_share_out_everything_and_agree_with_the_single_cut():
    filters = np.random.default_rng(2).normal(size=(5, 3, 7, 7))
    bands = band_shares(filters, (0.1, 0.25, 0.4))
    np.testing.assert_allclose(bands.sum(axis=1), 1)
    np.testing.assert_allclose(bands[:, 2:].sum(axis=1), high_frequency_share(filters))
    for cycles, band in ((0.05, 0), (0.2, 1), (0.3, 2), (0.45, 3)):
        assert band_shares(wave(cycles), (0.1, 0.25, 0.4), grid=40)[0].argmax() == band
    with pytest.raises(ValueError, match=r"not at 0\.3, 0\.2"):
        band_shares(filters, (0.3, 0.2))


def test_scale_does_not_matter_and_tensors_are_welcome():
    weights = torch.nn.Conv2d(3, 4, 7).weight
    np.testing.assert_allclose(high_frequency_share(weights), high_frequency_share(-100 * weights.detach().numpy()), rtol=1e-6)


def test_a_filter_of_zeros_has_no_share():
    assert np.isnan(high_frequency_share(np.zeros((1, 3, 7, 7))))[0]


@pytest.mark.parametrize(
    ("filters", "settings", "sentence"),
    [
        (np.ones((3, 7, 7)), {}, "shape"),
        (np.ones((1, 3, 9, 9)), {"grid": 8}, "at most 8"),
        (np.ones((1, 3, 7, 7)), {"cutoff": 0.0}, "not at 0.0"),
        (np.ones((1, 3, 7, 7)), {"cutoff": 0.7}, "not at 0.7"),
    ],
)
def test_bad_input(filters, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        high_frequency_share(filters, **settings)


def test_one_grating_explains_stripes_and_little_of_noise():
    stripes = np.concatenate([5 * wave(0.25, angle, 8) for angle in (0.0, math.pi / 2)])  # whole periods: exact
    np.testing.assert_allclose(one_grating_share(stripes, grid=8), 1, atol=1e-12)
    two = wave(0.25, 0.0, 8) + 2 * wave(0.25, math.pi / 2, 8)  # four fifths of the energy lie in the stronger
    assert one_grating_share(two, grid=8)[0] == pytest.approx(4 / 5, abs=1e-9)
    noise = np.random.default_rng(0).normal(size=(500, 3, 7, 7))
    assert np.median(one_grating_share(noise)) < 1 / 7


def test_an_even_patch_is_no_grating():
    assert one_grating_share(np.ones((1, 3, 8, 8)), grid=8, widest=8.1)[0] == pytest.approx(0, abs=1e-12)
