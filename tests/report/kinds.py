"""A small report with every kind of cell, for the browser to open: made by hand, and from a notebook of the course as stored."""

import base64
import io
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from tests.views.test_every_view import MAKERS
from zfhelpers.paper.runs import Measurement, Need, Run, Verdict
from zfhelpers.paper.tables import NumberTable, html_table
from zfhelpers.report import index
from zfhelpers.report import pages as report

TEXT = r"""# 01  Kinds of *cells*: Figure 2

Some words, $a < b^2$, [the next](05_feature_evolution.ipynb), `code_without_any_place_to_break_in_a_very_long_name` and
$$\sum_{i=1}^{n} a_i b_i c_i d_i e_i f_i g_i h_i + \sum_{i=1}^{n} a_i b_i c_i d_i e_i f_i g_i h_i = \sum_{i=1}^{n} k_i$$

| in words | a number |
|---|---|
| one | 1 |

## 1  What is $x^2$?

### Within it

## 2  Deeper (optional)

## 2  Deeper (optional)

<details><summary>Answer</summary>

**Folded**, with code:

```python
for image in images:  # a comment
    print("a line of code in an answer that is exactly eighty-eight letters long, here")
```

</details>
"""
LINE = "found = find_the_strongest(activations, of=['layer1', 'layer2'], among=images, most=9) #"
CODE = f'''import torch


@torch.no_grad()
class Found:
    """What was found."""

    def number(self, other=None):  # a comment
        return f"{{self}}" + r"a" if other is None and not 3.5 else 0x10


{LINE}
{LINE * 2}'''


def figure(width: int, height: int, alt: str) -> str:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    img = f'<img alt="{alt}" src="data:image/png;base64,{data}" style="max-width:100%">'
    return f"<figure>{img}<figcaption>So.</figcaption></figure>"


def shows(text: str):
    return new_output("display_data", data={"text/html": text, "text/plain": "shown"})


def make_report(project: Path, course: Path) -> Path:
    """The folder of a report: its index, the pages 01_kinds and that of `course`, and failed/06_broken."""
    notebooks, folder = project / "notebooks", project / "reports" / "toy"
    (folder / "01_kinds").mkdir(parents=True)
    (folder / "failed").mkdir()
    numbers = [
        Measurement("top-1 error of the network in this world", 17.6131, "%", "16.5", (15.123, 19.9), "one crop of each image"),
        Measurement("accuracy", 71.5, paper=40.5),
    ]
    wide = html_table([["layer", *(f"column {n}" for n in range(20))], ["layer1", *map(str, range(20))]], "Wide")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZF_PLAYS", "1")
        view = MAKERS["occlusion"]()._repr_mimebundle_()["text/html"]
    error = new_output("error", ename="ValueError", evalue="no", traceback=["\x1b[31mValueError\x1b[0m: no " + "!" * 200])
    injected = "# Parameters\nworld = 'toy'\nout_dir = '../reports/toy/01_kinds'\nseed = 7"
    kinds = [
        new_markdown_cell(TEXT),
        new_code_cell('world = "imagenette"\nout_dir = None\nseed = 3', metadata={"tags": ["parameters"]}),
        new_code_cell(injected, metadata={"tags": ["injected-parameters"]}),
        new_code_cell(CODE, outputs=[shows(figure(1100, 700, "A ramp &amp; more"))]),
        new_code_cell("figure", outputs=[shows(figure(300, 200, "A small ramp"))]),
        new_code_cell("numbers", outputs=[shows(NumberTable(numbers)._repr_html_()), shows(wide)]),
        new_code_cell("view", outputs=[shows(view)]),
        new_code_cell(
            "print()", outputs=[new_output("stream", text="word " * 60), new_output("stream", name="stderr", text="!")]
        ),
        new_markdown_cell("Words.\n\n" * 60),
    ]
    ran = {"input_path": str(notebooks / "01_kinds.ipynb"), "parameters": {"world": "toy", "out_dir": "../reports", "seed": 7}}
    nbformat.write(new_notebook(cells=kinds, metadata={"papermill": ran}), folder / "01_kinds.ipynb")
    broken = [new_markdown_cell("# 06 Broken"), new_code_cell("1 / 0", outputs=[error])]
    failure = {"failure": "failed in code cell 1, line 1, `1 / 0`: ValueError: no."}
    nbformat.write(new_notebook(cells=broken, metadata=failure), folder / "failed" / "06_broken.ipynb")
    shutil.copy(course, folder)
    verdicts = [
        Verdict("8", "holds", "It fell by half."),
        Verdict("3", "does not hold", "Later."),
        Verdict("12", "open here", "-"),
    ]
    Run("01_kinds", "toy", measurements=numbers, verdicts=verdicts, needs=[Need("3  Faces", "it needs faces; draw some.")]).write(
        folder / "01_kinds" / "metrics.json"
    )
    names = ["01_kinds", course.stem, "06_broken"]
    for name in names[:2]:
        report.page(folder / f"{name}.ipynb", ["00_a_name_as_long_as_an_arm", *names])
    index.index(folder, [notebooks / f"{name}.ipynb" for name in names], "toy")
    return folder
