"""Networks trained elsewhere: their weights, what they take, what a world makes of their answers, and every refusal."""

import os

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import alexnet, get_model_weights
from torchvision.transforms.functional import pil_to_tensor

import zfhelpers as zf
from zfhelpers.networks import elsewhere
from zfhelpers.networks.elsewhere import load_elsewhere
from zfhelpers.worlds.preprocessing import Preprocessing
from zfhelpers.worlds.world import ImageSet, World

OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs=4, channels=3):
        super().__init__()
        first = nn.Conv2d(channels, 6, 3, padding=1)
        convs = [first, *(nn.Conv2d(6, 6, 3, padding=1) for _ in range(4))]
        self.parts = nn.Sequential(*(nn.Sequential(conv, nn.ReLU()) for conv in convs))
        self.last = nn.Linear(6, outputs)

    def forward(self, x):
        return self.last(self.parts(x).mean((2, 3)))

SIZE = {"image_size": 48}
def plain(): return Net(1000).eval()
def sized(): return Net(), SIZE
HALF = {"image_size": 40, "frame_size": 40, "mean": [0.5] * 3, "std": [0.25] * 3}
def said(): return Net(), HALF | {"classes": ["a", "b", "Pug", "d"]}
def layered(): return Net(), SIZE | {"layers": {f"layer{n}": f"parts.{n - 1}.0" for n in range(1, 6)}}
def wrong_layers(): return Net(), SIZE | {"layers": {"layer1": "parts.9"}}
def one_missing(): return Net(), SIZE | {"layers": {"layer1": "parts.0"}}
def other_key(): return Net(), {"imagesize": 48}
def other_classes(): return Net(), SIZE | {"classes": ["a"]}
def crop_too_large(): return Net(), {"image_size": 48, "frame_size": 40}
def no_std(): return Net(), {"std": [1, 0, 1]}
def no_preset(): return Net(), {"preprocessing": lambda image: image}
def number(): return 3
def three(): return Net(), SIZE, 3
def fails(): raise RuntimeError("no such weights\\nand more")
def one_output(): return Net(1), SIZE
def maps(): return Net().parts, SIZE
def grey(): return Net(channels=1), SIZE
not_callable = 5
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "my net.py").write_text(OWN)
    return lambda function: f"{tmp_path / 'my net.py'}:{function}"


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No weights, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*_, **__):
        raise OSError("no network here")

    monkeypatch.setattr("torch.hub.urlopen", refuse)


def test_torchvision_gives_weights_names_and_preprocessing(monkeypatch, tmp_path):
    torch.manual_seed(5)
    made = alexnet().eval()
    file = tmp_path / "torch" / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    file.parent.mkdir(parents=True)
    torch.save(made.state_dict(), file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    net, preprocessing = load_elsewhere("torchvision:alexnet")
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(net(images), made(images))
    weights = get_model_weights("alexnet").DEFAULT
    assert net.classes == tuple(weights.meta["categories"])
    assert not net.training
    assert preprocessing == Preprocessing(224, 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear")
    blank = zf.untrained(net, 1)
    assert blank.layers == net.layers
    assert not torch.equal(blank.network.features[0].weight, made.features[0].weight)


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "inception_v3", "efficientnet_b0", "swin_v2_t", "resnet50"])
@pytest.mark.parametrize("size", [(400, 400), (146, 146), (640, 427), (300, 501)])
def test_preprocessing_is_what_the_weights_say(name, size):
    """The preset itself is the oracle; where something odd is halved the middle may lie one pixel on."""
    preset = get_model_weights(name).DEFAULT.transforms()
    even = size[0] == size[1] and (preset.resize_size[0] - preset.crop_size[0]) % 2 == 0
    ramp = np.add.outer(np.linspace(0, 200, size[1]), 30 * np.sin(np.arange(size[0]) / 9))
    image = Image.fromarray(np.stack([ramp + 20, 220 - ramp, ramp * 0.5 + 60], 2).clip(0, 255).astype(np.uint8))
    world = World("drawn", "ab", 128, None).seen_by(name, elsewhere._from_preset(preset))
    ours, theirs = world.preprocess(image), preset(image)
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < (0.02 if even else 0.3)
    assert (ours - theirs).abs().mean() < (0.01 if even else 0.05)
    restored = world.restore(ours)
    assert restored.dtype == torch.uint8
    assert torch.equal(restored, world.crop(image))


def test_ten_crops_and_frames_belong_to_the_network():
    frames = np.random.default_rng(0).integers(0, 255, (2, 3, 60, 60), np.uint8)
    preprocessing = Preprocessing(image_size=50, frame_size=60, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    world = World("drawn", "ab", 128, lambda world, split: ImageSet(frames, [0, 1], world.image_size)).seen_by("x", preprocessing)
    mean, std = (torch.tensor(three)[:, None, None] for three in ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)))
    ten = world.ten_crop(torch.from_numpy(frames))
    middle = (torch.from_numpy(frames[:, :, 5:55, 5:55]).float() / 255 - mean) / std
    assert torch.allclose(ten[:, 4], middle, atol=1e-5)
    assert torch.allclose(ten[:, 9], middle.flip(-1), atol=1e-5)
    assert torch.allclose(world.preprocess(world.val.images([0, 1])), middle, atol=1e-5)
    assert torch.equal(world.restore(ten[:, 4]), torch.from_numpy(frames[:, :, 5:55, 5:55]))


