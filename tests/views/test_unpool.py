"""The unpooling View: what goes in and comes out, and the activation that vanishes."""

import pytest

from zfhelpers import views


@pytest.mark.parametrize(("overlap", "out"), [("sum", "9 in, 9 out"), ("max", "9 in, 9 out"), ("last", "9 in, 0 out")])
def test_unpooling_shows_the_activation_that_vanishes(overlap, out):
    view = views.unpool_view().set(window="3 x 3, stride 1", signal="only the strongest", overlap=overlap)
    assert out in view.readout
    assert ("vanished" in view.alt) == (overlap == "last")


def test_windows_that_do_not_overlap_share_nothing():
    view = views.unpool_view()
    for overlap in ("sum", "max", "last"):
        view.set(overlap=overlap)
        assert "26 in, 26 out" in view.readout  # 9 + 4 + 6 + 7
        assert "shared maxima: <strong>0</strong>" in view.readout
