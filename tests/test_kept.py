"""What a network writes into after it has used it: the way down takes it as it was then, or it is refused."""

import gc
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zfhelpers.deconv import Deconvnet, undisturbed
from zfhelpers.provenance import Kept, Name
from zfhelpers.tape import Tape

SIDE = 6


def double(*shape):
    return torch.randn(*shape, dtype=torch.float64)


CONSTANTS = {  # operation of a signal (N, 3, 6, 6) and a constant, which each time is another one after `write`
    "convolution": (F.conv2d, lambda: double(3, 3, 1, 1)),
    "transposed convolution": (F.conv_transpose2d, lambda: double(3, 3, 1, 1)),
    "linear": (F.linear, lambda: double(SIDE, SIDE)),
    "matrix product": (torch.matmul, lambda: double(SIDE, SIDE)),
    "matrix product, from the left": (lambda x, c: c @ x, lambda: double(SIDE, SIDE)),
    "times": (lambda x, c: x * c, lambda: double(3, 1, 1)),
    "times, from the left": (lambda x, c: c * x, lambda: double(1, 3, 1, 1)),
    "over": (lambda x, c: x / c, lambda: double(3, 1, 1)),
    "in place": (lambda x, c: x.clone().mul_(c), lambda: double(3, 1, 1)),
    "batch norm": (lambda x, c: F.batch_norm(x, c, c.square(), c, c), lambda: double(3)),
    "index": (lambda x, c: x[:, c], lambda: torch.arange(3)),
    "index select": (lambda x, c: torch.index_select(x, 1, c), lambda: torch.arange(3)),
    "end of a slice": (lambda x, c: F.pad(x[:, :, c[0] : c[0] + 4], (0, 0, 1, 1)), lambda: torch.arange(3)),
    "masked": (lambda x, c: x.masked_fill(c, 0), lambda: torch.arange(SIDE) < 2),
    "amount added": (lambda x, c: torch.add(x, x, alpha=c[0].item()), lambda: double(3)),
}
CURVED = {  # for the gradient alone
    "where": (lambda x, c: torch.where(c, x.sin(), x), lambda: torch.arange(SIDE) < 2),
    "prelu": (F.prelu, lambda: double(3)),
    "power": (lambda x, c: (x.abs() + 1) ** c, lambda: double(3, 1, 1)),
    "einsum": (lambda x, c: torch.einsum("nchw,cd->ndhw", x.tanh(), c), lambda: double(3, 3)),
}


def in_a_thread(constant, other):
    worker = threading.Thread(target=lambda: constant.copy_(other))
    worker.start()
    worker.join()


def without_functions(constant, other):
    with torch._C.DisableTorchFunction():
        constant.copy_(other)


def in_inference_mode(constant, other):
    with torch.inference_mode():
        constant.copy_(other)


def item_by_item(constant, other):
    for number in range(len(constant)):
        constant[number] = other[number]


WRITES = {
    "copied into": lambda constant, other: constant.copy_(other),
    "set": lambda constant, other: constant.__setitem__(..., other),
    "item by item": item_by_item,
    "through a view": lambda constant, other: constant.view(-1).copy_(other.reshape(-1)),
    "detached": lambda constant, other: constant.detach().copy_(other),
    "data": lambda constant, other: constant.data.copy_(other),
    "numpy": lambda constant, other: np.copyto(constant.numpy(), other.numpy()),
    "out": lambda constant, other: torch.cat([other], out=constant),
    "of aten": lambda constant, other: torch.ops.aten.copy_(constant, other),
    "many at once": lambda constant, other: torch._foreach_copy_([constant], [other]),
    "inference mode": in_inference_mode,
}
UNSEEN = {"thread": in_a_thread, "without functions": without_functions}


class Rewriting(nn.Module):
    """Two convolutions, and between them twice the same operation, with a constant that is written into after each."""

    def __init__(self, name, write, own=False):
        super().__init__()
        self.operation, make = (CONSTANTS | CURVED)[name]
        self.first, self.last = nn.Conv2d(3, 3, 1).double(), nn.Conv2d(3, 3, 3).double()
        self.write, self.own = write, own
        self.register_buffer("constant", make())

    def forward(self, x, use=lambda constant: constant):
        constant = self.constant if self.own else self.constant.clone()
        values = [constant.clone(), constant.flip(0), constant.roll(1, 0)]
        y = self.first(x)
        for value in values:
            self.write(constant, value)
            y = y + self.operation(y, use(constant))
        self.write(constant, values[0])
        return self.last(y)


def gradient(net, images, *options):
    pictures = []
    for image in images:
        pixels = image[None].clone().requires_grad_()
        value = net(pixels, *options)[0, 1, 1, 2]
        pictures.append(value.detach() * torch.autograd.grad(value, pixels)[0][0])
    return torch.stack(pictures)


