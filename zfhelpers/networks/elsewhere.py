"""Networks trained elsewhere: torchvision's, by name, and a reader's own, by the function that makes it.

    torchvision:squeezenet1_1        any classification network of torchvision, with the weights that it calls its default
    PATH/file.py:function            what a function returns: a network, or (network, {"classes": [...], ...}), see `OWN`

Weights come from torchvision's own loader, which checks the hash of what it fetches and keeps it in `TORCH_HOME`. Of a file that
lies there already only tensors are read; a program in it is refused.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import torch
from torch import nn

from zfhelpers.files import show_progress
from zfhelpers.model import ZFNet
from zfhelpers.networks.named import Named
from zfhelpers.networks.names import TORCHVISION, kind_of, split_own
from zfhelpers.networks.redrawn import copied, redraw
from zfhelpers.worlds.preprocessing import Preprocessing

OWN = ("image_size", "frame_size", "mean", "std", "resampling", "preprocessing", "classes", "layers")  # what a function may say

# Which modules the paper's layers are. `named` has a rule for all other networks, and it chooses the same here.
LAYERS: dict[str, list[str]] = {
    "alexnet": ["features.1", "features.4", "features.7", "features.9", "features.11", "classifier.2", "classifier.5"],
    "vgg16": ["features.3", "features.8", "features.15", "features.22", "features.29", "classifier.1", "classifier.4"],
    "squeezenet1_1": ["features.1", "features.4", "features.7", "features.11", "features.12"],
    "resnet18": ["relu", "layer1.1", "layer2.1", "layer3.1", "layer4.1"],
    "googlenet": ["conv1", "conv3", "inception3b", "inception4e", "inception5b"],
}


def load_elsewhere(network: str) -> tuple[Named, Preprocessing]:
    """A network that was trained elsewhere, in evaluation mode, and what it takes.

    Args:
        network: "torchvision:NAME" or "PATH/file.py:function". The file is run, so let it be one that you trust.

    Raises:
        ValueError: torchvision has no such network, or no weights for it; the file has no such function, fails, or returns
            something else; a network that gives no class vector, or has no such layers.
        FileNotFoundError: there is no such file; or the weights are neither here nor to be fetched.
    """
    if kind_of(network) == "torchvision":
        return _of_torchvision(network.removeprefix(TORCHVISION))
    return _own(*split_own(network))


def untrained(module: nn.Module, seed: int = 0) -> nn.Module:
    """A network of the same structure with random weights, in evaluation mode.

    A `ZFNet` draws its weights as the paper does, and a network of torchvision as torchvision does. Of any other network every
    part begins as torch has it, but convolutions and linear layers as He and others (2015, arXiv 1502.01852) do for ReLUs: with
    torch's own start the signal dies out within a dozen layers, and all images look the same at the top.

    Buffers that no `reset_parameters` draws are taken for constants and stay as they are, those of a FrozenBatchNorm2d too.

    Raises:
        ValueError: a part has weights of its own and does not say how to draw them (`reset_parameters`), or not all of them, as
            under weight_norm, spectral_norm and prune; a network that cannot be copied.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        if isinstance(module, ZFNet):
            return ZFNet(module.architecture).eval()
        if isinstance(module, Named) and module.build:
            return Named(module.build(), module.image_size, module.layers, module.classes).eval()
        blank, parts = copied(module), {}
        for name, part in blank.named_modules():
            weights, can = list(part.parameters(recurse=False)), hasattr(part, "reset_parameters")
            if weights and not can:
                kind = type(part).__name__
                raise ValueError(f"{name!r}, a {kind}, does not say how to draw its weights: it has no reset_parameters.")
            if weights or (can and list(part.buffers(recurse=False))):  # batch normalisation without weights still has statistics
                parts[name] = part
        redraw(parts, _begin)
        return blank.eval()


