"""Search, project and crop in one call, against the same by hand, one activation and one pixel at a time."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.utils.data import Subset

from zfhelpers import deconv, fields, patches
from zfhelpers.boxes import crop
from zfhelpers.deconv import IMAGES_AT_ONCE, Deconvnet
from zfhelpers.figures import top9_figure
from zfhelpers.geometry import receptive_field
from zfhelpers.hooks import activations
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.patches import TopPatches, patches_of, top_patches
from zfhelpers.strongest import TopActivations, top_activations
from zfhelpers.tape import Tape

MAPS = {"layer1": [3, 0, 11], "layer3": [5, 40], "layer5": [31, 2, 8], "layer6": [4, 15], "layer8": [0, 3]}


class Counting:
    """A map-style data set that notes the order in which its items are read."""

    def __init__(self, images):
        self.images, self.read = images, []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.read.append(index)
        return self.images[index], 0


def random_images(count=23, height=64, width=64):
    """Soft blots, uint8: noise would excite the same few places of every map."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(1)) * 255
    return nn.functional.interpolate(coarse, (height, width), mode="bilinear").to(torch.uint8)


def preprocess(batch):
    return batch.double() - 124


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    with torch.no_grad():  # weights as they are drawn leave little of a signal after eight layers
        for name, parameter in net.named_parameters():
            parameter.mul_(3) if name.endswith("weight") else parameter.add_(0.1)
    return net.double().eval()


@pytest.fixture(scope="module")
def images():
    return random_images()


@pytest.fixture(scope="module")
def found(net, images):
    return top_patches(net, Counting(images), MAPS, k=4, preprocess=preprocess)


def cut(image, box, fill):
    """What is inside the box, pixel by pixel."""
    top, left, bottom, right = box
    tile = torch.full((3, bottom - top, right - left), fill, dtype=image.dtype)
    for row in range(max(top, 0), min(bottom, image.shape[1])):
        for column in range(max(left, 0), min(right, image.shape[2])):
            tile[:, row - top, column - left] = image[:, row, column]
    return tile


