"""What is kept in one byte a weight."""

import pytest
import torch

from zfhelpers.training.weights import STEP, from_steps, read_tensors, save_weights


@pytest.mark.parametrize("seed", range(40))
def test_no_weight_is_off_by_more_than_half_a_step_of_its_filter(seed, tmp_path):
    rng = torch.Generator().manual_seed(seed)
    shape = [int(size) for size in torch.randint(1, 6, (2 + seed % 3,), generator=rng)]
    filters = torch.randn(shape, generator=rng) * 10 ** torch.empty(shape[0]).uniform_(-7, 3, generator=rng).view(
        -1, *[1] * (len(shape) - 1)
    )
    filters[0] *= seed % 5 > 0  # some are nothing but zeros
    given = {"conv.weight": filters, "conv.bias": torch.randn(shape[0], generator=rng)}
    save_weights(tmp_path / "a.safetensors", given, coarse=True)
    kept = read_tensors(tmp_path / "a.safetensors")[0]
    assert kept["conv.weight"].dtype == torch.int8
    assert set(kept) == {*given, f"conv.weight{STEP}"}
    found = from_steps(kept)
    assert found.keys() == given.keys()
    assert torch.equal(found["conv.bias"], given["conv.bias"])
    largest = filters.flatten(1).abs().amax(1)
    off = (found["conv.weight"] - filters).flatten(1).abs().amax(1)
    assert (off <= largest / 253 + 1e-12).all()


def test_what_has_no_steps_is_left_as_it_is():
    tensors = {"conv.weight": torch.ones(2, 3), "mean": torch.zeros(3, 4, 4)}
    found = from_steps(tensors)
    assert found.keys() == tensors.keys()
    assert all(found[name] is tensor for name, tensor in tensors.items())
