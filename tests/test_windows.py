"""Windowed batches against the same batches written out, on three hundred random networks, and where windows must give up."""

import pytest
import torch
import torchvision
from torch import nn

from zfhelpers import occlusion
from zfhelpers.model import ContrastNorm
from zfhelpers.occlusion import occlusion_maps
from zfhelpers.windows import MOST, Unfollowed, Windowed, whole

NETWORKS = 300


class Branches(nn.Module):
    """Two ways through, added, written into each other, or joined as further maps."""

    def __init__(self, ways, join):
        super().__init__()
        self.ways, self.join = nn.ModuleList(ways), join

    def forward(self, x):
        made = [way(x) for way in self.ways]
        if self.join == "cat":
            return torch.cat(made, 1)
        if self.join == "+=":
            made[0] += made[1]
            return made[0]
        return made[0] + 0.5 * made[1]


class Shuffle(nn.Module):
    """Halves of the maps exchanged, one of them changed: split, slice and join along the maps."""

    def forward(self, x):
        first, second = x.chunk(2, dim=1)
        return torch.cat([second[:, 1:], first.abs(), second[:, :1]], 1)


def random_network(seed: int) -> tuple[nn.Module, tuple[int, int], torch.Generator]:
    """Layers of every kind that windows follow, with random settings, and a random size of image that goes through them."""
    rng = torch.Generator().manual_seed(seed)

    def pick(*options):
        return options[int(torch.randint(len(options), (), generator=rng))]

    def slide():
        kernel = pick(1, 2, 3, 5, (3, 1), (2, 4))
        return kernel, pick(1, 1, 2, 3, (1, 2))

    maps, layers = 3, []
    for _ in range(pick(3, 5, 7)):
        kind = pick("conv", "conv", "conv", "max", "mean", "norm", "batch", "relu", "pad", "branches", "shuffle", "lrn", "swish")
        if kind == "conv":
            (kernel, stride), wide = slide(), pick(4, 6, 8)
            groups = pick(1, 1, 2) if maps % 2 == 0 else 1
            padding, dilation = pick(0, 0, 1, 2, (1, 0)), pick(1, 1, 2)
            layers += [
                nn.Conv2d(maps, wide, kernel, stride, padding, dilation, groups, bias=pick(True, False)),
                nn.ReLU(pick(True, False)),
            ]
            maps = wide
        elif kind == "max":
            layers.append(nn.MaxPool2d(pick(2, 3), pick(1, 2, 3), pick(0, 1), pick(1, 2), ceil_mode=pick(True, False)))
        elif kind == "mean":
            layers.append(
                nn.AvgPool2d(pick(2, 3), pick(1, 2), pick(0, 1), ceil_mode=pick(True, False), count_include_pad=pick(True, False))
            )
        elif kind == "branches":
            other = nn.Sequential(nn.Conv2d(maps, maps, 3, padding=1), nn.Tanh())
            join = pick("cat", "+", "+=")
            layers.append(Branches([nn.Conv2d(maps, maps, pick(1, 3, 5), padding="same"), other], join))
            maps *= 2 if join == "cat" else 1
        elif kind == "shuffle":
            layers += [Shuffle()] if maps % 2 == 0 else []
        else:
            made = {
                "norm": ContrastNorm,
                "batch": lambda m=maps: nn.BatchNorm2d(m),
                "relu": lambda: nn.ReLU(True),
                "swish": lambda: nn.Hardswish(True),
                "pad": lambda: nn.ZeroPad2d(pick(1, (0, 2, 1, 0))),
                "lrn": lambda: nn.LocalResponseNorm(3, alpha=0.5),
            }
            layers.append(made[kind]())
    torch.manual_seed(seed)
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(pick(1, 2)), nn.Flatten(), nn.LazyLinear(5)).eval()
    sides = pick(40, 47), pick(40, 52)
    return net, sides, rng