def window(field, row, column, size):
    """The field of one unit, or the middle of it where it is larger than the image."""
    side = min(field.size, size)
    above, left = (edge + (field.size - side) // 2 for edge in field.box(row, column)[:2])
    return above, left, above + side, left + side


@pytest.mark.parametrize("layer", MAPS)
def test_equal_to_one_activation_at_a_time(net, images, found, layer):
    answer, top = found[layer], top_activations(net, Counting(images), layer, 4, preprocess=preprocess)[layer]
    field = receptive_field(net, layer, 64)
    assert answer.layer == layer
    assert answer.maps.tolist() == MAPS[layer]
    for name in ("values", "images", "rows", "columns"):
        assert torch.equal(getattr(answer, name), getattr(top, name)[MAPS[layer]])
    for m, number in enumerate(MAPS[layer]):
        for n in range(4):
            image, row, column = (int(part[m, n]) for part in (answer.images, answer.rows, answer.columns))
            box = window(field, row, column, 64)
            assert tuple(answer.boxes[m, n].tolist()) == box
            assert torch.equal(answer.patches[m, n], cut(images[image], box, 124))
            positions = [(row, column)] if layer < "layer6" else None
            projection = Deconvnet(net).project(preprocess(images[[image]]), layer, [number], positions)[0]
            torch.testing.assert_close(answer.projections[m, n], cut(projection, box, 0.0))
            assert answer.projections[m, n].any() == (answer.values[m, n] != 0)
    assert answer.values.any()


@pytest.mark.parametrize("layer", ["layer1", "layer3", "layer5"])
def test_equal_to_the_last_bit_to_all_activations_at_once(net, images, found, layer):
    """As notebooks 04, 05 and 07 once had it: images of one layer in order of their index, all tiles in one projection."""
    top = top_activations(net, Counting(images), layer, 4, preprocess=preprocess)[layer]
    sources, which = top.images[MAPS[layer]].flatten().unique(return_inverse=True)
    places = torch.stack([top.rows[MAPS[layer]].flatten(), top.columns[MAPS[layer]].flatten()], dim=1)
    each = torch.tensor(MAPS[layer]).repeat_interleave(4)
    pictures = Deconvnet(net).project(preprocess(images[sources]), layer, each, places, image_index=which)
    boxes = [window(receptive_field(net, layer, 64), *place, 64) for place in places.tolist()]
    tiles = [cut(picture, box, 0.0) for picture, box in zip(pictures, boxes, strict=True)]
    assert torch.equal(found[layer].projections.flatten(0, 1), torch.stack(tiles))


def test_what_is_known_is_said_in_short(found):
    assert repr(found["layer3"]) == "TopPatches(layer3: 2 maps, top 4, 64 px)"
    assert list(found) == list(MAPS)
    tensors = [part for answer in found.values() for part in vars(answer).values() if isinstance(part, torch.Tensor)]
    assert len(tensors) == 8 * len(MAPS)
    assert not any(tensor.is_inference() or tensor.requires_grad for tensor in tensors)


# -------------------------------------------------------------------------------------------------------- maps by lot


class Some(nn.Module):
    """Map 0 is dead, map 1 fires in two images of all, the others in each."""

    def __init__(self):
        super().__init__()
        self.colours, self.layer = nn.Conv2d(3, 6, 1), nn.ReLU()
        nn.init.constant_(self.colours.weight, 1.0)
        self.colours.bias.data = torch.tensor([-1e6, -3 * 19.5, 0.0, 1.0, 2.0, 3.0])

    def forward(self, x):
        return self.layer(self.colours(x))


def plain_images(count=21):
    return [(torch.full((3, 4, 4), float(brightness)), 0) for brightness in range(1, count + 1)]


def test_maps_are_drawn_from_those_that_k_images_excite():
    drawn = {seed: top_patches(Some(), plain_images(), {"layer": 3}, seed=seed)["layer"].maps.tolist() for seed in range(5)}
    for seed, maps in drawn.items():
        assert maps == np.random.default_rng(seed).permutation([2, 3, 4, 5])[:3].tolist()
    assert len({tuple(maps) for maps in drawn.values()}) > 1
    assert sorted(top_patches(Some(), plain_images(), {"layer": 99})["layer"].maps.tolist()) == [2, 3, 4, 5]
    assert sorted(top_patches(Some(), plain_images(), {"layer": 99}, k=2)["layer"].maps.tolist()) == [1, 2, 3, 4, 5]


def test_one_generator_draws_for_layer_after_layer_and_a_given_one_for_call_after_call(net, images):
    given, same = np.random.default_rng(7), np.random.default_rng(7)
    for seed, again in ((given, same), (given, same), (3, np.random.default_rng(3))):
        answers = top_patches(net, Counting(images), {"layer5": 4, "layer2": 3}, k=2, preprocess=preprocess, seed=seed)
        top = top_activations(net, Counting(images), ["layer5", "layer2"], k=2, preprocess=preprocess)
        for layer, count in (("layer5", 4), ("layer2", 3)):
            assert answers[layer].maps.tolist() == again.permutation(top[layer].lively().numpy())[:count].tolist()


def test_where_no_map_can_be_drawn():
    with pytest.raises(ValueError, match="No map of 'layer' is excited by 9 images, so none can be drawn; name maps, or lower k"):
        top_patches(Some(), [(torch.full((3, 4, 4), -9.0), 0)] * 9, {"layer": 3})


# ------------------------------------------------------------------------------------------------------ other networks


def test_a_residual_network_with_units_at_its_end():
    torch.manual_seed(0)
    net = torchvision.models.resnet18(weights=None).eval()
    images = [(image / 255 - 0.5, 0) for image in random_images(12)]
    answers = top_patches(net, images, {"layer1": 2, "layer4": [500], "fc": [7, 999]}, k=3)
    sides = {layer: answer.patches.shape[-1] for layer, answer in answers.items()}
    assert sides == {"layer1": 43, "layer4": 64, "fc": 64}
    assert (answers["fc"].boxes == torch.tensor([0, 0, 64, 64])).all()
    for image, projection in zip(answers["fc"].images[1], answers["fc"].projections[1], strict=True):
        expected = Deconvnet(net).project(images[image][0][None], "fc", [999])[0]
        torch.testing.assert_close(projection, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)
    assert answers["layer1"].projections.any()


def test_images_need_not_be_square():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 9), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 12 * 22, 2))
    images = random_images(5, 20, 30)
    answers = top_patches(net, [(image, 0) for image in images], {"1": [2], "3": [1]}, k=2, preprocess=lambda x: x / 255 - 0.5)
    assert answers["1"].patches.shape == (1, 2, 3, 9, 9)
    row, column = int(answers["1"].rows[0, 0]), int(answers["1"].columns[0, 0])
    expected = images[answers["1"].images[0, 0]][:, row : row + 9, column : column + 9]
    assert torch.equal(answers["1"].patches[0, 0], expected)
    assert answers["3"].boxes[0].tolist() == [[-5, 0, 25, 30]] * 2  # the square around the image
    tile = answers["3"].patches[0, 0]
    assert torch.equal(tile[:, 5:25], images[answers["3"].images[0, 0]])
    assert (tile[:, :5] == 124).all()
    assert (tile[:, 25:] == 124).all()


