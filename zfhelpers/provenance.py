"""Which tensors of a forward pass do not depend on the images.

A `Tape` and `receptive_field` watch a forward pass operation by operation. What TorchScript, another thread or another library
computes they cannot watch, and a tensor that comes from there looks like a constant. So only the network's own tensors, which
were there before, are taken for constants (`Constants`). Of every other one the forward pass, run once more on slightly other
images, tells by its values whether it is one (`nudged`, `same`). A constant need not stay one: `Kept` holds what it was.

    >>> net = torch.nn.Conv2d(3, 8, 3)
    >>> known = Constants(net)
    >>> net.weight in known, torch.ones(3) in known
    (True, False)
    >>> with torch.no_grad():
    ...     _ = net.weight.mul_(2)
    >>> net.weight in known  # written into since
    False
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

NUDGE = 0.01  # of the images' root mean square: small enough to keep to the same side of most `if`s

NESTED = (dict, list, tuple)

_OF_EVERY_MODULE = set(vars(nn.Module()))  # attributes that keep the books


class Constants:
    """The tensors that a module holds, parameters, buffers and others, as long as nobody writes into them."""

    def __init__(self, module: nn.Module):
        self.versions: dict[int, tuple[Tensor, int]] = {}  # by identity, for which they are kept alive
        self.spoilt: set[int] = set()  # addresses of memory into which something of the images was written
        others = [value for part in module.modules() for name, value in vars(part).items() if name not in _OF_EVERY_MODULE]
        self.add([*module.parameters(), *module.buffers(), *tensors_in(others)])

    def __contains__(self, tensor: Tensor) -> bool:
        """Whether it is one of them, and unchanged since."""
        known = self.versions.get(id(tensor))
        return known is not None and known[1] == version(tensor) and (not self.spoilt or address(tensor) not in self.spoilt)

    def add(self, tensors: Iterable[Tensor]) -> None:
        """These were made, in sight, of nothing but constants."""
        for tensor in tensors:
            if not is_lazy(tensor):  # of a lazy module, which makes it at its first call
                self.versions[id(tensor)] = tensor, version(tensor)

    def forget(self, tensors: Iterable[Tensor]) -> None:
        """These may change unseen: their memory was handed out."""
        for tensor in tensors:
            self.versions.pop(id(tensor), None)

    def spoil(self, tensor: Tensor) -> None:
        """Something of the images was written into this tensor, so into all that share its memory."""
        self.spoilt.add(address(tensor))


class Name:
    """A second name for a tensor's memory, as long as somebody holds it, and what version it had when it was given."""

    def __init__(self, tensor: Tensor):
        self.held = weakref.ref(tensor)
        self.version: int | None = version(tensor)  # counted together with the first name; None: it has memory of its own

    def save(self) -> None:
        """Gives it memory of its own."""
        tensor, self.version = self.held(), None
        if tensor is not None:
            with torch.inference_mode(tensor.is_inference()):
                tensor.data = tensor.clone()

    def lost(self) -> bool:
        """Whether somebody has written into its memory."""
        tensor = self.held()
        return tensor is not None and self.version is not None and version(tensor) != self.version


class Kept:
    """Names of tensors that will be needed as they are now, though a network may write into them later.

    Nothing is copied until something is about to be written into their memory in sight. What is written out of sight can only be
    noticed (`Name.lost`); where torch does not count it, through an array that was made before of the same memory, not even that.

    >>> kept, weight = Kept(), torch.ones(2)
    >>> as_now = weight.detach()
    >>> kept.keep([Name(as_now)])
    >>> kept.save([weight])
    >>> weight.zero_(), as_now
    (tensor([0., 0.]), tensor([1., 1.]))
    """

    def __init__(self):
        self.names: dict[int, list[Name]] = {}  # by the address of their memory

    def keep(self, names: Iterable[Name]) -> None:
        """From now on these are saved."""
        for name in names:
            tensor = name.held()
            if tensor is not None and name.version is not None:
                self.names.setdefault(address(tensor), []).append(name)

    def save(self, tensors: Iterable[Tensor]) -> None:
        """To be called before something is written into these, or anything that shares memory with them."""
        for tensor in tensors if self.names else ():
            for name in self.names.pop(address(tensor), ()):
                name.save()


def may_write(func: Callable, kwargs: dict, given: list[object]) -> bool:
    """Whether a call may write into what it is given, as far as its name and its options tell."""
    name = getattr(func, "__name__", "")
    in_place = (name.endswith("_") and not name.endswith("__")) or name == "__setitem__" or name.startswith("__i")
    return in_place or "out" in kwargs or any(leaf is True for leaf in given)


def version(tensor: Tensor) -> int:
    """How often a tensor was written into; -1 for those of inference mode, which do not count."""
    return -1 if tensor.is_inference() else tensor._version


def address(tensor: Tensor) -> int:
    """Where its memory begins, the same for all views of it; 0 if it has none of its own."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # sparse, or a wrapper
        return 0


def written_by(func, args: tuple, kwargs: dict) -> list[Tensor]:
    """The tensors into which one of torch's inner operations writes values, by its schema."""
    if torch.Tag.inplace_view in func.tags:  # it writes another shape, and leaves the values alone
        return []
    arguments = func._schema.arguments
    given = [*zip(arguments, args, strict=False), *((argument, kwargs.get(argument.name)) for argument in arguments)]
    return tensors_in([value for argument, value in given if argument.alias_info is not None and argument.alias_info.is_write])


def leaves(value: object) -> list[object]:
    """What lists, tuples and dictionaries hold, however nested."""
    found: list[object] = []
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, NESTED):
            waiting.extend(reversed(value.values() if isinstance(value, dict) else value))
        else:
            found.append(value)
    return found


def tensors_in(value: object) -> list[Tensor]:
    """The tensors among them, in order."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, Tensor)]


def nudged(images: Tensor) -> Tensor:
    """The same images with a little noise on every pixel, always the same noise.

    Args:
        images: (N, C, H, W) float.

    Returns:
        (N, C, H, W), of the same dtype and on the same device.
    """
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).to(images)
    size = float(images.float().square().mean().sqrt())
    return images + NUDGE * (size or 1.0) * noise


def same(first: Tensor | None, second: Tensor | None) -> bool:
    """Whether two tensors agree in every value."""
    try:
        return first is not None and second is not None and torch.equal(first, second)
    except (RuntimeError, NotImplementedError):  # of a kind that cannot be compared
        return False
