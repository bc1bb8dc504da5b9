"""Occlusion maps (Fig. 7): slide a square over the image and watch the network answer.

    P[r, c, k] = softmax(network(image with the square at r, c covered))[k]
    S[r, c, m] = the activity of map m of a layer, summed over space, under the same square

One sweep gives every panel of the figure: where the true class falls (d), what the network says instead (e), and where the
layer-5 map that was strongest in the whole image loses its activity (b). Paper protocol, measured from the figure: a 50 x 50
square in steps of 6, always fully inside the 224 x 224 image, 30 x 30 positions.

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    >>> maps = occlusion_maps(net, torch.zeros(3, 64, 64), "layer5", size=14, stride=10)
    >>> maps
    OcclusionMaps(6 x 6 positions of a 14 px square, 5 classes, layer5)
    >>> maps.probabilities.shape, maps.activity.shape, maps.box(0, 5)
    (torch.Size([6, 6, 5]), torch.Size([6, 6]), (0, 50, 14, 64))

Images have as many channels as the network takes, for instance one of grey digits, and the occluder may be oblong:

    >>> digits = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 24 * 24, 10))
    >>> occlusion_maps(digits, torch.rand(1, 28, 28), "1", size=(10, 4), stride=(6, 2))
    OcclusionMaps(4 x 13 positions of a 10 x 4 px rectangle, 10 classes, 1)
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.answers import check_alone, check_output, probabilities
from zfhelpers.boxes import Box, fill_image, rectangle_at, window
from zfhelpers.hooks import checked_images, find_layer, layer_names, maps_first, recording, whole
from zfhelpers.windows import MOST, Windowed

TRIED = 3  # positions at which windows are held against whole images, before they are trusted
AGREE = 1e-4  # of the largest value: how far they may differ in float32

AT_ONCE = 64  # positions, if nothing else is said
Sides = int | tuple[int, int]
"""Pixels down and across: one number for both, or (height, width)."""


@dataclass(frozen=True, eq=False, repr=False)
class OcclusionMaps:
    """What one sweep of an occluder shows, on the CPU; `rows` and `cols` count its positions.

    Attributes:
        probabilities: (rows, cols, classes) float, of the network's output at every position.
        sums: layer -> (rows, cols, maps) float, every map's activity summed over space.
        probabilities_clean: (classes,) float, without the occluder.
        sums_clean: layer -> (maps,) float, without the occluder.
        strongest_map: the map of the first layer with the strongest single activation in the unoccluded image.
        size: side of the square, in pixels; or its (height, width), if that was asked for.
        stride: pixels from one position to the next; or (down, across).
    """

    probabilities: Tensor
    sums: dict[str, Tensor]
    probabilities_clean: Tensor
    sums_clean: dict[str, Tensor]
    strongest_map: int
    size: Sides
    stride: Sides

    @property
    def activity(self) -> Tensor:
        """(rows, cols): summed activity of the first layer's strongest map (Fig. 7b)."""
        return next(iter(self.sums.values()))[..., self.strongest_map]

    @property
    def labels(self) -> Tensor:
        """(rows, cols) int64: the most probable class (Fig. 7e)."""
        return self.probabilities.argmax(dim=2)

    def box(self, row: int, column: int) -> Box:
        """The pixels that position (row, column) covers: (top, left, bottom, right), half-open."""
        down, across = _both(self.stride)
        return rectangle_at(int(row) * down, int(column) * across, *_both(self.size))

    def __repr__(self) -> str:
        """Short: the tensors would fill pages."""
        rows, cols, classes = self.probabilities.shape
        occluder = f"{self.size} px square" if isinstance(self.size, int) else "{} x {} px rectangle".format(*self.size)
        return f"OcclusionMaps({rows} x {cols} positions of a {occluder}, {classes} classes, {', '.join(self.sums)})"


