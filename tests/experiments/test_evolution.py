"""Similarity against its definition by Gram matrices, winners against loops, and curves settled by hand."""

import doctest
import math

import numpy as np
import pytest
import torch

import zfhelpers.experiments.evolution
from zfhelpers.deconv import Deconvnet
from zfhelpers.experiments.evolution import (
    LAYERS,
    Responses,
    evolve,
    linear_cka,
    living,
    projected,
    responses,
    settled_at,
    unchanged,
    winners,
)
from zfhelpers.hooks import activations
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks import checkpoints
from zfhelpers.worlds.world import ImageSet, World

NOISE = np.random.default_rng(0)
MAPS = {"layer1": 12, "layer2": 32, "layer3": 48, "layer4": 48, "layer5": 32}


def hsic(k, l):  # noqa: E741 (the names of the formula)
    """tr(K H L H) / (n - 1)^2 with H = 1 - 1/n, sum by sum."""
    n = len(k)
    h = [[(i == j) - 1 / n for j in range(n)] for i in range(n)]
    kh, lh = ([[sum(m[i][a] * h[a][j] for a in range(n)) for j in range(n)] for i in range(n)] for m in (k, l))
    return sum(kh[i][j] * lh[j][i] for i in range(n) for j in range(n)) / (n - 1) ** 2


def cka_by_gram_matrices(x, y):
    """HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = X X^T, in Python's own floats."""
    k, l = ([[sum(a * b for a, b in zip(row, column, strict=True)) for column in z] for row in z] for z in (x, y))  # noqa: E741
    return hsic(k, l) / math.sqrt(hsic(k, k) * hsic(l, l))


@pytest.mark.parametrize(("n", "p", "q"), [(9, 4, 4), (9, 3, 8), (7, 20, 20), (8, 2, 30), (8, 30, 2), (2, 3, 3)])
def test_cka_is_that_of_the_gram_matrices(n, p, q):
    shared = NOISE.normal(size=(n, 2))
    x = shared @ NOISE.normal(size=(2, p)) + NOISE.normal(size=(n, p)) + 5
    y = shared @ NOISE.normal(size=(2, q)) + NOISE.normal(size=(n, q)) - 3
    assert linear_cka(torch.from_numpy(x), torch.from_numpy(y)) == pytest.approx(cka_by_gram_matrices(x.tolist(), y.tolist()))


@pytest.mark.parametrize(("n", "p"), [(40, 6), (10, 25)])
def test_cka_does_not_see_rotation_scale_and_offset_but_sees_a_stretched_axis(n, p):
    x, y = torch.from_numpy(NOISE.normal(size=(n, p))), torch.from_numpy(NOISE.normal(size=(n, p)))
    rotation = torch.linalg.qr(torch.from_numpy(NOISE.normal(size=(p, p))))[0]
    assert linear_cka(x, 7 * x @ rotation + 2) == pytest.approx(1)
    assert linear_cka(x, y) < 0.95
    assert linear_cka(y @ rotation - 1, 0.2 * x) == pytest.approx(linear_cka(x, y))
    stretched = x.clone()
    stretched[:, 0] *= 30
    assert linear_cka(x, stretched) < 0.8


def test_independent_features_are_unlike_only_if_images_are_many():
    """With n images and p Gaussian features each, CKA is near p / (n + p): a closed form for large n and p."""
    for n, p in ((2000, 60), (400, 100), (60, 240)):
        x, y = (torch.from_numpy(NOISE.normal(size=(n, p))) for _ in range(2))
        assert linear_cka(x, y) == pytest.approx(p / (n + p), rel=0.1)


