"""What holds for every test, and for every notebook that nbval runs: quiet, headless, and nothing from the reader's own set-up.

It lies at the top so that `pytest notebooks/08_occlusion.ipynb` reads it too.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")  # here; in a notebook's kernel matplotlib draws inline, unless MPLBACKEND forbids it
os.environ.pop("MPLBACKEND", None)

os.environ["ZF_PROGRESS"] = "0"
os.environ["ZF_EXPECTED"] = "strict"  # a number of a notebook that is not as notebooks/expected has it fails in its cell
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
os.environ.pop("JUPYTER_PATH", None)

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many workers as cores; more threads only wait for each other
else:
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")  # a reader's profile may print, import or change the display
    atexit.register(shutil.rmtree, os.environ["IPYTHONDIR"], ignore_errors=True)

for variable in ("ZF_DATA", "ZF_CACHE"):  # notebooks run in their own folder, where a relative path would mean another place
    if os.environ.get(variable):
        os.environ[variable] = os.path.abspath(os.environ[variable])


@pytest.fixture(autouse=True)
def nothing_measured():
    """Have each test and docstring begin without the record of a notebook that an earlier one of the same process began."""
    from zfhelpers.paper import measurements

    measurements.forget()


def pytest_configure(config):
    """Have nbval leave out what differs between machines, wherever pytest was started: its option is read from there."""
    if getattr(config.option, "nbval_sanitize_with", "") is None:
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("tests") / "nbval.cfg")


def pytest_collectstart(collector):
    """Have nbval compare text alone: warnings differ between machines, and HTML repeats text with pictures and more digits."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "text/html")


def pytest_itemcollected(item):
    """Have nbval compare figures as well: the one that a cell draws with the one that is stored in the notebook."""
    if hasattr(item, "compare_outputs") and "does-not-repeat" not in item.cell.metadata.get("tags", []):
        from zfhelpers.figures.compare import changed

        compare_text = item.compare_outputs

        def compare(test, ref, skip_compare=None):
            if not compare_text(test, ref, skip_compare):
                return False
            item.comparison_traceback.extend(changed(test, ref))
            return not item.comparison_traceback

        item.compare_outputs = compare