def occlusion_maps(
    module: nn.Module,
    image: Tensor,
    layer: str | Iterable[str],
    size: Sides,
    stride: Sides,
    fill: float | Sequence[float] | Tensor = 0.0,
    batch_size: int | str = "auto",
    *,
    output: str = "logits",
    channel_axis: int | None = None,
    precision: str | None = None,
    windows: bool = True,
) -> OcclusionMaps:
    """Cover every part of an image in turn and record probabilities and activity, all from one sweep (Fig. 7).

    Only what the square can change is computed anew at each position, see `zfhelpers.windows`: the answers are those of running
    every covered image as a whole, to rounding, in less than half the time. Whether they are is tried at the first, a middle and
    the last position; with a network for which it does not hold, every image is run as a whole.

    Args:
        module: a network from images to logits, or to what `output` says; it is left exactly as it was.
        image: (C, H, W) float, pixels minus the mean image; a batch of one is welcome too.
        layer: the layer whose activity is summed, "layer5" in the paper; several names give the sums of each.
        size: side of the square in pixels, 50 of 224 in the paper: `world.pixels(50)`; or (height, width).
        stride: pixels between positions, 6 of 224 in the paper, or (down, across). The square stays inside the image, so up to
            stride - 1 rows and columns at the end are left uncovered.
        fill: what the square shows: one preprocessed value, one for each channel (a colour), or an image (C, H, W) to look
            through to. 0 is the mean image, close to the paper's grey of about 124 of 255.
        batch_size: positions per forward pass; 32 or more keep the fully connected layers busy. The answer does not depend on it.
            "auto" begins with 64, and halves it for as long as memory runs out.
        output: what the network puts out: "logits", of which the softmax is taken; "probabilities", taken as they are, of a
            network that ends in a softmax or in sigmoids; "sigmoid", each class by itself. See `answers.probabilities`.
        channel_axis: in which axis of the layers' values the maps lie, if not in axis 1. See `hooks.maps_first`.
        precision: "bfloat16" multiplies in half precision, which some processors do several times as fast; probabilities then
            differ by up to a hundredth. None leaves the network as it is.
        windows: False runs every covered image as a whole.

    Returns:
        see `OcclusionMaps`.

    Raises:
        ValueError: an unknown layer, a square that does not fit, a stride below 1, a wrong shape, NaN pixels; NaN that arises in
            the network, an output that is not what `output` says, answers that depend on the other images of a batch.
        TypeError: an image that is not float, numbers that are none.
    """
    check_output(output)
    if precision not in (None, "bfloat16"):
        raise ValueError(f"precision must be 'bfloat16' or None, not {precision!r}.")
    if isinstance(image, Tensor) and image.ndim == 3:
        image = image[None]
    images = checked_images(module, image)
    if len(images) > 1:
        raise ValueError(f"occlusion_maps takes one image, not a batch of {len(images)}; call it for each.")
    height, width = images.shape[2:]
    size, stride = _sides("size", size, least=-math.inf), _sides("stride", stride)
    at_once = AT_ONCE if batch_size == "auto" else whole("batch_size", batch_size)
    (high, wide), (down, across) = _both(size), _both(stride)
    if not 1 <= high <= height or not 1 <= wide <= width:
        raise ValueError(
            f"The occluder must be 1 to {height} pixels high and 1 to {width} pixels wide to fit the image; size is {size}."
        )
    cover = fill_image(fill, images)
    layers = layer_names(layer)
    read = {
        name: partial(_total_and_peak, where=(name, find_layer(module, name), (height, width), channel_axis)) for name in layers
    }
    tops, lefts = range(0, height - high + 1, down), range(0, width - wide + 1, across)
    hidden = [rectangle_at(*corner, high, wide) for corner in product(tops, lefts)]
    autocast = partial(torch.autocast, images.device.type, torch.bfloat16, enabled=precision is not None)
    with recording(module, layers, finite=False) as forward, autocast():
        answer, values = check_alone(forward, images, output=True, layout=torch.channels_last)
    # What stays is made before what is large. Else it comes to lie among the values of the layers, and in a loop over images the
    # gaps that these leave are a little too small for the next ones: memory could grow by 5 MB an image.
    said = torch.empty(len(hidden), *(answer.shape[1:2] if isinstance(answer, Tensor) else ()))
    totals = {name: read[name](value)[0] for name, value in values.items()}
    sums = {name: torch.empty(len(hidden), total.shape[1], dtype=total.dtype) for name, total in totals.items()}
    del answer, values, totals
    with recording(module, layers, read=read) as forward, autocast():

        def run(boxes: Sequence[Box | None], windows: bool) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
            """Probabilities, and of every layer totals and peaks, with the boxes covered; None covers nothing."""

            def called(row: int) -> str:
                return f"The image with the pixels {boxes[row]} covered" if boxes[row] else "The image"

            batch = (_windowed if windows else _written_out)(images, cover, boxes)
            answer, values = forward(batch, called)
            return probabilities(module, batch, answer, output, called), values

        said_clean, values = run([None], False)
        sums_clean = {name: total[0].cpu() for name, (total, _) in values.items()}
        strongest_map = int(next(iter(values.values()))[1][0].argmax())
        windows = windows and high * wide <= MOST * height * width and len(hidden) > 2 * TRIED and _serves(run, hidden)
        start = 0
        while start < len(hidden):
            rows = slice(start, start + at_once)
            try:
                found, values = run(hidden[rows], windows)
            except (RuntimeError, ValueError) as error:
                if batch_size != "auto" or at_once == 1 or not _out_of_memory(error):
                    raise
                at_once //= 2
                continue
            said[rows] = found
            for name, (total, _) in values.items():
                sums[name][rows] = total
            start += at_once
    grid = (len(tops), len(lefts), -1)
    return OcclusionMaps(
        probabilities=said.reshape(grid),
        sums={name: total.reshape(grid) for name, total in sums.items()},
        probabilities_clean=said_clean[0].cpu(),
        sums_clean=sums_clean,
        strongest_map=strongest_map,
        size=size,
        stride=stride,
    )