def test_a_world_that_was_opened_before_is_read_anew_by_another_network():
    sizes = []

    def open_split(world, split):
        sizes.append((world.frame_size, world.image_size))
        return ImageSet(np.zeros((1, 3, world.frame_size, world.frame_size), np.uint8), [0], world.image_size)

    world = World("drawn", "ab", 128, open_split)
    assert len(world.val) == 1
    other = world.seen_by("x", Preprocessing(40, 44))
    assert other.val.images([0]).shape[-1] == 40
    assert world.val.images([0]).shape[-1] == 128
    assert sizes == [(146, 128), (44, 40)]
    assert world.network == "zfnet"
    assert other.network == "x"


# --------------------------------------------------------------------------------------------------------------- answers


def test_answers_follow_the_class_or_the_network():
    world = World("drawn", ("Tench", "house_cat", "crane", "cardigan", "unheard of"), 64, None)
    seen = world.seen_by("x", outputs=("crane", "cardigan", "tench", "crane", "Cardigan", "house cat"))
    assert seen.answers.tolist() == [2, 5, -1, 1, -1]  # two are called crane; of cardigan and Cardigan the same letters count
    says = torch.tensor([[0.0, 0, 0, 9, 0, 0]]).expand(5, -1)
    assert seen.follow([0, 1, 2, 3, 4], says).tolist() == [2, 5, 3, 1, 3]
    assert seen.follow(0, says[0]) == 2
    assert seen.follow(4, says[0]) == 3
    assert world.answers.tolist() == [0, 1, 2, 3, 4]
    assert world.follow(2, torch.zeros(5)) == 2


def test_twins_among_the_classes_of_imagenet_are_themselves():
    names = get_model_weights("alexnet").DEFAULT.meta["categories"]
    world = World("imagenet", names, 224, None).seen_by("x", outputs=names)
    assert world.answers.tolist() == list(range(1000))


@pytest.mark.parametrize(("function", "outputs"), [("sized", "train"), ("said", ("a", "b", "Pug", "d"))])
def test_outputs_without_names_are_the_worlds_where_there_are_as_many(own, function, outputs, tmp_path):
    for name in ("one", "two", "three", "four"):
        (tmp_path / "world" / "train" / name).mkdir(parents=True)
        Image.new("RGB", (50, 50)).save(tmp_path / "world" / "train" / name / "a.png")
    _, data = zf.load(f"folder:{tmp_path / 'world'}", own(function))
    assert data.outputs == (("four", "one", "three", "two") if outputs == "train" else outputs)


def test_other_outputs_without_names_are_numbered(own):
    net, data = zf.load("toy", own("plain"))
    assert data.outputs[:2] == ("output 0", "output 1")
    assert len(data.outputs) == 1000
    assert set(data.answers) == {-1}
    assert (data.image_size, data.frame_size, net.image_size) == (224, 256, 224)


def test_the_worlds_own_networks_are_as_before():
    _, data = zf.load("toy", "fig6-alexnet")
    assert (data.network, data.outputs, data.scale) == ("fig6-alexnet", data.classes, None)
    assert data.follow([3, 5], torch.zeros(2, 24)).tolist() == [3, 5]
    image = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    assert torch.equal(data.preprocess(image), image.float() - data.mean)
    assert torch.equal(data.restore(data.preprocess(image)), image)


# ---------------------------------------------------------------------------------------------------------------- a file


def test_a_function_says_what_its_network_takes(own):
    net, preprocessing = load_elsewhere(own("said"))
    assert preprocessing == Preprocessing(40, 40, (0.5,) * 3, (0.25,) * 3)
    assert net.classes == ("a", "b", "Pug", "d")
    net, preprocessing = load_elsewhere(own("sized"))
    assert (preprocessing.image_size, preprocessing.frame_size) == (48, 55)
    assert net.classes is None
    net, _ = load_elsewhere(own("layered"))
    assert net.layers["layer3"] == "parts.2.0"
    assert isinstance(net.layer3, nn.Conv2d)
    assert not net.training


