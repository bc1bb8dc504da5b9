"""Features against a plain forward pass, one image at a time; and a cache that is either whole and right, or not there."""

import copy
import os
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zfhelpers as zf
from zfhelpers.experiments.features import IMAGES_AT_ONCE, features, features_for_now, tap
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks.named import Named
from zfhelpers.worlds.frames import DecodedOnDemand
from zfhelpers.worlds.preprocessing import Preprocessing
from zfhelpers.worlds.world import ImageSet, World

LAYERS = ["layer1", "layer2", "layer3", "layer4", "layer5", "layer6", "layer7"]
ENDS = dict(zip(LAYERS, ["norm1", "norm2", "layer3", "layer4", "pool5", "layer6", "layer7"], strict=True))


def image_set(seed=0, count=IMAGES_AT_ONCE + 6, size=64):
    frames = np.random.default_rng(seed).integers(0, 256, (count, 3, 73, 73), dtype=np.uint8)
    return ImageSet(frames, np.arange(count) % 2, size)


def tiny_world(mean=120.0):
    return World("tiny", ["a", "b"], 64, lambda world, split: image_set(), mean=torch.full((3, 64, 64), mean))


@pytest.fixture
def world():
    return tiny_world()


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ZFNet(Architecture(classes=2, image_size=64, width=0.125, fc=(8, 8))).eval()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


SKETCH = [2]  # images in the pass that tells at every call whether the network is the same
PROBES = [*SKETCH, 1, 2, 2]  # and in those that come next and ask whether each image is answered by itself


@pytest.fixture
def passes(net):
    """How many images each forward pass had."""
    sizes = []
    net.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    return sizes


def test_features_are_those_of_a_plain_pass_of_one_image(net, world):
    images = image_set()
    found = features(net, world, images, LAYERS)
    assert list(found) == LAYERS
    for index in (0, 3, IMAGES_AT_ONCE - 1, IMAGES_AT_ONCE, len(images) - 1):
        values = (torch.from_numpy(images.frames[index])[:, 4:68, 4:68].float() - 120)[None]
        plain = {}
        for name, part in net.named_children():
            plain[name] = values = part(values).detach()
        for layer, end in ENDS.items():
            expected = plain[end].flatten().numpy()
            assert found[layer].shape == (len(images), len(expected))
            np.testing.assert_allclose(found[layer][index], expected, rtol=2e-3, atol=1e-3 * expected.max())
            assert expected.any()


def test_any_other_network_is_read_where_it_is_told(world):
    module = nn.Sequential(nn.Conv2d(3, 2, 9, 9), nn.ReLU(), nn.Flatten())
    module.norm5 = nn.Identity()  # means something in a ZFNet only
    module.layer5 = nn.Identity()
    found = features(module, world, image_set(), ["0", "1", "layer5"])
    np.testing.assert_array_equal(found["1"], np.maximum(found["0"], 0))
    np.testing.assert_array_equal(found["layer5"], found["1"])
    assert tap(module, "layer5") == "layer5"


def test_features_are_computed_once_and_can_only_be_read(net, world, passes):
    first = features(net, world, image_set(), ["layer5", "layer7"])
    assert passes == [*PROBES, IMAGES_AT_ONCE, 6]
    again = features(net, world, image_set(), "layer7")  # the same pixels, though another object
    assert passes == [*PROBES, IMAGES_AT_ONCE, 6, *SKETCH]
    np.testing.assert_array_equal(again["layer7"], first["layer7"])
    passes.clear()
    more = features(net, world, image_set(), ["layer7", "layer2", "layer3"])
    assert passes == [*PROBES, IMAGES_AT_ONCE, 6]  # one pass for both that were missing
    assert list(more) == ["layer7", "layer2", "layer3"]
    for array in more.values():
        assert array.dtype == np.float16
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@dataclass
class Change:
    """One thing that features depend on."""

    name: str

    def __call__(self, net, world, images):
        if self.name == "a weight":
            net.layer1.conv.weight.data[0, 0, 0, 0] += 0.5
        elif self.name == "a stride":
            net.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True, padding=1)
            net.pool2 = nn.MaxPool2d(3, 2, ceil_mode=False, padding=1)
        elif self.name == "the mean image":
            world = tiny_world(mean=90.0)
        elif self.name == "a pixel":
            images.frames[40, 1, 30, 30] ^= 255
        elif self.name == "fewer images":
            images = ImageSet(images.frames[:9], images.labels[:9], 64)
        return net, world, images


