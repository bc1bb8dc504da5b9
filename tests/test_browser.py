"""The notebooks as a reader meets them: JupyterLab in a real browser, cells run, sliders moved with the arrow keys.

Everything else about the widgets is tested without a browser. `ZF_SCREENSHOT=FILE.png` keeps a picture of what was shown.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="the browser test needs playwright: pip install playwright")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "08_occlusion.ipynb"
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
# No sandbox, because containers rarely allow one; nothing that asks the network.
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page, also out of sight
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # no question in front of the notebook
}
SECONDS = 180  # for the server and the page, also on a busy machine
FIRST_SECONDS = 100  # for the first cell, which may import torch
RUN_SECONDS = 400  # for the whole notebook

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the browser test needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not NOTEBOOK.exists(), reason="notebook 08 is not there"),
]


def test_arrow_keys_move_the_occluder(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(NOTEBOOK, folder)
    with jupyter_lab(folder, tmp_path / "jupyter") as (url, token), chromium_page() as page:
        page.goto(f"{url}doc/tree/{NOTEBOOK.name}?token={token}")
        run_all(page, code_cells(NOTEBOOK))

        view = page.locator(".jupyter-widgets.widget-vbox", has=page.locator(".widget-slider")).first
        picture, readout = view.locator("img"), view.locator("[aria-live=polite]")
        assert "grey square" in picture.get_attribute("alt")
        assert picture.evaluate("image => image.complete && image.naturalWidth > 300")
        for name, keys in (("row of the square", "ArrowDown ArrowUp"), ("column of the square", "ArrowRight ArrowLeft")):
            slider = view.locator(".widget-slider", has_text=name).get_by_role("slider")
            slider.focus()
            for key in keys.split():
                shown, place = picture.get_attribute("src"), slider.get_attribute("aria-valuenow")
                page.keyboard.press(key)
                sync_api.expect(slider).not_to_have_attribute("aria-valuenow", place)
                sync_api.expect(picture).not_to_have_attribute("src", shown)
                assert "grey square" in picture.get_attribute("alt")

        # To a corner, key by key: away from the object the network is surer than in front of it.
        probability = readout.locator("strong").first
        before = probability.inner_text()
        for name in ("row of the square", "column of the square"):
            slider = view.locator(".widget-slider", has_text=name).get_by_role("slider")
            slider.focus()
            for place in reversed(range(int(float(slider.get_attribute("aria-valuenow"))))):
                page.keyboard.press("ArrowLeft")
                sync_api.expect(slider).to_have_attribute("aria-valuenow", f"{place}.0")
        sync_api.expect(probability).not_to_have_text(before)
        assert_dragging_moves_the_square(page, view)
        keep_screenshots(page, view)


def assert_dragging_moves_the_square(page, view) -> None:
    """By mouse it follows the pointer while it is dragged; the arrow keys move it when the picture has the focus."""
    frame, picture = view.locator(".zf-pointed"), view.locator("img")
    sliders = [view.locator(".widget-slider", has_text=f"{name} of the").get_by_role("slider") for name in ("row", "column")]

    def values() -> list[float]:
        page.wait_for_timeout(500)  # until the last of several places on the way is answered
        return [float(slider.get_attribute("aria-valuenow")) for slider in sliders]

    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.down()
    seen = [values()]
    for across, down in ((100, 90), (140, 140), (180, 200)):
        shown = picture.get_attribute("src")
        page.mouse.move(box["x"] + across, box["y"] + down, steps=3)
        sync_api.expect(picture).not_to_have_attribute("src", shown)
        seen.append(values())
    page.mouse.up()
    assert all(later[0] > earlier[0] and later[1] > earlier[1] for earlier, later in itertools.pairwise(seen)), seen
    for key, slider, by in (("ArrowUp", 0, -1), ("ArrowLeft", 1, -1), ("ArrowDown", 0, 1), ("ArrowRight", 1, 1)):
        before = values()[slider]
        page.keyboard.press(key)  # the click has given the picture the focus
        sync_api.expect(sliders[slider]).to_have_attribute("aria-valuenow", f"{before + by:.1f}")


VIEWS = """
import numpy as np
import torch

from zfhelpers import views
from zfhelpers.experiments.correspondence import Correspondence
from zfhelpers.experiments.invariance import InvarianceCurves

rng = np.random.default_rng(0)
picture = lambda *shape: rng.integers(0, 256, (*shape, 3, 32, 32), dtype=np.uint8)
signal = lambda *shape: rng.normal(size=(*shape, 3, 9, 9)).astype(np.float32)
signs = lambda: Correspondence(torch.from_numpy(rng.integers(-1, 2, (4, 8)).astype(np.int8)), torch.zeros(4))
----
views.features_view({name: (range(3), signal(3, 9), picture(3, 9)) for name in ("layer1", "layer2")})
----
views.filters_view({name: signal(12) for name in ("one", "two")})
----
views.evolution_view({name: (range(3), signal(3, 4), picture(3, 4), rng.integers(0, 9, (3, 4))) for name in "ab"}, (1, 2, 5, 10))
----
curves = {kind: InvarianceCurves(kind, torch.tensor(amounts), {"layer1": torch.rand(2, 3)}, torch.rand(2, 3))
          for kind, amounts in {"scale": [1.0, 1.5, 2.0], "rotation": [0.0, 90.0, 180.0]}.items()}
