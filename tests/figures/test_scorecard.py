"""The scorecard's pictures show what they are given, and refuse what they cannot show."""

import pytest

from zfhelpers.figures.scorecard import LOOKS, numbers_figure, verdicts_figure


def test_every_verdict_has_its_own_letter_and_colour():
    assert len({letter for letter, *_ in LOOKS.values()}) == len({fill for *_, fill in LOOKS.values()}) == 4


def test_the_grid_grows_with_claims_and_worlds_and_frames_one():
    small = verdicts_figure(["1", "2"], {"toy": ["holds", "not run"]})
    wide = verdicts_figure([*"12345"], {"toy": ["holds"] * 5, "more": ["open here"] * 5})
    assert wide.size[0] > small.size[0]
    assert wide.size[1] > small.size[1]
    assert verdicts_figure(["1", "2"], {"toy": ["holds", "not run"]}, here="toy").png != small.png
    assert verdicts_figure(["1", "2"], {"toy": ["holds", "open here"]}).png != small.png


@pytest.mark.parametrize("verdicts", [{}, {"toy": ["holds"]}, {"toy": ["holds", "perhaps"]}])
def test_what_is_no_grid_is_refused(verdicts):
    with pytest.raises(ValueError, match=r"verdict to show|needs one of holds, does not hold"):
        verdicts_figure(["1", "2"], verdicts)


def test_numbers_have_an_axis_each_and_the_papers_beside_them():
    one = {"error (%)": {"toy": (10.0, (8.0, 12.0)), "photographs": (20.0, None)}}
    plain = numbers_figure(one, {})
    assert "error (%)" in plain.alt
    assert numbers_figure(one, {"error (%)": 15.0}).png != plain.png
    assert numbers_figure(one | {"other": {"toy": (1.0, (-1.0, 2.0))}}, {}).size[1] > plain.size[1]
    with pytest.raises(ValueError, match="no number to show"):
        numbers_figure({}, {})
