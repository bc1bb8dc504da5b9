"""What tells one network's layers from another's, for a cache: what they are made of, and what they make of a few images.

Weights and how a network is printed do not tell all: a plain attribute may be another, or the code of `forward`, or a name may
mean another module. So the layer is run, and a sketch of its values belongs to the digest.

    >>> values = torch.randn(2, 8, 5, 5)
    >>> sketch(values) == sketch(values * (1 + 1e-9)), sketch(values) == sketch(values * 1.01)
    (True, False)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfhelpers.hooks import recording

SUMS = 16  # numbers that stand for all: few, for each of them may fall on the border where rounding flips
DECIMALS = 4  # of the values' Euclidean norm: less than half precision keeps, and a thousand times what single precision rounds


def digests(module: nn.Module, images: Tensor, layers: str | Iterable[str]) -> dict[str, str]:
    """A hash of all that a network's layers depend on: structure, parameters, buffers, where the layer lies, what it puts out.

    One forward pass. Networks that differ in nothing but code or plain attributes, and there in nothing that these images
    show by more than rounding, have one digest.

    Args:
        module: any network; it is left exactly as it was.
        images: (N, C, H, W) float, as `hooks.activations` takes them; always as many, for with their number the rounding changes.
        layers: dotted module names.

    Returns:
        {layer: 32 hexadecimal digits}.

    Raises:
        ValueError, TypeError: whatever `hooks.recording` refuses but NaN.
    """
    whole = hashlib.blake2b(repr(module).encode(), digest_size=16)  # which has the strides, that no weight tells
    for name, value in (module.state_dict() | dict(module.named_buffers())).items():  # a state leaves some buffers out
        whole.update(name.encode())
        if isinstance(value, Tensor):
            add(whole, value)
        else:
            whole.update(repr(value).encode())
    with recording(module, layers, read=sketch, finite=False, beyond=False) as forward:
        found = forward(images)[1]
    each = {}
    for layer, said in found.items():
        (mine := whole.copy()).update(f"{layer} {said}".encode())
        each[layer] = mine.hexdigest()
    return each


def add(digest, value: Tensor) -> None:
    """Let shape, type and every bit of a tensor count in a digest of `hashlib`."""
    digest.update(f"{value.dtype} {tuple(value.shape)}".encode())
    digest.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy())


def sketch(values: Tensor) -> str:
    """A few numbers that change when values do by more than rounding, and hardly ever otherwise.

    The Euclidean norm, and, over it, sums of the values under random signs, the same at every call.

    Args:
        values: of any shape.
    """
    flat = values.detach().cpu().double().flatten()
    signs = torch.randint(2, flat.shape, generator=torch.Generator().manual_seed(0), dtype=torch.int8)
    signed = torch.where(signs.bool(), flat, -flat)
    sums = F.pad(signed, (0, -len(flat) % SUMS)).reshape(-1, SUMS).sum(0)
    norm = flat.norm()
    shares = [round(share, DECIMALS) + 0.0 for share in (sums / norm).nan_to_num().tolist()]  # -0.0 is 0.0
    return f"{tuple(values.shape)} {norm:.{DECIMALS}e} {shares}"
