"""Projections of single units computed on what these units see, instead of on whole images.

A unit of layer 2 sees 27 of 224 pixels. Neither its value nor its projection depends on the rest, so a crop will do, and many
crops make one batch. Two things make it exact. A crop begins at a multiple of the layer's stride, so that all grids below lie as
in the whole image. And it holds the unit's whole field: whatever zeros a convolution adds at the border of the crop are seen by
other units only, except where the crop's border is the image's.

    >>> from zfhelpers.geometry import receptive_field
    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=96, width=0.125, fc=(16, 16)))
    >>> fields = InFields(net, "layer2", receptive_field(net, "layer2", 96), (96, 96))
    >>> fields
    InFields(layer2: crops of 40 x 40 of 96 x 96 px)
    >>> images = torch.randn(2, 3, 96, 96)
    >>> [(which, parts, corners)] = fields.project(images, torch.tensor([7]), torch.tensor([[0, 9]]), torch.tensor([1]))
    >>> parts.shape, corners
    (torch.Size([1, 3, 40, 40]), [(0, 56)])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing

import torch
from torch import Tensor, nn

from zfhelpers.answers import OTHER_LENGTH
from zfhelpers.boxes import ReceptiveField
from zfhelpers.deconv import Deconvnet

WORTH = 0.75  # of the image: a crop that large saves too little
AGREE = 1e-4  # of a projection's largest value: how far that on a crop may differ from that on the whole image


class _Different(ValueError):
    """Raised where a unit has not the value that it should have."""


class InFields:
    """Projects units of one layer on crops of the images, or on whole ones where crops do not serve.

    Whether they do is tried on the two units of the first request whose crops begin farthest inside the image. And every unit's
    value on its crop is held against the one that a search has found in the whole image, where that is known. A network whose
    answers depend on where in the image something lies is run on whole images; so are the units that are not as they were found.

    Args:
        module: any network that `Deconvnet` can go back through.
        layer: dotted name of a layer of maps.
        field: of its units; None, or one of stride 0, if they have none on a regular grid.
        shape: height and width of the images.
        largest: magnitude of the layer's values, of which those of a unit may differ by rounding.
        channel_axis: in which axis of the layer's output the maps lie, if not in axis 1.
    """

    def __init__(
        self,
        module: nn.Module,
        layer: str,
        field: ReceptiveField | None,
        shape: tuple[int, int],
        largest: float = 0.0,
        channel_axis: int | None = None,
    ):
        self.deconvnet, self.layer, self.field, self.shape = Deconvnet(module), layer, field, tuple(shape)
        self.sides, self.largest, self.channel_axis = self.shape, largest, channel_axis
        self.trusted: bool | None = None  # not tried yet
        if field is not None and field.stride:
            sides = tuple(_side(field, size) for size in self.shape)
            if math.prod(sides) <= WORTH * math.prod(self.shape):
                self.sides = sides

    def __repr__(self) -> str:
        """How large the crops are."""
        return f"InFields({self.layer}: crops of {' x '.join(map(str, self.sides))} of {' x '.join(map(str, self.shape))} px)"

    def project(
        self,
        images: Tensor,
        maps: Tensor,
        positions: Tensor | None,
        image_index: Tensor,
        rule: str = "deconvnet",
        overlap: str = "sum",
        values: Tensor | None = None,
    ) -> Iterator[tuple[Tensor, Tensor, list[tuple[int, int]]]]:
        """The projections of T units, some at a time; arguments and errors as for `Deconvnet.project`.

        Args:
            values: (T,) of these units, as a search found them; None: not known.

        Yields:
            which of the T come now, (t,) int64; the part of each projection that is not zero, (t, C, h, w); and where each part
            begins in the image, t times (row, column).

        Raises:
            ValueError: a unit has in the whole image another value than the search found.
        """
        left = torch.arange(len(maps))
        if self.sides != self.shape and positions is not None:
            if self.trusted is None:
                self.trusted = self._agree(images, maps, positions, image_index, rule, overlap)
            try:
                for part in self._cropped(images, maps, positions, image_index, rule, overlap, values) if self.trusted else ():
                    left = left[~torch.isin(left, part[0])]
                    yield part
            except _Different:
                self.trusted = False
        if len(left):
            maps, positions, image_index, values = (
                part if part is None else part[left] for part in (maps, positions, image_index, values)
            )
            for which, *part in self._whole(images, maps, positions, image_index, rule, overlap, values):
                yield left[which], *part

    def _whole(self, images, maps, positions, image_index, rule, overlap, values=None):
        request = images, self.layer, maps, positions, rule, overlap
        options = {"channel_axis": self.channel_axis, "seen": self._compared(values, OTHER_LENGTH)}
        with closing(self.deconvnet.project_in_parts(*request, image_index=image_index, **options)) as parts:
            for which, pictures in parts:
                yield which, pictures, [(0, 0)] * len(which)

    def _cropped(self, images, maps, positions, image_index, rule, overlap, values=None):
        starts = self._starts(positions)
        high, wide = self.sides
        corners = [tuple(start) for start in starts.tolist()]
        crops = torch.stack(
            [images[n, :, y : y + high, x : x + wide] for n, (y, x) in zip(image_index.tolist(), corners, strict=True)]
        )
        request = crops, self.layer, maps, positions - starts // self.field.stride, rule, overlap
        options = {"channel_axis": self.channel_axis, "seen": self._compared(values, AGREE)}
        with closing(self.deconvnet.project_in_parts(*request, image_index=torch.arange(len(crops)), **options)) as parts:
            for which, pictures in parts:
                yield which, pictures, [corners[k] for k in which.tolist()]

    def _compared(self, values: Tensor | None, agree: float) -> Callable[[Tensor, Tensor], None]:
        """What is told the units' values in a forward pass, and raises where they are not those that were found."""

        def compare(which: Tensor, now: Tensor) -> None:
            if values is None:
                return
            found, now = values[which], now.cpu()
            precision = max(torch.finfo(part.dtype).eps for part in (found, now)) ** 0.5
            wrong = ((found.double() - now.double()).abs() > max(agree, precision) * self.largest).nonzero()[:, 0].tolist()
            if wrong:
                raise _Different(
                    f"A unit of layer {self.layer!r} has the value {now[wrong[0]]:.4g} where the search found "
                    f"{found[wrong[0]]:.4g}; give the network that was searched, and a data set without random augmentation, "
                    "which gives the same image whenever it is asked."
                )

        return compare

    def _starts(self, positions: Tensor) -> Tensor:
        """Where the crops of units at some positions begin, (T, 2): a multiple of the stride, at or before their fields."""
        field = self.field
        first = (field.offset + field.stride * positions).div(field.stride, rounding_mode="floor") * field.stride
        last = torch.tensor(self.shape) - torch.tensor(self.sides)
        return torch.minimum(first.clamp(min=0), last)

    def _agree(self, images, maps, positions, image_index, rule, overlap) -> bool:
        """Whether crops and whole images give the same, for two of the units."""
        tried = self._starts(positions).amin(1).argsort(descending=True)[:2]
        request = images, maps[tried], positions[tried], image_index[tried], rule, overlap
        try:
            found = [pair for _, some, corners in self._cropped(*request) for pair in zip(some, corners, strict=True)]
        except (ValueError, NotImplementedError, RuntimeError):  # a network that takes images of one size alone
            return False
        wholes = [picture for _, some, _ in self._whole(*request) for picture in some]
        high, wide = self.sides
        for (part, (top, left)), whole in zip(found, wholes, strict=True):
            expected = torch.zeros_like(whole)
            expected[:, top : top + high, left : left + wide] = part
            if (expected - whole).abs().max() > AGREE * whole.abs().max():
                return False
        return True


def _side(field: ReceptiveField, size: int) -> int:
    """Pixels of a crop that holds any unit's field, where it begins at a multiple of the stride or ends as the image does."""
    least = field.size + field.stride - 1
    return size - field.stride * max(0, (size - least) // field.stride)
