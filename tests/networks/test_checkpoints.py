"""Loading what was saved, and refusing what is damaged, foreign or missing."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from PIL import Image

from zfhelpers.files import write_whole
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks import checkpoints
from zfhelpers.networks.checkpoints import checkpoint_dir, load, network_dirs, read_card
from zfhelpers.training.weights import read_tensors, save_weights, sha256
from zfhelpers.worlds.opening import open_world

SMALL = Architecture(classes=24, image_size=128, width=0.125, fc=(8, 8))


@pytest.fixture
def saved(tmp_path):
    """A little network as training leaves it."""
    torch.manual_seed(0)
    net = ZFNet(SMALL)
    files = {
        "zfnet.safetensors": save_weights(
            tmp_path / "zfnet.safetensors", {**net.state_dict(), "mean": torch.full((3, 128, 128), 99.0)}
        ),
        "zfnet-epoch-05.safetensors": save_weights(
            tmp_path / "zfnet-epoch-05.safetensors", {n: p + 1 for n, p in net.state_dict().items() if n[5] in "12345"}
        ),
    }
    card = {"world": "toy", "classes": ["?"] * 24, "architecture": SMALL.as_dict(), "epochs": 8, "files": files}
    (tmp_path / "zfnet.json").write_text(json.dumps(card))
    return tmp_path, net


def test_what_was_saved_comes_back(saved):
    folder, net = saved
    loaded, world = load("toy", folder=folder)
    assert not loaded.training
    assert loaded.architecture == SMALL
    for name, tensor in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())
    assert world.name == "toy"
    assert (world.mean == 99).all()


@pytest.mark.parametrize("own_mean", [False, True])
def test_a_shipped_network_is_the_same_and_does_without_a_second_mean_image(saved, tmp_path, monkeypatch, own_mean):
    shipped, origin = tmp_path / "shipped", tmp_path / "runs"
    monkeypatch.setattr(checkpoints, "network_dirs", lambda world: [shipped, origin])
    torch.manual_seed(1)
    net, mean = ZFNet(SMALL), torch.full((3, 128, 128), 98.0 if own_mean else 99.0)
    card = json.loads((saved[0] / "zfnet.json").read_text())
    for name in ("zfnet-epoch-05.safetensors", "zfnet.safetensors", "zfnet.json"):
        write_whole(origin / name, (saved[0] / name).read_bytes())
    digest = save_weights(origin / "table3/wide-2.safetensors", {**net.state_dict(), "mean": mean})
    write_whole(origin / "table3/wide-2.json", json.dumps({**card, "files": {"wide-2.safetensors": digest}}).encode())
    for name in ("zfnet", "table3/wide-2"):
        checkpoints.ship("toy", name)
    there, here = (at / "zfnet-epoch-05.safetensors" for at in (origin, shipped))
    assert here.stat().st_size < 0.6 * there.stat().st_size
    for part, other in zip(*(load("toy", folder=at, epoch=5)[0].parameters() for at in (origin, shipped)), strict=True):
        each = part.flatten(1) if part.ndim > 1 else part[:, None]  # a row for each filter
        assert ((part - other).abs().flatten() <= (each.abs().amax(1, keepdim=True) / 253).expand_as(each).flatten()).all()
    again = here.read_bytes()
    checkpoints.ship("toy", "zfnet")
    assert here.read_bytes() == again
    assert ("mean" in read_tensors(shipped / "table3/wide-2.safetensors")[0]) == own_mean
    loaded, world = load("toy", "table3/wide-2")
    assert all(torch.equal(loaded.state_dict()[name], tensor.half().float()) for name, tensor in net.state_dict().items())
    assert (world.mean == mean).all()
    if not own_mean:
        (shipped / "zfnet.safetensors").unlink()
        (origin / "zfnet.safetensors").unlink()
        with pytest.raises(ValueError, match="without a mean image need that of toy/zfnet, which is not there"):
            load("toy", "table3/wide-2")


def test_an_epoch_is_the_convolutional_part(saved):
    folder, _ = saved
    early, _ = load("toy", epoch=5, folder=folder)
    assert torch.equal(early.layer3.conv.bias, torch.ones_like(early.layer3.conv.bias))
    assert [n for n, _ in early.named_children()][-1] == "pool5"
    assert early(torch.zeros(1, 3, 128, 128)).shape == (1, 32, 3, 3)
    last, _ = load("toy", epoch=8, folder=folder)  # which has no file of its own
    assert list(last.state_dict()) == list(early.state_dict())
    assert torch.equal(last.layer3.conv.weight, load("toy", folder=folder)[0].layer3.conv.weight)
    with pytest.raises(ValueError, match="not kept at epoch 7; it was at 5, 8"):
        load("toy", epoch=7, folder=folder)


def test_missing_damaged_and_foreign_files(saved, tmp_path_factory):
    folder, _ = saved
    with pytest.raises(FileNotFoundError, match="There is no network mars/zfnet; there are"):
        load("mars")
    weights = folder / "zfnet.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"zfnet\.safetensors' is damaged, or no safetensors file"):
        load("toy", folder=folder)
    weights.write_bytes(whole[:-100] + bytes(100))
    with pytest.raises(ValueError, match="is not the file its card describes"):
        load("toy", folder=folder)
    weights.write_bytes(b"PK\x03\x04 a pickle in a zip")
    with pytest.raises(ValueError, match="is damaged, or no safetensors file"):
        load("toy", folder=folder)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        load("toy", folder=folder)
    (folder / "zfnet.json").write_text("{}")
    with pytest.raises(ValueError, match="is not the card of a network"):
        read_card("toy", folder=folder)
    (folder / "zfnet.json").write_text("half a car")
    with pytest.raises(ValueError, match="is not the card of a network"):
        read_card("toy", folder=folder)


@pytest.mark.parametrize("images_are_here", [True, False])
def test_the_world_of_a_network_is_opened_once(saved, tmp_path, monkeypatch, images_are_here):
    folder, _ = saved
    opened = []

    def counting(*given):
        opened.append(given)
        if not images_are_here:
            raise FileNotFoundError("The images are elsewhere.")
        return open_world(*given)

    monkeypatch.setattr(checkpoints, "open_world", counting)
    _, world = load("toy", folder=folder)
    assert [given[:2] for given in opened] == [("toy", 128)]
    assert world.preprocess(torch.full((3, 128, 128), 100, dtype=torch.uint8)).unique() == 1  # 99 is the mean image
    if not images_are_here:
        with pytest.raises(FileNotFoundError, match=r"^The images are elsewhere\.$"):
            len(world.val)


@pytest.mark.parametrize("change", ["none", "a class more", "a class less", "another name"])
def test_a_folder_whose_classes_have_changed_has_no_images_for_its_network(change, saved, tmp_path, monkeypatch):
    """The outputs of the network would be given the names of other classes."""
    folder, _ = saved
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "photographs"
    for half in ("train", "val"):
        for index in range(24):
            (root / half / f"{index:02d}").mkdir(parents=True)
            Image.new("RGB", (9, 9)).save(root / half / f"{index:02d}" / "0.png")
        if change == "a class more":
            shutil.copytree(root / half / "07", root / half / "05 b")
        elif change == "a class less":
            shutil.rmtree(root / half / "07")
        elif change == "another name":
            os.rename(root / half / "07", root / half / "99")
    card = json.loads((folder / "zfnet.json").read_text())
    card |= {"world": f"folder:{root}", "classes": [f"{index:02d}" for index in range(24)]}
    (folder / "zfnet.json").write_text(json.dumps(card))
    _, world = load(f"folder:{root}", folder=folder)
    assert len(world.classes) == 24
    if change == "none":
        assert len(world.val) == 24
    else:
        said = {"a class more": "05 b came, none went", "a class less": "none came, 07 went", "another name": "99 came, 07 went"}
        with pytest.raises(
            FileNotFoundError, match=rf"no longer those that this network was trained on: {said[change]}; restore"
        ):
            len(world.val)


def test_weights_of_another_architecture(saved):
    folder, _ = saved
    card = json.loads((folder / "zfnet.json").read_text())
    card["architecture"]["width"] = 0.25
    (folder / "zfnet.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="holds the weights of another network than its card describes"):
        load("toy", folder=folder)


def test_a_failed_write_changes_nothing(tmp_path):
    """A real limit of the operating system in a process of its own: no file may grow past 1000 bytes, as on a full disk."""
    path = tmp_path / "weights"
    write_whole(path, b"old")
    code = (
        "import resource, signal, sys; from zfhelpers.networks.checkpoints import write_whole;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); write_whole(sys.argv[1], bytes(10**6))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{str(path)!r} could not be written: File too large. Nothing was changed." in done.stderr
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["weights"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_metadata_travels(tmp_path):
    data = safetensors.torch.save({"a": torch.arange(3)}, {"note": "here"})
    write_whole(tmp_path / "x.safetensors", data)
    tensors, metadata = read_tensors(tmp_path / "x.safetensors")
    assert tensors["a"].tolist() == [0, 1, 2]
    assert metadata == {"note": "here"}


CARDS = sorted(checkpoint_dir().glob("*/*.json"))


@pytest.mark.parametrize("path", CARDS, ids=[f"{p.parent.name}-{p.stem}" for p in CARDS])
def test_every_shipped_network_opens_and_is_what_its_card_says(path):
    card = read_card(path.parent.name, path.stem)
    net, world = load(path.parent.name, path.stem)
    assert sum(p.numel() for p in net.parameters()) == card["parameters"]
    assert tuple(card["classes"]) == world.classes
    assert all(sha256(path.with_name(name)) == digest for name, digest in card["files"].items())
    assert {"command", "seed", "trained", "minutes", "machine", "versions"} <= set(card)


def test_shipped_checkpoints_stay_small():
    assert sum(p.stat().st_size for p in checkpoint_dir().rglob("*") if p.is_file()) < 80e6


def test_what_was_trained_here_is_found_after_what_is_shipped(tmp_path, monkeypatch):
    pictures = tmp_path / "my pictures"
    for split in ("train", "val"):
        (pictures / split / "cat").mkdir(parents=True)
    monkeypatch.setattr(checkpoints, "project_dir", lambda: tmp_path / "project")
    monkeypatch.chdir(tmp_path)
    shipped, trained = network_dirs("folder:my pictures")
    assert (shipped, trained) == tuple(network_dirs(f"folder:{pictures}"))
    with pytest.raises(FileNotFoundError, match=r"there are none\. Train one: make train WORLD='folder:my pictures'"):
        load("folder:my pictures")
    for place, width in ((trained, 0.125), (shipped, 0.25)):
        place.mkdir(parents=True)
        net = ZFNet(replace(SMALL, classes=1, width=width))
        save_weights(place / "zfnet.safetensors", {**net.state_dict(), "mean": torch.zeros(3, 128, 128)})
        card = {"world": f"folder:{pictures}", "classes": ["cat"], "architecture": net.architecture.as_dict()}
        digest = hashlib.sha256((place / "zfnet.safetensors").read_bytes()).hexdigest()
        (place / "zfnet.json").write_text(json.dumps(card | {"files": {"zfnet.safetensors": digest}}))
        assert load("folder:my pictures")[0].architecture.width == width


def test_a_network_of_another_world_is_not_taken_for_ones_own(tmp_path, monkeypatch):
    """Both names make one folder; the card knows whose network it is."""
    monkeypatch.setattr(checkpoints, "project_dir", lambda: tmp_path)
    theirs, ours = f"folder:{tmp_path}/a/b", f"folder:{tmp_path}/a-b"
    assert network_dirs(theirs) == network_dirs(ours)
    card = {"architecture": {}, "files": {}, "world": theirs, "classes": []}
    write_whole(network_dirs(theirs)[1] / "zfnet.json", json.dumps(card).encode())
    assert read_card(theirs) == card
    with pytest.raises(
        ValueError, match=r"is of the world folder:.*/a/b, whose name makes the same folder as folder:.*/a-b; rename"
    ):
        read_card(ours)
    assert read_card(ours, folder=network_dirs(theirs)[1]) == card
