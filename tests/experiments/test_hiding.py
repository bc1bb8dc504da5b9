"""The numbers behind Fig. 7, each counted once more one image and one place at a time."""

import numpy as np
import pytest
import torch

import zfhelpers as zf
from zfhelpers.boxes import overlap, window
from zfhelpers.experiments.hiding import (
    Sweeps,
    activity_lost,
    answered,
    apart,
    apart_blindly,
    projections,
    summary,
    true_probability,
)
from zfhelpers.worlds.companions import objects

NET, WORLD = zf.load("toy")


@pytest.fixture(scope="module")
def swept():
    return zf.occlusion_maps(NET, WORLD.preprocess(WORLD.val[7][0]), "layer5", size=WORLD.pixels(50), stride=WORLD.pixels(24))


def test_probabilities_with_masks_are_those_of_images_changed_one_by_one():
    indices = np.array([3, 70, 12])
    masks = objects(WORLD, indices)
    found, clean = true_probability(NET, WORLD, indices, masks), true_probability(NET, WORLD, indices)
    for place, index in enumerate(indices):
        image, label = WORLD.val[index]
        image = WORLD.preprocess(image)
        with torch.no_grad():
            assert clean[place] == pytest.approx(float(NET(image[None]).softmax(1)[0, label]), abs=1e-5)
            image[:, torch.from_numpy(masks[place])] = 0
            assert found[place] == pytest.approx(float(NET(image[None]).softmax(1)[0, label]), abs=1e-5)
    with pytest.raises(ValueError, match="3 images and 2 masks"):
        true_probability(NET, WORLD, indices, masks[:2])


def test_a_class_without_an_output_is_refused():
    stranger = WORLD.seen_by("another", outputs=("mug",))
    with pytest.raises(ValueError, match="has no output for the class"):
        true_probability(NET, stranger, [0, 1])


def test_what_is_left_where_the_strongest_map_falls_silent(swept):
    label = WORLD.val[7][1]
    rows, columns = swept.labels.shape
    by_hand = min((float(swept.activity[y, x]), y, x) for y in range(rows) for x in range(columns))
    _, y, x = by_hand
    sweeps = Sweeps([swept], [label])
    assert sweeps.silent == [y * columns + x]
    (box,) = sweeps.silent_boxes
    assert box == (y * swept.stride, x * swept.stride, y * swept.stride + swept.size, x * swept.stride + swept.size)
    image = WORLD.preprocess(WORLD.val[7][0])
    with torch.no_grad():
        clean = float(NET(image[None]).softmax(1)[0, label])
        image[(slice(None), *window(box)[-2:])] = 0
        assert sweeps.left_when_silent[0] == pytest.approx(float(NET(image[None]).softmax(1)[0, label]) / clean, abs=1e-4)


def test_summary_counts_places(swept):
    label = WORLD.val[7][1]
    p = sorted(float(chances[label]) for row in swept.probabilities for chances in row)
    right = sum(int(chances.argmax()) == label for row in swept.probabilities for chances in row)
    found = summary(swept, label)
    assert found["least P(true)"] == (p[0], "")
    assert found["most P(true)"] == (p[-1], "")
    assert found["median P(true)"][0] == pytest.approx((p[31] + p[32]) / 2)
    assert found["places below half of the most"] == (100 * sum(each < p[-1] / 2 for each in p) / 64, "%")
    assert found["places with the right label"] == (100 * right / 64, "%")


def test_activity_lost_where_a_projection_is(swept):
    projection = torch.zeros(3, 128, 128)
    row, column = 3, 5
    top, left, bottom, right = swept.box(row, column)
    projection[:, top:bottom, left:right] = 1.0  # one place hides all of it
    where, away = activity_lost(swept, projection)
    lost = 100 * (1 - swept.activity / swept.sums_clean["layer5"][swept.strongest_map])
    assert where == pytest.approx(float(lost[row, column]), abs=1e-4)
    clear = [place for place in range(64) if not overlap(swept.box(*divmod(place, 8)), swept.box(row, column))]
    assert away == pytest.approx(float(lost.flatten()[clear[:16]].mean()), abs=1e-4)