def test_a_torchvision_preset_may_be_the_preprocessing(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(
        f"{OWN}\ndef preset():\n    from torchvision.models import Swin_V2_T_Weights as W\n"
        "    return Net(), {'preprocessing': W.DEFAULT.transforms()}\n"
    )
    _, preprocessing = load_elsewhere(f"{file}:preset")
    assert (preprocessing.image_size, preprocessing.frame_size, preprocessing.resampling) == (256, 260, "bicubic")


def test_a_file_may_import_what_lies_beside_it(tmp_path):
    (tmp_path / "beside_it.py").write_text(OWN)
    (tmp_path / "net.py").write_text("from beside_it import sized\n")
    assert load_elsewhere(f"{tmp_path / 'net.py'}:sized")[0].outputs == 4


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("missing", r"has no function 'missing'; it has Net, plain, sized, .*grey\.$"),
        ("not_callable", r"has no function 'not_callable'; it has "),
        ("wrong_layers", r"wrong_layers: .*nobody said which one is layer2"),
        ("one_missing", r"one_missing: .*nobody said which one is layer2, layer3, layer4, layer5\.$"),
        ("other_key", r"says 'imagesize' of its network; what can be said is image_size, frame_size, "),
        ("other_classes", r"other_classes: The network has 4 outputs, and 1 names of classes were given\.$"),
        ("crop_too_large", r"crop_too_large: A crop of 48 px cannot be cut from a frame of 40 px\.$"),
        ("no_std", r"no_std: std must be positive, not \(1\.0, 0\.0, 1\.0\)\.$"),
        ("no_preset", r'no_preset: "preprocessing" is what the transforms\(\) of .* return, not a function; say image_size'),
        ("number", r"number must return a torch\.nn\.Module, or one and a dictionary, not int\.$"),
        ("three", r"three must return a torch\.nn\.Module, or one and a dictionary, not Net and dict and int\.$"),
        ("fails", r"fails failed: RuntimeError: no such weights$"),
        ("one_output", r"one_output: The network must give one number for each class, .* not \(1, 1\) for one image\.$"),
        ("maps", r"maps: The network must give one number for each class, .* not \(1, 6, 48, 48\) for one image\.$"),
        ("grey", r"grey: The network cannot run on images of shape \(1, 3, 48, 48\): "),
    ],
)
def test_what_a_file_gives_is_refused_in_a_sentence(own, function, sentence):
    with pytest.raises(ValueError, match=sentence) as refused:
        load_elsewhere(own(function))
    assert "\n" not in str(refused.value)


def test_files_that_are_not_there_or_do_not_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^There is no file '.*nowhere\.py' to take a network from\.$"):
        zf.load("toy", f"{tmp_path / 'nowhere.py'}:net")
    (tmp_path / "broken.py").write_text("def net(:\n")
    with pytest.raises(ValueError, match=r"broken\.py' cannot be run: SyntaxError: "):
        zf.load("toy", f"{tmp_path / 'broken.py'}:net")
    with pytest.raises(ValueError, match=r"was trained elsewhere: it has no epochs and no folder of checkpoints\.$"):
        zf.load("toy", f"{tmp_path / 'broken.py'}:net", epoch=3)


# ------------------------------------------------------------------------------------------------------------ torchvision


def test_without_network_and_weights_there_is_one_sentence(offline):
    sentence = (
        r"^The weights of alexnet are not in '.*checkpoints' and could not be fetched \(no network here\); put alexnet-owt-7"
    )
    with pytest.raises(FileNotFoundError, match=sentence):
        zf.load("toy", "torchvision:alexnet")


@pytest.mark.parametrize("name", ["alexnt", "fcn_resnet50", "", "quantized_resnet18", "raft_large"])
def test_a_network_that_torchvision_does_not_have(name):
    with pytest.raises(ValueError, match=r"^torchvision has no classification network '.*'; it has .* and others\.$"):
        zf.load("toy", f"torchvision:{name}")


def test_damaged_weights_are_named(monkeypatch, tmp_path):
    file = tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    file.parent.mkdir(parents=True)
    torch.save({"features.0.weight": torch.zeros(1)}, file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"^The weights of alexnet could not be loaded \(.*\); remove .*alexnet-owt-7be5be79\.pth"
    ):
        zf.load("toy", "torchvision:alexnet")
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"^The weights of alexnet could not be loaded \("):
        zf.load("toy", "torchvision:alexnet")


class Program:
    """What would make a file as soon as it was read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.mark.parametrize("before", [None, "0"])
def test_a_program_in_a_file_of_weights_is_not_run(before, monkeypatch, tmp_path):
    file, made = tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth", tmp_path / "made"
    file.parent.mkdir(parents=True)
    torch.save({"features.0.weight": Program(made)}, file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    if before:
        monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", before)
    with pytest.raises(ValueError, match=r"^The weights of alexnet could not be loaded \("):
        zf.load("toy", "torchvision:alexnet")
    assert not made.exists()
    assert os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD") == before


def test_a_network_without_weights_is_refused(monkeypatch):
    monkeypatch.setattr("torchvision.models.list_models", lambda module=None: ["a_network_without_weights"])
    monkeypatch.setattr("torchvision.models.get_model_weights", lambda name: ())
    with pytest.raises(ValueError, match=r"^torchvision has no trained weights for 'a_network_without_weights'; choose another"):
        zf.load("toy", "torchvision:a_network_without_weights")


def test_pictures_of_any_kind_are_taken_by_the_networks_world(own):
    _, data = zf.load("toy", own("sized"))
    for picture in (Image.new("L", (90, 60), 128), Image.new("CMYK", (55, 300)), pil_to_tensor(Image.new("RGB", (70, 70)))):
        assert data.preprocess(picture).shape == (3, 48, 48)
