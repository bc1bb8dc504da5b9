"""A View by itself: state, pictures, errors and what is shown where no kernel runs, without a browser."""

import datetime
import io

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from zfhelpers.figures import Picture
from zfhelpers.views import View

PHOTO = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)


def render(state):
    if state["level"] == 13:
        raise RuntimeError("unlucky <level>")
    return np.full((3, 4, 4), state["level"], np.uint8), f"Grey {state['level']}.", f"level {state['level']}"


def grey(**options):
    return View(render, {"level": widgets.IntSlider(description="level", min=0, max=255)}, **options)


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def test_state_and_set():
    view = grey(title="Shades <of>")
    assert view.state == {"level": 0}
    assert view.set(level=200) is view
    assert (view.state, view.alt, view.readout) == ({"level": 200}, "Grey 200.", "level 200")
    assert (pixels(view) == 200).all()
    assert 'alt="Grey 200."' in view._picture.value
    assert view._text.value == '<div aria-live="polite">level 200</div>'
    assert "Shades &lt;of&gt;" in view.children[0].value
    view.controls["level"].value = 7  # as a reader's hand does it
    assert view.alt == "Grey 7."


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"depth": 1}, "has no control 'depth'; it has level"),
        ({"level": 300}, "does not take 300; it is now 255"),
        ({"level": "x"}, "does not take 'x'"),
    ],
)
def test_a_wrong_control_or_value_is_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        grey().set(**values)


def test_an_error_in_render_is_shown_and_survived():
    view = grey().set(level=12)
    view.set(level=13)
    assert view.error == "RuntimeError: unlucky <level>"
    assert "RuntimeError: unlucky &lt;level&gt;" in view._text.value
    assert 'role="alert"' in view._text.value
    assert view.alt == "Grey 12."  # the last picture that could be drawn stays
    view.set(level=14)
    assert (view.error, view.alt) == (None, "Grey 14.")


def test_a_view_that_cannot_show_its_first_state_says_so():
    with pytest.raises(ValueError, match="first picture of this View cannot be drawn: RuntimeError: unlucky"):
        View(render, {"level": widgets.IntSlider(value=13, description="level")})


def test_alt_text_and_descriptions_are_mandatory():
    with pytest.raises(ValueError, match="needs alt text"):
        View(lambda state: (PHOTO, ""), {"level": widgets.IntSlider(description="level")})
    with pytest.raises(ValueError, match="needs a description, which is its label; missing for level"):
        View(render, {"level": widgets.IntSlider()})


def test_states_seen_before_are_not_rendered_again(monkeypatch):
    monkeypatch.setattr("zfhelpers.views.view.REMEMBERED", 3)
    calls = []

    def counted(state):
        calls.append(state["level"])
        return render(state)

    view = View(counted, {"level": widgets.IntSlider(description="level", max=255)})
    for level in (1, 0, 1, 2, 3, 1, 2, 0):
        view.set(level=level)
    assert calls == [0, 1, 2, 3, 0]
    assert len(view._rendered) == 3


def test_render_may_return_a_picture_or_png_bytes():
    for form in (Picture(PHOTO, "A photograph."), Picture(PHOTO, "A photograph.").png):
        view = View(lambda state, form=form: (form, "A photograph."), {"level": widgets.IntSlider(description="level")})
        assert (pixels(view) == PHOTO.transpose(1, 2, 0)).all()


def test_values_that_cannot_be_keys_are_rendered():
    def render(state):
        return np.zeros((3, 8, 8), np.uint8), f"{len(state['x'])} chosen"

    upload = widgets.FileUpload(description="photograph")
    view = View(render, {"x": upload})
    file = {"name": "a.png", "type": "image/png", "size": 3, "content": memoryview(b"abc")}
    upload.value = ({**file, "last_modified": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},)
    assert view.error is None
    assert view.alt == "1 chosen"
    pick = widgets.Dropdown(options=[("two", [1, 2]), ("one", [3]), ("three", np.arange(3))], description="pick")
    view = View(render, {"x": pick})
    assert view.alt == "2 chosen"
    assert view.set(x=[3]).alt == "1 chosen"
    pick.value.append(4)  # a list may change behind the View's back: it is never remembered
    assert view.set(x=[1, 2]).alt == "2 chosen"
    assert view.set(x=[3, 4]).alt == "2 chosen"
