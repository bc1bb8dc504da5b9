"""Weights on disk: safetensors in half precision, and the state after single epochs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from zfhelpers.files import write_whole


def epoch_file(name: str, epoch: int) -> str:
    """File name of a network's weights at the end of one epoch."""
    return f"{name}-epoch-{epoch:02d}.safetensors"


def save_weights(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write tensors in half precision; returns the SHA-256 of the file."""
    data = safetensors.torch.save({name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()})
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


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