def test_where_the_field_is_lost_the_whole_image_is_shown():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4))  # 10 pixels into 4: windows of unequal size
    with pytest.raises(ValueError, match="lost at"):
        receptive_field(net, "2", 12)
    answer = top_patches(net, [(image / 255, 0) for image in random_images(3, 12, 12)], {"2": [1]}, k=2)["2"]
    assert answer.boxes[0].tolist() == [[0, 0, 12, 12]] * 2


# --------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("count", [5, 40])
@pytest.mark.parametrize("worth", [fields.WORTH, 0])  # on crops, and on whole images
def test_memory_grows_with_the_answer_alone(net, monkeypatch, count, worth):
    """However many images there are and maps are asked for: 16 images at a time, and as many projections as fit."""
    at_once = 3 * 12 * 30 * 30  # values of three whole maps of layer 1
    monkeypatch.setattr(deconv, "VALUES_AT_ONCE", at_once)
    monkeypatch.setattr(fields, "WORTH", worth)
    signals, batches, descend, record = [], [], Tape.descend, Tape.record
    monkeypatch.setattr(
        Tape, "descend", lambda tape, n, signal, rows: signals.append(len(signal) * tape.widest) or descend(tape, n, signal, rows)
    )
    monkeypatch.setattr(Tape, "record", lambda tape, module: batches.append(len(tape.images)) or record(tape, module))
    dataset, read = Counting(random_images(count)), []
    answer = top_patches(net, dataset, {"layer1": range(12)}, 9, 10, lambda x: read.append(len(x)) or preprocess(x))["layer1"]
    assert answer.patches.shape == (12, min(9, count), 3, 7, 7)
    assert max(signals) <= at_once
    assert max(batches + read) <= IMAGES_AT_ONCE == 16
    shown = answer.images.unique().tolist()
    if not worth:
        assert sum(batches) == 1 + len(shown)  # the trial, and every image that was found once
    assert dataset.read == [0, *range(count), 0, *shown]


def test_progress_sees_the_search_and_the_projections_of_each_layer(net, images):
    steps = []

    def progress(batches):
        steps.append(len(batches))
        return batches

    answers = top_patches(
        net, Counting(images), {"layer1": range(12), "layer5": [2]}, k=9, batch_size=10, preprocess=preprocess, progress=progress
    )
    assert steps == [3, math.ceil(len(answers["layer1"].images.unique()) / 16), 1]


