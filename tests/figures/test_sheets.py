"""Sheets of tiles: every tile once, in its place, on its scale."""

import io

import numpy as np
import pytest
from PIL import Image

from zfhelpers import figures
from zfhelpers.figures import Picture

RNG = np.random.default_rng(0)
TITLES = ["7×7 without a cap, one scale", "11×11, stride 4", "7×7, stride 2", "layer 2 of 11×11", "layer 2 of 7×7"]


def photos(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def shown(drawn: Picture) -> np.ndarray:
    """The pixels of a picture, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB"))


def selection(alike=1.0):
    """Banks, projections and the figure of them; the first filter of the first bank is `alike` times as strong as the others."""
    banks = [RNG.uniform(-1, 1, (24, 3, k, k)) for k in (7, 11, 7)]
    banks[0][0] *= alike
    nines = [RNG.normal(size=(25, 9, 3, h, h)) for h in (51, 27)]
    nines[0][3] = 0
    return banks, nines, figures.selection_figure(banks[0], banks[1:], nines, TITLES)


def test_architecture_selection_shows_each_filter_in_its_place_and_on_its_scale():
    banks, _, drawn = selection(alike=10)
    seen = shown(drawn).astype(int)
    wide, strip, margin = 280 // 6 // 7 * 7, 24, 6  # a filter on the page; 24 filters stand in 6 columns of 4
    starts = [[(strip + row * (wide + 1), margin + column * (wide + 1)) for row in range(4)] for column in range(6)]
    tiles = [[seen[top : top + wide, left : left + wide] for top, left in column] for column in starts]
    contrast = np.array([[np.abs(tile - 128).max() for tile in column] for column in tiles])
    assert contrast[0, 0] > 120
    assert contrast.ravel()[1:].max() <= 14  # a tenth of the largest: panel (a) has one scale
    second = banks[0][1].transpose(1, 2, 0)  # the second filter stands below the first
    large = np.clip(np.rint(127.5 + 127.5 * second / np.abs(banks[0]).max()), 0, 255).repeat(wide // 7, 0).repeat(wide // 7, 1)
    assert np.abs(tiles[0][1] - large).max() <= 1
    below = strip + 4 * 45 + margin + strip  # under the tallest, (b): five blocks a row in (d), the fourth without any response
    assert (seen[below + 5 : below + 20, margin + 3 * 88 + 5 : margin + 3 * 88 + 20] == 128).all()
    assert np.abs(seen[below + 5 : below + 20, margin + 2 * 88 + 5 : margin + 2 * 88 + 20] - 128).max() > 60


def test_architecture_selection_of_one_network_has_its_own_three_panels():
    banks, nines, _ = selection()
    alone = figures.selection_figure(banks[0], banks[1:2], nines[:1], TITLES[:3])
    assert alone.alt == "(a) 7×7 without a cap, one scale; (b) 11×11, stride 4; (c) 7×7, stride 2."
    below = 24 + 4 * 45 - 1 + 6 + 24  # under (b), the taller of the two
    first = figures.projection_to_rgb(nines[0][0], percentile=99.5)[0].transpose(1, 2, 0)
    assert np.array_equal(shown(alone)[below : below + 51, 6 : 6 + 51], first)  # of 51 px, as it is


@pytest.mark.parametrize(("filters", "projections", "titles"), [(1, 2, 5), (2, 1, 5), (2, 2, 4), (1, 1, 5), (0, 0, 1), (3, 3, 7)])
def test_architecture_selection_has_five_panels_or_three(filters, projections, titles):
    bank, nines = np.ones((4, 3, 7, 7)), np.ones((4, 9, 3, 27, 27))
    with pytest.raises(ValueError, match=r"five panels \(a\) to \(e\), or three of one network, not"):
        figures.selection_figure(bank, [bank] * filters, [nines] * projections, ["title"] * titles)


def colours(tiles):
    """Solid tiles (..., 3, 5, 5), each of its own colour."""
    count = int(np.prod(tiles))
    codes = 40 + np.stack([np.arange(count) % 40 * 5, np.arange(count) // 40 * 5, np.full(count, 7)], 1)
    return np.broadcast_to(codes.reshape(*tiles, 3, 1, 1), (*tiles, 3, 5, 5)).astype(np.uint8)


def test_fig2_shows_every_patch_once_and_in_its_place():
    patches = colours((6, 9))
    page = shown(figures.top9_figure(np.zeros((6, 9, 3, 5, 5)), patches, "layer2", range(6), columns=2))
    centres = np.zeros((6, 9, 2))
    for number, tile in np.ndindex(6, 9):
        found = np.argwhere((page == patches[number, tile, :, 0, 0]).all(-1))
        assert 45 * 45 <= len(found) < 45 * 45 + 9, "tiles are neither resampled nor lost"  # a letter's edge may share a colour
        centres[number, tile] = np.median(found, axis=0)
    rows, columns = centres[..., 0], centres[..., 1]
    assert np.allclose(np.diff(columns[:, :3], axis=1), 46)  # one pixel between tiles
    assert np.allclose(rows[:, [3, 6]] - rows[:, [0, 3]], 46)
    assert (columns[1::2] > columns[::2].max()).all()  # maps run along rows, two in each
    assert rows[2:4].min() > rows[:2].max()
    assert rows[4:].min() > rows[2:4].max()
    grey = np.argwhere((page == 128).all(-1))
    assert 54 * 45 * 45 <= len(grey) < 54 * 45 * 45 + 99
    assert np.median(grey[:, 1]) < columns.min() - 100, "projections lie on the left"


@pytest.mark.parametrize(("own", "side", "seen"), [(20, 49, 40), (20, 84, 80), (112, 112, 112), (112, 84, 84)])
def test_fig2_has_tiles_of_the_size_that_was_asked_for(own, side, seen):
    patches = colours((1, 9))[..., :1, :1].repeat(own, -2).repeat(own, -1)
    page = shown(figures.top9_figure(np.zeros(patches.shape), patches, "layer4", [3], side=side))
    found = np.argwhere((page == patches[0, 4, :, 0, 0]).all(-1))
    assert (np.ptp(found, axis=0) + 1).tolist() == [seen, seen]


def test_fig4_shows_epochs_from_left_to_right():
    cells = np.ones((2, 3, 3, 5, 5)) * np.array([1, 0, -1])[None, :, None, None, None]
    page = shown(figures.evolution_figure(cells, (1, 2, 5), "layer1"))
    white, grey, black = (np.argwhere((page[38:] == value).all(-1))[:, 1] for value in (255, 128, 0))
    assert len(grey) == 2 * 70 * 70
    assert grey.max() < black.mean()
    assert grey.min() > 60
    assert len(white) > 2 * 70 * 70


def test_fig4_joins_cells_of_one_image_and_leaves_a_gap_at_a_jump():
    cells = np.zeros((2, 4, 3, 5, 5))
    page = shown(figures.evolution_figure(cells, (1, 2, 5, 10), "layer1", maps=[7, 40], winners=[[6, 6, 8, 8], [1, 2, 3, 4]]))
    bars = np.argwhere((page[38:] == 0x55).all(-1))  # below the title
    assert len(bars) == 2 * 3 * 71  # two pairs of cells, 70 px and a line wide
    assert bars[:, 0].max() < 70 + 8  # all in the first row
    middles = [46 + column * 71 + 35 for column in range(4)]
    assert sorted(set(bars[:, 1])) == [*range(middles[0], middles[1]), *range(middles[2], middles[3])]


def test_fig4_ends_each_row_with_its_image():
    cells, patches = np.zeros((3, 2, 3, 5, 5)), colours((3,))[..., :1, :1].repeat(5, -2).repeat(5, -1)
    page = shown(figures.evolution_figure(cells, (1, 2), "layer1", maps=[7, 40, 41], patches=patches, side=40))
    grey = np.argwhere((page == 128).all(-1))
    for row, patch in enumerate(patches):
        found = np.argwhere((page == patch[:, 0, 0]).all(-1))
        assert len(found) == 40 * 40
        assert found[:, 0].min() == 38 + row * 41
        assert found[:, 1].min() > grey[:, 1].max()


def test_a_contact_sheet_shows_images_in_reading_order():
    tiles = colours((5,))
    page = shown(figures.images_figure(tiles, columns=2, side=20))
    centres = [np.argwhere((page == tile[:, 0, 0]).all(-1)).mean(axis=0) for tile in tiles]
    assert all(((page == tile[:, 0, 0]).all(-1)).sum() == 20 * 20 for tile in tiles)
    rows, columns = np.transpose(centres)
    assert np.allclose(rows[[0, 2]], rows[[1, 3]])
    assert rows[0] < rows[2] < rows[4]
    assert np.allclose(columns[[0, 1, 0]], columns[[2, 3, 4]])
    assert columns[0] < columns[1]


def test_filters_on_one_scale_show_the_one_that_dominates():
    weights = RNG.normal(size=(6, 3, 7, 7))
    weights[2] *= 100
    each, all_ = (shown(figures.filters_figure(weights, 3, each=each)).astype(int) for each in (True, False))
    deviation = [np.abs(page - 128)[:42, :42].max() for page in (each, all_)]
    assert deviation[0] > 120
    assert deviation[1] < 10


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: figures.top9_figure(np.zeros((2, 9, 3, 5, 5)), photos(3, 9, 3, 5, 5), "layer2", [1, 2]), "for 2 maps"),
        (lambda: figures.images_figure(photos(2, 3, 5, 5), ["cat"]), "2 images but 1 titles"),
        (lambda: figures.images_figure(photos(0, 3, 5, 5)), "no image to show"),
        (lambda: figures.evolution_figure(np.zeros((2, 3, 3, 5, 5)), (1, 2), "layer1"), "have 3 epochs, the heading 2"),
        (lambda: figures.evolution_figure(np.zeros((1, 1, 3, 5, 5)), (1,), "layer1", maps=[1, 2]), r"maps \(2,\) do not fit"),
        (lambda: figures.evolution_figure(np.zeros((1, 1, 3, 5, 5)), (1,), "layer1", winners=[4]), r"winners \(1,\) do not fit"),
        (
            lambda: figures.evolution_figure(np.zeros((1, 1, 3, 5, 5)), (1,), "layer1", patches=np.zeros((1, 3, 4, 4))),
            r"patches \(1, 3, 4, 4\) do not fit",
        ),
        (lambda: figures.filters_figure(np.zeros((4, 64, 3, 3))), r"shape \(N, C, k, k\) with C up to 16, not"),
    ],
)
def test_what_does_not_fit_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
