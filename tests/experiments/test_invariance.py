"""Curves against a loop of one image and one amount at a time in float64; warps against what they must give in closed form."""

import copy
import doctest
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import zfhelpers.experiments.invariance
from zfhelpers.experiments.invariance import InvarianceCurves, drawn, invariance_curves, transformed, typical_distance
from zfhelpers.hooks import activations, find_layer
from zfhelpers.toyworld import familiar

AMOUNTS = {"translation": [-18, -2.5, 0, 7], "scale": [1, 1.3, 2], "rotation": [0, 33, 90, 357, -20]}
LAYERS = ("layer1", "layer5", "layer7")
LABELS = [0, 4, 2]


@pytest.fixture(scope="module")
def net(listening):
    return listening(0.25)


@pytest.fixture(scope="module")
def images():
    """Three smooth images of random colours, 64 px, uint8."""
    coarse = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 255
    return F.interpolate(coarse, size=64, mode="bilinear").to(torch.uint8)


def minus_grey(pixels):
    return pixels.float() - 120.0


def plain_loop(net, images, labels, kind, amounts):
    """Fig. 5 as one would write it first, in float64. Returns {layer: (images, T)} and (images, T)."""
    net, caught = copy.deepcopy(net).double(), {}
    for layer in LAYERS:
        find_layer(net, layer).register_forward_hook(lambda _m, _i, out, layer=layer: caught.update({layer: out[0].clone()}))

    def run(image):
        with torch.no_grad():
            answer = torch.exp(net(image[None].double() - 120.0)[0])
        return dict(caught), answer / answer.sum()

    distances = {layer: np.zeros((len(images), len(amounts))) for layer in LAYERS}
    probability = np.zeros((len(images), len(amounts)))
    for i, image in enumerate(images):
        before, _ = run(image)
        for t, amount in enumerate(amounts):
            after, answer = run(transformed(image[None], kind, amount)[0])
            probability[i, t] = answer[labels[i]]
            for layer in LAYERS:
                distances[layer][i, t] = math.sqrt(((after[layer] - before[layer]) ** 2).sum().item())
    return distances, probability