def alive(net: nn.Module, sides: tuple[int, int]) -> bool:
    """Whether such an image goes through, and the net says something of it; random statistics for its normalisation."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(), part.running_var.uniform_(0.5, 2)
    try:
        with torch.no_grad():
            net(torch.randn(1, 3, *sides))
    except RuntimeError:  # maps too small for a kernel
        return False
    return True


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_windows_equal_whole_images(seed):
    number = seed
    net, sides, rng = random_network(number)
    while not alive(net, sides):
        number += NETWORKS
        net, sides, rng = random_network(number)
    image = torch.randn(1, 3, *sides, generator=rng).contiguous(
        memory_format=[torch.channels_last, torch.contiguous_format][seed % 2]
    )
    high, wide = (int(torch.randint(1, 16, (), generator=rng)) for _ in range(2))
    top, left = (torch.randint(0, side - span + 1, (6,), generator=rng) for side, span in zip(sides, (high, wide), strict=True))
    top[:2], left[:2] = torch.tensor([0, sides[0] - high]), torch.tensor([sides[1] - wide, 0])  # two corners always
    patch = 3 * torch.randn(6, 3, high, wide, generator=rng)
    with torch.no_grad():
        batch = image.repeat(6, 1, 1, 1)
        for row in range(6):
            batch[row, :, top[row] : top[row] + high, left[row] : left[row] + wide] = patch[row]
        expected = net(batch.clone())
        found = net(Windowed(image.clone(), patch, top, left))
    scale = expected.abs().max() + 1e-6
    torch.testing.assert_close(found / scale, expected / scale, atol=1e-5, rtol=0)


def test_random_networks_differ_and_windows_matter():
    """The comparison proves something: most networks hear of the window, and few are written out at once."""
    heard, kept = 0, 0
    for seed in range(60):
        net, sides, rng = random_network(seed)
        if not alive(net, sides):
            continue
        image, patch = torch.randn(1, 3, *sides, generator=rng), torch.zeros(2, 3, 8, 8)
        caught = []
        net[0].register_forward_hook(lambda _m, _i, output, caught=caught: caught.append(output))
        with torch.no_grad():
            answer = net(Windowed(image, patch, torch.tensor([3, 20]), torch.tensor([9, 24])))
        heard += bool((answer[0] - answer[1]).abs().max() > 1e-6)
        kept += isinstance(caught[0], Windowed)
    assert heard > 40
    assert kept > 40


def test_written_out_equals_pasting():
    image, patch = torch.randn(1, 2, 7, 9), torch.randn(3, 2, 3, 4)
    top, left = torch.tensor([0, 4, 2]), torch.tensor([5, 0, 1])
    expected = image.repeat(3, 1, 1, 1)
    for row in range(3):
        expected[row, :, top[row] : top[row] + 3, left[row] : left[row] + 4] = patch[row]
    assert torch.equal(whole(Windowed(image, patch, top, left)), expected)


def test_what_a_pool_does_not_know_is_not_made_up():
    pool = nn.MaxPool2d(2, return_indices=True)
    with torch.no_grad():
        values, places = pool(
            Windowed(torch.randn(1, 1, 16, 16), torch.zeros(2, 1, 3, 3), torch.tensor([1, 2]), torch.tensor([3, 4]))
        )
        with pytest.raises(Unfollowed):
            nn.MaxUnpool2d(2)(values, places)


class Places(nn.Module):
    """A network that windows cannot follow: it asks a pool where its maxima lay."""

    def forward(self, x):
        values, places = nn.functional.max_pool2d(x, 4, return_indices=True)
        return torch.stack([values.mean((1, 2, 3)), places.float().mean((1, 2, 3))], 1)


class Wrong(nn.Module):
    """A network whose answers differ between windows and whole images, as a fault of ours would make them differ."""

    def forward(self, x):
        return (x.mean((2, 3)) if not isinstance(x, Windowed) else x.clean.mean((2, 3)).expand(len(x), -1)) * 10


@pytest.mark.parametrize("net", [Places(), Wrong()])
def test_a_network_that_windows_cannot_follow_is_run_as_a_whole(net):
    net = nn.Sequential(nn.Identity(), net)
    image = torch.randn(3, 32, 32)
    by_default = occlusion_maps(net, image, "0", 8, 6)
    plainly = occlusion_maps(net, image, "0", 8, 6, windows=False)
    assert torch.equal(by_default.probabilities, plainly.probabilities)
    assert plainly.probabilities.std() > 1e-3


@pytest.mark.parametrize(
    "name", ["alexnet", "resnet18", "googlenet", "mobilenet_v3_small", "shufflenet_v2_x0_5", "densenet121", "convnext_tiny"]
)
def test_torchvisions_networks_answer_alike(name):
    torch.manual_seed(0)
    options = {"init_weights": False} if name == "googlenet" else {}
    net = getattr(torchvision.models, name)(weights=None, **options).eval()
    image, layer = torch.randn(3, 96, 96), next(iter(dict(net.named_children())))
    maps = [occlusion_maps(net, image, layer, 20, 19, windows=windows) for windows in (True, False)]
    torch.testing.assert_close(maps[0].probabilities, maps[1].probabilities, atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(maps[0].sums[layer], maps[1].sums[layer], atol=1e-3, rtol=1e-4)


def test_the_users_image_and_network_stay_as_they_were():
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(3))
    image = torch.randn(3, 24, 24)
    before = image.clone()
    occlusion_maps(net, image, "1", 6, 3)
    assert torch.equal(image, before)
    assert net.training
    assert not any(part._forward_hooks for part in net.modules())


def test_bfloat16_stays_within_a_hundredth(listening):
    net, image = listening(0.25), 80 * torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(3))
    exact, rough = (occlusion_maps(net, image, "layer5", 14, 10, precision=precision) for precision in (None, "bfloat16"))
    assert 0 < (exact.probabilities - rough.probabilities).abs().max() < 0.01
    assert rough.sums["layer5"].dtype == torch.float32
    with pytest.raises(ValueError, match="precision must be 'bfloat16' or None, not 'half'"):
        occlusion_maps(net, image, "layer5", 14, 10, precision="half")


class Hungry(nn.Module):
    """Has no memory for more than some images at once."""

    def __init__(self, most):
        super().__init__()
        self.most, self.seen, self.input = most, [], nn.Identity()

    def forward(self, x):
        self.seen.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.input(x).mean((2, 3))


def test_auto_halves_the_batch_when_memory_runs_out():
    net = Hungry(5)
    maps = occlusion_maps(net, torch.randn(3, 32, 32), "input", 8, 2)
    assert maps.probabilities.shape == (13, 13, 3)
    assert 4 in net.seen
    assert max(net.seen) == 64
    with pytest.raises(torch.OutOfMemoryError):
        occlusion_maps(Hungry(5), torch.randn(3, 32, 32), "input", 8, 2, batch_size=64)


def test_a_square_that_is_most_of_the_image_needs_no_windows(monkeypatch):
    monkeypatch.setattr(occlusion, "_windowed", lambda *_: pytest.fail("windows were used"))
    side = int(32 * MOST**0.5) + 1
    occlusion_maps(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.LazyLinear(2)), torch.randn(3, 32, 32), "0", side, 1)
