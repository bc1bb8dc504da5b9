"""Weights on disk: safetensors in half precision, and those after single epochs in one byte a weight where space is short.

>>> filters = torch.tensor([[[[1.27, -0.5]]], [[[0.0, 0.0]]]])
>>> in_steps({"conv.weight": filters})["conv.weight"].tolist()
[[[[127, -50]]], [[[0, 0]]]]
>>> from_steps(in_steps({"conv.weight": filters}))["conv.weight"].equal(filters)
True
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from zfhelpers.files import write_whole

STEP = ".step"


def epoch_file(name: str, epoch: int) -> str:
    """File name of a network's weights at the end of one epoch."""
    return f"{name}-epoch-{epoch:02d}.safetensors"


def save_weights(path: Path, tensors: dict[str, Tensor], coarse: bool = False) -> str:
    """Write tensors in half precision, or `coarse`: in one byte a weight; returns the SHA-256 of the file."""
    kept = {name: tensor.detach().cpu() for name, tensor in tensors.items()}
    kept = in_steps(kept) if coarse else {name: tensor.half() for name, tensor in kept.items()}
    data = safetensors.torch.save({name: tensor.contiguous() for name, tensor in kept.items()})
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def in_steps(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every filter in whole numbers from -127 to 127, and beside it what one of them is worth; tensors of one axis as they are.

    A weight is then off by no more than a 254th of its filter's largest.
    """
    kept = {}
    for name, tensor in tensors.items():
        kept[name] = tensor
        if tensor.ndim > 1:
            step = (tensor.float().abs().amax(tuple(range(1, tensor.ndim)), keepdim=True) / 127).clamp(min=1e-12)
            kept |= {name: (tensor / step).round().to(torch.int8), name + STEP: step}
    return kept


def from_steps(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors from which `in_steps` made these; others are left as they are."""
    steps = {name.removesuffix(STEP): tensor for name, tensor in tensors.items() if name.endswith(STEP)}
    whole = {name: tensor for name, tensor in tensors.items() if not name.endswith(STEP)}
    return {name: tensor * steps[name] if name in steps else tensor for name, tensor in whole.items()}


def sha256(path: Path) -> str:
    """Of a file, as cards name it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a safetensors file as they were written, and its metadata.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or of another kind.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no checkpoint {str(path)!r}.") from None
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{str(path)!r} is damaged, or no safetensors file: {error}.") from None