@pytest.mark.parametrize(("kind", "batch_size"), [("translation", 50), ("scale", 2), ("rotation", 1)])
def test_curves_are_those_of_a_plain_loop(net, images, kind, batch_size):
    curves = invariance_curves(net, images, LABELS, kind, AMOUNTS[kind], LAYERS, minus_grey, batch_size)
    distances, probability = plain_loop(net, images, LABELS, kind, AMOUNTS[kind])
    assert curves.kind == kind
    assert curves.amounts.tolist() == AMOUNTS[kind]
    assert list(curves.distances) == list(LAYERS)
    for layer in LAYERS:
        np.testing.assert_allclose(curves.distances[layer], distances[layer], rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(curves.probability, probability, rtol=1e-5)
    assert probability.std(1).min() > 1e-4  # this network listens


@pytest.mark.parametrize("batch_size", [1, 2, 50])
def test_no_change_is_no_distance_at_all(net, images, batch_size):
    for kind, same in zfhelpers.experiments.invariance.IDENTITY.items():
        curves = invariance_curves(net, images, LABELS, kind, [same], LAYERS, minus_grey, batch_size)
        assert all((distances == 0).all() for distances in curves.distances.values())
        assert torch.equal(transformed(images, kind, same), images)


def test_a_source_is_asked_for_every_amount(net, images):
    asked = []

    def source(kind, amount):
        asked.append((kind, amount))
        return transformed(images, kind, amount)

    curves = invariance_curves(net, source, LABELS, "scale", [1.5, 1.2], "layer5", minus_grey)
    warped = invariance_curves(net, images, LABELS, "scale", [1.5, 1.2], "layer5", minus_grey)
    assert asked == [("scale", 1), ("scale", 1.5), ("scale", 1.2)]
    assert torch.equal(curves.distances["layer5"], warped.distances["layer5"])
    assert torch.equal(curves.probability, warped.probability)


def test_the_network_is_left_as_it_was(net, images):
    net.train()
    try:
        invariance_curves(net, images, LABELS, "scale", [1.5], preprocess=minus_grey)
        assert net.training
        assert not any(part._forward_hooks for part in net.modules())
    finally:
        net.eval()


# ------------------------------------------------------------------------------------------------------------- the warps


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_whole_pixels_are_a_shift_with_black_behind(images, dtype):
    pixels = images.to(dtype)
    for rows in (1, 18, -18):
        expected = torch.zeros_like(pixels)
        if rows > 0:  # down
            expected[:, :, rows:] = pixels[:, :, :-rows]
        else:
            expected[:, :, :rows] = pixels[:, :, -rows:]
        torch.testing.assert_close(transformed(pixels, "translation", rows), expected, rtol=0, atol=1e-2)
        assert transformed(pixels, "translation", rows).dtype == dtype


@pytest.mark.parametrize("turns", [1, 2, 3, -1, 4])
def test_quarter_turns_are_exact(images, turns):
    assert torch.equal(transformed(images, "rotation", 90.0 * turns), torch.rot90(images, turns, (2, 3)))


def test_half_a_pixel_is_the_mean_of_two(images):
    pixels = images.float()
    expected = (F.pad(pixels, (0, 0, 1, 0))[:, :, :-1] + pixels) / 2  # black above
    torch.testing.assert_close(transformed(pixels, "translation", 0.5), expected, rtol=0, atol=1e-2)


def test_twice_the_size_is_the_middle_interpolated(images):
    pixels = images.float()
    expected = F.interpolate(pixels, scale_factor=2, mode="bilinear")[:, :, 32:-32, 32:-32]
    torch.testing.assert_close(transformed(pixels, "scale", 2), expected, rtol=0, atol=1e-2)


def test_corners_are_black_and_not_the_mean(net, images):
    turned = transformed(torch.full_like(images, 200), "rotation", 45)
    assert (turned[:, :, 0, 0] == 0).all()
    assert (turned[:, :, 32, 32] == 200).all()
    seen = []
    net_input = net.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    invariance_curves(net, images, LABELS, "rotation", [45], preprocess=minus_grey)
    net_input.remove()
    assert (seen[-1][:, :, 0, 0] == -120).all()  # black minus the mean


# ------------------------------------------------------------------------------------------------------------- the toy world


@pytest.fixture(scope="module")
def scenes():
    """A pug, a car, a window and others, without noise: it stays where it is, in the drawing alone."""
    return [replace(familiar.scene("val", index), noise=0.0, blur=0.0) for index in (1, 11, 22, 30)]


def test_a_drawing_not_moved_is_the_validation_image():
    indices = [0, 7]
    frames = np.stack([familiar.draw(familiar.scene("val", index)).image for index in indices])[:, 9:137, 9:137]
    source = drawn([familiar.scene("val", index) for index in indices])
    for kind, same in zfhelpers.experiments.invariance.IDENTITY.items():
        assert torch.equal(source(kind, same), torch.from_numpy(frames).permute(0, 3, 1, 2))


MOVES = [("translation", 20), ("translation", -20), ("scale", 1.5), ("rotation", 30), ("rotation", 90)]


@pytest.mark.parametrize(("kind", "amount"), MOVES)
def test_drawings_agree_with_warps_where_these_have_an_image(scenes, kind, amount):
    source = drawn(scenes)
    still = source(kind, zfhelpers.experiments.invariance.IDENTITY[kind])
    moved, warped = source(kind, amount).float(), transformed(still, kind, amount).float()
    inside = transformed(torch.full_like(still, 255), kind, amount) == 255
    error, unmoved = ((moved - other)[inside].abs().mean().item() for other in (warped, still))
    assert error < 5  # grey levels of 255: drawing and resampling draw edges differently
    assert error < unmoved / 4
    assert inside.float().mean() > 0.7


# ------------------------------------------------------------------------------------------------------- numbers made of curves


def curves(kind, amounts, distances):
    amounts = torch.tensor(amounts, dtype=torch.float64)
    return InvarianceCurves(kind, amounts, {"layer1": torch.tensor(distances)}, torch.zeros(len(distances), len(amounts)))


def test_linearity_is_that_of_a_line_through_the_origin():
    amounts = [-3, -1, 0, 1, 2]
    leap = [5.0, 5.0, 0.0, 5.0, 5.0]
    found = curves("translation", amounts, [[6.0, 2.0, 0.0, 2.0, 4.0], leap]).linearity()["layer1"]
    x, y = np.abs(amounts), np.array(leap)
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0]
    assert found.tolist() == pytest.approx([1, 1 - ((y - slope * x) ** 2).sum() / ((y - y.mean()) ** 2).sum()])
    assert found[1] < 0.1


