"""Unpooling with overlapping windows, against loops over windows and places."""

import pytest
import torch
from torch import nn

from zfhelpers.experiments.unpooling import adjoint_gap, erased, max_pools, more_than_one_window
from zfhelpers.networks.named import Named

POOLS = [nn.MaxPool2d(2, 2), nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d(3, 1, padding=1)]


def windows_over(side, pool):
    """For each window, in reading order, the places (row, column) of the map that it covers."""
    count = pool(torch.zeros(1, 1, side, side)).shape[-1]
    starts = [i * pool.stride - pool.padding for i in range(count)]
    covered = [[p for p in range(start, start + pool.kernel_size) if 0 <= p < side] for start in starts]
    return [[(row, column) for row in rows for column in columns] for rows in covered for columns in covered]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("side", [6, 9])
def test_places_in_more_than_one_window_are_those_a_loop_counts(pool, side):
    windows = windows_over(side, pool)
    counts = [sum(place in window for window in windows) for place in {p for window in windows for p in window}]
    assert more_than_one_window(side, pool) == pytest.approx(sum(c > 1 for c in counts) / len(counts))


@pytest.mark.parametrize("pool", POOLS)
def test_erased_is_what_a_later_window_with_the_same_maximum_overwrites(pool):
    maps = torch.randint(0, 9, (4, 5, 9, 9), generator=torch.Generator().manual_seed(0)).float()
    maps[0, 0] = 0
    live, gone = erased(maps, pool)
    for n in range(4):
        for m in range(5):
            one = maps[n, m]
            # the maximum of a window is its first largest value in reading order, and so is that of the whole map
            winners = [max(window, key=lambda place: (one[place], -place[0], -place[1])) for window in windows_over(9, pool)]
            values = [float(one[place]) for place in winners]
            first = values.index(max(values))
            assert bool(live[n, m]) == (max(values) > 0)
            assert bool(gone[n, m]) == (max(values) > 0 and winners[first] in winners[first + 1 :])


def test_max_pools_of_a_network_of_torchvision():
    parts = [nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()]
    net = Named(nn.Sequential(*parts, nn.LazyLinear(7)), 64, {f"layer{n}": "1" if n < 3 else "4" for n in range(1, 6)})
    assert max_pools(net) == {"network.2": "layer2"}


@pytest.mark.parametrize("overlap", ["sum", "max", "last"])
def test_without_overlap_every_way_is_the_transpose_and_with_it_the_sum_alone(overlap):
    def gap(pool):
        return adjoint_gap(pool, overlap, torch.Generator().manual_seed(1))

    assert gap((2, 2, False)) < 1e-12
    assert (gap((3, 1, False)) < 1e-12) == (overlap == "sum")