def test_cka_of_what_never_changes_is_no_number():
    assert math.isnan(linear_cka(torch.ones(5, 2), torch.rand(5, 2)))


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (torch.rand(4, 2), torch.rand(5, 2), r"the same n images, 2 or more, not \(4, 2\), \(5, 2\)"),
        (torch.rand(1, 2), torch.rand(1, 2), "2 or more"),
        (torch.rand(4, 2, 3), torch.rand(4, 2), "the same n images"),
        (torch.rand(4), torch.rand(4), "the same n images"),
        (torch.full((4, 2), torch.nan), torch.rand(4, 2), "NaN or infinite"),
        (torch.rand(4, 2), torch.full((4, 2), torch.inf), "NaN or infinite"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(x, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        linear_cka(x, y)


# ------------------------------------------------------------------------------------------------------------- settling


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([0.95, 0.96, 0.97, 1.0], 0.9, 1),
        ([0.1, 0.9, 0.95, 1.0], 0.9, 2),  # exactly the level counts
        ([0.95, 0.5, 0.95, 1.0], 0.9, 5),  # it left again
        ([0.95, 0.95, 0.89, 1.0], 0.9, 10),  # only the end
        ([0.95, 0.95, 0.95, 0.5], 0.9, None),
        ([0.6, 0.4, 0.6, 0.6], 0.5, 5),
    ],
)
def test_settled_at_by_hand(values, share, expected):
    assert settled_at([1, 2, 5, 10], values, share) == expected


@pytest.mark.parametrize(
    ("epochs", "values", "sentence"),
    [
        ([], [], "0 epochs and 0 values"),
        ([1, 2], [0.5], "2 epochs and 1 values"),
        ([1, 5, 5], [0.1, 0.2, 0.3], r"must increase; these do not: \[1, 5, 5\]"),
        ([1, 2], [0.5, math.nan], "NaN in it settles nowhere"),
    ],
)
def test_curves_that_settle_nowhere_are_refused(epochs, values, sentence):
    with pytest.raises(ValueError, match=sentence):
        settled_at(epochs, values)


def test_winners_and_dead_maps():
    peaks = torch.tensor([[0.0, 3.0, 1.0, 0.0], [0.0, 1.0, 5.0, 0.1], [0.0, 2.0, 5.0, 0.0]])
    assert winners(peaks).tolist() == [-1, 0, 1, 1]  # the first of equals


def test_the_strongest_of_each_map_in_order_with_the_first_of_equals_first():
    peaks = torch.tensor([[0.0, 3.0], [2.0, 1.0], [2.0, 4.0]])
    rows, columns = torch.arange(6, dtype=torch.int16).reshape(3, 2), torch.arange(6, 12, dtype=torch.int16).reshape(3, 2)
    top = Responses(peaks, rows, columns, peaks).top(k=2)
    assert top.values.tolist() == [[2, 2], [4, 3]]
    assert top.images.tolist() == [[1, 2], [2, 0]]
    assert top.rows.tolist() == [[2, 4], [5, 1]]
    assert top.columns.tolist() == [[8, 10], [11, 7]]
    assert top.rows.dtype == top.images.dtype == torch.int64


def changed_no_more(won):
    """The definition, map by map."""
    shares = []
    for epoch in range(len(won)):
        alive = [m for m in range(len(won[0])) if won[-1][m] != -1]
        shares.append(sum(all(later[m] == won[-1][m] for later in won[epoch:]) for m in alive) / len(alive))
    return shares


def test_unchanged_is_the_share_of_maps_that_keep_their_winner():
    won = NOISE.integers(-1, 2, (6, 40)).tolist()
    assert -1 in won[-1]
    assert unchanged(torch.tensor(won)).tolist() == pytest.approx(changed_no_more(won))
    assert unchanged(torch.tensor([[3, -1], [3, 2]])).tolist() == [0.5, 1]  # a map that was dead has changed
    assert unchanged(torch.tensor([[3, -1], [4, -1]])).tolist() == [0, 1]  # one that dies is left out
    assert unchanged(torch.tensor([[3], [-1]])).isnan().all()
    with pytest.raises(ValueError, match=r"Winners are \(epochs, maps\)"):
        unchanged(torch.tensor([1, 2]))


