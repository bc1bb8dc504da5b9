"""The pictures: what colour stands for what, and where a tile lies."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from zfhelpers.explorer import drawing


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)


def test_a_map_has_the_colours_of_its_scale():
    values = np.array([[-1.0, 0.0, 1.0], [2.0, 4.0, 9.0]])
    found = read(drawing.png(drawing.coloured(values, top=4.0)))
    expected = matplotlib.colormaps["viridis"](np.array([[0, 0, 0.25], [0.5, 1, 1]]), bytes=True)
    assert np.abs(found - expected).max() <= 2
    assert (read(drawing.png(drawing.coloured(np.zeros((2, 2)), top=0.0))) == expected[0, 0]).all()  # a silent map


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (13, 13), (110, 110), (5, 9), (60, 20)])
def test_tiles_lie_where_the_page_looks_for_them(shape):
    maps = np.zeros((10, *shape), np.float32)
    maps[9] = 1
    found = read(drawing.png(drawing.wall(maps, [1.0] * 10)))
    pitch = drawing.TILE + drawing.GAP
    assert found.shape[:2] == (2 * pitch - drawing.GAP, 8 * pitch - drawing.GAP)
    yellow = (found[..., 0] > 200) & (found[..., 1] > 200) & (found[..., 3] == 255)
    rows, columns = np.nonzero(yellow)
    assert rows.min() >= pitch
    assert columns.min() >= pitch
    assert columns.max() < pitch + drawing.TILE
    assert max(np.ptp(rows), np.ptp(columns)) > drawing.TILE / 2
    assert (found[pitch + drawing.TILE // 2, 2 * pitch :, 3] == 0).all()  # cells left over let the page shine through


def test_each_map_has_its_own_scale_or_all_share_one():
    maps = np.stack([np.full((3, 3), level, np.float32) for level in (4.0, 2.0)])
    first, second = (read(drawing.png(drawing.wall(maps, tops)))[20] for tops in ([4.0, 2.0], [4.0, 4.0]))
    pitch = drawing.TILE + drawing.GAP
    assert (first[10] == first[pitch + 10]).all()
    assert not (second[10] == second[pitch + 10]).all()


def test_nine_tiles_in_three_columns():
    tiles = np.zeros((5, 3, 20, 20), np.uint8)
    tiles[4] = 255
    found = np.asarray(drawing.nine(tiles))
    step = drawing.NINE + 2
    assert found.shape == (2 * step - 2, 3 * step - 2, 3)
    assert (found[step : step + drawing.NINE, step : step + drawing.NINE] == 255).all()
    assert (found[: drawing.NINE, : drawing.NINE] == 0).all()


def test_the_scale_of_projections_is_a_percentile_of_what_is_not_zero():
    values = np.zeros(2000)
    values[:1000] = np.arange(1, 1001) * np.where(np.arange(1000) % 2, 1, -1)
    assert drawing.scale_of(values) == pytest.approx(995, abs=1)
    assert drawing.scale_of(np.zeros(5)) == 1
