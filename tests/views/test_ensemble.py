"""The view of committees, driven without a browser."""

import numpy as np
import pytest

from zfhelpers.views.ensemble import ensemble_view

LABELS = np.array([0, 1, 2, 0])


def voter(*guesses, sure=0.8, corner=None):
    """Ten views of four images: the centre crop says `guesses`, the nine others `corner`, or the same."""
    views = np.full((4, 10, 3), (1 - sure) / 2)
    for image, guess in enumerate(guesses):
        views[image, 4, guess] = sure
        views[image, [*range(4), *range(5, 10)], guess if corner is None else corner] = sure
    return views


@pytest.fixture
def view():
    return ensemble_view(
        {"one": voter(0, 1, 0, 1), "two": voter(0, 0, 2, 1), "sure": voter(1, 1, 2, 1, sure=0.9, corner=0)}, LABELS
    )


def test_averages_who_is_ticked(view):
    assert "average: <strong>25.0 %" in view.readout  # 0, 1, 2 are right by two votes of three; the last is missed by all
    assert "mean of its members: <strong>50.0 %" in view.readout
    assert "missed by one, right together: <strong>1 of 2" in view.readout
    assert "right by one, missed together: <strong>0" in view.readout
    view.set(one=False, two=False)
    assert "average: <strong>50.0 %" in view.readout
    assert "error of sure and, below" in view.alt


def test_ten_crops_change_the_vote(view):
    before = view.png
    view.set(crops="ten", one=False, two=False)
    assert "average: <strong>50.0 %" in view.readout  # nine crops of ten say the first class, which is that of two images
    assert view.png != before


def test_a_committee_of_nobody_is_refused_and_the_view_goes_on(view):
    view.set(one=False, two=False, sure=False)
    assert "at least one network" in view.error
    view.set(two=True)
    assert view.error is None


def test_an_ensemble_of_no_networks_is_refused():
    with pytest.raises(ValueError, match="needs one network or more"):
        ensemble_view({}, LABELS)
