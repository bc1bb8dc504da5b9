"""Every View is driven from Python: its picture, its text and its fallback, without a kernel or a browser."""

import io
import re

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers import views
from zfhelpers.deconv import Deconvnet
from zfhelpers.figures.sheets import Picture, projection_to_rgb
from zfhelpers.geometry import ReceptiveField, receptive_field
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.views.basics import View

RNG = np.random.default_rng(0)
CLASSES = ("husky", "tabby cat", "sailboat")
PHOTO = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)


def render(state):
    if state["level"] == 13:
        raise RuntimeError("unlucky <level>")
    return np.full((3, 4, 4), state["level"], np.uint8), f"Grey {state['level']}.", f"level {state['level']}"


def grey(**options):
    return View(render, {"level": widgets.IntSlider(description="level", min=0, max=255)}, **options)


SWEEP = OcclusionMaps(
    torch.from_numpy(RNG.dirichlet(np.ones(3), (6, 5))),
    {"layer5": torch.from_numpy(RNG.random((6, 5, 4)))},
    torch.tensor([0.8, 0.1, 0.1]),
    {"layer5": torch.ones(4)},
    strongest_map=2,
    size=14,
    stride=10,
)


def occlusion():
    return views.occlusion_view(PHOTO, SWEEP, CLASSES, 0)


def features():
    def block(maps, side):
        return maps, RNG.normal(size=(len(maps), 9, 3, side, side)), RNG.integers(0, 256, (len(maps), 9, 3, side, side), np.uint8)

    layers = {"layer1": block([4, 9], 7), "layer5": block([1, 30, 31, 7], 139)}
    return views.features_view(layers, {"layer5": ["one", "two <3", "three", "four"]})


def fields():
    return views.receptive_field_view(PHOTO, {"a": ReceptiveField(7, 4, 0), "b": ReceptiveField(75, 16, -10)}, {"a": 15, "b": 4})


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ZFNet(Architecture(classes=3, image_size=64, width=0.0625, fc=(8, 8))).eval()


def deconvolution(net):
    image = torch.from_numpy(PHOTO).float() - 128
    layers = ("layer1", "layer3")
    return views.deconv_view(net, image, PHOTO, layers, {layer: receptive_field(net, layer, 64) for layer in layers})


@pytest.fixture(params=["grey", "occlusion", "features", "fields", "deconvolution", "unpooling"])
def view(request, net):
    makers = {"grey": grey, "occlusion": occlusion, "features": features, "fields": fields, "unpooling": views.unpool_view}
    return deconvolution(net) if request.param == "deconvolution" else makers[request.param]()


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


# ------------------------------------------------------------------------------------------------------------ any View


def test_every_control_changes_picture_or_text(view):
    for name, control in view.controls.items():
        before = (view.png, view.alt, view.readout, view._picture.value)
        options = list(control.options) if hasattr(control, "options") else [control.min, control.max]
        view.set(**{name: next(option for option in options if option != control.value)})
        assert view.error is None
        assert (view.png, view.alt, view.readout, view._picture.value) != before, name


def test_every_state_at_the_ends_of_its_controls_can_be_shown(view):
    for name, control in view.controls.items():
        for option in control.options if hasattr(control, "options") else (control.min, control.max):
            view.set(**{name: option})
            assert view.error is None, (name, option)
            assert view.alt
            assert "src=" in view._picture.value


def test_every_control_has_a_label_and_arrow_keys(view):
    for control in view.controls.values():
        assert control.description
        assert isinstance(control, widgets.IntSlider | widgets.Dropdown)


def test_the_fallback_has_widget_picture_alt_and_text(view):
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == f"<View: {view.alt}>"
    assert re.search(r'<img alt="[^"]+" src="data:image/(png|webp);base64,', bundle["text/html"])
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == view.model_id


def test_no_widget_that_captures_output(view):
    inside = [view]
    while inside:
        widget = inside.pop()
        assert not isinstance(widget, widgets.Output)
        inside += getattr(widget, "children", ())


def test_the_same_state_gives_the_same_text_anew(view):
    assert repr(view) == f"<View: {view.alt}>"
    first = (view.png, view.alt, view.readout)
    fresh = View(view.render, view.controls)
    assert (fresh.png, fresh.alt, fresh.readout) == first


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


# ------------------------------------------------------------------------------------------------------ the course's own


def test_the_occluder_covers_its_box_and_the_readout_is_that_of_the_position():
    view = occlusion().set(row=2, column=4)
    zoom = 4  # 64 px shown at about 264
    grey = (pixels(view)[24 : 24 + 64 * zoom, : 64 * zoom] == 0x7C).all(-1)
    rows, columns = np.nonzero(grey)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (20 * zoom, 34 * zoom, 40 * zoom, 54 * zoom)
    assert grey[20 * zoom : 34 * zoom, 40 * zoom : 54 * zoom].all()
    assert "row 3 of 6 and column 5 of 5" in view.alt
    there = SWEEP.probabilities[2, 4]
    assert f"probability of husky: <strong>{there[0]:.2f} (without the square 0.80)" in view.readout
    assert f"most probable: <strong>{CLASSES[there.argmax()]} {there.max():.2f}" in view.readout
    assert f"activity: <strong>{SWEEP.activity[2, 4] / SWEEP.activity.max():.0%} of its" in view.readout


def test_picking_a_layer_with_fewer_maps_moves_the_slider_into_range():
    view = features().set(layer="layer5", map=3)
    assert "map 7 of layer5" in view.alt
    assert view.readout.endswith("<br>four")
    view.set(layer="layer1")
    assert view.state == {"layer": "layer1", "map": 1}
    assert "map 9 of layer1" in view.alt
    assert view.error is None


def test_the_receptive_field_is_bright_and_its_box_read_out():
    view = fields().set(row=3, column=5)
    assert "rows: <strong>12 to 18</strong>" in view.readout
    assert "columns: <strong>20 to 26</strong>" in view.readout
    assert "outside" not in view.alt
    page, zoom, margin = pixels(view), 4, 21
    inside = page[(margin + 13) * zoom : (margin + 18) * zoom : zoom, (margin + 21) * zoom : (margin + 26) * zoom : zoom]
    assert (inside == PHOTO[:, 13:18, 21:26].transpose(1, 2, 0)).all()
    view.set(layer="b", row=0)
    assert "part of it outside the image" in view.alt
    assert view.state == {"layer": "b", "row": 0, "column": 3}


def test_the_projection_is_the_deconvnets(net):
    view = deconvolution(net).set(layer="layer1", rank=1, rule="guided")
    which = int(re.search(r"map: <strong>(\d+)", view.readout)[1])
    expected = projection_to_rgb(
        Deconvnet(net).project(torch.from_numpy(PHOTO)[None].float() - 128, "layer1", [which], rule="guided")[0]
    )
    page = pixels(view)[24:, 64 * 4 + 16 :]
    assert (page[::4, ::4] == expected.transpose(1, 2, 0)).all()
    assert not view.controls["rank"].continuous_update


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