def test_a_search_that_was_made_before_is_gone_on_from(net, images, found):
    reads = Counting(images)
    top = top_activations(net, Counting(images), list(MAPS), k=4, preprocess=preprocess)
    answers = patches_of(net, reads, top, {"layer5": torch.tensor(MAPS["layer5"])}, preprocess)
    assert torch.equal(answers["layer5"].projections, found["layer5"].projections)
    assert len(reads.read) <= 1 + 12


def test_a_part_of_a_data_set(net, images):
    part = [4, 20, 1, 13]
    answer = top_patches(net, Subset(Counting(images), part), {"layer2": [3]}, k=2, preprocess=preprocess)["layer2"]
    alone = top_patches(net, Counting(images[part]), {"layer2": [3]}, k=2, preprocess=preprocess)["layer2"]
    assert torch.equal(answer.images, alone.images)
    assert torch.equal(answer.patches, alone.patches)


@pytest.mark.parametrize("choice", [{"rule": "guided"}, {"overlap": "last"}])
def test_rule_and_overlap_are_passed_on(net, images, found, choice):
    answer = top_patches(net, Counting(images), {"layer3": MAPS["layer3"]}, 4, preprocess=preprocess, **choice)["layer3"]
    image, place = answer.images[0, :1], [(int(answer.rows[0, 0]), int(answer.columns[0, 0]))]
    expected = Deconvnet(net).project(preprocess(images[image]), "layer3", answer.maps[:1], place, **choice)[0]
    torch.testing.assert_close(answer.projections[0, 0], cut(expected, answer.boxes[0, 0].tolist(), 0.0))
    assert not torch.allclose(answer.projections, found["layer3"].projections)


def test_what_lies_outside_the_image_is_grey_or_as_asked(net, images, found):
    border = found["layer5"].boxes[..., 0] < 0
    assert border.any()
    assert (found["layer5"].patches[border][:, :, 0] == 124).all()
    assert not found["layer5"].projections[border][:, :, 0].any()
    floats = [(image, 0) for image in preprocess(images)]
    for fill, expected in ((None, 0), (7, 7)):
        answer = top_patches(net, floats, {"layer5": MAPS["layer5"]}, k=4, fill=fill)["layer5"]
        assert (answer.patches[border][:, :, 0] == expected).all()
    inside = found["layer5"].patches != 124
    assert torch.equal(preprocess(found["layer5"].patches)[inside], answer.patches[inside])


@pytest.mark.parametrize(("largest", "side"), [(None, 64), (math.inf, 139), (100, 100), (20, 20)])
def test_of_a_field_larger_than_asked_the_middle_is_shown(net, images, largest, side):
    top = top_activations(net, Counting(images), "layer5", k=2, preprocess=preprocess)
    whole, answer = (
        patches_of(net, Counting(images), top, {"layer5": [2, 8]}, preprocess, largest=most)["layer5"]
        for most in (math.inf, largest)
    )
    start = (139 - side) // 2
    middle = slice(start, start + side)
    assert torch.equal(answer.patches, whole.patches[..., middle, middle])
    assert torch.equal(answer.projections, whole.projections[..., middle, middle])


# ------------------------------------------------------------------------------------------------------------ the figure


def test_it_draws_itself_as_the_paper_does(found):
    answer = found["layer5"]
    picture = answer.figure()
    assert picture.alt.startswith("Top nine of layer5: for 3 feature maps")
    assert picture.png == top9_figure(answer.projections, answer.patches, "layer5", [31, 2, 8]).png
    assert (
        answer.figure(percentile=90, alt="Blots.").png
        == top9_figure(*picture_of(answer), "layer5", [31, 2, 8], percentile=90).png
    )
    assert answer.figure(alt="Blots.").alt == "Blots."