def test_apart_is_that_the_squares_share_no_pixel(swept):
    boxes = [swept.box(*divmod(place, 8)) for place in range(64)]
    # the last step of 14 px leaves 28 of 29 px between every second place: they overlap by one column
    free = [[not overlap(one, other) for other in boxes] for one in boxes]
    assert free == [[apart(swept, one, other) for other in range(64)] for one in range(64)]
    assert apart_blindly(swept) == pytest.approx(100 * np.mean(free))


def test_answered_are_the_images_named_rightly():
    indices = list(range(40, 70))
    true, right, sure = answered(NET, WORLD, indices)
    with torch.no_grad():
        probability, said = NET(WORLD.preprocess(WORLD.val.images(indices))).softmax(1).max(1)
    labels = WORLD.val.labels[indices].tolist()
    assert true == dict(zip(indices, labels, strict=True))
    assert right == [index for index, answer, label in zip(indices, said.tolist(), labels, strict=True) if answer == label]
    assert sure == [index for index in right if probability[indices.index(index)] > 0.5]
    assert len(sure) < len(right), "these images tell the two apart"


def test_where_there_is_no_output_for_a_class_the_networks_own_answer_is_the_true_one():
    stranger = WORLD.seen_by("another", outputs=tuple(f"thing {number}" for number in range(24)))
    true, right, _ = answered(NET, stranger, [1, 2, 3])
    assert right == [1, 2, 3]
    with torch.no_grad():
        assert list(true.values()) == NET(WORLD.preprocess(WORLD.val.images([1, 2, 3]))).argmax(1).tolist()


def test_projections_are_of_the_case_and_of_the_three_that_excite_its_map_most(swept):
    indices = list(range(30))
    (four,) = projections(NET, WORLD, [7], [swept], indices)
    which = swept.strongest_map
    peaks = zf.activations(NET, WORLD.preprocess(WORLD.val.images(indices)), "layer5")["layer5"][:, which].amax((1, 2))
    others = [index for index in peaks.argsort(descending=True).tolist() if index != 7][:3]
    images = WORLD.preprocess(WORLD.val.images([7, *others]))
    for found, image in zip(four, images, strict=True):
        alone = zf.Deconvnet(NET).project(image[None], "layer5", [which])[0]
        assert torch.allclose(found, alone / alone.abs().max(), atol=1e-4)


def test_many_sweeps_are_each_image_by_itself(swept):
    other = zf.occlusion_maps(NET, WORLD.preprocess(WORLD.val[20][0]), "layer5", size=29, stride=14)
    both, labels = (swept, other), (WORLD.val[7][1], WORLD.val[20][1])
    many = Sweeps(both, labels)
    masks = objects(WORLD, [7, 20])
    hits, blind = many.hits(masks)
    lost = many.activity_lost(NET, WORLD, [7, 20])
    for k, (maps, label) in enumerate(zip(both, labels, strict=True)):
        p = maps.probabilities[..., label].flatten()
        place = int(p.argmin())
        assert many.worst[k] == place
        assert many.worst_boxes[k] == maps.box(place // 8, place % 8)
        assert many.left[k] == pytest.approx(float(p[place] / maps.probabilities_clean[label]))
        assert many.apart[k] == apart(maps, int(maps.activity.argmin()), place)
        squares = [masks[k][window(maps.box(row, column))] for row in range(8) for column in range(8)]
        touched = [bool(square.any()) for square in squares]
        assert hits[k] == touched[place]
        assert blind[k] == pytest.approx(100 * np.mean(touched))
        image = WORLD.preprocess(WORLD.val[(7, 20)[k]][0])[None]
        back = zf.Deconvnet(NET).project(image, "layer5", [maps.strongest_map])[0]
        assert lost[k] == pytest.approx(activity_lost(maps, back), abs=0.01)