# ------------------------------------------------------------------------------------------------------------- searching


@pytest.fixture(scope="module")
def world():
    frames = NOISE.integers(0, 256, (70, 3, 73, 73), dtype=np.uint8)
    mean = torch.full((3, 64, 64), 120.0)
    return World("tiny", ["a", "b"], 64, lambda world, split: ImageSet(frames, np.arange(70) % 2, 64), mean=mean)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ZFNet(Architecture(classes=2, image_size=64, width=0.125, fc=(8, 8))).eval()


def test_responses_are_those_of_one_image_at_a_time(net, world):
    indices = [69, 3, *range(66)]  # more than one batch
    found = responses(net, world, indices)
    assert {layer: answer.peaks.shape for layer, answer in found.items()} == {layer: (68, maps) for layer, maps in MAPS.items()}
    assert repr(found["layer1"]) == "Responses(68 images, 12 maps)"
    for place in (0, 1, 5, 67):
        values = activations(net, world.preprocess(world.train[indices[place]][0])[None], LAYERS)
        for layer, one in found.items():
            value = values[layer][0]
            torch.testing.assert_close(one.peaks[place], value.amax((1, 2)), rtol=1e-4, atol=1e-3)
            torch.testing.assert_close(one.means[place], value.mean((1, 2)), rtol=1e-4, atol=1e-3)
            at = value[torch.arange(len(value)), one.rows[place].long(), one.columns[place].long()]
            torch.testing.assert_close(at, value.amax((1, 2)), rtol=1e-4, atol=1e-3)


def test_responses_may_be_those_of_validation_images(net):
    halves = {"train": ImageSet(np.zeros((3, 3, 70, 70), np.uint8), np.zeros(3), 64)}
    halves["val"] = ImageSet(np.full((2, 3, 70, 70), 200, np.uint8), np.zeros(2), 64)
    two = World("two halves", ("one",), 64, lambda _world, split: halves[split], mean=torch.full((3, 64, 64), 100.0))
    dark, bright = (responses(net, two, [1], ["layer1"], split)["layer1"].peaks for split in ("train", "val"))
    torch.testing.assert_close(bright, activations(net, torch.full((1, 3, 64, 64), 100.0), "layer1")["layer1"].amax((2, 3)))
    assert (dark - bright).abs().max() > 1


def test_no_image_unknown_layer_unknown_image(net, world):
    with pytest.raises(ValueError, match="There is no image to look at"):
        responses(net, world, [])
    with pytest.raises(ValueError, match="no layer 'layer9'"):
        responses(net, world, [0], ["layer9"])
    with pytest.raises(IndexError):
        responses(net, world, [70])


@pytest.fixture
def trained(net, world, tmp_path, monkeypatch):
    """A network kept at epochs 1 and 2, in a checkpoint folder and a cache of its own; counts what is searched."""
    folder, calls = tmp_path / "checkpoints" / "tiny", []
    folder.mkdir(parents=True)
    conv = {name: tensor for name, tensor in net.state_dict().items() if name[5] in "12345"}
    files = {"zfnet.safetensors": checkpoints.save_weights(folder / "zfnet.safetensors", net.state_dict() | {"mean": world.mean})}
    for epoch in (1, 2):
        name = checkpoints.epoch_file("zfnet", epoch)
        files[name] = checkpoints.save_weights(folder / name, {key: tensor / epoch for key, tensor in conv.items()})
    card = {"world": "tiny", "classes": ["a", "b"], "architecture": net.architecture.as_dict(), "epochs": 5, "files": files}
    (folder / "zfnet.json").write_text(zfhelpers.experiments.evolution.json.dumps(card))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checkpoints, "checkpoint_dir", lambda: tmp_path / "checkpoints")
    monkeypatch.setattr(checkpoints, "open_world", lambda *_: world)

    def counted(module, world, indices):
        calls.append(list(indices))
        return responses(module, world, indices)

    monkeypatch.setattr(zfhelpers.experiments.evolution, "responses", counted)
    return calls


