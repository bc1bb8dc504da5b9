"""The numbers of the training recipe (sec. 3.1), and where each comes from."""

from __future__ import annotations

BATCH = 128
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
FIRST_RATE = 1e-2
ANNEAL = 0.1
LATEST_ANNEALING = (0.60, 0.85)  # fractions of the epochs
STARTED = 0.9  # of the error of guessing: below it a network has begun to learn
WORLDS = {"toy": {"width": 0.25, "fc": 256}, "imagenet": {"width": 1.0, "fc": 4096}}
FEW_PHOTOGRAPHS = {"width": 0.5, "fc": 512, "rate": 2e-2, "weight_decay": 5e-3}  # every other world
SAVE_SECONDS = 120
