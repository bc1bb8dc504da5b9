"""What travels between the page and Python: every command is answered, only what changed is sent, and a search waits its turn."""

import asyncio
import csv
import io
import re
import time

import numpy as np
import pytest
from PIL import Image

from tests.explorer.conftest import CLASSES, centred
from zfhelpers.explorer import exploration, explore, widget
from zfhelpers.explorer.exploration import Exploration


class Heard(list):
    """What a page was sent: (message, buffers)."""

    def last(self) -> dict:
        return self[-1][0]


@pytest.fixture
def page(net, images, monkeypatch):
    """An explorer, and what it sends."""
    explorer = explore(net, images, CLASSES, preprocess=centred, labels=[number % 5 for number in range(12)], name="mine/net")
    heard = Heard()
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: heard.append((content, buffers or [])))
    return explorer, heard


def ask(explorer, **command):
    buffers = command.pop("buffers", [])
    explorer._heard(explorer, command, buffers)


def test_a_new_page_gets_everything_and_then_only_what_changed(page):
    explorer, heard = page
    ask(explorer, do="ready", asked="a 1")
    first, buffers = heard[0]
    assert first["done"] == "a 1"
    assert first["menus"]["layers"] == ["layer1", "layer2", "layer3", "layer4", "layer5"]
    assert sorted(first["pictures"]) == ["0/map", "0/projection", "0/wall", "image"]
    assert len(buffers) == 4
    ask(explorer, do="square", x=0.5, y=0.5, asked="a 2")
    assert heard.last()["pictures"] == ["0/map"]
    assert "menus" not in heard.last()
    ask(explorer, do="map", pane=0, place=2, asked="a 3")
    assert set(heard.last()["pictures"]) == {"0/map", "0/projection"}
    ask(explorer, do="ready", asked="b 1")  # a second view of the same explorer
    assert len(heard.last()["pictures"]) == 4


def test_pictures_that_are_gone_are_named(page):
    explorer, heard = page
    explorer.exploration.beside["other"] = lambda: explorer.exploration.panes[0].eye
    ask(explorer, do="ready")
    ask(explorer, do="beside", name="other")
    assert {"1/wall", "1/map", "1/projection"} <= set(heard.last()["pictures"])
    ask(explorer, do="beside", name="nothing")
    assert set(heard.last()["gone"]) == {"1/wall", "1/map", "1/projection"}


def test_bytes_travel_beside_a_command(page):
    explorer, heard = page
    file = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(file, "PNG")
    data = memoryview(file.getvalue())
    ask(explorer, do="part", name="red.png", number=0, count=1, size=len(data), buffers=[data])
    assert heard.last()["state"]["image"]["name"] == "red.png"


def test_every_command_is_answered(page, monkeypatch):
    explorer, heard = page
    ask(explorer, do="nonsense", asked="a 1")
    assert heard.last()["done"] == "a 1"
    assert heard.last()["state"]["message"] == "The explorer has no command 'nonsense'."
    monkeypatch.setattr(Exploration, "shown", lambda self: 1 / 0)
    ask(explorer, do="lift", asked="a 2")
    assert heard.last() == {"done": "a 2", "message": "This cannot be shown. ZeroDivisionError: division by zero"}


def test_saving_the_picture_and_the_numbers(page):
    explorer, heard = page
    while explorer.exploration.work():
        pass
    ask(explorer, do="square", x=0.5, y=0.5)
    ask(explorer, do="save", what="picture")
    message, buffers = heard[-1]
    assert re.fullmatch(r"mine-net-layer5-map-\d+\.png", message["file"]["name"])
    assert message["file"]["type"] == "image/png"
    assert Image.open(io.BytesIO(buffers[-1])).width > 900
    ask(explorer, do="save", what="numbers")
    message, buffers = heard[-1]
    assert message["file"]["name"].endswith(".csv")
    rows = list(csv.DictReader(io.StringIO(buffers[-1].decode())))
    counts = {what: sum(row["what"] == what for row in rows) for what in dict.fromkeys(row["what"] for row in rows)}
    pane = explorer.exploration.panes[0]
    assert counts == {
        "probability": 5, "probability under the square": 5, "strongest activation": len(pane.order), "activation": 1,
        "strongest over the images": 9,
    }  # fmt: skip
    assert [float(row["value"]) for row in rows if row["what"] == "probability"] == pytest.approx(
        pane.look.probabilities.tolist()
    )
    best = pane.search.top["layer5"].values[pane.chosen].tolist()
    assert [float(row["value"]) for row in rows if row["what"] == "strongest over the images"] == pytest.approx(best)


