"""A number over many images, measured together with its interval in one line of a notebook.

Each function records what `zf.measure` records and returns the number and its interval, because a claim is decided by them.

    >>> measure_share("images that are found", [True] * 9 + [False])  # doctest: +ELLIPSIS
    images that are found: 90 %, interval 59.58 to 98.21
    (90.0, (59.58..., 98.21...))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zfhelpers.experiments.intervals import median_of, over_divisions, over_images, share_of
from zfhelpers.experiments.probes import Probe
from zfhelpers.paper.measurements import measure

Ends = tuple[float, float]


def measure_share(name: str, hits: Sequence[bool], **more) -> tuple[float, Ends]:
    """How many images something is true of, in %, with Wilson's interval; `more` as `measure` takes it."""
    value, ends = share_of(hits)
    measure(name, value, "%", interval=ends, **more)
    return value, ends


def measure_median(name: str, values: Sequence[float], unit: str = "", **more) -> tuple[float, Ends]:
    """The median over images, with the interval that the order of the values gives."""
    value, ends = median_of(values)
    measure(name, value, unit, interval=ends, **more)
    return value, ends


def measure_mean(name: str, values: Sequence[float], unit: str = "", seed: int = 0, **more) -> tuple[float, Ends]:
    """The mean over images, with the interval of a bootstrap."""
    value, ends = float(np.mean(values)), over_images(np.asarray(values), seed)
    measure(name, value, unit, interval=ends, **more)
    return value, ends


def measure_divisions(
    name: str, values: Sequence[float], test: float, train: float, unit: str = "%", **more
) -> tuple[float, Ends | None]:
    """The mean over random divisions of one set, with the interval of `over_divisions`; None with one division."""
    value, ends = float(np.mean(values)), over_divisions(values, test, train)
    measure(name, value, unit, interval=ends, **more)
    return value, ends


def measure_probe(name: str, probe: Probe, test: float, **more) -> None:
    """The accuracy of a linear classifier in %, over divisions that test on `test` images of each class."""
    note = f"{probe}, C of each division: {', '.join(f'{cost:g}' for cost in probe.costs)}" if probe.costs else str(probe)
    measure_divisions(name, 100 * np.array(probe.accuracies), test, probe.per_class, note=note, **more)
