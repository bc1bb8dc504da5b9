"""Digests stay through what rounds and change through what does not, whoever asks and in whatever order."""

import pytest
import torch
from torch import nn

from zfhelpers.networks.digests import digests, sketch


def values(seed, shape=(2, 16, 9, 9)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).relu(), torch.randn(shape, generator=generator)


def test_a_sketch_hardly_ever_changes_through_rounding():
    same = [sketch(each) == sketch(each * (1 + 2e-7 * noise)) for each, noise in map(values, range(300))]
    assert sum(same) > 290


def test_a_sketch_changes_through_what_half_precision_keeps():
    for seed in range(100):
        each, noise = values(seed)
        assert sketch(each) != sketch(each * (1 + 2e-3 * noise))
        assert sketch(each) != sketch(1.001 * each)
        one = each.clone()
        one.view(-1)[seed] += each.std()  # a single value of 2592
        assert sketch(each) != sketch(one)
        assert sketch(each) != sketch(each.flip(1))
        assert sketch(each) != sketch(each.flatten(1))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (2, 0, 4), (0,)])
def test_few_values_and_none_have_a_sketch(shape):
    assert sketch(torch.ones(shape)) == sketch(torch.ones(shape))
    assert sketch(torch.zeros(shape)) == sketch(-torch.zeros(shape))
    assert not torch.ones(shape).numel() or sketch(torch.ones(shape)) != sketch(torch.full(shape, torch.nan))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Conv2d(8, 8, 5), nn.ReLU(inplace=True), nn.Flatten())


def test_digests_do_not_depend_on_threads_the_layout_or_what_else_is_asked(net):
    images, threads = torch.randn(2, 3, 40, 40), torch.get_num_threads()
    expected = digests(net, images, ["0", "3"])
    assert len(set(expected.values())) == 2
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert digests(net, images.contiguous(memory_format=torch.channels_last), ["3", "0"]) == expected
            assert digests(net.train(), images, "3") == {"3": expected["3"]}
    finally:
        torch.set_num_threads(threads)


def test_a_bit_of_a_weight_or_a_place_is_enough(net):
    images = torch.zeros(1, 3, 12, 12)
    before = digests(net, images, ["1", "2"])
    net[0].weight.data[0, 0, 0, 0] *= 1 + 1e-6
    after = digests(net, images, ["1", "2"])
    assert before["1"] != after["1"]
    assert before["2"] != after["2"]
    twice = nn.Sequential(nn.ReLU(), nn.ReLU())
    assert len(set(digests(twice, images, ["0", "1"]).values())) == 2


def test_a_network_is_left_as_it_was_and_nan_is_none_of_this(net):
    net[0].bias.data[0] = torch.nan
    state = torch.random.get_rng_state()
    assert digests(net.train(), torch.zeros(1, 3, 12, 12), "1") == digests(net, torch.zeros(1, 3, 12, 12), "1")
    assert net.training
    assert torch.equal(torch.random.get_rng_state(), state)
    with pytest.raises(ValueError, match="has no layer '9'"):
        digests(net, torch.zeros(1, 3, 12, 12), "9")
