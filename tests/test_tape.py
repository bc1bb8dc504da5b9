"""What of a tensor leaves torch is refused where it leaves, by whatever function or method."""

import contextlib
import itertools

import pytest
import torch
from torch import Tensor, nn

from zfhelpers.deconv import Deconvnet
from zfhelpers.provenance import leaves
from zfhelpers.tape import Tape

PAIRS = {  # tensors that differ in their values alone
    "one number": (torch.tensor(1.5), torch.tensor(2.5)),
    "numbers": (torch.tensor([1.5, 0.0]), torch.tensor([2.5, 3.0])),
    "one whole number": (torch.tensor(1), torch.tensor(2)),
    "whole numbers": (torch.tensor([0, 1]), torch.tensor([3, 0])),
    "truth": (torch.tensor(True), torch.tensor(False)),
    "matrix": (torch.eye(2), torch.ones(2, 2)),
}
NO_READING = {"__class__", "__hash__", "__dir__", "__init_subclass__", "__subclasshook__", "__sizeof__", "__del__", "backward"}
NO_READING |= {"__dict__", "__weakref__", "__reduce__", "__reduce_ex__", "_cdata", "data_ptr", "const_data_ptr", "share_memory_"}


ARGUMENTS = (lambda tensor: (), lambda tensor: (tensor,), lambda tensor: (0,), lambda tensor: ("",))


def read(tensor, name, arguments):
    """What a method or attribute gives that is no tensor."""
    value = getattr(tensor, name)
    value = value(*arguments(tensor)) if callable(value) else value
    return [leaf for leaf in leaves(value) if not isinstance(leaf, Tensor)]


def readings():
    """Every way by which two tensors that differ in their values alone give something different in Python."""
    for kind, name, arguments in itertools.product(PAIRS, sorted(set(dir(Tensor)) - NO_READING), ARGUMENTS):
        with contextlib.suppress(Exception):
            first, second = (read(tensor.clone(), name, arguments) for tensor in PAIRS[kind])
            if repr(first) != repr(second) and " at 0x" not in repr(first):
                yield PAIRS[kind][0], name, arguments, first


@pytest.mark.filterwarnings("ignore")
def test_every_reading_of_a_tensor_is_refused_or_decides():
    found = list(readings())
    names = {name for _, name, *_ in found}
    assert {"item", "tolist", "numpy", "__repr__", "__str__", "__format__", "__float__", "__index__", "__bool__"} <= names
    for tensor, name, arguments, value in found:
        image, tape = tensor.clone(), Tape(torch.ones(1, 1, 1, 1), "x")
        tape.numbers[image] = (0, image._version)
        decides = name in ("__bool__", "__nonzero__", "is_nonzero", "__contains__", "equal", "allclose")
        assert not decides or isinstance(value[0], bool)
        with tape, contextlib.nullcontext() if decides else pytest.raises(NotImplementedError, match="come back as a constant"):
            read(image, name, arguments)


READ = {
    "format": lambda x: float(f"{x.mean()}"),
    "format, rounded": lambda x: float(f"{x.mean():.4f}"),
    "repr": lambda x: float(repr(x.mean()).split("(")[1].split(",")[0]),
    "str": lambda x: float(str(x.mean()).split("(")[1].split(",")[0]),
    "percent": lambda x: float(("%r" % x.mean()).split("(")[1].split(",")[0]),  # noqa: UP031
    "item of aten": lambda x: torch.ops.aten.item(x.mean()),
    "scalar of aten": lambda x: torch.ops.aten._local_scalar_dense.default(x.mean()),
}


@pytest.mark.parametrize("name", READ)
def test_a_number_read_by_printing_is_no_constant(name):
    class Net(nn.Module):
        def forward(self, x):
            return x * READ[name](x)

    with pytest.raises(NotImplementedError, match="could come back as a constant"):
        Deconvnet(nn.Sequential(Net())).project(torch.randn(1, 3, 4, 4), "0", [0], rule="gradient")


def test_the_type_of_a_tensor_is_no_reading():
    class Net(nn.Module):
        def forward(self, x):
            assert x.type() == "torch.FloatTensor"
            return x * 2

    Deconvnet(nn.Sequential(Net())).project(torch.randn(1, 3, 4, 4), "0", [0])
