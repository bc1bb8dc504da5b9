"""The training recipe as values (sec. 3.1), and where each number comes from: the paper, or us where it is silent.

    >>> recipe_for("toy").width, recipe_for("toy").rate, recipe_for("folder:my pictures").rate
    (0.25, 0.01, 0.02)

The paper took 700,000 steps; 64 epochs of a few thousand photographs are 4,700, in which the paper's rate and AlexNet's decay
leave much of the start, and fine gratings that only fit the training images, in the first layer. Such a world gets twice the rate
and ten times the decay. Tiny-ImageNet has five times as many photographs, and keeps the paper's numbers: so much decay hinders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

EPOCHS = (1, 2, 5, 10, 20, 30, 40, 64)  # the columns of Fig. 4


@dataclass(frozen=True)
class Recipe:
    """How a network is made, apart from its images. The default is the paper's, for ILSVRC-2012.

    The start N(0, 0.01^2), the cap of 0.1 and the dropout of 0.5 belong to every network, see `zfhelpers.model`.

    Raises:
        ValueError: an entry with which nothing can be trained, in one sentence.
    """

    variant: str = "zfnet"  # a row of `model.TABLE3`, Fig. 3; or of `model.OPEN`
    width: float = 1.0  # factor on the maps of layers 1-5; Fig. 3
    fc: int = 4096  # units of layers 6 and 7, as many as the row has where it has the paper's 4096; Fig. 3
    epochs: int = 70  # passes over the training set; sec. 3.1
    batch: int = 128  # images a step, over all processes; sec. 3.1
    rate: float = 1e-2  # learning rate until the first annealing; sec. 3.1
    momentum: float = 0.9  # of stochastic gradient descent; sec. 3.1
    weight_decay: float = 5e-4  # of all weights and biases; ours: AlexNet's
    renormalise: bool = True  # cap the filters' RMS after every step; sec. 3.1, and off only for Fig. 6(a)
    annealing: float = 0.1  # factor on the rate when the validation error stalls; ours: the paper does it by hand
    patience: float = 1 / 8  # share of the epochs, and two at least, that it may stall; ours
    started: float = 0.9  # patience begins when the error is below this share of that of guessing; ours
    latest: tuple[float, ...] = (0.60, 0.85)  # shares of the epochs: annealed then at the latest, and no oftener; ours
    seed: int = 0  # of the start, the order, the crops and dropout; ours
    turn: float = 0.0  # training images are turned by up to so many degrees either way; ours
    kept: tuple[int, ...] = EPOCHS  # epochs whose convolutional layers are kept, besides the last; Fig. 4

    def __post_init__(self):
        if self.epochs < 1:
            raise ValueError(f"A training run takes at least 1 epoch, not {self.epochs}.")
        if self.batch < 1:
            raise ValueError(f"A batch holds at least 1 image, not {self.batch}.")
        if not (0 < self.rate < math.inf and 0 <= self.weight_decay < math.inf):
            raise ValueError(
                f"A learning rate is above 0 and a weight decay at least 0, not {self.rate} and {self.weight_decay}."
            )
        if not 0 <= self.turn <= 180:
            raise ValueError(f"Images are turned by 0 to 180 degrees either way, not by {self.turn}.")


FEW_PHOTOGRAPHS = Recipe(width=0.5, fc=512, epochs=64, rate=2e-2, weight_decay=5e-3)
RECIPES = {
    "toy": Recipe(width=0.25, fc=256, epochs=64),
    "tinyimagenet": Recipe(width=0.5, fc=512, epochs=50, kept=(1, 5, 10, 20, 30, 40)),
    "imagenet": Recipe(),
}


def recipe_for(world: str) -> Recipe:
    """The recipe of a world's own network, by the world's name: `FEW_PHOTOGRAPHS` unless `RECIPES` has another."""
    return RECIPES.get(world, FEW_PHOTOGRAPHS)