@pytest.mark.parametrize("change", ["a weight", "a stride", "the mean image", "a pixel", "fewer images"])
def test_whatever_changes_features_changes_their_place_in_the_cache(net, world, cache, change):
    before = np.array(features(net, world, image_set(), "layer1")["layer1"])
    net, world, images = Change(change)(net, world, image_set())
    after = features(net, world, images, "layer1")["layer1"]
    assert len(list(cache.iterdir())) == 2
    assert before.shape != after.shape or not np.array_equal(before, after)
    features(net, world, images, "layer1")
    assert len(list(cache.iterdir())) == 2


class Plain(nn.Module):
    """A network that says nothing of itself: neither its state nor how it is printed tells what it does."""

    def __init__(self, slope=0.0, gain=1.0):
        super().__init__()
        self.conv, self.slope, self.out = nn.Conv2d(3, 4, 5, 4), slope, nn.Identity()
        self.register_buffer("gain", torch.tensor(gain), persistent=False)

    def forward(self, x):
        return self.out(nn.functional.leaky_relu(self.conv(x), self.slope) * self.gain)


class Squared(Plain):
    def forward(self, x):
        return self.out(self.conv(x).square())


Squared.__name__ = "Plain"


class Stretched(World):
    def preprocess(self, image):
        return 2 * super().preprocess(image)


def plain(kind=Plain, slope=0.0, gain=1.0):
    torch.manual_seed(0)
    return kind(slope, gain)


def named(third):
    torch.manual_seed(0)
    parts = [part for maps in (3, 4, 4, 4, 4, 4) for part in (nn.Conv2d(maps, 4, 3, padding=1), nn.ReLU())]
    net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Named(net, 64, dict(zip(LAYERS, ["1", "3", third, "9", "11"], strict=False)))


def scaled(std, kind=World):
    world = kind("tiny", ["a", "b"], 64, lambda world, split: image_set())
    return world.seen_by("another", Preprocessing(64, 73, (0.5, 0.5, 0.5), (std, std, std)))


UNSEEN = {
    "the scale": ("out", (plain, scaled(1.0)), (plain, scaled(0.25))),
    "a preprocessing of one's own": ("out", (plain, scaled(1.0)), (plain, scaled(1.0, Stretched))),
    "the layer of a name": ("layer3", (lambda: named("5"), tiny_world()), (lambda: named("7"), tiny_world())),
    "a plain attribute": ("out", (plain, tiny_world()), (lambda: plain(slope=0.01), tiny_world())),
    "a buffer that is not saved": ("out", (plain, tiny_world()), (lambda: plain(gain=1.01), tiny_world())),
    "the code": ("out", (plain, tiny_world()), (lambda: plain(Squared), tiny_world())),
}


@pytest.mark.parametrize("change", UNSEEN)
def test_features_are_those_of_a_plain_pass_whatever_lies_in_the_cache(cache, change):
    layer, *cases = UNSEEN[change]
    images, states = image_set(count=9), []
    for make, world in (*cases, *cases):
        net = make().eval()
        with torch.no_grad():
            expected = zf.activations(net, world.preprocess(images.images(range(9))), tap(net, layer))[tap(net, layer)]
        found = np.array(features(net, world, images, layer)[layer], np.float32)
        np.testing.assert_allclose(found, expected.flatten(1), rtol=1e-3, atol=1e-4 * expected.abs().max())
        states.append((repr(net), {name: value.tolist() for name, value in net.state_dict().items()}))
    assert len(list(cache.iterdir())) == 2
    assert states[0] == states[1]  # or something else would have told them apart


