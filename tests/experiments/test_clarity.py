"""The share of a picture that holds half of its energy, against a loop that takes the strongest pixels one by one."""

import torch

from zfhelpers.experiments.clarity import half_energy_share


def test_equal_to_taking_the_strongest_pixels_one_by_one():
    pictures = torch.randn(4, 3, 7, 9, generator=torch.Generator().manual_seed(0)) ** 3
    for picture, share in zip(pictures, half_energy_share(pictures), strict=True):
        energy = sorted((float(sum(picture[c, y, x] ** 2 for c in range(3))) for y in range(7) for x in range(9)), reverse=True)
        taken = 0
        while sum(energy[:taken]) < sum(energy) / 2:
            taken += 1
        assert round(63 * share.item(), 4) == taken


def test_scale_and_sign_do_not_matter():
    pictures = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(half_energy_share(pictures), half_energy_share(-100 * pictures))
