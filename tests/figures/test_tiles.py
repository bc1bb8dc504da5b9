"""Projections around mid-grey, and mosaics against slow loops."""

import numpy as np
import pytest
import torch

from zfhelpers import figures
from zfhelpers.figures.tiles import array, from_pillow, to_pillow

RNG = np.random.default_rng(0)


def photos(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def test_a_projection_lies_symmetrically_around_mid_grey():
    signed = torch.from_numpy(RNG.normal(size=(9, 3, 11, 11)))
    rgb, negative = figures.projection_to_rgb(signed), figures.projection_to_rgb(-signed)
    assert rgb.dtype == np.uint8
    assert np.abs(rgb.astype(int) + negative - 255).max() <= 1
    assert (figures.projection_to_rgb(torch.zeros(3, 2, 2)) == 128).all()
    scale = np.quantile(np.abs(signed.numpy()), 0.995)
    assert np.abs(rgb - np.clip(127.5 + 127.5 * signed.numpy() / scale, 0, 255)).max() <= 0.51


def test_one_pixel_does_not_turn_the_others_grey_and_zeros_do_not_count():
    signed = RNG.normal(size=(3, 40, 40))
    spike = signed.copy()
    spike[0, 0, 0] = 1000
    assert np.abs(figures.projection_to_rgb(spike).astype(int) - figures.projection_to_rgb(signed))[:, 1:].max() < 8
    padded = np.pad(signed, ((0, 0), (0, 200), (0, 200)))
    assert (figures.projection_to_rgb(padded)[:, :40, :40] == figures.projection_to_rgb(signed)).all()


def test_a_block_shares_one_scale():
    block = np.stack([np.full((3, 5, 5), 1.0), np.full((3, 5, 5), 0.5)])
    assert figures.projection_to_rgb(block)[:, 0, 0, 0].tolist() == [255, 191]


def test_each_tile_has_a_scale_of_its_own():
    signed = RNG.normal(size=(4, 3, 11, 11))
    louder = signed * np.array([1, 2, 50, 1e-3])[:, None, None, None]
    assert np.abs(figures.projection_tiles(louder).astype(int) - figures.projection_tiles(signed)).max() <= 1
    assert (figures.projection_tiles(signed)[2] == figures.projection_to_rgb(signed[2])).all()


def test_a_map_is_black_where_silent_and_white_at_its_maximum():
    maps = torch.from_numpy(RNG.normal(size=(5, 6, 7)))
    tiles = figures.map_tiles(maps)
    assert tiles.shape == (5, 1, 6, 7)
    for one, tile in zip(maps.numpy(), tiles[:, 0], strict=True):
        assert tile.max() == 255
        assert (tile[one <= 0] == 0).all()
        assert np.abs(tile - 255 * np.clip(one / one.max(), 0, None)).max() <= 1


def test_a_projection_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="must be finite"):
        figures.projection_to_rgb(np.array([[[np.nan]]]))


@pytest.mark.parametrize("column_major", [False, True])
@pytest.mark.parametrize(("count", "columns", "separator"), [(7, 3, 1), (6, 3, 5), (1, 1, 2), (5, 4, 0)])
def test_mosaic_equals_a_slow_loop(count, columns, separator, column_major):
    tiles = photos(count, 3, 4, 6)
    rows = int(np.ceil(count / columns))
    expected = np.full((3, rows * (4 + separator) - separator, columns * (6 + separator) - separator), 77, np.uint8)
    places = (
        [(r, c) for c in range(columns) for r in range(rows)]
        if column_major
        else [(r, c) for r in range(rows) for c in range(columns)]
    )
    for tile, (row, column) in zip(tiles, places, strict=False):
        for y, x in np.ndindex(4, 6):
            expected[:, row * (4 + separator) + y, column * (6 + separator) + x] = tile[:, y, x]
    assert (figures.mosaic(tiles, columns, separator, 77, column_major) == expected).all()


@pytest.mark.parametrize(
    ("tiles", "columns"), [(np.zeros((0, 3, 2, 2), np.uint8), 1), (np.zeros((2, 3, 2, 2)), 1), (photos(2, 3, 2, 2), 0)]
)
def test_a_mosaic_of_nothing_is_refused(tiles, columns):
    with pytest.raises(ValueError, match="made of uint8 tiles"):
        figures.mosaic(tiles, columns)


def test_tiles_are_enlarged_by_whole_factors_and_reduced_by_averaging():
    tiles = photos(2, 3, 7, 7)
    large = figures.fit(tiles, 45)
    assert large.shape == (2, 3, 42, 42)
    assert (large[:, :, ::6, ::6] == tiles).all()
    assert (large[:, :, 5::6, 5::6] == tiles).all()
    many = photos(2, 3, 98, 98)
    averaged = many.reshape(2, 3, 49, 2, 49, 2).astype(float).mean((3, 5))
    assert np.abs(figures.fit(many, 49) - averaged).max() <= 1


def test_an_image_goes_to_pillow_and_back():
    image = photos(3, 4, 6)
    there = to_pillow(torch.from_numpy(image))
    assert (there.mode, there.size) == ("RGB", (6, 4))
    assert there.getpixel((5, 1)) == tuple(image[:, 1, 5])
    assert (from_pillow(there) == image).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float16, torch.float64, torch.uint8])
def test_every_number_format_can_be_looked_at(dtype):
    numbers = torch.tensor([0.0, 1.0, 4.0]).to(dtype)
    assert array(numbers).tolist() == [0, 1, 4]
    assert array(numbers).dtype == (np.float32 if dtype in (torch.bfloat16, torch.float8_e4m3fn) else numbers.numpy().dtype)
