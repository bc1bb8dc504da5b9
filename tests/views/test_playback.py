"""Views that play without a kernel: their states are those of the View, and a real browser without a network moves them."""

import base64
import io
import itertools
import json
import re

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.test_browser import CHROMIUM, chromium_page, sync_api
from tests.views.test_every_view import MAKERS
from zfhelpers import views
from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.views import marks, playback

PLAYING = sorted(set(MAKERS) - {"grey"})  # its slider has 256 places


@pytest.fixture
def plays(monkeypatch):
    monkeypatch.setenv("ZF_PLAYS", "1")


def states_in(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def page_of(view) -> str:
    return view._repr_mimebundle_()["text/html"]


def test_a_notebook_keeps_a_still_picture():
    assert "<script" not in page_of(MAKERS["occlusion"]())


def test_too_many_states_stay_still(plays):
    assert "<script" not in page_of(MAKERS["grey"]())


@pytest.mark.parametrize("name", PLAYING)
def test_states_are_those_of_the_view(name, plays):
    view = MAKERS[name]()
    before = view.state, view.png, view.readout
    found = states_in(page_of(view))
    assert (view.state, view.png, view.readout) == before  # it stands where it stood
    counts = [len(control["values"]) for control in found["controls"]]
    assert len(found["states"]) == np.prod(counts) > 1
    assert len(found["controls"]) + len(found["fixed"]) <= len(view.controls)
    names = [control["name"] for control in found["controls"]]
    places = list(itertools.product(*map(range, counts)))
    for number in np.random.default_rng(0).choice(len(places), min(8, len(places)), replace=False):
        for control, place in zip(names, places[number], strict=True):
            view.controls[control].value = playback._choices(view.controls[control])[place][1]
        base, alt, readout, drawn, _ = found["states"][number]
        if view.error:
            assert base == -1
            continue
        assert (alt, readout) == (view.alt, view.readout)
        pair = redrawn(found["bases"][base], drawn), Image.open(io.BytesIO(view.png)).convert("RGB")
        coarse, expected = (np.asarray(image.convert("L").reduce(8), int) for image in pair)  # WebP keeps the means of noise
        assert np.abs(coarse - expected).mean() < 4  # another state: 8 or more


def redrawn(source: str, drawn: list) -> Image.Image:
    """A state as the script draws it: its base with its marks, from the plain data alone."""
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
    for kind, *values in drawn:
        if kind == "filled":
            mark = marks.Filled(values[:4], values[4])
        elif kind == "framed":
            mark = marks.Framed(values[:4], values[4], round(values[5]))
        elif kind == "cross":
            mark = marks.Cross(values[:4], values[4:8], values[8])
        else:
            mark = marks.Outside([round(value) for value in values[:4]], values[4])
        mark.draw(image)
    return image


def test_the_places_of_a_whole_figure_all_play(plays):
    maps = OcclusionMaps(
        torch.rand(34, 34, 24), {"layer5": torch.rand(34, 34, 4)}, torch.rand(24), {"layer5": torch.ones(4)}, 2, 29, 3
    )
    photo = np.zeros((3, 128, 128), np.uint8)
    found = states_in(page_of(views.occlusion_view(photo, maps, [f"class {number}" for number in range(24)], 0)))
    assert [control["name"] for control in found["controls"]] == ["row", "column"]
    assert len(found["states"]) == 34 * 34
    assert len(found["bases"]) == 1


def test_a_state_that_cannot_be_shown_says_so(plays):
    def render(state):
        if state["n"] == 1:
            raise ValueError("not <one>")
        return np.zeros((3, 8, 8), np.uint8), f"Black {state['n']}."

    found = states_in(page_of(views.View(render, {"n": widgets.IntSlider(description="n", max=2)})))
    assert [state[0] for state in found["states"]] == [0, -1, 0]
    assert "not &lt;one&gt;" in found["states"][1][2]


def test_text_cannot_end_the_script(plays):
    def render(state):
        return np.zeros((3, 8, 8), np.uint8), "</script><script>alert(1)</script>", "x"

    page = page_of(views.View(render, {"n": widgets.IntSlider(description="n", max=1)}))
    assert page.count("<script") == page.count("</script>") == 2
    assert states_in(page)["states"][0][1] == "</script><script>alert(1)</script>"


def test_marks_are_drawn_where_they_say():
    image = Image.new("RGB", (40, 30), "white")
    marks.Outside((5, 10, 15, 20), "#000000").draw(image)
    marks.Filled((6, 11, 8, 13), "#ff0000").draw(image)
    marks.Framed((5, 10, 15, 20), "#0000ff", 1).draw(image)
    values = np.asarray(image)
    assert (values[10, 15] == 255).all()
    assert np.abs(values[0, 0] - 255 * (1 - marks.VEIL)).max() < 1
    assert (values[6:8, 11:13] == (255, 0, 0)).all()
    assert (values[5, 10:20] == (0, 0, 255)).all()
    assert (values[14, 10:20] == (0, 0, 255)).all()
    by_hand = Image.new("RGB", (40, 30), "white")
    ImageDraw.Draw(by_hand).line((0, 10, 12, 10), "black")
    crossed = Image.new("RGB", (40, 30), "white")
    marks.Cross((8, 12, 12, 16), (0, 0, 30, 40), "#000000").draw(crossed)
    assert (np.asarray(crossed)[10, :12] == np.asarray(by_hand)[10, :12]).all()


@pytest.mark.skipif(CHROMIUM is None, reason="the browser test needs Chromium: apt-get install chromium")
def test_a_reader_of_the_file_moves_square_and_epoch(plays, tmp_path):
    parts = [f"<h2>{name}</h2>{page_of(MAKERS[name]())}" for name in ("occlusion", "evolution", "ensemble")]
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8><title>x</title>{''.join(parts)}")
    with chromium_page() as page:
        page.context.set_offline(True)
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((tmp_path / "page.html").as_uri())
        square, epochs, members = (page.locator(".zf-plays").nth(place) for place in range(3))

        frame, words, picture = square.locator(".zf-frame"), square.locator("[aria-live]"), square.locator("img")
        box = frame.bounding_box()
        said = [words.inner_text()]
        page.mouse.move(box["x"] + 40, box["y"] + 60)
        page.mouse.down()
        for x, y in ((60, 100), (150, 180)):
            page.mouse.move(box["x"] + x, box["y"] + y)
            said.append(words.inner_text())
        page.mouse.up()
        assert "row 4 of 6 and column 4 of 5" in picture.get_attribute("alt")
        page.keyboard.press("ArrowUp")
        assert "row 3 of 6 and column 4 of 5" in picture.get_attribute("alt")
        said.append(words.inner_text())
        assert len(set(said)) == len(said)
        slider = square.get_by_role("slider").first
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert "row 2 of 6" in picture.get_attribute("alt")
        filled = square.locator("svg rect").first
        assert float(filled.get_attribute("y")) == 24 + 40  # second row: 10 px apart, shown four times as large

        epoch, shown = epochs.get_by_role("slider").last, epochs.locator("img")
        before = shown.get_attribute("src")
        epoch.focus()
        page.keyboard.press("ArrowLeft")
        sync_api.expect(shown).not_to_have_attribute("src", before)
        assert "after 5 epochs" in shown.get_attribute("alt")

        for menu in members.locator("select:has(option:text('yes'))").all():
            menu.select_option(label="no")
        assert "tick one" in members.locator("[aria-live]").inner_text()
        assert errors == []