def picture_of(answer):
    return answer.projections, answer.patches


def test_float_patches_are_shown_from_dark_to_bright(found):
    answer = found["layer5"]
    pale = TopPatches(**(vars(answer) | {"patches": answer.patches.float() / 2550 - 0.05}))
    assert (answer.patches.min(), answer.patches.max()) != (0, 255)
    stretched = answer.patches.float() - answer.patches.min()
    stretched = (stretched / stretched.max() * 255).round().to(torch.uint8)
    assert pale.figure().png == top9_figure(answer.projections, stretched, "layer5", [31, 2, 8]).png


@pytest.mark.parametrize(
    "dtype", [torch.int16, torch.int32, torch.uint16, torch.int64, torch.bfloat16, torch.float16, torch.float64]
)
def test_patches_of_every_number_format_are_drawn_from_dark_to_bright(dtype):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 2, 5), nn.ReLU()).eval()
    images = [torch.randint(0, 4096, (3, 16, 16)).to(dtype) for _ in range(9)]
    drawn = top_patches(net, images, {"1": [0]}, preprocess=lambda x: x.float() / 4096)["1"]
    pale = drawn.patches.double() - drawn.patches.double().min()
    grey = (pale.float() * (255 / pale.float().max())).round().to(torch.uint8)
    assert drawn.figure().png == top9_figure(drawn.projections, grey, "1", [0]).png


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_projections_in_half_precision_are_drawn(dtype):
    net = nn.Sequential(nn.Conv2d(3, 2, 5), nn.ReLU()).to(dtype).eval()
    drawn = top_patches(net, [torch.randn(3, 16, 16) for _ in range(9)], {"1": [0]})["1"]
    assert drawn.projections.dtype == dtype
    assert drawn.figure().png.startswith(b"\x89PNG")


def test_some_of_the_maps(found):
    answer = found["layer5"]
    for chosen, maps in ((slice(1, None), [2, 8]), ([2, 0], [8, 31]), (1, [2]), (torch.tensor([0]), [31])):
        some = answer[chosen]
        assert some.maps.tolist() == maps
        rows = [[31, 2, 8].index(number) for number in maps]
        for name, part in vars(some).items():
            if name != "layer":
                assert torch.equal(part, getattr(answer, name)[rows])
    assert [one_map.maps.tolist() for one_map in answer] == [[31], [2], [8]]
    assert repr(answer[:2]) == "TopPatches(layer5: 2 maps, top 4, 64 px)"


def test_no_figure_is_loaded_before_it_is_asked_for():
    code = "import sys, zfhelpers as zf; zf.top_patches; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# ----------------------------------------------------------------------------------------------------------- at the door

