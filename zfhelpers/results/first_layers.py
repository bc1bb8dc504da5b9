"""The networks of Fig. 6: two architectures with the cap on their filters, and without it where the cap ever acted.

>>> found = first_layers("toy")
>>> found.names, list(found.nets), found.touched
(['11×11', '7×7'], ['11×11', '7×7', '7×7, no cap'], ['7×7'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn
from torch.utils.data import Dataset

from zfhelpers.experiments.intervals import above, below, over_images, together, welch
from zfhelpers.geometry import receptive_field
from zfhelpers.model import ZFNet
from zfhelpers.networks.checkpoints import load, read_card
from zfhelpers.networks.named import first_filters
from zfhelpers.networks.names import kind_of
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.tables import Measured
from zfhelpers.patches import patches_of
from zfhelpers.results import needs
from zfhelpers.strongest import top_activations
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.world import World

OLD, NEW = "11×11", "7×7"
FILES = {
    OLD: "fig6-alexnet",
    NEW: "fig6-zfnet",
    f"{OLD}, no cap": "fig6-alexnet-uncapped",
    f"{NEW}, no cap": "fig6-zfnet-uncapped",
}
Ends = tuple[float, float]
DOMINATES = 3.0  # times the median filter


@dataclass(frozen=True, eq=False)
class FirstLayers:
    """The networks that Fig. 6 compares, as far as there are such.

    Attributes:
        nets: {name: network}; without a cap only where the cap acted, for elsewhere it would be the same network.
        names: of those that are compared, the older one first.
        touched: names of those of which the cap rescaled a filter during training.
        world: what they look at.
        lacking: a sentence on what the comparison of two needs; empty if they are there.
        lost: a sentence where the receptive fields of layer 2 cannot be known; empty if they can.
    """

    nets: dict[str, nn.Module]
    names: list[str]
    touched: list[str]
    world: World
    lacking: str
    lost: str

    @property
    def banks(self) -> dict[str, Tensor]:
        """{name: the filters of the first layer, (N, C, k, k)}."""
        return {name: first_filters(net) for name, net in self.nets.items()}

    @property
    def panels(self) -> tuple[Tensor, list[Tensor], list[str]]:
        """For Fig. 6: the filters of (a), without a cap if there are such; those of the networks compared; and all titles."""
        plain = f"{NEW}, no cap" if f"{NEW}, no cap" in self.nets else self.names[-1]
        titles = [f"{OLD}, stride 4", f"{NEW}, stride 2", f"layer 2 of {OLD}", f"layer 2 of {NEW}"]
        if len(self.names) == 1:
            titles = ["each to its own contrast", "layer 2"]
        banks = self.banks
        return banks[plain], [banks[name] for name in self.names], [f"{plain}, one scale", *titles]

    @property
    def step(self) -> int:
        """Pixels from a unit of layer 2 to the next, in the first network; 1 where that cannot be known."""
        return 1 if self.lost else receptive_field(self.nets[self.names[0]], "layer2", self.world.image_size).stride

    @property
    def room(self) -> range:
        """By how many pixels a crop can be moved within its frame."""
        return range((self.world.frame_size - self.world.image_size) // 2)

    def projections(self, images: Dataset, rng: np.random.Generator, maps: int = 25) -> list[Tensor]:
        """For panels (d) and (e): of some maps of layer 2, drawn at random, the nine strongest activations in some images.

        Returns:
            for each network (maps, 9, C, h, h), cut to the receptive field; zeros where no image excites a map.
        """
        found = []
        for name in self.names:
            net, prepare = self.nets[name], self.world.preprocess
            top = top_activations(net, images, "layer2", preprocess=prepare)
            drawn = np.sort(rng.permutation(len(top["layer2"].values))[:maps])
            found.append(patches_of(net, images, top, {"layer2": drawn}, prepare)["layer2"].projections)
        return found

    def described(self) -> Measured:
        """What each network does in its first two layers, as a table."""
        rows = []
        for name in self.names:
            net, bank = self.nets[name], first_filters(self.nets[name])
            field = None if self.lost else receptive_field(net, "layer2", self.world.image_size)
            strides = f"{net.layer1.conv.stride[0]} and {net.layer2.conv.stride[0]}" if isinstance(net, ZFNet) else None
            sees = [field.size, field.stride] if field else [None, None]
            parameters = sum(each.numel() for each in net.parameters())
            rows.append([name, len(bank), strides, *sees, parameters, "yes" if name in self.touched else "no"])
        heading = ["network", "filters", "strides, layers 1 and 2", "layer 2 sees, px", "and steps by, px", "parameters"]
        return Measured([*heading, "did the cap ever act?"], rows, "The networks", known=len(heading) + 1)


def first_layers(world: str, network: str = "zfnet") -> FirstLayers:
    """The networks of Fig. 6 in a world, or one network from elsewhere alone.

    In the toy world the 7×7 network is the one of all other notebooks; so it is in a world where none was trained for Fig. 6.

    Raises:
        FileNotFoundError: the world has no network at all.
    """
    if kind_of(network) != "ours":
        name = network.rpartition(":")[2]
        net, seen = load(world, network)
        return FirstLayers({name: net}, [name], [], seen, needs.trained_here(network), needs.fields(net, seen.image_size))
    here = load(world)[1]
    files = {NEW: "zfnet"} | {name: file for name, file in FILES.items() if not needs.networks(here, file)}
    names = [name for name in (OLD, NEW) if name in files]
    touched = [name for name in names if read_card(world, files[name]).get("rescaled") != 0]
    wanted = [*names, *(f"{name}, no cap" for name in touched if f"{name}, no cap" in files)]
    nets = {name: load(world, files[name])[0] for name in wanted}
    lacking = needs.networks(here, FILES[OLD], *([] if world == "toy" else [FILES[NEW]]))
    return FirstLayers(nets, names, touched, load(world, files[names[-1]])[1], lacking, "")


# ------------------------------------------------------------------------------------------------------------ verdicts


def dominance(largest: dict[str, float], touched: Sequence[str]) -> tuple[bool | None, str]:
    """Claim 4: without a cap a few filters dominate. Only networks that no cap has changed can answer.

    Args:
        largest: {name: largest filter over the median one}.
        touched: names of networks of which the cap changed a filter.

    Returns:
        the verdict, None where there is no such network, and a sentence with the numbers that decide.

    >>> dominance({"11×11": 1.5, "7×7": 1.6, "7×7, no cap": 3.5}, ["7×7"])[0], dominance({"7×7": 3.5}, ["7×7"])[0]
    (True, None)
    """
    free = {name: ratio for name, ratio in largest.items() if name not in touched}
    if free:
        measure("largest filter over the median one, where no cap has acted", max(free.values()), shown=False)
    words = ", ".join(f"{ratio:.2f} ({name})" for name, ratio in free.items())
    why = f"The largest filter over the median one, where no cap has acted: {words}; three would be dominance."
    if not free:
        why = "The network without the cap is not here, and the largest filter of the others was cut by it."
    return max(free.values()) > DOMINATES if free else None, why


def wrong_percent(scores: Tensor, labels: np.ndarray) -> np.ndarray:
    """For every image 100 if its class is not the most probable one, else 0."""
    return 100.0 * wrong(scores.numpy(), labels)


def smaller_is_better(
    dead: dict[str, int], middle: dict[str, np.ndarray], half: dict[str, tuple[float, Ends]], gain: np.ndarray, seed: int = 0
) -> tuple[bool | None, str]:
    """Claim 5 in four parts: 7×7 has fewer dead maps, more middle frequencies, no hump under shifts, and fewer errors.

    Args:
        dead: {name: dead maps of layer 1} of "11×11" and "7×7", as in all that follows.
        middle: {name: (filters,) shares of power at middle frequencies, in %}.
        half: {name: the change half-way through a step over that after a whole step, and its interval}: a hump lies above 1.
        gain: (images,) the errors of the 11×11 network less those of the 7×7 one, in %.
        seed: of the bootstrap over images.

    Returns:
        True if all four hold, False if one does not, None if none fails and one is open; and a sentence with the numbers.
    """
    better = over_images(gain, seed)
    more, spread = middle[NEW].mean() - middle[OLD].mean(), welch(middle[NEW], middle[OLD])
    measure(f"{NEW} minus {OLD}: power in the middle band", more, "points", interval=spread, shown=False)
    wider = above(0, spread)
    cured = together(above(1, half[OLD][1]), below(1, half[NEW][1]))
    powers = f"{middle[OLD].mean():.0f} and {middle[NEW].mean():.0f} % of the power at middle frequencies"
    changes = f"{half[OLD][0]:.2f} and {half[NEW][0]:.2f} as much change half-way as after a whole step of layer 2"
    return together(dead[NEW] < dead[OLD], wider, cured, above(0, better)), (
        f"{OLD} against {NEW}: {dead[OLD]} and {dead[NEW]} dead maps in layer 1, {powers}, {changes}, and "
        f"{gain.mean():.1f} points more errors ({better[0]:.1f} to {better[1]:.1f})."
    )
