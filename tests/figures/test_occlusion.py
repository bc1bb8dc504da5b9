"""Fig. 7: its square, its frame, and what it says of labels."""

import matplotlib
import numpy as np
import pytest
import torch

from zfhelpers import figures
from zfhelpers.figures.occlusion import close_up, show_labels
from zfhelpers.occlusion import OcclusionMaps

RNG = np.random.default_rng(0)
CLASSES = ("husky", "tabby cat", "sailboat", "clock")


def photos(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def occluded(label=0, cells=6):
    probabilities = torch.from_numpy(RNG.dirichlet(np.ones(len(CLASSES)), (cells, cells)))
    sums = {"layer5": torch.from_numpy(RNG.random((cells, cells, 3)))}
    maps = OcclusionMaps(probabilities, sums, probabilities[0, 0], {"layer5": sums["layer5"][0, 0]}, 1, size=14, stride=10)
    return figures.OccludedImage(photos(3, 64, 64), maps, label, RNG.normal(size=(4, 3, 40, 40)))


def test_fig7_names_labels_with_their_share():
    labels = np.array([[0] * 10] * 9 + [[1] * 5 + [2] * 4 + [3]])
    figure = matplotlib.figure.Figure()
    show_labels(axes := figure.subplots(), labels, CLASSES, most=3)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "husky 90%",
        "tabby cat 5%",
        "sailboat 4%",
        "1 others 1%",
    ]
    drawn_index = np.asarray(axes.images[0].get_array())
    assert [np.unique(drawn_index[labels == label]).tolist() for label in range(4)] == [[0], [1], [2], [3]]


def test_fig7_draws_the_square_and_frames_this_image(drawings):
    first = occluded(0)
    first.image[:, 50:, :14] //= 2  # the place in the lower left corner is plainer than the others
    result = figures.occlusion_figure([first, occluded(2)], CLASSES)
    (figure,) = drawings
    shown_image, activity, projected, probability = figure.axes[:4]
    (square,) = shown_image.patches
    assert (square.get_width(), square.get_height()) == (14, 14)
    assert square.get_xy() == (0, 50)  # x and y of the place in a corner where it hides least
    assert projected.patches[0].get_edgecolor() == (0, 0, 0, 1)
    assert np.asarray(activity.images[0].get_array()).shape == np.asarray(probability.images[0].get_array()).shape == (6, 6)
    assert "husky, sailboat" in result.alt


def test_fig7_maps_are_those_of_the_true_class_and_the_strongest_map(drawings):
    case = occluded(2)
    figures.occlusion_figure(case, CLASSES)
    activity, probability = (np.asarray(drawings[0].axes[place].images[0].get_array()) for place in (1, 3))
    np.testing.assert_array_equal(probability, case.maps.probabilities[..., 2])
    np.testing.assert_array_equal(activity, case.maps.sums["layer5"][..., 1])


def test_fig7_needs_images_and_the_names_of_all_classes():
    with pytest.raises(ValueError, match="one image or more"):
        figures.occlusion_figure([], CLASSES)
    with pytest.raises(ValueError, match="probabilities of 4 classes but 3 names"):
        figures.occlusion_figure(occluded(), CLASSES[:3])


def test_fig7_comes_close_to_large_projections_and_leaves_others_alone():
    small = RNG.normal(size=(4, 3, 128, 128))
    np.testing.assert_array_equal(close_up(small), small)
    large, blob = np.zeros((3, 3, 224, 224)), RNG.normal(size=(3, 20, 20))
    for each, (y, x) in zip(large, [(100, 60), (0, 200), (204, 0)], strict=True):
        each[:, y : y + 20, x : x + 20] = blob
    shown = close_up(torch.from_numpy(large))
    assert shown.shape == (3, 3, 112, 112)
    np.testing.assert_allclose((shown**2).sum((1, 2, 3)), (blob**2).sum())
    assert (np.abs(shown[0]).sum(0) > 0).nonzero()[0].mean() == pytest.approx(55.5, abs=4)
    assert not close_up(np.zeros((1, 3, 224, 224))).any()


def test_fig7_breaks_long_names():
    names = ("German short-haired pointer of the north", *CLASSES[1:])
    figure = matplotlib.figure.Figure()
    show_labels(axes := figure.subplots(), np.zeros((3, 3), int), names)
    (text,) = axes.get_legend().get_texts()
    assert text.get_text() == "German short-haired\npointer of the north\n100%"


def ticks(bar):
    return [text.get_text() for text in bar.get_xticklabels()]


def test_fig7_has_one_scale_of_probability_in_all_rows(drawings):
    sure = occluded(1)
    sure.maps.probabilities[:] = 0.75 + 0.25 * torch.from_numpy(RNG.random(sure.maps.probabilities.shape))
    figures.occlusion_figure([sure, occluded(2)], CLASSES)
    for row in (0, 7):  # five panels, then the bars of (b) and (d)
        assert drawings[0].axes[row + 3].images[0].get_clim() == (0, 1)
        assert ticks(drawings[0].axes[row + 6]) == ["0", "1"]


def test_fig7_gives_the_least_and_the_most_activity(drawings):
    case = occluded(1)
    case.maps.sums["layer5"][0, 0, 1], case.maps.sums["layer5"][2, 3, 1] = -3.14159, 95.41818
    figures.occlusion_figure(case, CLASSES)
    assert drawings[0].axes[1].images[0].get_clim() == pytest.approx((-3.14159, 95.41818))
    assert ticks(drawings[0].axes[5]) == ["-3.14", "95.4"]


def test_fig7_has_one_number_where_no_square_changes_the_activity(drawings):
    case = occluded(1)
    case.maps.sums["layer5"][:] = 12.0
    figures.occlusion_figure([case, occluded(1)], CLASSES)
    assert ticks(drawings[0].axes[5]) == ["12"]
    assert len(ticks(drawings[0].axes[12])) == 2
