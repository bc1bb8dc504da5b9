"""Table 1 as this course measures it: four kinds of mask, one or two layers, two readings of the sign of zero (sec. 4.3).

    >>> signs = torch.tensor([[1, 1, 0], [1, 0, 0], [1, -1, 0]], dtype=torch.int8)
    >>> changes = {name: {"layer5": Correspondence(signs, torch.ones(3))} for name in (*PARTS, "random 1")}
    >>> table1(changes, "counted")
    Table 1: share of signs that differ, zeros counted
    hidden     layer 5, the paper
    right eye  0.067
    left eye   0.069
    nose       0.079
    random     0.107

`changes` is everywhere {what is hidden: {layer: the result of `correspondence`}}: the parts of a face, "random 1", "random 2" and
so on. `zeros` is "counted" or "left_out". What a table shows is measured, and not shown once more.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from zfhelpers.experiments.correspondence import Correspondence, fives, pairs
from zfhelpers.experiments.intervals import above, over_pairs
from zfhelpers.paper import published
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.tables import Measured
from zfhelpers.worlds.faces import PARTS

Changes = Mapping[str, Mapping[str, Correspondence]]
ROWS = (*PARTS, "random")


def shares(changes: Changes, hidden: str, layer: str, zeros: str) -> Tensor:
    """(n, n) share of signs that differ in each pair of dogs; "random" is the mean over its draws."""
    names = [name for name in changes if name.startswith("random ")] if hidden == "random" else [hidden]
    return torch.stack([getattr(changes[name][layer], zeros) for name in names]).nanmean(0)


def table1(changes: Changes, zeros: str, seed: int = 0) -> Measured:
    """Every cell with its interval over dogs, and beside it the paper's where zeros are counted.

    Args:
        changes, zeros: see above.
        seed: of the bootstrap.
    """
    paper = published.table(1) if zeros == "counted" else {}
    layers = list(next(iter(changes.values())))
    rows = []
    for hidden in ROWS:
        row, known, cells = _plain(hidden), [], []
        for layer in layers:
            values = shares(changes, hidden, layer, zeros)
            value, ends = float(pairs(values).mean()), over_pairs(values, seed)
            known += [paper[row][f"layer {layer[-1]}"]] if paper else []
            cells.append(f"{value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})")
            name = f"{row}, {layer}, zeros {_plain(zeros)}"
            measure(name, value, paper=known[-1] if known else None, interval=ends, shown=False)
        rows.append([row, *known, *cells])
    columns = [f"layer {layer[-1]}, {whose}" for whose in (["the paper"] if paper else []) + ["here"] for layer in layers]
    title = f"Table 1: share of signs that differ, zeros {_plain(zeros)}"
    return Measured(["hidden", *columns], rows, title, known=1 + len(layers) * bool(paper))


def lead(changes: Changes, part: str, layer: str, zeros: str, seed: int = 0, share: float = 0.95) -> tuple:
    """Random places minus a part: (value, (low, high)). Above zero, hiding the part changes dogs more alike."""
    values = shares(changes, "random", layer, zeros) - shares(changes, part, layer, zeros)
    return float(pairs(values).mean()), over_pairs(values, seed, share)


def leads(changes: Changes, zeros: str, seed: int = 0) -> dict[str, dict[str, tuple]]:
    """`lead` of every part: {layer: {part: (value, (low, high))}}, measured."""
    found: dict[str, dict[str, tuple]] = {}
    for layer in next(iter(changes.values())):
        for part in PARTS:
            value, ends = found.setdefault(layer, {})[part] = lead(changes, part, layer, zeros, seed)
            name = f"random minus {_plain(part)}, {layer}, zeros {_plain(zeros)}"
            measure(name, value, interval=ends, shown=False)
    return found


def surely_alike(changes: Changes, zeros: str, seed: int = 0) -> list[tuple[str, str]]:
    """The (part, layer) that lie below random places, with intervals so wide that all together err once in twenty times.

    Each is measured with that interval.
    """
    asked = [(part, layer) for layer in next(iter(changes.values())) for part in PARTS]
    wide, found = 1 - 0.05 / len(asked), []
    for part, layer in asked:
        value, ends = lead(changes, part, layer, zeros, seed, wide)
        name = f"random minus {_plain(part)}, {layer}, zeros {_plain(zeros)}, all at once"
        measure(name, value, interval=ends, note="interval for all of these together", shown=False)
        found += [(part, layer)] if above(0, ends) else []
    return found


def moved_and_delta(changes: Changes, layer: str) -> dict[str, dict[str, float]]:
    """The share of units that a mask moves, and Delta with zeros counted, by what is hidden; measured: are both largest together?

    Returns:
        {"units that change": {row: share}, "Delta, counted": {row: share}}.
    """
    moved, delta = {}, {}
    for row in ROWS:
        names = [name for name in changes if name == row or name.startswith(f"{row} ")]
        moved[_plain(row)] = float(torch.stack([changes[name][layer].changed for name in names]).mean())
        delta[_plain(row)] = float(pairs(shares(changes, row, layer, "counted")).mean())
    same = max(moved, key=moved.get) == max(delta, key=delta.get)
    measure("the mask that moves most units has the largest Delta (1: yes)", int(same))
    return {"units that change": moved, "Delta, counted": delta}


def measure_fives(changes: Changes, layer: str, seed: int = 0, draws: int = 1000) -> None:
    """How often somebody who has five dogs sees all three parts below random, zeros counted."""
    means = {row: fives(shares(changes, row, layer, "counted"), seed, draws)[:, 0] for row in ROWS}
    below = torch.stack([means[part] < means["random"] for part in PARTS]).all(0)
    name = f"draws of five in which all parts lie below random, {layer}, zeros counted"
    measure(name, 100 * float(below.float().mean()), "%", note=f"of {draws} draws")


def _plain(name: str) -> str:
    return name.replace("_", " ")
