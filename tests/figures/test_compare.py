"""A figure that shows something else is told, whatever its alt text says; a line that moves by a fraction of a pixel is not."""

import base64

import numpy as np
import pytest

from zfhelpers.figures.charts import curves_figure
from zfhelpers.figures.compare import changed
from zfhelpers.figures.picture import Picture, smaller


def output(picture, **options):
    return [{"output_type": "display_data", "data": picture._repr_mimebundle_(), **options}]


def curve(*values):
    return curves_figure({"one": (range(len(values)), values)}, "step", "error (%)", alt="A <curve> & more.")


@pytest.fixture
def photograph():
    """Smooth colours, and noise on them: it is compressed with loss."""
    colours = np.random.default_rng(0).uniform(0, 255, (3, 10, 10)).repeat(30, 1).repeat(30, 2)
    return (0.8 * colours + np.random.default_rng(1).uniform(0, 50, colours.shape)).astype(np.uint8)


def test_equal_figures(photograph):
    for picture in (curve(0, 3, 1), Picture(photograph, alt="Squares.")):
        assert changed(output(picture), output(picture)) == []
    assert changed([], []) == changed([{"output_type": "stream", "text": "1"}], [{"data": {"text/html": "<p>2</p>"}}]) == []


def test_other_data():
    for values in ((0, 2.7, 1), (0, 3, 1, 2), (3, 0, 1)):
        (said,) = changed(output(curve(*values)), output(curve(0, 3, 1)))
        assert "has changed" in said or "pixels" in said
        assert said.endswith("A <curve> & more.")
    assert changed(output(curve(0, 3.001, 1)), output(curve(0, 3, 1))) == []


def test_a_moved_picture_and_a_lost_one(photograph):
    kept = output(Picture(photograph, alt="Squares."))
    assert kept[0]["data"]["text/html"].count("image/webp") == 1
    assert "has changed" in changed(output(Picture(np.roll(photograph, 9, 2), alt="Squares.")), kept)[0]
    assert "300 x 290 pixels and was 300 x 300" in changed(output(Picture(photograph[:, :290], alt="Squares.")), kept)[0]
    assert changed([], kept) == ["The cell draws 0 figures; the notebook keeps 1."]


def test_compression_with_loss_is_no_change(photograph):
    picture = Picture(photograph, alt="Squares.")
    lossless = f'<figure><img alt="Squares." src="data:image/png;base64,{base64.b64encode(picture.png).decode()}"></figure>'
    assert smaller(picture.png) != picture.png
    assert changed(output(picture), [{"data": {"text/html": lossless}}]) == []