views.invariance_view({kind: (found, torch.from_numpy(picture(2, 3))) for kind, found in curves.items()}, ["cat", "dog"])
----
parts = ("nose", "eye")
views.correspondence_view({part: picture(4) for part in parts}, {part: {"layer5": signs(), "layer7": signs()} for part in parts})
----
views.ensemble_view({name: rng.dirichlet(np.ones(3), (40, 10)) for name in ("one", "two", "three")}, rng.integers(0, 3, 40))
----
networks = [{"row": row, "seed": seed, "val_top1": 9.0 + seed, "of_class": [*rng.uniform(0, 30, 2)]}
            for row in ("alexnet", "alexnet-no-7", "zfnet") for seed in range(2)]
views.ablation_view({"classes": ["cat", "dog"], "networks": networks})
----
views.confusion_view({name: {n: rng.integers(1, 9, (3, 3)) for n in (1, 5)} for name in ("one", "two")}, ["cat", "dog", "owl"])
----
points = {layer: rng.normal(size=(12, 4)) for layer in ("layer1", "layer2")}
grams = {layer: values @ values.T for layer, values in points.items()}
views.neighbours_view(picture(12), np.arange(12) % 3, ["cat", "dog", "owl"], grams)
"""


def test_every_control_of_the_other_views_moves_their_picture(tmp_path):
    """On made-up data, so that nothing has to be trained or computed before."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in VIEWS.split("----")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}  # or Lab asks which
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "views.ipynb")
    with jupyter_lab(folder, tmp_path / "jupyter") as (url, token), chromium_page() as page:
        page.goto(f"{url}doc/tree/views.ipynb?token={token}")
        run_all(page, len(cells))
        for number in range(1, len(cells)):
            view = page.locator(".jp-CodeCell").nth(number).locator(".widget-vbox").first
            picture = view.locator("img")
            picture.wait_for()
            for slider in view.get_by_role("slider").all():
                last = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
                slider.focus()
                moves_the_picture(picture, lambda key=f"Arrow{'Left' if last else 'Right'}": page.keyboard.press(key))
            for menu in view.locator("select").all():
                other = menu.locator("option:not(:checked)").first.text_content()
                moves_the_picture(picture, lambda menu=menu, other=other: menu.select_option(other))
            for box in view.get_by_role("checkbox").all():
                moves_the_picture(picture, box.uncheck)
                moves_the_picture(picture, box.check)
            if (play := view.locator(".jupyter-button[title*='lay']").first).count():
                epoch = view.locator(".widget-slider", has_text="epoch").get_by_role("slider")
                while float(epoch.get_attribute("aria-valuenow")) > 0:
                    epoch.press("ArrowLeft")
                moves_the_picture(picture, play.click)
            keep_screenshots(page, view, f"-{number}")


def moves_the_picture(picture, act) -> None:
    """Whether a control does something: another picture, and no complaint below it."""
    before = picture.get_attribute("src")
    act()
    sync_api.expect(picture).not_to_have_attribute("src", before)
    assert not picture.locator("xpath=ancestor::*[contains(@class, 'widget-vbox')][1]").locator("[role=alert]").count()


def code_cells(path: Path) -> int:
    return sum(cell["cell_type"] == "code" for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])


def run_all(page, count: int) -> None:
    """Run all `count` cells in a fresh kernel and wait until the last one has its number; an error on the way ends the test."""
    prompts = page.locator(".jp-CodeCell .jp-InputArea-prompt")
    sync_api.expect(prompts).to_have_count(count)
    page.get_by_text("Idle", exact=False).first.wait_for(state="attached")
    failed = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").first
    first = page.locator(".jp-CodeCell").first.locator(".jp-InputArea-prompt", has_text="[1]:")
    for _ in range(3):  # now and then the cells are lost that JupyterLab sends while the kernel restarts
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_text("Restart Kernel and Run All Cells…", exact=True).click()
        page.locator(".jp-Dialog button.jp-mod-accept").click()
        sync_api.expect(prompts.last).not_to_have_text(f"[{count}]:")  # the numbers in the file are gone
        with suppress(sync_api.TimeoutError):
            first.or_(failed).first.wait_for(timeout=1000 * FIRST_SECONDS)
            break
    done = page.locator(".jp-CodeCell").last.locator(".jp-InputArea-prompt", has_text=f"[{count}]:")
    done.or_(failed).first.wait_for(timeout=1000 * RUN_SECONDS)
    assert not failed.count(), failed.inner_text()


def keep_screenshots(page, view, which: str = "") -> None:
    """The View, and the whole window around it, where `ZF_SCREENSHOT` says."""
    if path := os.environ.get("ZF_SCREENSHOT"):
        view.scroll_into_view_if_needed()
        page.screenshot(path=path)
        view.screenshot(path=Path(path).with_suffix(f".view{which}.png"))


@contextmanager
def chromium_page():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(1000 * SECONDS)
            sync_api.expect.set_options(timeout=1000 * SECONDS)
            yield page
        finally:
            browser.close()


@contextmanager
def jupyter_lab(folder: Path, home: Path):
    """JupyterLab over `folder`, on a free port of this machine, untouched by the reader's own set-up: (url, token)."""
    token = os.urandom(16).hex()
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
              "IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings",
              "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}  # fmt: skip
    own = {variable: str(home / name) for variable, name in places.items()}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_TOKEN": token, **own}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}",
               "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]  # fmt: skip
    log = home / "log.txt"
    with open(log, "wb") as file:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=file, stderr=file, start_new_session=True)
        try:
            yield address(server, home / "runtime", log), token
        finally:
            server.terminate()  # it shuts its kernels down; they also end by themselves when their server is gone
            try:
                server.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def address(server: subprocess.Popen, runtime: Path, log: Path) -> str:
    """Where the server listens, as soon as it has said so."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for found in runtime.glob("jpserver-*.json"):
            try:
                return json.loads(found.read_text())["url"]
            except ValueError:  # half written
                continue
        try:
            server.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