def outcome(name, write, rule, own, count):
    """Whether it was refused; else the picture is right."""
    torch.manual_seed(count)
    net, images = Rewriting(name, write, own).eval(), double(count, 3, SIDE, SIDE)
    plain = Rewriting(name, lambda constant, other: constant.copy_(other)).eval()
    plain.load_state_dict(net.state_dict())
    expected = gradient(plain, images, torch.clone)
    try:
        picture = Deconvnet(nn.Sequential(net)).project(images, "0", [1] * count, [(1, 2)] * count, rule=rule)
    except NotImplementedError as error:
        return "written into later, out of sight" in str(error)
    assert (picture - expected).norm() <= 1e-9 * expected.norm(), f"{name}, {rule}, own {own}, {count}"
    return False


@pytest.mark.parametrize("write", WRITES | UNSEEN)
@pytest.mark.parametrize("name", CONSTANTS | CURVED)
def test_a_constant_that_is_written_into_later(name, write):
    for rule in ("deconvnet", "gradient") if name in CONSTANTS else ("gradient",):
        for own in (False, True):
            refused = outcome(name, (WRITES | UNSEEN)[write], rule, own, 1 + own)
            assert not refused or write in UNSEEN


STEPS = {  # of which the gradient needs the input
    "exponent": torch.exp,
    "sigmoid": torch.sigmoid,
    "square": lambda x: x * x,
    "softmax": lambda x: x.softmax(1),
    "silu": F.silu,
    "layer norm": lambda x: F.layer_norm(x, x.shape[2:]),
    "attention": lambda x: x * x.mean((2, 3), keepdim=True),
}
CHANGES = {
    "add": lambda x: x.add_(1),
    "augmented": lambda x: x.__imul__(3),
    "relu": lambda x: x.relu_(),
    "inplace": lambda x: F.relu(x, inplace=True),
    "silu": lambda x: F.silu(x, inplace=True),
    "itself": lambda x: x.add_(x),
}


class Overwritten(nn.Module):
    def __init__(self, step, change):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 3, 1).double(), nn.Conv2d(3, 3, 3).double()
        self.step, self.change = step, change

    def forward(self, x, use=lambda values: values):
        y = self.first(x)
        z = self.step(use(y))
        return self.last(z + self.change(use(y)))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", STEPS)
def test_an_activation_that_is_written_into_later(step, change):
    torch.manual_seed(0)
    net, images = Overwritten(STEPS[step], CHANGES[change]).eval(), double(2, 3, SIDE, SIDE)
    picture = Deconvnet(nn.Sequential(net)).project(images, "0", [1, 1], [(1, 2)] * 2, rule="gradient")
    expected = gradient(net, images, torch.clone)
    assert (picture - expected).norm() <= 1e-9 * expected.norm()


def test_a_constant_that_becomes_the_signal():
    def forward(x):
        scale = torch.full_like(x, 3.0)
        return scale.mul_(x)

    class Net(nn.Module):
        def forward(self, x):
            return forward(x)

    image = double(1, 3, SIDE, SIDE)
    picture = Deconvnet(nn.Sequential(Net())).project(image, "0", [1], [(2, 2)])
    assert picture.count_nonzero() == 1
    assert float(picture[0, 1, 2, 2]) == pytest.approx(9 * float(image[0, 1, 2, 2]))


def test_an_index_in_numpy_that_changes():
    class Net(nn.Module):
        def forward(self, x):
            index = np.array([2, 0, 1])
            y = x[:, index] * 2
            index[:] = 0
            return y

    image = double(1, 3, SIDE, SIDE)
    picture = Deconvnet(nn.Sequential(Net())).project(image, "0", [0], [(1, 1)])
    assert picture[0, :, 1, 1].nonzero().tolist() == [[2]]


def test_nothing_is_copied_unless_it_is_written_into():
    """What the way down needs of an ordinary network is its own memory; what it does not need is not held."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(108, 2)).eval()
    images = torch.randn(1, 3, SIDE, SIDE)
    with undisturbed(net, images.device):
        tape = Tape(images, "4")
        tape.record(net)
    held = [name.held() for names in tape.kept.names.values() for name in names]
    assert {name.data_ptr() for name in held if name is not None} == {net[0].weight.data_ptr(), net[4].weight.data_ptr()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64, torch.bool])
def test_kept(dtype):
    kept, tensor = Kept(), torch.tensor([1, 0]).to(dtype)
    first, second = tensor.detach(), tensor.detach()
    name, other = Name(first), Name(second)
    kept.keep([name])
    assert first.data_ptr() == tensor.data_ptr()
    kept.save([tensor[:1]])
    kept.keep([other])
    tensor.zero_()
    assert first.tolist() == [1, 0]
    assert not name.lost()
    assert other.lost()
    del second
    gc.collect()
    assert not other.lost()
