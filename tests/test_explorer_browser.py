"""The explorer as a reader meets it, in JupyterLab and as a page by itself: upload, pick, click, drag, save.

The numbers are printed (`pytest -s`): how long moves took, and what memory did over a thousand of them.
"""

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.test_browser import CHROMIUM, ROOT, SECONDS, chromium_page, jupyter_lab, run_all, sync_api

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="it needs axe: pip install axe-playwright-python")

MOVES, RAPID, SWEEP = 1000, 100, 10
GROWTH = 50 * 2**20  # bytes that a kernel or a page may grow by over a thousand moves: what they hold breathes

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the browser test needs Chromium: apt-get install chromium")

CELL = """
import torch
from torch import nn
import zfhelpers as zf

torch.manual_seed(0)
end = nn.AdaptiveAvgPool2d(1), nn.Flatten()
net = nn.Sequential(nn.Conv2d(3, 100, 5, 2), nn.ReLU(), nn.Conv2d(100, 70, 3, 2), nn.ReLU(), *end)
images = torch.randint(0, 256, (40, 3, 64, 64), dtype=torch.uint8)
other = nn.Sequential(nn.Conv2d(3, 9, 5, 2), nn.ReLU(), *end)
zf.explore(net, images, preprocess=lambda batch: batch / 255, beside={"the other": other})
"""


def test_in_jupyterlab_a_network_of_the_readers_own(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(CELL.strip())]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "mine.ipynb")
    with jupyter_lab(folder, tmp_path / "jupyter") as (url, token), chromium_page() as page:
        page.goto(f"{url}doc/tree/mine.ipynb?token={token}")
        run_all(page, 1)
        with no_errors(page):
            explorer = opened(page)
            use(page, explorer, tmp_path)
            walks_pages_of_a_wall(page, explorer)
            shows_two_networks(explorer, "the other")
            stays_flat_over_a_thousand_moves(page, explorer)


def test_as_a_page_by_itself_a_world(tmp_path):
    with voila(tmp_path) as address, chromium_page() as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        with no_errors(page):
            explorer = opened(page)
            sync_api.expect(explorer.get_by_label("image of")).to_contain_text("siamese cat (50)")
            assert_everybody_can_use(page)
            use(page, explorer, tmp_path)
        assert [url for url in asked if not re.match(r"(https?://127\.0\.0\.1:|blob:|data:)", url)] == []  # no other machine


# ---------------------------------------------------------------------------------------------------- what a reader does


def use(page, explorer, folder: Path) -> None:
    """Upload, drop, a bad file, a path; a map, a unit, the square; the picture and the numbers."""
    name, message, readout = (explorer.locator(f".zf-{part}") for part in ("picture .zf-caption", "message", "readout"))
    pixels = np.random.default_rng(0).integers(0, 256, (400, 900, 3), dtype=np.uint8)
    (folder / "large.png").write_bytes(encoded(pixels))  # more than a megabyte: it travels in parts
    (folder / "broken.jpg").write_bytes(b"no picture")
    chooser = explorer.locator("input[type=file]")
    chooser.set_input_files(folder / "large.png")
    sync_api.expect(name).to_have_text("large.png")
    chooser.set_input_files(folder / "broken.jpg")
    sync_api.expect(message).to_have_text("The image 'broken.jpg' cannot be read: it is no picture of a known format.")
    sync_api.expect(name).to_have_text("large.png")
    dropped(explorer, "dropped.png", encoded(pixels[:50, :50]))
    sync_api.expect(name).to_have_text("dropped.png")
    sync_api.expect(message).to_be_empty()
    explorer.get_by_label("or the path of one").fill(str(folder / "large.png"))
    explorer.get_by_role("button", name="Open").click()
    sync_api.expect(name).to_have_text("large.png")
    explorer.get_by_label("number", exact=True).press("ArrowUp")
    sync_api.expect(name).not_to_have_text("large.png")

    wall, image = explorer.locator(".zf-wall"), explorer.locator(".zf-image")
    changes(readout, lambda: wall.click(position={"x": 1.5 / 8 * wall.bounding_box()["width"], "y": 10}))
    sync_api.expect(readout).to_contain_text("number 2 of")
    page.keyboard.press("ArrowDown")
    sync_api.expect(readout).to_contain_text("number 10 of")
    sync_api.expect(explorer.locator(".zf-patches img")).to_have_attribute("alt", re.compile("^Nine patches, of: .+"))
    changes(readout, lambda: image.click(position={"x": 240, "y": 240}))
    changes(readout, lambda: page.keyboard.press("ArrowLeft"))
    changes(readout, lambda: wall.click(position={"x": 10, "y": 10}))  # a map's most active unit, which is not silent
    for label, choice in (("rule", "gradient"), ("colours of the wall", "map"), ("layer", "0")):
        picture = explorer.locator(".zf-wall img" if label != "rule" else ".zf-projection img")
        before = picture.get_attribute("src")
        explorer.get_by_label(label, exact=True).select_option(choice)
        sync_api.expect(picture).not_to_have_attribute("src", before)

    explorer.get_by_label("move a grey square").check()
    sync_api.expect(explorer.locator(".zf-square")).to_be_visible()
    drags(page, explorer, RAPID)
    changes(readout, lambda: page.keyboard.press("ArrowUp"))
    for what, kind in (("picture", "png"), ("numbers", "csv")):
        with page.expect_download() as download:
            explorer.get_by_role("button", name=f"Save {what}").click()
        assert download.value.suggested_filename.endswith(f".{kind}")
        data = Path(download.value.path()).read_bytes()
        assert data.startswith(b"\x89PNG" if kind == "png" else b"network,what,layer,map,")
        assert len(data) > 2000
    explorer.get_by_label("look at a unit").check()
    sync_api.expect(explorer.locator(".zf-square")).to_be_hidden()