BAD = [
    ({"maps": ["layer5"]}, TypeError, r"maps of each layer, such as \{'layer5': \[7, 42\]\}, not a list"),
    ({"maps": {}}, ValueError, "No layer was named"),
    ({"maps": {"layer9": 3}}, ValueError, "no layer 'layer9'"),
    ({"maps": {"layer5": [0, 32]}}, ValueError, "'layer5' has 32 maps, 0 to 31; there is no map 32"),
    ({"maps": {"layer1": 3, "layer5": [-1]}}, ValueError, "there is no map -1"),
    ({"maps": {"layer5": []}}, TypeError, r"maps must be a sequence of whole numbers such as \[0, 5\], not \[\]"),
    ({"maps": {"layer5": 0.5}}, TypeError, "maps must be a sequence of whole numbers"),
    ({"maps": {"layer5": 0}}, ValueError, "Of 'layer5' at least 1 map must be drawn, not 0"),
    ({"k": 0}, ValueError, "k must be at least 1"),
    ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
    ({"rule": "backprop"}, ValueError, "rule must be"),
    ({"overlap": "mean"}, ValueError, "overlap must be"),
    ({"fill": "grey"}, TypeError, "fill must be a number, the value of a patch outside its image, not 'grey'; None is grey"),
    ({"fill": [1, 2, 3]}, TypeError, "fill must be a number"),
    ({"fill": 256}, ValueError, "fill must be a value that images in torch.uint8 can have, 0 to 255, not 256"),
    ({"fill": -1}, ValueError, "0 to 255, not -1"),
    ({"fill": 0.5}, ValueError, "0 to 255, not 0.5"),
    ({"channel_axis": 0}, ValueError, "channel_axis must be an axis after that of the images"),
    ({"largest": 0}, ValueError, "largest must be at least 1, not 0"),
    ({"preprocess": None}, TypeError, "pass preprocess=world.preprocess"),
    (
        {"module": nn.Sequential(nn.Conv2d(3, 2, 3)), "maps": {"0": [0]}, "preprocess": lambda x: x[..., :60] / 255},
        ValueError,
        r"makes \(3, 64, 60\) of images \(3, 64, 64\)",
    ),
    ({"dataset": iter([])}, TypeError, "by index"),
    ({"dataset": []}, ValueError, "empty"),
    ({"module": nn.Sequential(nn.Sigmoid())}, ValueError, "no layer 'layer5'"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_requests_are_refused_before_the_search(net, images, change, error, message):
    dataset = Counting(images)
    request = {"module": net, "dataset": dataset, "maps": {"layer5": [3]}, "preprocess": preprocess}
    with pytest.raises(error, match=message):
        top_patches(**(request | change))
    assert set(dataset.read) <= {0}


def test_an_operation_that_cannot_be_undone_is_told_before_the_search(images):
    dataset = Counting(images)
    with pytest.raises(NotImplementedError, match="sigmoid"):
        top_patches(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Sigmoid()), dataset, {"1": [0]}, preprocess=lambda x: x / 255)
    assert set(dataset.read) == {0}


def test_a_search_of_another_network_is_refused(net, images):
    top = top_activations(nn.Sequential(nn.ReLU()), [(torch.rand(3, 64, 64), 0)] * 3, "0")["0"]
    for searched in ({"layer5": top}, {"layer1": top}):
        with pytest.raises(ValueError, match="Layer 'layer5' of this network was not searched"):
            patches_of(net, Counting(images), searched, {"layer5": [0]}, preprocess)


def test_everything_is_restored_even_after_control_c(images, monkeypatch):
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Dropout()).train()
    cropped = []

    def interrupted(image, *arguments):
        cropped.append(image.dtype)
        if cropped.count(torch.float32) == 5:  # in the middle of the projections
            raise KeyboardInterrupt
        return crop(image, *arguments)

    monkeypatch.setattr(patches, "crop", interrupted)
    with pytest.raises(KeyboardInterrupt) as held:  # and with it every frame, so that nothing is undone by being forgotten
        top_patches(net, Counting(images), {"1": [0, 1]}, preprocess=lambda x: x / 255)
    assert held
    assert all(part.training for part in net.modules())
    assert torch.is_grad_enabled()
    assert not net[1]._forward_hooks


def test_the_values_are_the_networks(net, images, found):
    values = activations(net, preprocess(images), "layer3")["layer3"]
    answer = found["layer3"]
    torch.testing.assert_close(values[answer.images, answer.maps[:, None], answer.rows, answer.columns], answer.values)


def test_one_map_of_one_image():
    where = torch.zeros(3, 1, dtype=torch.int64)
    top = {"0": TopActivations(torch.tensor([[4.0], [20.0], [36.0]]), where, where + 1, where)}
    answer = patches_of(nn.Sequential(nn.ReLU()), [(torch.arange(48.0).reshape(3, 4, 4), 0)], top, {"0": [2]})["0"]
    assert answer.patches.tolist() == [[[[[4.0]], [[20.0]], [[36.0]]]]]
    assert answer.projections.tolist() == [[[[[0.0]], [[0.0]], [[36.0]]]]]
