"""Whatever way a branch of a network is computed, in sight or out of it: the projection is autograd's, or it is refused."""

import contextlib
import copy
import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from zfhelpers.deconv import Deconvnet
from zfhelpers.geometry import receptive_field
from zfhelpers.provenance import Constants, nudged, same

EACH = 9  # random networks for each way


@torch.jit.script
def scripted(x):
    return torch.relu(x)


@torch.jit.script
def scripted_in_place(x):
    return x.relu_()


class Rectified(torch.autograd.Function):
    """A ReLU with its own derivative, as an author of a network may write it."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x > 0)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal):
        return signal * ctx.saved_tensors[0]


def in_a_thread(run):
    worker = threading.Thread(target=run)
    worker.start()
    worker.join()


def thread_returns(x):
    out = []
    in_a_thread(lambda: out.append(F.relu(x)))
    return out[0]


def thread_fills(x):
    out = torch.zeros_like(x)
    in_a_thread(lambda: out.copy_(F.relu(x)))
    return out


def thread_fills_data(x):
    out = torch.zeros_like(x)
    in_a_thread(lambda: out.data.copy_(F.relu(x)))
    return out


def thread_fills_numpy(x):
    out = torch.zeros_like(x)
    array = out.numpy()
    in_a_thread(lambda: np.maximum(x.detach().numpy(), 0, out=array))
    return out


def pool_of_threads(x):
    with ThreadPoolExecutor(1) as pool:
        return torch.stack(list(pool.map(F.relu, x.unbind(1))), 1)


def piece_by_piece(x):
    out = torch.empty_like(x)
    for number in range(x.shape[1]):
        out[:, number] = x[:, number].relu()
    return out


def views_filled(x):
    out = torch.zeros_like(x)
    for row, piece in zip(out.unbind(1), x.unbind(1), strict=True):
        row.copy_(piece.relu())
    return out


def data_filled(x):
    out = torch.zeros_like(x)
    out.data.copy_(F.relu(x))
    return out


def data_of_the_signal(x):
    x.data.relu_()
    return x


def by_image(x):
    return torch.stack([image.relu() for image in x])


def out_argument(x):
    out = torch.empty_like(x)
    torch.clamp(x, min=0, out=out)
    return out


def without_functions(x):
    with torch._C.DisableTorchFunction():
        return F.relu(x)


def in_inference_mode(x):
    with torch.inference_mode():
        return F.relu(x)


def in_place_in_inference_mode(x):
    with torch.inference_mode():
        out = x * 1
        return out.relu_()


def pickled(x):
    file = io.BytesIO()
    torch.save(F.relu(x), file)
    file.seek(0)
    return torch.load(file)


def through_storage(x):
    return torch.empty(0, dtype=x.dtype).set_(F.relu(x).untyped_storage(), 0, x.shape, x.stride())


def zeroed_by_mask(x):
    x = x.clone()
    x[x < 0] = 0
    return x


def by_jvp(x):
    return torch.func.jvp(F.relu, (x,), (torch.ones_like(x),))[0]


def kept_as_a_buffer(x):
    holder = nn.Module()
    holder.register_buffer("kept", F.relu(x))
    return holder.kept


def numbers(x):
    return torch.tensor(x.tolist(), dtype=x.dtype).relu()


def compiled(x):
    return torch.compile(F.relu, backend="eager")(x)


WAYS = {
    "plain": F.relu,
    "in place": lambda x: x.relu_(),
    "of aten": torch.ops.aten.relu,
    "overload of aten": torch.ops.aten.relu.default,
    "where": lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
    "mask": lambda x: x * (x > 0),
    "half of the sum": lambda x: (x + x.abs()) / 2,
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "masked fill": lambda x: x.masked_fill(x < 0, 0),
    "zeroed by mask": zeroed_by_mask,
    "scripted function": scripted,
    "scripted in place": lambda x: scripted_in_place(x.clone()),
    "scripted in place on the signal": scripted_in_place,
    "scripted module": torch.jit.script(nn.ReLU()),
    "traced module": torch.jit.trace(nn.ReLU(), torch.randn(2, 2)),
    "fork": lambda x: torch.jit.wait(torch.jit.fork(F.relu, x)),
    "scripted fork": lambda x: torch.jit.wait(torch.jit.fork(scripted, x)),
    "vmap": torch.func.vmap(torch.relu),
    "vmap over channels": torch.func.vmap(torch.relu, in_dims=1, out_dims=1),
    "jvp": by_jvp,
    "dlpack": lambda x: torch.from_dlpack(x).relu(),
    "numpy by dlpack": lambda x: torch.from_numpy(np.maximum(np.from_dlpack(x), 0)),
    "numpy": lambda x: torch.from_numpy(np.maximum(x.numpy(), 0)),
    "numpy function": lambda x: torch.as_tensor(np.maximum(x, 0)),
    "numbers": numbers,
    "parameter": lambda x: nn.Parameter(x, requires_grad=False).relu(),
    "buffer": kept_as_a_buffer,
    "data": lambda x: x.data.relu(),
    "data of the signal": data_of_the_signal,
    "data filled": data_filled,
    "detached": lambda x: x.detach().relu(),
    "subclass": lambda x: x.as_subclass(nn.Parameter).relu(),
    "deep copy": lambda x: copy.deepcopy(x).relu(),
    "pickled": pickled,
    "storage": through_storage,
    "strided": lambda x: x.as_strided(x.shape, x.stride()).relu(),
    "thread": thread_returns,
    "thread fills": thread_fills,
    "thread fills data": thread_fills_data,
    "thread fills numpy": thread_fills_numpy,
    "pool of threads": pool_of_threads,
    "piece by piece": piece_by_piece,
    "views filled": views_filled,
    "image by image": by_image,
    "out argument": out_argument,
    "own autograd function": Rectified.apply,
    "checkpoint": lambda x: checkpoint(F.relu, x, use_reentrant=False),
    "checkpoint, reentrant": lambda x: checkpoint(F.relu, x, use_reentrant=True),
    "without functions": without_functions,
    "inference mode": in_inference_mode,
    "in place in inference mode": in_place_in_inference_mode,
    "compiled": compiled,
    "half and back": lambda x: x.float().relu().to(x.dtype),
    "sparse and back": lambda x: F.relu(x).to_sparse().to_dense(),
    "nested": lambda x: torch.nested.nested_tensor(list(x)).relu().to_padded_tensor(0.0),
}


class Residual(nn.Module):
    """conv, ReLU, one to three blocks x + or | branch(conv(x)), conv; the branch is a ReLU, computed in some way."""

    def __init__(self, seed, branch, in_place=True):
        super().__init__()
        chance = random.Random(seed)
        width, kernel = chance.choice((2, 4)), chance.choice((1, 3))
        self.stem = nn.Conv2d(3, width, 3, stride=chance.choice((1, 2)), padding=1)
        self.inner, self.joins = nn.ModuleList(), []
        for _ in range(chance.randint(1, 3)):
            self.inner.append(nn.Conv2d(width, width, kernel, padding=kernel // 2))
            self.joins.append(chance.choice(("add", "add in place", "beside", "times two")))
            width *= 2 if self.joins[-1] == "beside" else 1
        self.out = nn.Conv2d(width, 3, 3)
        self.in_place = in_place  # autograd cannot differentiate it
        self.branch, self.hidden = branch, chance.randrange(len(self.inner))  # one block has the branch, others a plain ReLU

    def forward(self, x):
        x = F.relu(self.stem(x))
        for number, (inner, join) in enumerate(zip(self.inner, self.joins, strict=True)):
            side = (self.branch if number == self.hidden else F.relu)(inner(x))
            if join == "beside":
                x = torch.cat([side, x], 1)
            else:
                x = x.add_(side) if join == "add in place" and self.in_place else x + side * (2 if join == "times two" else 1)
        return self.out(x)


def by_autograd(net, images, maps):
    """Activation times gradient, one image at a time."""
    pictures = []
    for image, number in zip(images, maps, strict=True):
        pixels = image[None].clone().requires_grad_()
        value = net(pixels)[0, number].max()
        pictures.append(value.detach() * torch.autograd.grad(value, pixels)[0][0])
    return torch.stack(pictures)


def outcome(way, seed):
    """Whether a random network with this branch is refused; its picture is right."""
    torch.manual_seed(seed)
    plain = Residual(seed, F.relu, in_place=False).double().eval()
    net = Residual(seed, WAYS[way]).double().eval()
    net.load_state_dict(plain.state_dict(), strict=False)
    images, maps = torch.randn(1 + seed % 3, 3, 9, 9, dtype=torch.float64), [(seed + k) % 3 for k in range(1 + seed % 3)]
    rule = "gradient" if seed % 2 else "deconvnet"
    expected = by_autograd(plain, images, maps) if rule == "gradient" else Deconvnet(plain).project(images, "out", maps)
    try:
        picture = Deconvnet(net).project(images, "out", maps, rule=rule)
    except (NotImplementedError, ValueError, TypeError):
        return True
    error = float((picture - expected).norm() / expected.norm())
    assert error < (1e-5 if way == "half and back" else 1e-9), f"{way}, {rule}, seed {seed}: off by {error:.2g}"
    return False


FOLLOWED = ("plain", "in place", "data", "detached", "piece by piece", "checkpoint", "zeroed by mask", "half of the sum", "mask")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_the_picture_is_right_or_refused(way):
    refused = [outcome(way, seed) for seed in range(EACH)]
    if way in FOLLOWED[:5]:
        assert not any(refused)
    if way in FOLLOWED:  # what autograd can differentiate, the gradient follows
        assert not any(refused[1::2])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_the_receptive_field_is_right_or_lost(way):
    torch.manual_seed(0)
    for seed in range(3):
        plain, net = Residual(seed, F.relu).eval(), Residual(seed, WAYS[way]).eval()
        expected = receptive_field(plain, "out", 24)
        with contextlib.nullcontext() if way == "plain" else contextlib.suppress(ValueError):
            assert receptive_field(net, "out", 24) == expected


class Scaled(nn.Module):
    """Multiplies by a number that it reads from the image, or decides by the image."""

    def __init__(self, read):
        super().__init__()
        self.read, self.end = read, nn.Identity()

    def forward(self, x):
        return self.end(x * self.read(x))


@pytest.mark.parametrize("read", [lambda x: x.mean().item(), lambda x: float(x.max()), lambda x: x[0, 0, 0].tolist()[0]])
def test_a_number_read_from_the_image_loses_the_field(read):
    with pytest.raises(ValueError, match=r"lost at .*reads (a number|numbers)"):
        receptive_field(Scaled(read), "end", 8)
    assert receptive_field(Scaled(lambda x: 2 if (x > 1).any() else 3), "end", 8).size == 1


class Shifted(nn.Module):
    """x + something; `own` lies in the module."""

    def __init__(self, something):
        super().__init__()
        self.own, self.listed = torch.ones(1, 3, 4, 4), [torch.ones(3, 1, 1)]
        self.register_buffer("kept", torch.ones(3, 1, 1), persistent=False)
        self.something, self.end, self.passes = something, nn.Identity(), 0

    def forward(self, x):
        self.passes += 1
        return self.end(x + self.something(self, x))


@pytest.mark.parametrize(
    ("something", "passes"),
    [
        (lambda net, x: net.own, 1),
        (lambda net, x: net.listed[0] * net.kept, 1),
        (lambda net, x: 2.5, 1),
        (lambda net, x: torch.ones(3, 1, 1), 2),  # who knows where it comes from
        (lambda net, x: torch.zeros_like(x), 2),
        (lambda net, x: torch.rand(3, 1, 1), 2),  # the same in both passes, as long as they start from the same state
        (lambda net, x: torch.from_numpy(np.ones((3, 1, 1), np.float32)), 2),
    ],
)
def test_constants_are_told_by_a_second_pass_where_they_are_unknown(something, passes):
    net, image = Shifted(something).eval(), torch.randn(1, 3, 4, 4)
    picture = Deconvnet(net).project(image, "end", [1], [(2, 3)])
    assert net.passes == passes
    assert picture.count_nonzero() == 1
    receptive_field(net, "end", 4)


def test_a_tensor_of_the_network_that_is_written_into_is_no_constant():
    def by_data(net, x):
        net.kept.data.copy_(x.mean((0, 2, 3)).reshape(3, 1, 1))
        return net.kept

    for something in (by_data, lambda net, x: torch.neg(x, out=net.own)):
        with pytest.raises(NotImplementedError, match=r"cannot go back through"):
            Deconvnet(Shifted(something).eval()).project(torch.randn(1, 3, 4, 4), "end", [1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_nudged_images_differ_everywhere_and_little(dtype):
    for images in (torch.randn(2, 3, 5, 5), torch.zeros(1, 1, 4, 4), torch.full((1, 1, 1, 1), 7.0)):
        other = nudged(images.to(dtype))
        assert other.dtype == dtype
        assert torch.equal(other, nudged(images.to(dtype)))
        assert not same(other, images.to(dtype))
        assert (other - images.to(dtype)).abs().max() < 0.1 * max(1, float(images.abs().max()))


def test_same():
    assert same(torch.ones(2), torch.ones(2))
    assert not any(same(torch.ones(2), other) for other in (torch.zeros(2), torch.ones(3), None))


def test_constants_are_a_modules_own_tensors_until_they_are_written_into():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    known = Constants(net)
    assert all(tensor in known for tensor in (*net.parameters(), *net.buffers()))
    assert net[0].weight.clone() not in known
    with torch.no_grad():
        net[0].weight.zero_()
    assert net[0].weight not in known
    known.spoil(net[1].weight.detach())
    assert net[1].weight not in known
    known.forget([net[1].bias])
    assert net[1].bias not in known