def drags(page, explorer, moves: int) -> None:
    """Drag the square as fast as the mouse goes; where it is let go it stands."""
    image, readout = explorer.locator(".zf-image"), explorer.locator(".zf-readout")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    began = time.monotonic()
    for sweep in range(1, moves // SWEEP + 1):  # as many events in one call of the driver, which is slower than a hand
        share = 0.5 + 0.35 * np.sin(sweep) if sweep * SWEEP < moves else 0.5
        down = 0.25 + 0.5 * sweep * SWEEP / moves
        page.mouse.move(box["x"] + share * box["width"], box["y"] + down * box["height"], steps=SWEEP)
    ended = time.monotonic()
    page.mouse.up()
    high = round(1000 * float(explorer.locator(".zf-image img").evaluate("image => image.naturalHeight"))) // 1000
    covered = re.compile(rf"The square covers rows {round(0.75 * high) - half(explorer)} to ")
    sync_api.expect(readout).to_contain_text(covered)
    print(f"{moves} moves in {ended - began:.2f} s; the last one stood {time.monotonic() - ended:.2f} s later")


def half(explorer) -> int:
    """Half the side of the square, in pixels of the image."""
    return round(float(explorer.locator(".zf-asked output").inner_text().split()[0]) / 2)


def stays_flat_over_a_thousand_moves(page, explorer) -> None:
    """Neither the kernel nor the page keeps what was shown before."""
    explorer.get_by_label("move a grey square").check()
    drags(page, explorer, RAPID)
    before = memory(page)
    for _ in range(MOVES // RAPID):
        drags(page, explorer, RAPID)
    growth = {name: size - before[name] for name, size in memory(page).items()}
    print({name: f"{size / 2**20:+.1f} MB" for name, size in growth.items()})
    assert all(size < GROWTH for size in growth.values()), growth


def walks_pages_of_a_wall(page, explorer) -> None:
    told = explorer.locator(".zf-line .zf-caption")
    explorer.get_by_label("layer", exact=True).select_option("0")
    sync_api.expect(told).to_contain_text("maps 1 to 64 of 100")
    explorer.get_by_role("button", name="weaker maps").click()
    sync_api.expect(told).to_contain_text("maps 65 to 100 of 100")
    explorer.locator(".zf-wall").click(position={"x": 10, "y": 10})
    sync_api.expect(explorer.locator(".zf-readout")).to_contain_text("number 65 of 100")
    page.keyboard.press("ArrowLeft")
    sync_api.expect(told).to_contain_text("maps 1 to 64 of 100")


def shows_two_networks(explorer, name: str) -> None:
    explorer.get_by_label("beside it").select_option(name)
    sync_api.expect(explorer.locator(".zf-pane")).to_have_count(2)
    sync_api.expect(explorer.locator(".zf-pane h4").last).to_have_text(name)
    sync_api.expect(explorer.locator(".zf-pane").last.locator(".zf-wall img")).to_be_visible()
    explorer.get_by_label("beside it").select_option("nothing")
    sync_api.expect(explorer.locator(".zf-pane")).to_have_count(1)


def assert_everybody_can_use(page) -> None:
    """Names of controls, alt texts, contrast: axe finds nothing serious in the explorer."""
    found = axe.Axe().run(page, context=".zf-explorer").response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


# -------------------------------------------------------------------------------------------------------------- machinery


def opened(page):
    """The explorer, as soon as it shows its wall."""
    explorer = page.locator(".zf-explorer")
    explorer.locator(".zf-wall img").wait_for(timeout=1000 * SECONDS)
    return explorer


def changes(readout, act) -> None:
    before = readout.inner_text()
    act()
    sync_api.expect(readout).not_to_have_text(before)


def encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def dropped(explorer, name: str, data: bytes) -> None:
    """As if a file were dropped on the page from a folder."""
    explorer.evaluate(
        """(root, [name, bytes]) => {
            const given = new DataTransfer();
            given.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
            for (const kind of ["dragover", "drop"])
                root.querySelector(".zf-image").dispatchEvent(
                    new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: given }));
        }""",
        [name, list(data)],
    )


def memory(page) -> dict[str, int]:
    """Bytes: of the kernel, and of what the page's script holds."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.collectGarbage")
    heap = tools.send("Runtime.getHeapUsage")["usedSize"]
    tools.detach()
    kernels = [one for one in psutil.Process().children(recursive=True) if "ipykernel_launcher" in " ".join(one.cmdline())]
    return {"kernel": sum(one.memory_info().rss for one in kernels), "page": int(heap)}


@contextmanager
def no_errors(page):
    """What the page's script complains of while the explorer is used fails the test."""
    errors = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert [error for error in errors if "debugger" not in error] == []  # JupyterLab's own, as a kernel starts


@contextmanager
def voila(folder: Path):
    """The page by itself, as `make explore` starts it: its address."""
    log = folder / "log.txt"
    command = [sys.executable, "-m", "zfhelpers.explorer", "--no-browser"]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(folder / name.lower()) for name in own}
    with open(log, "wb") as file:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
        try:
            yield listening(server, log)
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def listening(server: subprocess.Popen, log: Path) -> str:
    """The address that was printed, as soon as it answers."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\S+", log.read_text())
        sockets = psutil.Process(server.pid).net_connections()
        if found and int(found[1]) in {each.laddr.port for each in sockets if each.status == "LISTEN"}:
            return found[0]
        time.sleep(0.1)
    pytest.fail(f"The explorer did not start:\n{log.read_text()[-2000:]}")
