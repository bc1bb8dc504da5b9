"""The drawings of the method, against the network they are drawn from."""

import matplotlib
import numpy as np

from zfhelpers import figures
from zfhelpers.figures.schematics import TOY_MAP
from zfhelpers.model import ALEXNET, Architecture, ZFNet


def test_the_network_is_drawn_from_its_architecture(drawings):
    alexnet = {"conv1": ALEXNET.conv1, "conv2": ALEXNET.conv2, "maps": (96, 256, 0, 0, 256), "fc": ()}
    result = figures.architecture_figure(ZFNet(Architecture(classes=24, image_size=128, width=0.125, **alexnet)))
    (figure,) = drawings
    words = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    assert "conv 11 x 11, stride 4" in words
    assert "layer3" not in words
    assert "layer7" not in words
    assert "24 classes" in words
    assert "layer1 12 maps of 31 x 31" in result.alt


def test_the_deconvnet_pools_and_unpools_its_numbers(drawings):
    figures.deconvnet_figure()
    numbers = [text for text in drawings[0].findobj(matplotlib.text.Text) if text.get_text().isdigit()]
    left, right = ([int(text.get_text()) for text in numbers if start < text.get_position()[0] < start + 2] for start in (0, 5.7))
    maxima, unpooled = [], np.zeros_like(TOY_MAP)
    for row, column in ((0, 0), (0, 2), (2, 0), (2, 2)):
        window = TOY_MAP[row : row + 2, column : column + 2]
        down, across = divmod(int(window.argmax()), 2)
        unpooled[row + down, column + across] = window.max()
        maxima.append(window.max())
    assert right == [*maxima, *TOY_MAP.ravel()]
    assert left == [*maxima, *unpooled.ravel()]