def _begin(part: nn.Module) -> None:
    """Weights as torch draws them, but those of convolutions and linear layers as He and others do."""
    part.reset_parameters()
    if isinstance(part, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        if part.bias is not None:
            nn.init.zeros_(part.bias)


def _of_torchvision(name: str) -> tuple[Named, Preprocessing]:
    import torchvision
    from torchvision.models import get_model, get_model_weights, list_models

    there = list_models(module=torchvision.models)
    if name not in there:
        near = difflib.get_close_matches(name, there, n=3) or ["alexnet", "vgg16", "resnet18"]
        raise ValueError(f"torchvision has no classification network {name!r}; it has {', '.join(near)} and others.")
    weights = list(get_model_weights(name))
    if not weights:
        raise ValueError(f"torchvision has no trained weights for {name!r}; choose another network.")
    chosen = get_model_weights(name).DEFAULT
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
    try:
        with _tensors_alone():
            network = get_model(name, weights=chosen, progress=show_progress())
    except (URLError, OSError) as error:
        reason = str(getattr(error, "reason", error)).rstrip(".")
        raise FileNotFoundError(
            f"The weights of {name} are not in {str(file.parent)!r} and could not be fetched ({reason}); put {file.name} there, "
            "or set TORCH_HOME to where torchvision's weights lie."
        ) from None
    except Exception as error:  # readers of damaged files raise nearly everything; what they say belongs to the file
        first = str(error).partition("\n")[0].rstrip(".:")
        raise ValueError(f"The weights of {name} could not be loaded ({first}); remove {str(file)!r} and try again.") from None
    preprocessing = _from_preset(chosen.transforms())
    paths = LAYERS.get(name)
    layers = None if paths is None else {f"layer{number}": path for number, path in enumerate(paths, start=1)}
    named = Named(network, preprocessing.image_size, layers, chosen.meta["categories"]).eval()
    plain = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    named.build = lambda: get_model(name, weights=None, **plain)
    return named, preprocessing


@contextmanager
def _tensors_alone() -> Iterator[None]:
    """Lets torch read tensors and nothing else: a file of weights may hold a program, and torchvision's loader would run it."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name) if before is None else os.environ.update({name: before})


def _from_preset(preset: object) -> Preprocessing:
    """What torchvision's `ImageClassification` does, which `weights.transforms()` returns."""
    try:
        return Preprocessing(preset.crop_size[0], preset.resize_size[0], preset.mean, preset.std, preset.interpolation.value)
    except (AttributeError, TypeError, LookupError):
        what = type(preset).__name__
        raise ValueError(
            f'"preprocessing" is what the transforms() of weights of torchvision return, not a {what}; say image_size, mean and '
            "std instead."
        ) from None


def _own(path: Path, function: str) -> tuple[Named, Preprocessing]:
    built, called = _function(path, function), f"{path}:{function}"
    try:
        returned = built()
    except Exception as error:
        raise ValueError(f"{called} failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}") from error
    network, said = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, {})
    if not isinstance(network, nn.Module) or not isinstance(said, dict):
        given = " and ".join(type(each).__name__ for each in (returned if isinstance(returned, tuple) else (returned,)))
        raise ValueError(f"{called} must return a torch.nn.Module, or one and a dictionary, not {given}.")
    if unknown := set(said) - set(OWN):
        raise ValueError(f"{called} says {min(unknown)!r} of its network; what can be said is {', '.join(OWN)}.")
    said = dict(said)
    classes, layers, preset = (said.pop(name, None) for name in ("classes", "layers", "preprocessing"))
    try:
        preprocessing = Preprocessing(**_with_frame(said)) if preset is None else _from_preset(preset)
        return Named(network, preprocessing.image_size, layers, classes).eval(), preprocessing
    except ValueError as error:
        raise ValueError(f"{called}: {error}") from None


def _with_frame(said: dict) -> dict:
    """Where the size of the crop alone is said, the frame is larger as in the paper: 256 to 224."""
    if isinstance(size := said.get("image_size"), int) and "frame_size" not in said:
        return said | {"frame_size": round(size * 256 / 224)}
    return said


def _function(path: Path, function: str) -> Callable[[], object]:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r} to take a network from.")
    spec = importlib.util.spec_from_file_location(f"network_of_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a class of the file can then be copied
    beside = str(path.absolute().parent)
    sys.path.insert(0, beside)  # as if the file were run where it lies
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{str(path)!r} cannot be run: {type(error).__name__}: {str(error).partition(chr(10))[0]}") from error
    finally:
        sys.path.remove(beside)
    found = getattr(module, function, None)
    if not callable(found):
        own = [name for name, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == spec.name]
        raise ValueError(f"{str(path)!r} has no function {function!r}; it has {', '.join(own) or 'none'}.")
    return found
