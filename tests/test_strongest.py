"""Top-k lists against slow loops that run one image at a time and sort everything."""

import pytest
import torch
from torch import nn
from torch.utils.data import Subset, TensorDataset

from zfhelpers.boxes import crop
from zfhelpers.geometry import receptive_field
from zfhelpers.hooks import activations, recording
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.strongest import most_active, strongest, strongest_maps, top_activations

LAYERS = ["layer1", "layer2", "layer5", "layer6", "layer8"]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).double()  # float64: no near ties
    return net.eval()


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (23, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def preprocess(batch):
    return batch.double() - 124


class Counting:
    """A map-style data set that counts how often each item is read."""

    def __init__(self, images):
        self.images, self.reads = images, [0] * len(images)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.images[index], 0


def slow_top(net, images, layer, k):
    """Every (value, image, row, column) of every map, in Python lists."""
    best = None
    for index, image in enumerate(images):
        value = activations(net, image[None], layer)[layer][0]
        value = value if value.ndim == 3 else value[:, None, None]
        best = best or [[] for _ in value]
        for entries, one_map in zip(best, value.tolist(), strict=True):
            places = [(-number, index, row, column) for row, line in enumerate(one_map) for column, number in enumerate(line)]
            entries.append(min(places))
    return [sorted(entries)[:k] for entries in best]


@pytest.mark.parametrize("batch_size", [1, 7, 23, 64])
def test_top_activations_equal_sorting_everything(net, images, batch_size):
    found = top_activations(net, Counting(images), LAYERS, k=4, batch_size=batch_size, preprocess=preprocess)
    assert list(found) == LAYERS
    for layer in LAYERS:
        top = found[layer]
        expected = slow_top(net, preprocess(images), layer, 4)
        torch.testing.assert_close(top.values, torch.tensor([[-entry[0] for entry in row] for row in expected]).double())
        for name, column in (("images", 1), ("rows", 2), ("columns", 3)):
            assert getattr(top, name).tolist() == [[entry[column] for entry in row] for row in expected], (layer, name)


def test_positions_hold_the_values(net, images):
    top = top_activations(net, Counting(images), "layer2", preprocess=preprocess)["layer2"]
    values = activations(net, preprocess(images), "layer2")["layer2"]
    maps = torch.arange(len(top.values))[:, None]
    torch.testing.assert_close(values[top.images, maps, top.rows, top.columns], top.values)
    assert all(len(set(row)) == len(row) for row in top.images.tolist())


@pytest.mark.parametrize("batch_size", [1, 3, 30, 100])
def test_equal_values_come_in_order_of_image_and_position(batch_size):
    images = torch.zeros(40, 3, 4, 4)  # past the length up to which any sort keeps the order of equals
    images[[3, 7, 8], :, 1, 2] = 5.0
    images[[3, 7, 8], :, 2, 1] = 5.0
    images[9] = -1.0
    dataset = [(image, 0) for image in images]
    top = top_activations(nn.Sequential(nn.ReLU()), dataset, "0", k=6, batch_size=batch_size)["0"]
    assert top.images.tolist() == [[3, 7, 8, 0, 1, 2]] * 3
    assert top.rows.tolist() == [[1, 1, 1, 0, 0, 0]] * 3
    assert top.columns.tolist() == [[2, 2, 2, 0, 0, 0]] * 3


def test_the_same_picture_in_a_short_last_batch_ties_exactly():
    class Rounding(nn.Module):
        """Convolutions and matrix products round differently in batches of different length; this one does so visibly."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            return self.layer(x - 1e-3 * len(x))  # a shorter batch would win

    top = top_activations(Rounding(), [(torch.ones(3, 2, 2), 0)] * 11, "layer", k=11, batch_size=10)["layer"]
    assert (top.images == torch.arange(11)).all()


def test_one_pass_reads_every_image_once(net, images):
    dataset = Counting(images)
    steps = []

    def progress(batches):
        steps.append(len(batches))
        return batches

    top_activations(net, dataset, LAYERS, batch_size=10, preprocess=preprocess, progress=progress)
    assert dataset.reads == [1] * len(images)
    assert steps == [3]


def test_fewer_images_than_k_and_a_subset(net, images):
    subset = Subset(Counting(images), [5, 2, 9])
    top = top_activations(net, subset, "layer5", k=9, preprocess=preprocess)["layer5"]
    assert top.values.shape == (32, 3)
    assert repr(top) == "TopActivations(32 maps, top 3)"
    assert set(top.images.flatten().tolist()) == {0, 1, 2}  # positions in the subset


def test_float_images_are_taken_as_preprocessed(net, images):
    raw = top_activations(net, Counting(images), "layer1", preprocess=preprocess)["layer1"]
    ready = top_activations(net, TensorDataset(preprocess(images), torch.zeros(len(images))), "layer1")["layer1"]
    assert torch.equal(raw.values, ready.values)
    assert torch.equal(raw.images, ready.images)


def test_strongest_of_units_and_of_maps():
    values = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(2))
    peaks, rows, columns = strongest(values)
    assert torch.equal(peaks, values.amax((2, 3)))
    assert torch.equal(values[torch.arange(3)[:, None], torch.arange(4), rows, columns], peaks)
    peaks, rows, columns = strongest(values[..., 0, 0])
    assert torch.equal(peaks, values[..., 0, 0])
    assert not rows.any()
    assert not columns.any()
    with pytest.raises(ValueError, match="must be"):
        strongest(values[0])


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.drop = nn.Conv2d(3, 2, 3), nn.Dropout()

    def forward(self, x):
        self.conv(x)
        raise KeyboardInterrupt


def test_everything_is_restored_even_after_control_c():
    net = Failing().train()
    net.drop.eval()
    with pytest.raises(KeyboardInterrupt):
        activations(net, torch.zeros(1, 3, 8, 8), "drop")
    with pytest.raises(KeyboardInterrupt):
        top_activations(net, [(torch.zeros(3, 8, 8), 0)], "drop")
    with pytest.raises(KeyboardInterrupt), recording(net, "conv") as forward:
        forward(torch.zeros(1, 3, 8, 8))
    assert net.training
    assert net.conv.training
    assert not net.drop.training
    assert not net.conv._forward_hooks
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be at least 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"dataset": []}, ValueError, "empty"),
        ({"dataset": iter([])}, TypeError, "by index"),
        ({"preprocess": None}, TypeError, "preprocess=world.preprocess"),
        ({"layers": "layer9"}, ValueError, "no layer 'layer9'"),
        ({"dataset": [("a path", 0)]}, TypeError, "Item 0"),
        ({"dataset": [(torch.zeros(3, 64, 64), 0), (torch.zeros(3, 64, 60), 0)]}, ValueError, "Image 1 has the shape"),
        ({"dataset": [(torch.zeros(3, 64, 64), 0)] * 9 + [(torch.full((3, 64, 64), torch.inf), 0)]}, ValueError, "Image 9"),
    ],
)
def test_bad_requests_are_refused(net, images, change, error, message):
    request = {"dataset": Counting(images), "layers": "layer1", "preprocess": lambda x: x.double(), "batch_size": 4}
    with pytest.raises(error, match=message):
        top_activations(net, **(request | change))


def test_the_crop_is_all_that_the_unit_sees(net, images):
    """Fig. 2's patches: everything outside the receptive field may change without moving the activation."""
    inputs = preprocess(images[:1])
    field = receptive_field(net, "layer2", 64)
    before = activations(net, inputs, "layer2")["layer2"]
    row, column = 3, 2
    top, left, bottom, right = field.box(row, column)
    elsewhere = torch.zeros_like(inputs)
    elsewhere[0, :, top:bottom, left:right] = crop(inputs[0], field.box(row, column))
    after = activations(net, elsewhere, "layer2")["layer2"]
    torch.testing.assert_close(after[0, :, row, column], before[0, :, row, column])
    assert not torch.allclose(after, before)


class Items:
    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index not in range(3):
            raise IndexError(index)
        return self.make(index)


BRIGHT = [torch.full((3, 4, 4), float(value)) for value in (1, 5, 3)]


@pytest.mark.parametrize(
    "make",
    [
        lambda index: (BRIGHT[index], 0),
        lambda index: [BRIGHT[index]],
        lambda index: {"label": 0, "image": BRIGHT[index]},
        lambda index: BRIGHT[index],
        lambda index: (BRIGHT[index], "a", {"more": None}),
    ],
)
def test_items_that_hold_an_image_are_served(make):
    top = top_activations(nn.Sequential(nn.ReLU()), Items(make), "0", k=3)["0"]
    assert top.images[0].tolist() == [1, 2, 0]
    assert top.values[0].tolist() == [5.0, 3.0, 1.0]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda index: None, "not a NoneType"),
        (lambda index: (), "not a NoneType first"),
        (lambda index: {"pixel_values": BRIGHT[index], "label": 0}, "not one with 'pixel_values', 'label'"),
        (lambda index: {"image": "a path"}, "not a str as image"),
        (lambda index: "a path", "not a str"),
        (lambda index: (BRIGHT[index].numpy(), 0), "not a ndarray first"),
        (lambda index: 3, "not a int"),
    ],
)
def test_items_without_an_image_are_told_what_one_is(make, sentence):
    with pytest.raises(TypeError, match=r'must be \(image tensor, label\), or a dictionary with an "image", ' + sentence):
        top_activations(nn.Sequential(nn.ReLU()), Items(make), "0", k=1)
    with pytest.raises(TypeError, match="a dict has not"):
        top_activations(nn.Sequential(nn.ReLU()), {"image": BRIGHT}, "0", k=1)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda batch: batch.repeat_interleave(10, 0),
            r"preprocess makes \(\d+, 3, 4, 4\) of \d images; let it return one for each",
        ),
        (lambda batch: batch[:-1], "let it return one for each"),
        (lambda batch: batch[1:], "let it return one for each"),
        (lambda batch: batch.sum(), "let it return one for each"),
        (lambda batch: batch - batch.mean(0), "depends on the images beside it"),
        (lambda batch: batch - batch.mean(), "depends on the images beside it"),
        (lambda batch: batch / batch.max(), "depends on the images beside it"),
        (lambda batch: batch + torch.randn_like(batch), "or on chance"),
        (lambda batch: batch.flip(0), "depends on the images beside it"),
        (lambda batch: batch * len(batch), "depends on the images beside it"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_preprocessing_makes_one_of_each_and_of_each_alone(spoil, sentence, batch_size):
    with pytest.raises(ValueError, match=sentence):
        top_activations(nn.Sequential(nn.ReLU()), Items(lambda index: (BRIGHT[index], 0)), "0", 2, batch_size, spoil)
    with pytest.raises(TypeError, match="preprocess must return a tensor"):
        top_activations(nn.Sequential(nn.ReLU()), Items(lambda index: (BRIGHT[index], 0)), "0", 2, batch_size, list)


@pytest.mark.parametrize("seed", range(5))
def test_the_most_active_unit_is_the_largest_number_in_reading_order(seed):
    values = torch.randint(0, 50, (1, 6, 5, 4), generator=torch.Generator().manual_seed(seed))  # with ties
    places = [(m, r, c) for m in range(6) for r in range(5) for c in range(4)]
    assert most_active(values) == max(places, key=lambda place: (int(values[(0, *place)]), -places.index(place)))
    assert most_active(values.flatten(1)) == (int(values.flatten().argmax()), 0, 0)
    with pytest.raises(ValueError, match="of one image, and there are 2"):
        most_active(values.expand(2, -1, -1, -1))


def test_the_strongest_maps_of_each_image_equal_a_sorted_loop():
    values = torch.rand(5, 7, 3, 4, generator=torch.Generator().manual_seed(2))
    which, maps = strongest_maps(values, 3)
    expected = [(n, m) for n in range(5) for m in sorted(range(7), key=lambda m, n=n: -values[n, m].max().item())[:3]]
    assert list(zip(which, maps, strict=True)) == expected


@pytest.mark.parametrize("batch_size", [1, 2, 64])
@pytest.mark.parametrize("decide", [lambda x: x.mean() > 0, lambda x: (x > 4).any(), lambda x: float(x.mean()) > 0])
def test_a_network_that_decides_by_the_batch_sees_one_image_at_a_time(decide, batch_size):
    class Deciding(nn.Module):
        def __init__(self):
            super().__init__()
            self.bright, self.dark = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.bright(x) if decide(x) else self.dark(x)

    torch.manual_seed(0)
    net, images = nn.Sequential(Deciding()).eval(), [torch.randn(3, 8, 8) + (1.5 if k % 3 else -0.5) for k in range(7)]
    found = top_activations(net, images, "0", k=7, batch_size=batch_size)["0"]
    alone = torch.cat([strongest(activations(net, image[None], "0")["0"])[0] for image in images])
    torch.testing.assert_close(found.values, alone.T.sort(descending=True).values, rtol=1e-5, atol=1e-6)