def _written_out(images: Tensor, cover: Tensor, boxes: Sequence[Box | None]) -> Tensor:
    """The image (1, C, H, W) once for each box, and there what covers it."""
    # Channels last makes convolutions on a CPU a third faster; the module's own weights can stay as they lie.
    batch = images.repeat(len(boxes), 1, 1, 1).contiguous(memory_format=torch.channels_last)
    for copy, box in zip(batch, boxes, strict=True):
        if box:
            copy[window(box)] = cover[window(box)]
    return batch


def _windowed(images: Tensor, cover: Tensor, boxes: Sequence[Box]) -> Windowed:
    """The same with each box as the window of its copy."""
    top, left = (torch.tensor([box[axis] for box in boxes]) for axis in (0, 1))
    patch = torch.stack([cover[window(box)] for box in boxes]).contiguous(memory_format=torch.channels_last)
    return Windowed(images.clone(memory_format=torch.channels_last), patch, top, left)


def _serves(run: Callable, boxes: Sequence[Box]) -> bool:
    """Whether windows give what whole images give, at some of the positions."""
    tried = [boxes[round(place)] for place in np.linspace(0, len(boxes) - 1, TRIED)]
    try:
        found, expected = (run(tried, windows) for windows in (True, False))
    except Exception:  # whatever a network does that windows cannot follow: it is run as it is
        return False
    pairs = [(found[0], expected[0]), *((found[1][name][0], total) for name, (total, _) in expected[1].items())]
    agree = AGREE if torch.finfo(expected[0].dtype).bits > 16 and not torch.is_autocast_enabled(found[0].device.type) else 0.03
    return all(bool(((a - b).abs() <= agree * b.abs().max()).all()) for a, b in pairs)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _sides(name: str, value: object, least: float = 1) -> Sides:
    """A number of pixels, or two of them as (height, width), each checked."""
    if isinstance(value, Sequence | Tensor | np.ndarray) and not isinstance(value, str) and np.ndim(value):
        if len(value) != 2:
            raise ValueError(f"{name} must be a number of pixels, or two: (height, width), not {reprlib.repr(value)}.")
        return tuple(whole(name, side, least) for side in value)
    return whole(name, value, least)


def _both(value: Sides) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _total_and_peak(values: Tensor, where: tuple) -> tuple[Tensor, Tensor]:
    """(N, maps) twice: every map's sum over space, and its strongest single activation; `where`: see `maps_first`."""
    values = maps_first(values, *where)
    flat = values.flatten(2) if values.ndim > 2 else values[..., None]
    return flat.sum(dim=2, dtype=torch.promote_types(flat.dtype, torch.float32)), flat.amax(dim=2)


def touching(maps: OcclusionMaps, mask: Tensor) -> Tensor:
    """At which positions the occluder covers some of an object: its centre lies in the mask dilated by half the occluder.

    The dilation is by the occluder's own shape, which makes the two statements one. The share of such positions is what
    pointing at random would score.

    Args:
        maps: from `occlusion_maps`.
        mask: (H, W) bool, True on the object, in the image's pixels.

    Returns:
        (rows, cols) bool.

    Raises:
        ValueError: a mask that is not (H, W) bool or smaller than the area swept.
    """
    rows, cols = maps.probabilities.shape[:2]
    bottom, right = maps.box(rows - 1, cols - 1)[2:]
    mask = torch.as_tensor(mask)
    if mask.dtype != torch.bool or mask.ndim != 2 or mask.shape[0] < bottom or mask.shape[1] < right:
        raise ValueError(f"The mask must be (H, W) bool and cover the image, not {tuple(mask.shape)} {mask.dtype}.")
    swept = mask[:bottom, :right].float()
    return nn.functional.max_pool2d(swept[None], maps.size, maps.stride)[0] > 0


def points_at(maps: OcclusionMaps, label: int, mask: Tensor) -> bool:
    """Whether the network looks at the object: P(label) is least where the occluder's centre lies in the dilated mask.

    Ties go to the first position in reading order; `touching` says by how much the mask is dilated.

    Args:
        maps: from `occlusion_maps`.
        label: the true class.
        mask: (H, W) bool, True on the object.

    Raises:
        ValueError: a label that is no class of the network, or a mask that does not fit; see `touching`.
    """
    classes = maps.probabilities.shape[2]
    if not 0 <= label < classes:
        raise ValueError(f"The label must lie in 0 to {classes - 1}, not {label}.")
    return bool(touching(maps, mask).flatten()[maps.probabilities[..., label].argmin()])