# ------------------------------------------------------------------------------------------------------ what takes long


def hastily(monkeypatch):
    for name, seconds in (("PAUSE", 0.001), ("QUIET", 0.01), ("SHORT", 0.005), ("TOLD", 0)):
        monkeypatch.setattr(widget, name, seconds)


def test_the_search_runs_between_commands_and_its_progress_is_told(page, monkeypatch):
    explorer, heard = page
    hastily(monkeypatch)
    monkeypatch.setattr(exploration, "SLICE", 0)  # one image a piece, however fast the machine
    monkeypatch.setattr(exploration, "FIRST", 1)

    async def used():
        ask(explorer, do="ready", asked="a 1")
        for number in range(5):
            await asyncio.sleep(0.02)
            ask(explorer, do="unit", x=0.2 * number, y=0.5, asked=f"b {number}")
        while not heard.last()["state"]["panes"][0]["names"]:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(used(), 60))
    seen = [message["state"]["panes"][0]["seen"] for message, _ in heard]
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert (seen[-1], heard.last()["state"]["panes"][0]["total"]) == (12, 12)
    assert [message["done"] for message, _ in heard if message["done"]] == ["a 1", *(f"b {number}" for number in range(5))]


def test_nothing_is_searched_before_a_page_is_open_or_after_it_is_gone(page, monkeypatch):
    explorer, _ = page
    hastily(monkeypatch)

    async def used():
        explorer._go_on()
        await asyncio.sleep(0.05)
        assert explorer.exploration.panes[0].search.seen == 0
        ask(explorer, do="ready")
        ask(explorer, do="gone")
        await asyncio.sleep(0.05)
        assert explorer.exploration.panes[0].search.seen == 0
        assert not explorer._waiting  # nor does anything wait for a page that will never come back

    asyncio.run(used())


def test_a_page_that_is_used_has_the_machine_to_itself(page, monkeypatch):
    explorer, _ = page
    hastily(monkeypatch)
    monkeypatch.setattr(widget, "QUIET", 30)
    worked = []
    monkeypatch.setattr(explorer.exploration, "work", lambda: worked.append(time.monotonic()))

    async def used():
        for _ in range(5):
            ask(explorer, do="ready")
            await asyncio.sleep(0.01)

    asyncio.run(used())
    assert worked == []


# --------------------------------------------------------------------------------------------------- where nothing runs


def test_a_still_picture_stands_beside_the_live_page(page):
    explorer, _ = page
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert re.search(
        r'<figure><img alt="An image \(ant\) as mine/net sees it[^"]+" src="data:image/(png|webp);base64,', bundle["text/html"]
    )
    assert bundle["text/plain"] == repr(explorer) == f"<Explorer: {explorer.picture.alt}>"
    assert not re.search(r"\d\.\d", explorer.picture.alt)  # nothing measured, which might differ between machines


def test_the_still_picture_is_the_same_each_time_whatever_was_searched_before(net, images):
    def made():
        return explore(net, images, CLASSES, preprocess=centred)

    first = made()
    while first.exploration.work():
        pass
    assert first.picture.png != made().picture.png == made().picture.png


def test_the_picture_shows_frame_square_and_chosen_map(page):
    explorer, _ = page
    vermilion = np.array([0xD5, 0x5E, 0x00])

    def pixels():
        return np.asarray(Image.open(io.BytesIO(explorer.picture.png)).convert("RGB")).astype(int)

    field = (np.abs(pixels()[24:288, :264] - vermilion).sum(-1) < 10).sum()
    ask(explorer, do="square", x=0.5, y=0.5)
    covered = pixels()[24:288, :264]
    assert field > 100 > (np.abs(covered - vermilion).sum(-1) < 10).sum()
    side = 264 * round(64 * 50 / 224) / 64
    assert (covered == 0x7C).all(-1).sum() == pytest.approx(side**2, rel=0.05)


def test_the_script_names_nothing_outside_itself(page):
    script = str(page[0]._esm)
    assert "function render(" in script
    assert not re.search(r"\bimport\b|https?:", script)