def test_files_in_frames_of_another_size_are_other_features(net, world, cache, tmp_path):
    path = str(tmp_path / "0.png")
    Image.fromarray(image_set(count=1).frames[0].transpose(1, 2, 0)).save(path)
    found = [features(net, world, ImageSet(DecodedOnDemand([path], size), [0], 64, [path]), "layer1") for size in (73, 90)]
    assert not np.array_equal(found[0]["layer1"], found[1]["layer1"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_extraction_leaves_nothing_that_looks_whole(net, world, cache, passes, error):
    def interrupt(module, inputs):
        if len(passes) == len(PROBES) + 2:
            assert not list(cache.glob("*.npy")), "a file under its own name before it is whole"
            assert len(list(cache.iterdir())) == 2
            raise error

    hook = net.register_forward_pre_hook(interrupt)
    with pytest.raises(error):
        features(net, world, image_set(), ["layer5", "layer7"])
    hook.remove()
    assert not list(cache.iterdir())
    assert features(net, world, image_set(), "layer7")["layer7"][-1].any()


def test_two_processes_at_once_do_not_harm_each_other(net, world, cache, monkeypatch):
    """Another process computes and stores the same features while this one is at its second batch."""
    twin, other = copy.deepcopy(net), []

    def meanwhile(module, inputs):
        if len(inputs[0]) == 6:
            with monkeypatch.context() as process:
                process.setattr(os, "getpid", lambda: 1)
                other.append(np.array(features(twin, world, image_set(), "layer7")["layer7"]))

    net.register_forward_pre_hook(meanwhile)
    found = features(net, world, image_set(), "layer7")["layer7"]
    np.testing.assert_array_equal(found, other[0])
    assert found.any(axis=1).all()
    assert [path.suffix for path in cache.iterdir()] == [".npy"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(net, world, cache, monkeypatch):
    claimed = []

    def nearly_full(*_):
        claimed.append(None)
        if len(claimed) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", nearly_full)
    with pytest.raises(OSError, match=r"features-layer7.* cannot be written to .*\(No space left on device\); set ZF_CACHE"):
        features(net, world, image_set(), ["layer5", "layer7"])
    assert not list(cache.iterdir())


def test_images_that_stay_files_are_known_by_their_files(net, world, cache, passes, tmp_path):
    frames = image_set(count=3).frames
    paths = [str(tmp_path / f"{index}.png") for index in range(3)]
    for path, frame in zip(paths, frames, strict=True):
        Image.fromarray(frame.transpose(1, 2, 0)).save(path)
    drawn = ImageSet(frames, [0, 1, 0], 64)
    files = ImageSet(DecodedOnDemand(paths, 73), [0, 1, 0], 64, paths)
    found = features(net, world, files, "layer5")["layer5"]
    np.testing.assert_array_equal(found, features(net, world, drawn, "layer5")["layer5"])
    assert passes == [*PROBES, 3] * 2
    features(net, world, files, "layer5")
    assert passes == [*PROBES, 3, *PROBES, 3, *SKETCH]
    Image.fromarray(np.zeros((73, 73, 3), np.uint8)).save(paths[1])
    assert not np.array_equal(features(net, world, files, "layer5")["layer5"], found)


def test_images_that_stay_files_are_known_by_more_than_their_size(net, world, cache, tmp_path):
    path = str(tmp_path / "0.bmp")
    Image.new("RGB", (73, 73), (9, 9, 9)).save(path)
    files, status = ImageSet(DecodedOnDemand([path], 73), [0], 64, [path]), os.stat(path)
    found = features(net, world, files, "layer5")["layer5"]
    Image.new("RGB", (73, 73), (99, 9, 9)).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not np.array_equal(features(net, world, files, "layer5")["layer5"], found)


@pytest.mark.parametrize(
    ("images", "layers", "sentence"),
    [
        (image_set(), "layer9", "no layer 'layer9'; it has layer1"),
        (image_set(), [], "No layer was named"),
        (image_set(count=0), "layer1", "There is no image to compute features of"),
        (image_set(size=60), "layer1", "The images are 60 px, those of World.* 64; open both at one size"),
    ],
)
def test_bad_requests_are_refused(net, world, cache, images, layers, sentence):
    with pytest.raises(ValueError, match=sentence):
        features(net, world, images, layers)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("bias", "message"),
    [(1e5, "layer7 has features beyond 65504, or NaN"), (torch.nan, "NaN or infinite values in layer 'layer7'")],
)
def test_what_half_precision_cannot_hold_is_refused(net, world, cache, bias, message):
    net.layer7.fc.bias.data[0] = bias
    with pytest.raises(ValueError, match=message):
        features(net, world, image_set(), ["layer5", "layer7"])
    assert not list(cache.glob("*"))


def test_features_for_now_leave_the_cache_as_it_was(net, world, cache):
    kept = features(net, world, image_set(), "layer3")["layer3"]
    before = sorted(cache.iterdir())
    with features_for_now(net, world, image_set(), ["layer3", "layer7"]) as found:
        assert (found["layer3"] == kept).all()
        assert found["layer7"].shape == (IMAGES_AT_ONCE + 6, 8)
    assert sorted(cache.iterdir()) == before
    with pytest.raises(RuntimeError), features_for_now(net, world, image_set(), "layer6"):
        raise RuntimeError
    assert sorted(cache.iterdir()) == before
