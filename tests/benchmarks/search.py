"""The search for the nine strongest activations of every map of five layers, against zennit-crp and a bare forward pass."""

from __future__ import annotations

import contextlib
import io
import tempfile

import torch
from networks import image, network
from timing import Row, alternate
from torch import nn

from zfhelpers import top_activations

LAYERS = [f"layer{number}" for number in range(1, 6)]
AT_ONCE = 64


class Images(torch.utils.data.Dataset):
    """Images with labels, one at a time."""

    def __init__(self, count: int):
        self.pictures = image(count=count)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.pictures[index].clone(), 0


def jobs(repeats: int, images: int = 200):
    """The row of the table."""
    net, data = network("zfnet"), Images(images)
    found, theirs = top_activations(net, data, LAYERS, batch_size=AT_ONCE), crp(net, data)
    apart = max(float((found[layer].values - theirs[layer]).abs().max() / theirs[layer].abs().max()) for layer in LAYERS)
    ways = {
        "ours": lambda: top_activations(net, data, LAYERS, batch_size=AT_ONCE),
        "zennit-crp": lambda: crp(net, data),
        "the bare forward pass": lambda: bare(net, data, torch.contiguous_format),
        "the bare forward pass, channels last": lambda: bare(net, data, torch.channels_last),
    }
    note = f"{images} images, all maps of five layers at once; zennit-crp finds relevances in the same search"
    yield Row("search for the strongest nine, zfnet, 224 px", alternate(ways, repeats, warm=False), 10, apart, note)


def bare(net: nn.Module, data: Images, form: torch.memory_format) -> None:
    """The network's answers to all images, and nothing kept."""
    with torch.no_grad():
        for start in range(0, len(data), AT_ONCE):
            net(torch.stack([data[k][0] for k in range(start, min(start + AT_ONCE, len(data)))]).contiguous(memory_format=form))


def crp(net: nn.Module, data: Images) -> dict[str, torch.Tensor]:
    """zennit-crp's search: {layer: (maps, 9) largest activations}; it keeps them in files, and says much on the way."""
    from crp.attribution import CondAttribution
    from crp.concepts import ChannelConcept
    from crp.helper import load_maximization
    from crp.visualization import FeatureVisualization
    from zennit.composites import EpsilonPlusFlat

    quiet = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        names = {layer: ChannelConcept() for layer in LAYERS}
        search = FeatureVisualization(CondAttribution(net), data, names, max_target="max", abs_norm=False, path=folder)
        search.run(EpsilonPlusFlat(), 0, len(data), AT_ONCE, checkpoint=100)
        kept = {layer: load_maximization(search.ActMax.PATH, layer)[1] for layer in LAYERS}  # (40, maps)
        return {layer: torch.from_numpy(values[:9].T.copy()) for layer, values in kept.items()}
