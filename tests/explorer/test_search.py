"""The search in small pieces finds what one pass finds; the cache gives it back, and nothing else's."""

import numpy as np
import pytest
import torch

import zfhelpers as zf
from tests.explorer.conftest import centred
from zfhelpers.explorer import search as searching
from zfhelpers.explorer.eye import Eye
from zfhelpers.explorer.search import Search
from zfhelpers.explorer.source import Source


@pytest.fixture
def eye(net, images):
    return Eye("mine", net, Source(images, centred))


def finished(search, *steps):
    for step in steps:
        search.step(step)
    while not search.done:
        search.step(4)
    return search


@pytest.mark.parametrize("steps", [(), (1, 1, 2), (12,), (100,)])
def test_pieces_find_what_one_pass_finds(eye, net, images, steps):
    found = finished(Search(eye), *steps).top
    expected = zf.top_activations(net, [(image, 0) for image in images], eye.layers, preprocess=centred)
    for layer in eye.layers:
        assert torch.allclose(found[layer].values, expected[layer].values, rtol=1e-5, atol=1e-4)
        alive = expected[layer].values > 0
        assert torch.equal(found[layer].images[alive], expected[layer].images[alive])
        assert torch.equal(found[layer].rows[alive], expected[layer].rows[alive])
        assert torch.equal(found[layer].columns[alive], expected[layer].columns[alive])


def test_of_many_images_some_are_searched_evenly(eye):
    search = finished(Search(eye, most=4))
    assert search.indices.tolist() == [0, 4, 7, 11]
    assert set(search.top["layer1"].images.unique().tolist()) <= {0, 4, 7, 11}


def test_the_cache_answers_the_second_time_and_only_the_same_question(eye, net, images, cache, listening):
    first = finished(Search(eye, cache=cache))
    again = Search(Eye("mine", net, Source(images, centred)), cache=cache)
    again.step(1)
    assert again.done
    for layer in eye.layers:
        for one, other in zip(first.top[layer].parts, again.top[layer].parts, strict=True):
            assert torch.equal(one, other)
    for other in (Eye("mine", listening(0.125, 1.4), Source(images, centred)), Eye("mine", net, Source(images[:11], centred))):
        fresh = Search(other, cache=cache)
        fresh.step(1)
        assert fresh.seen == 1


def test_a_damaged_cache_is_searched_anew(eye, cache):
    path = finished(Search(eye, cache=cache)).path
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"nonsense" * 100):
        path.write_bytes(damaged)
        search = Search(eye, cache=cache)
        search.step(1)
        assert search.seen == 1
        finished(search)
        assert np.load(path)


def test_a_cache_that_cannot_be_written_is_said_and_survived(eye, cache):
    cache.write_text("a file where the folder should be")
    search = finished(Search(eye, cache=cache))
    assert search.done
    assert search.note.startswith("The answer could not be kept: ")


def test_nan_is_refused_by_the_number_of_its_image(eye, monkeypatch):
    search = Search(eye)
    search.step(4)
    monkeypatch.setattr(
        eye.source, "preprocess", lambda batch: centred(batch) * torch.tensor([1.0, 1, float("nan")])[:, None, None, None]
    )
    with pytest.raises(ValueError, match="Image 6 holds NaN"):
        search.step(3)


def test_nine_are_looked_for():
    assert searching.K == 9