def test_change_is_counted_from_the_identity():
    assert curves("scale", [1, 1.5], [[0.0, 1.0]]).change.tolist() == [0, 0.5]
    assert curves("rotation", [0, 90, 350, -20], [[0.0] * 4]).change.tolist() == [0, 90, 10, 20]


def test_typical_distance_is_the_median_over_pairs(net, images):
    found = typical_distance(net, images, "layer5", minus_grey)["layer5"]
    with torch.no_grad():
        vectors = [activations(net, minus_grey(image[None]), "layer5")["layer5"].flatten() for image in images]
    pairs = [(vectors[i] - vectors[j]).norm().item() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found == pytest.approx(sorted(pairs)[1], rel=1e-5)


def test_of_an_even_number_of_pairs_the_typical_distance_is_the_lower_of_two(net):
    images = torch.randint(256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    values = activations(net, minus_grey(images), "layer5")["layer5"].flatten(1)
    pairs = sorted((values[i] - values[j]).norm().item() for i in range(4) for j in range(i))
    assert typical_distance(net, images, "layer5", minus_grey)["layer5"] == pytest.approx(pairs[2], rel=1e-5)


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.int64])
def test_labels_are_whole_numbers_of_any_size(net, images, kind):
    found, expected = (
        invariance_curves(net, images, labels, "rotation", [90], preprocess=minus_grey).probability
        for labels in (np.array(LABELS).astype(kind), LABELS)
    )
    assert torch.equal(found, expected)


# --------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kind": "shear"}, ValueError, "no transformation 'shear'; there are translation, scale, rotation"),
        ({"amounts": [19]}, ValueError, "translation lie between -18 and 18 pixels, not 19"),
        ({"amounts": [0, -18.5]}, ValueError, "between -18 and 18 pixels, not -18.5"),
        ({"amounts": [math.nan]}, ValueError, "not nan"),
        ({"amounts": []}, ValueError, "not none at all"),
        ({"kind": "scale", "amounts": [0.9]}, ValueError, "scale lie between 1 and 2, not 0.9"),
        ({"kind": "rotation", "amounts": [361]}, ValueError, "between -360 and 360 degrees, not 361"),
        ({"layers": "layer9"}, ValueError, "no layer 'layer9'"),
        ({"labels": [0, 1]}, ValueError, "one whole-numbered label for each of the 3 images"),
        ({"labels": [0.0, 1.0, 2.0]}, ValueError, "one whole-numbered label"),
        ({"labels": ["cat", "dog", "owl"]}, ValueError, r"label for each of the 3 images, not \['cat', 'dog', 'owl'\]"),
        ({"labels": "cat"}, ValueError, "label for each of the 3 images, not 'cat'"),
        ({"labels": None}, ValueError, "label for each of the 3 images, not None"),
        ({"labels": [[0], [1, 2], [3]]}, ValueError, "one whole-numbered label"),
        ({"labels": [True, False, True]}, ValueError, "label for each of the 3 images, not bool"),
        ({"amounts": "three"}, TypeError, r"Amounts of translation are numbers, such as \[0, 1.5\], not 'three'"),
        ({"amounts": ["3"]}, TypeError, "Amounts of translation are numbers"),
        ({"amounts": None}, TypeError, "Amounts of translation are numbers"),
        ({"labels": [0, 1, 5]}, ValueError, r"Labels 0 to 5 do not fit .*\(3, 5\)"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"images": torch.zeros(3, 64, 64)}, ValueError, r"shape \(N, C, H, W\), not \(3, 64, 64\)"),
        ({"images": "dog"}, ValueError, "not str"),
        ({"preprocess": None}, TypeError, "world.preprocess makes one"),
    ],
)
def test_bad_input_is_one_sentence(net, images, change, error, message):
    request = {"module": net, "images": images, "labels": LABELS, "kind": "translation", "amounts": [3], "preprocess": minus_grey}
    with pytest.raises(error, match=message):
        invariance_curves(**(request | change))


def test_bad_amounts_are_refused_by_the_toy_world_too(scenes):
    with pytest.raises(ValueError, match="between -36 and 36 pixels, not 40"):
        drawn(scenes)("translation", 40)


def test_typical_distance_needs_two_images(net, images):
    with pytest.raises(ValueError, match="at least two"):
        typical_distance(net, images[:1], preprocess=minus_grey)


def test_doctests():
    assert doctest.testmod(zfhelpers.experiments.invariance).failed == 0