def test_a_search_is_remembered_for_the_same_weights_and_images_only(trained, net, world):
    first, again = (evolve("tiny", [4, 8, 15], [1, 2]) for _ in range(2))
    assert trained == [[4, 8, 15]] * 2  # once for each epoch
    for epoch in (1, 2):
        for layer in LAYERS:
            for name in ("peaks", "rows", "columns", "means"):
                assert torch.equal(getattr(first[epoch][layer], name), getattr(again[epoch][layer], name))
    assert not torch.equal(first[1]["layer1"].peaks, first[2]["layer1"].peaks)
    evolve("tiny", [4, 8, 16], [2])
    evolve("tiny", [4, 8, 15], [5])  # the network itself, which has no second file
    assert trained[2:] == [[4, 8, 16], [4, 8, 15]]


def test_a_search_is_not_remembered_for_other_images_in_the_same_number(trained, world, monkeypatch):
    before = evolve("tiny", [4, 8], [1])[1]["layer1"].means
    changed = world.train.frames.copy()
    changed[9] //= 2
    monkeypatch.setattr(world, "_open_split", lambda *_: ImageSet(changed, np.arange(70) % 2, 64))
    evolve("tiny", [4, 8], [1])
    assert trained == [[4, 8]], "the images that are searched are the same"
    changed[8] //= 2
    assert not torch.equal(evolve("tiny", [4, 8], [1])[1]["layer1"].means, before)


def test_living_maps_are_drawn_among_those_that_an_image_excites():
    peaks = torch.zeros(3, 6)
    peaks[1, [1, 2, 5]] = 1.0
    nothing = torch.zeros(3, 6)
    found = living({"layer1": Responses(peaks, nothing, nothing, nothing)}, 2, np.random.default_rng(0))
    assert set(found["layer1"]) < {1, 2, 5}
    assert found["layer1"][0] < found["layer1"][1]
    assert living({"layer1": Responses(peaks, nothing, nothing, nothing)}, 9, np.random.default_rng(0))["layer1"].tolist() == [
        1,
        2,
        5,
    ]


def test_projections_are_those_of_each_epochs_own_network_and_strongest_image(trained, world):
    rows = [4, 8, 15]
    grown = evolve("tiny", rows, [1, 2])
    maps, projections, patches, won = projected("tiny", rows, grown, {"layer3": [7, 2]})["layer3"]
    assert maps == [7, 2]
    assert projections.shape[:3] == patches.shape[:3] == (2, 2, 3)
    for column, epoch in enumerate((1, 2)):
        net, data = checkpoints.load("tiny", "zfnet", epoch=epoch)
        assert won[:, column].tolist() == winners(grown[epoch]["layer3"].peaks)[[7, 2]].tolist()
        images = data.preprocess(data.train.images([rows[row] for row in won[:, column]]))
        whole = torch.stack(
            [Deconvnet(net).project(image[None], "layer3", [m])[0] for image, m in zip(images, maps, strict=True)]
        )
        for row in range(2):  # the tile is cut from the projection on the whole image
            assert np.abs(projections[row, column]).max() == pytest.approx(float(whole[row].abs().max()), rel=1e-4)


def test_an_epoch_that_was_not_kept_and_a_network_that_is_not_there(trained):
    with pytest.raises(ValueError, match="The network tiny/zfnet was not kept at epoch 3; it was at 1, 2, 5"):
        evolve("tiny", [0], [1, 3])
    with pytest.raises(FileNotFoundError, match="There is no network tiny/nobody"):
        evolve("tiny", [0], [1], variant="nobody")
    with pytest.raises(ValueError, match="There is no image to look at"):
        evolve("tiny", [], [1])


def test_doctests():
    assert doctest.testmod(zfhelpers.experiments.evolution).failed == 0
