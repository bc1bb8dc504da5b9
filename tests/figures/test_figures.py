"""Pictures against slow loops and against what was put into them; no text is cut off or lies on another."""

import base64
import io
import re
from itertools import combinations

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers import figures
from zfhelpers.figures import Picture, charts, picture, schematics, sheets
from zfhelpers.model import ALEXNET, Architecture, ZFNet
from zfhelpers.occlusion import OcclusionMaps

RNG = np.random.default_rng(0)
CLASSES = ("husky", "tabby cat", "sailboat", "clock")
EPOCHS = (1, 2, 5, 10, 20, 30, 40, 64)


def photos(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def shown(drawn: Picture) -> np.ndarray:
    """The pixels of a picture, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB"))


def occluded(label=0, cells=6):
    probabilities = torch.from_numpy(RNG.dirichlet(np.ones(len(CLASSES)), (cells, cells)))
    sums = {"layer5": torch.rand(cells, cells, 3)}
    maps = OcclusionMaps(probabilities, sums, probabilities[0, 0], {"layer5": sums["layer5"][0, 0]}, 1, size=14, stride=10)
    return figures.OccludedImage(photos(3, 64, 64), maps, label, RNG.normal(size=(4, 3, 40, 40)))


def invariance(xlabel):
    amounts = np.linspace(-20, 20, 9)
    distances = {"layer 1": RNG.random((5, 9)), "layer 7": RNG.random((5, 9))}
    return figures.InvarianceRow(xlabel, amounts, photos(5, 8, 3, 40, 40), distances, RNG.random((5, 9)))


def small_net(**changes):
    return ZFNet(Architecture(classes=24, image_size=128, width=0.125, **{"fc": (32, 32)} | changes))


ALEX = {"conv1": ALEXNET.conv1, "conv2": ALEXNET.conv2, "maps": (96, 256, 0, 0, 256), "fc": ()}
SERIES = {"one": ([1, 2, 3], [3, 2, 1], [1, 1, 1]), "two": ([1, 3], [1, 1])}
BARS = {"here": [1, 2], "the paper": [2, np.nan]}
TITLES = ["7×7 without a cap, one scale", "11×11, stride 4", "7×7, stride 2", "layer 2 of 11×11", "layer 2 of 7×7"]


def selection(alike=1.0):
    """Banks, projections and the figure of them; the first filter of the first bank is `alike` times as strong as the others."""
    banks = [RNG.uniform(-1, 1, (24, 3, k, k)) for k in (7, 11, 7)]
    banks[0][0] *= alike
    nines = [RNG.normal(size=(25, 9, 3, h, h)) for h in (51, 27)]
    nines[0][3] = 0
    return banks, nines, figures.selection_figure(banks[0], banks[1:], nines, TITLES)


ROWS = ("shift (pixels)", "rotation (degrees)")
DRAWINGS = {
    "top9": lambda: figures.top9_figure(
        RNG.normal(size=(5, 9, 3, 27, 27)), photos(5, 9, 3, 27, 27), "layer2", [3, 18, 200, 5, 77]
    ),
    "images": lambda: figures.images_figure(photos(7, 3, 64, 64), ["tabby cat, a long title that must be cut"] * 7, columns=4),
    "evolution": lambda: figures.evolution_figure(RNG.normal(size=(3, 8, 3, 75, 75)), EPOCHS, "layer3"),
    "evolution with winners": lambda: figures.evolution_figure(
        RNG.normal(size=(3, 8, 3, 75, 75)), EPOCHS, "layer3", maps=[3, 18, 200], winners=np.zeros((3, 8), int)
    ),
    "occlusion": lambda: figures.occlusion_figure([occluded(0), occluded(2)], CLASSES),
    "invariance": lambda: figures.invariance_figure([invariance(row) for row in ROWS], [*CLASSES, "window"]),
    "curves": lambda: figures.curves_figure(SERIES, "epoch", "error (%)", "Training"),
    "bars": lambda: figures.bars_figure(BARS, ["removed layers 3,4", "our model"], "top-1 error (%)"),
    "selection": lambda: selection()[-1],
    "network": lambda: figures.architecture_figure(small_net()),
    "alexnet": lambda: figures.architecture_figure(small_net(**ALEX)),
    "deconvnet": figures.deconvnet_figure,
}


@pytest.fixture
def drawn(monkeypatch):
    """Runs a drawing and returns its matplotlib Figure and the Picture made of it."""
    kept = []

    def keep(drawing, *arguments):
        kept.append(drawing)
        return Picture(drawing, *arguments)

    for module in (charts, sheets, schematics):
        monkeypatch.setattr(module, "Picture", keep)

    def draw(name):
        result = DRAWINGS[name]()
        return kept[-1], result

    return draw


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_is_cut_off_or_lies_on_another(name, drawn, monkeypatch):
    boxes, draw_text = {}, matplotlib.text.Text.draw

    def noted(text, renderer):  # what is drawn and where: an axis also holds tick labels beyond its ends
        if text.get_visible() and text.get_text().strip():
            boxes[text] = text.get_window_extent(renderer)
        draw_text(text, renderer)

    monkeypatch.setattr(matplotlib.text.Text, "draw", noted)
    figure, _ = drawn(name)
    assert boxes
    for text, box in boxes.items():
        inside = box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= figure.bbox.width + 0.5 and box.y1 <= figure.bbox.height + 0.5
        assert inside, f"{text.get_text()!r} is cut off at {box}"
    for one, two in combinations(boxes, 2):
        assert not boxes[one].padded(-1).overlaps(boxes[two].padded(-1)), f"{one.get_text()!r} lies on {two.get_text()!r}"


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


@pytest.mark.parametrize(("filters", "projections", "titles"), [(1, 2, 5), (2, 1, 5), (2, 2, 4)])
def test_architecture_selection_has_five_panels(filters, projections, titles):
    bank, nines = np.ones((4, 3, 7, 7)), np.ones((4, 9, 3, 27, 27))
    with pytest.raises(ValueError, match=r"five panels \(a\) to \(e\), not"):
        figures.selection_figure(bank, [bank] * filters, [nines] * projections, TITLES[:titles])


@pytest.mark.parametrize("name", ["top9", "occlusion", "deconvnet"])
def test_figures_leave_matplotlib_as_it_was(name):
    with matplotlib.rc_context({"font.size": 17}):
        before = dict(matplotlib.rcParams)
        assert DRAWINGS[name]().alt
        assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs  # nothing that inline plotting would show a second time


def test_own_alt_text_and_caption_replace_the_default():
    result = figures.filters_figure(RNG.normal(size=(4, 3, 7, 7)), alt="Four filters.", caption="As learnt.")
    assert (repr(result), result.caption) == ("<Picture: Four filters.>", "As learnt.")


# ------------------------------------------------------------------------------------------------------------- Picture


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_alt_text_is_mandatory(alt):
    with pytest.raises(ValueError, match="needs alt text"):
        Picture(photos(3, 4, 4), alt)


def test_a_picture_shows_itself_as_html_and_text(tmp_path):
    image = photos(3, 6, 9)
    bundle = (one := Picture(image, 'A <b> & "c"\n d.', "1 < 2"))._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == '<Picture: A <b> & "c" d.>'
    assert 'alt="A &lt;b&gt; &amp; &quot;c&quot; d."' in bundle["text/html"]
    assert "<figcaption>1 &lt; 2</figcaption>" in bundle["text/html"]
    data = base64.b64decode(re.search(r"data:image/png;base64,([^\"]+)", bundle["text/html"])[1])
    assert data == one.png
    assert (shown(one) == image.transpose(1, 2, 0)).all()
    assert one.size == (9, 6)
    one.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == one.png
    assert Picture(one.png, "The same.").png == one.png


def test_few_colours_get_a_palette_and_many_stay_exact():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8), (3, 50, 200))
    assert Image.open(io.BytesIO(picture.encode(ramp))).mode == "P"
    assert (shown(Picture(ramp, "A ramp.")) == ramp.transpose(1, 2, 0)).all()
    many = photos(3, 80, 80)
    assert (shown(Picture(many, "Noise.")) == many.transpose(1, 2, 0)).all()


def test_a_large_picture_is_embedded_small_and_still_looks_the_same():
    y, x = np.mgrid[:600, :600]
    smooth = np.stack([128 + 100 * np.sin(x / 31 + k) * np.cos(y / 47) for k in range(3)]) + RNG.normal(0, 4, (3, 600, 600))
    large = Picture(smooth.clip(0, 255).astype(np.uint8), "Waves.")
    assert len(large.png) > picture.SMALL
    data = base64.b64decode(re.search(r"data:image/webp;base64,([^\"]+)", large.html)[1])
    assert len(data) < len(large.png) / 4
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
    assert np.abs(seen - shown(large)).mean() < 4


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4)), np.zeros((4, 4, 3), np.uint8), torch.zeros(1, 3, 4, 4)]
)
def test_only_uint8_images_are_shown(image):
    with pytest.raises(ValueError, match=r"is uint8 of shape \(3, H, W\), not"):
        Picture(image, "Something.")


# -------------------------------------------------------------------------------------------------- pixels and mosaics


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


# ------------------------------------------------------------------------------------------------------------- layouts


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


def test_filters_on_one_scale_show_the_one_that_dominates():
    weights = RNG.normal(size=(6, 3, 7, 7))
    weights[2] *= 100
    each, all_ = (shown(figures.filters_figure(weights, 3, each=each)).astype(int) for each in (True, False))
    deviation = [np.abs(page - 128)[:42, :42].max() for page in (each, all_)]
    assert deviation[0] > 120
    assert deviation[1] < 10


def test_fig7_names_labels_with_their_share():
    labels = np.array([[0] * 10] * 9 + [[1] * 5 + [2] * 4 + [3]])
    figure = matplotlib.figure.Figure()
    charts.show_labels(axes := figure.subplots(), labels, CLASSES, most=3)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "husky 90%",
        "tabby cat 5%",
        "sailboat 4%",
        "1 others 1%",
    ]
    drawn_index = np.asarray(axes.images[0].get_array())
    assert [np.unique(drawn_index[labels == label]).tolist() for label in range(4)] == [[0], [1], [2], [3]]


def test_fig7_draws_the_square_and_frames_this_image(drawn):
    figure, result = drawn("occlusion")
    shown_image, activity, projected, probability, _ = (
        figure.axes[0],
        figure.axes[1],
        figure.axes[2],
        figure.axes[3],
        figure.axes[4],
    )
    (square,) = shown_image.patches
    assert (square.get_width(), square.get_height()) == (14, 14)
    assert (square.get_xy()[0] % 10, square.get_xy()[1] % 10) == (0, 0)
    assert projected.patches[0].get_edgecolor() == (0, 0, 0, 1)
    assert np.asarray(activity.images[0].get_array()).shape == np.asarray(probability.images[0].get_array()).shape == (6, 6)
    assert "husky, sailboat" in result.alt


def test_the_network_is_drawn_from_its_architecture(drawn):
    figure, result = drawn("alexnet")
    words = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    assert "conv 11 x 11, stride 4" in words
    assert "layer3" not in words
    assert "layer7" not in words
    assert "24 classes" in words
    assert "layer1 12 maps of 31 x 31" in result.alt


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: figures.top9_figure(np.zeros((2, 9, 3, 5, 5)), photos(3, 9, 3, 5, 5), "layer2", [1, 2]), "for 2 maps"),
        (lambda: figures.images_figure(photos(2, 3, 5, 5), ["one"]), "2 images but 1 titles"),
        (lambda: figures.evolution_figure(np.zeros((2, 3, 3, 5, 5)), (1, 2), "layer1"), "have 3 epochs, the heading 2"),
        (lambda: figures.evolution_figure(np.zeros((1, 1, 3, 5, 5)), (1,), "layer1", maps=[1, 2]), r"maps \(2,\) do not fit"),
        (lambda: figures.evolution_figure(np.zeros((1, 1, 3, 5, 5)), (1,), "layer1", winners=[4]), r"winners \(1,\) do not fit"),
        (lambda: figures.filters_figure(np.zeros((4, 64, 3, 3))), r"shape \(N, 3, k, k\), not"),
    ],
)
def test_what_does_not_fit_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
