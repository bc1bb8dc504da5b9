"""One activation of a convolutional network carried back to the pixels (sec. 2.1, Fig. 1).

The way up is the ordinary forward pass; it remembers which pixel won each max-pooling window, the *switches*. Then one activation
is kept, with its own value, everything else in its layer is set to zero, and three steps lead down through every layer:

    unpool     each value back to where its switch says it came from, zeros elsewhere
    rectify    relu(signal): the maps of this network are positive, so what stands for them should be
    filter     the layer's own filters, transposed: flipped up-down and left-right, without bias

    signal(l - 1) = F(l)^T relu(unpool(signal(l), switches(l)))

What reaches the pixels is not rectified: it has a sign, and shows the structure in *this* image that made *this* unit fire.
Contrast normalisation has no step of its own: the signal passes it unchanged (the ECCV text says so), under every rule.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(4, 5, 3), nn.ReLU())
    >>> Deconvnet(net).project(torch.randn(1, 3, 16, 16), layer="4", maps=[0, 1, 2]).shape
    torch.Size([3, 3, 16, 16])

If the ReLU instead masks the signal with where it was active on the way up, the same descent is back-propagation: the activation
times its gradient (Simonyan et al., arXiv 1312.6034). Both at once is guided back-propagation (Springenberg et al., 1412.6806).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfhelpers.boxes import extent, inside, moved, rectangle_at, window
from zfhelpers.hooks import checked_images, find_layer, maps_first, undisturbed, whole_numbers
from zfhelpers.tape import Tape
from zfhelpers.ways import Down, Refusal, undoes

RULES = ("deconvnet", "gradient", "guided")
OVERLAPS = ("sum", "max", "last")
IMAGES_AT_ONCE = 16  # in one forward batch, of which only switches and masks are kept
VALUES_AT_ONCE = 2**25  # in the largest signal on the way down: 128 MB of float32, and a few times that at the peak

# ---------------------------------------------------------------------------------------------------------- step 1: unpool


def unpool(y: Tensor, switches: Tensor, output_size: Sequence[int], overlap: str = "sum") -> Tensor:
    """Puts each pooled value back to where it came from, zeros elsewhere.

    Overlapping windows may share a maximum. "sum" adds up what they bring, so that <unpool(y), x> = <y, pool(x)>: the adjoint of
    pooling with these switches. "max" keeps the largest. "last" keeps the last in reading order, as `nn.MaxUnpool2d` does on one
    thread, which may replace the strongest activation by a neighbour's zero.

    Args:
        y: (..., h, w) float, one value per pooling window.
        switches: (..., h, w) int64, flat indices into the map, as `F.max_pool2d(x, ..., return_indices=True)` returns them.
        output_size: (H, W) of the map that was pooled.
        overlap: "sum", "max" or "last".

    Returns:
        (..., H, W) float.

    Raises:
        ValueError: an unknown overlap, shapes that differ, a switch outside the map, or a size that is no (H, W).

    >>> unpool(torch.tensor([[1.0, 2.0]]), torch.tensor([[4, 4]]), (2, 3))
    tensor([[0., 0., 0.],
            [0., 3., 0.]])
    """
    _check_choice("overlap", overlap, OVERLAPS)
    if not hasattr(output_size, "__len__") or len(output_size) != 2:
        raise ValueError(f"output_size must be (height, width) of the map that was pooled, not {output_size!r}.")
    height, width = output_size
    if y.shape != switches.shape:
        raise ValueError(f"Every value needs one switch: there are values {tuple(y.shape)} and switches {tuple(switches.shape)}.")
    if switches.numel() and not 0 <= switches.min() <= switches.max() < height * width:
        raise ValueError(f"Switches {switches.min()} to {switches.max()} do not fit into a map of {height} x {width}.")
    values, where = y.flatten(-2), switches.flatten(-2)  # (..., h * w)
    if overlap == "last":
        turn = torch.arange(where.shape[-1], device=where.device).expand_as(where)
        final = where.new_zeros(*y.shape[:-2], height * width).scatter_reduce_(-1, where, turn, "amax")
        values = values.masked_fill(final.gather(-1, where) != turn, 0)  # leaves one window per pixel to add up
    pixels = y.new_zeros(*y.shape[:-2], height * width)
    if overlap == "max":
        pixels.scatter_reduce_(-1, where, values, "amax", include_self=False)
    else:
        pixels.scatter_add_(-1, where, values)
    return pixels.unflatten(-1, (height, width))


@undoes(F.max_pool2d, torch.max_pool2d, noting=F.max_pool2d_with_indices)
def _max_pool(tape, out, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False) -> Down:
    switches, size, overlap = tape.noted, input.shape[-2:], tape.overlap
    return lambda signal, rows: unpool(signal, switches[rows], size, overlap)


@undoes(F.adaptive_max_pool2d, noting=F.adaptive_max_pool2d_with_indices)
def _adaptive_max_pool(tape, out, input, output_size, return_indices=False) -> Down:
    switches, size, overlap = tape.noted, input.shape[-2:], tape.overlap
    return lambda signal, rows: unpool(signal, switches[rows], size, overlap)


# --------------------------------------------------------------------------------------------------------- step 2: rectify


def _rectify(rule: str, out: Tensor, ceiling: float = math.inf) -> Down:
    """Through a ReLU, with a ceiling or without, known by its output: the input is gone if it worked in place."""
    if rule == "deconvnet":
        return lambda signal, rows: signal.relu()
    active = (out > 0) & (out < ceiling) if ceiling < math.inf else out > 0
    return lambda signal, rows: (signal if rule == "gradient" else signal.relu()) * active[rows]


@undoes(F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)
def _relu(tape, out, input, inplace=False) -> Down:
    return _rectify(tape.rule, out)


@undoes(F.relu6)
def _relu6(tape, out, input, inplace=False) -> Down:
    return _rectify(tape.rule, out, ceiling=6)


@undoes(F.hardtanh, F.hardtanh_)
def _hardtanh(tape, out, input, min_val=-1.0, max_val=1.0, inplace=False) -> Down:
    if min_val != 0:
        raise Refusal("only a rectifier, whose values are never negative, can rectify the signal")
    return _rectify(tape.rule, out, ceiling=max_val)


@undoes(torch.clamp, torch.clamp_min, torch.clip, torch.clamp_, torch.clamp_min_, torch.clip_)
@undoes(Tensor.clamp, Tensor.clamp_, Tensor.clamp_min, Tensor.clamp_min_, Tensor.clip, Tensor.clip_)
def _clamp(tape, out, input, min=None, max=None) -> Down:
    if isinstance(min, Tensor) or isinstance(max, Tensor) or min != 0:
        raise Refusal("only a clamp from below at zero is a ReLU")
    return _rectify(tape.rule, out, math.inf if max is None else max)


# ---------------------------------------------------------------------------------------------------------- step 3: filter


@undoes(F.conv2d)
def _convolution(tape, out, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Down:
    if input.ndim != 4:
        raise Refusal("the batch axis is gone")
    size, stride, dilation = input.shape[2:], _pair(stride), _pair(dilation)
    same = [d * (k - 1) // 2 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    padding = same if padding == "same" else _pair(0 if padding == "valid" else padding)

    def down(signal: Tensor, rows: Tensor) -> Tensor:
        top, left, bottom, right = extent(signal)
        small = F.conv_transpose2d(signal[:, :, top:bottom, left:right], weight, None, stride, 0, 0, groups, dilation)
        # Pixels that no filter saw stay zero, and what a filter saw outside of the image is cut off.
        whole = signal.new_zeros(*small.shape[:2], *size)
        corner = top * stride[0] - padding[0], left * stride[1] - padding[1]
        there = inside(rectangle_at(*corner, *small.shape[2:]), size)
        whole[window(there)] = small[window(moved(there, corner))]
        return whole

    return down


@undoes(F.linear)
def _linear(tape, out, input, weight, bias=None) -> Down:
    if input.ndim < 2:
        raise Refusal("the batch axis is gone")
    return lambda signal, rows: signal @ weight


def _pair(value: int | Sequence[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value) * (2 // len(value))


# -------------------------------------------------------------------------------------------------------- all the way down


class Deconvnet:
    """Carries activations of a network back to the pixels.

    The network is used as it is, in evaluation mode. Its training flags, gradients and hooks, and torch's grad mode and random
    state are afterwards what they were before, also when something fails or is interrupted on the way.

    Args:
        module: any network with nothing but convolution, linear, ReLU, ReLU6, max- and average pooling, padding, up-sampling,
            batch and contrast normalisation, dropout, flatten, permute, split, add and concatenate between the image and the
            layer of interest; as modules, functions or methods, in place or not. Under the rule "gradient" also what autograd can
            differentiate for each image by itself: no filters made of it, and nothing that moves the batch axis or is told
            its length (nn.MultiheadAttention, nn.GRU). What is computed out of sight, in TorchScript or a thread, is refused.
    """

    def __init__(self, module: nn.Module):
        if not isinstance(module, nn.Module):
            raise TypeError(f"Deconvnet takes a torch.nn.Module, not an object of type {type(module).__name__}.")
        self.module = module

    def project(
        self,
        images: Tensor,
        layer: str,
        maps: Sequence[int],
        positions: Sequence[tuple[int, int]] | None = None,
        rule: str = "deconvnet",
        overlap: str = "sum",
        *,
        image_index: Sequence[int] | None = None,
        channel_axis: int | None = None,
    ) -> Tensor:
        """Projects T single activations, each of one image, map and position, with one forward pass per distinct image.

        The signal starts with the activation's own value. In a layer before its ReLU this may be negative; it goes down as it is,
        and shows, with reversed sign, what holds the unit down. A silent unit, of value zero, projects to zeros.

        Args:
            images: (N, C, H, W) float, preprocessed as the module expects; brought to the device and dtype of its parameters.
            layer: dotted name of a submodule; its output at its first call counts, (N, C, h, w) or (N, C).
            maps: T map (or unit) numbers: one per image, or any number of them for a single image or with `image_index`.
            positions: T pairs (row, column) in the layer's map; None takes the strongest position of each map, the first of
                equals in reading order. Always None for fully connected layers.
            rule: "deconvnet" rectifies the signal, "gradient" masks it with the forward ReLU, "guided" does both. The gradient is
                that of the values: detach(), no_grad() and a backward pass written by hand tell how to train, and change nothing.
            overlap: how `unpool` treats windows that share a maximum: "sum", "max" or "last".
            image_index: T image numbers, which image each map is of.
            channel_axis: in which axis of the layer's output the maps lie, if not in axis 1; see `hooks.maps_first`.

        Returns:
            (T, C, H, W), on the device and in the dtype of the module's parameters, without gradient.

        Raises:
            ValueError: an argument out of range, a pixel that is not finite, or a layer that the forward pass does not reach.
            TypeError: an argument of the wrong type.
            NotImplementedError: an operation that cannot be undone lies between the image and the layer.

        >>> net, images = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU()), torch.randn(2, 3, 9, 9)
        >>> Deconvnet(net).project(images, "1", maps=[7, 7, 0], positions=[(0, 0), (4, 4), (0, 0)], image_index=[0, 0, 1]).shape
        torch.Size([3, 3, 9, 9])
        """
        pictures, options = None, {"image_index": image_index, "channel_axis": channel_axis}
        with closing(self.project_in_parts(images, layer, maps, positions, rule, overlap, **options)) as parts:
            for which, some in parts:
                if pictures is None:
                    pictures = some.new_empty(len(maps), *some.shape[1:])
                pictures[which] = some
        return pictures

    def project_in_parts(
        self,
        images: Tensor,
        layer: str,
        maps: Sequence[int],
        positions: Sequence[tuple[int, int]] | None = None,
        rule: str = "deconvnet",
        overlap: str = "sum",
        *,
        image_index: Sequence[int] | None = None,
        channel_axis: int | None = None,
        seen: Callable[[Tensor, Tensor], None] = lambda which, values: None,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """What `project` does, some projections at a time: for those who keep only a part of each.

        While it is under way the network is in evaluation mode and torch without gradients; `contextlib.closing` undoes that
        also where one stops before the end. Arguments and errors are those of `project`. Before each descent `seen` is told
        which of the T come now, and their activations, (t,).

        Yields:
            which of the T come now, (t,) int64, and their projections, (t, C, H, W); each of the T once.

        >>> net = Deconvnet(nn.Sequential(nn.Conv2d(3, 8, 5)))
        >>> with closing(net.project_in_parts(torch.randn(2, 3, 9, 9), "0", maps=[7, 0])) as parts:
        ...     [(which.tolist(), some.shape) for which, some in parts]
        [([0, 1], torch.Size([2, 3, 9, 9]))]
        """
        part = find_layer(self.module, layer)
        _check_choice("rule", rule, RULES)
        _check_choice("overlap", overlap, OVERLAPS)
        images = checked_images(self.module, images)
        maps, positions, image_index = _triples(len(images), maps, positions, image_index)
        with undisturbed(self.module, images.device):
            batches = list(image_index.unique().split(IMAGES_AT_ONCE))
            for batch in batches:
                tape = Tape(images[batch], layer, rule, overlap)
                values = tape.record(self.module)
                if tape.decided and len(batch) > 1:  # by all of them, and each shall be as if it were alone
                    batches += batch.split(1)
                    continue
                units = maps_first(values, layer, part, images.shape, channel_axis)
                check_units(layer, units.shape[1:], maps, positions)
                for which in torch.isin(image_index, batch).nonzero()[:, 0].split(max(1, VALUES_AT_ONCE // tape.widest)):
                    rows = torch.searchsorted(batch, image_index[which]).to(images.device)
                    seeds = _seeds(units[rows], maps[which], None if positions is None else positions[which])
                    seen(which, seeds.flatten(1).sum(1))
                    seeds = (seeds[..., 0] if values.ndim == 3 else seeds).movedim(1, channel_axis or 1)
                    pictures = tape.descend(tape.number(values), seeds, rows)
                    if not pictures.sum().isfinite():
                        raise ValueError(f"A projection overflows {pictures.dtype}; give a network and images in float32.")
                    yield which, pictures


def _seeds(values: Tensor, maps: Tensor, positions: Tensor | None) -> Tensor:
    """One activation in each of the T rows of `values` (T, C, h, w) or (T, C), zero everywhere else."""
    units = values.reshape(len(values), values.shape[1], -1)  # (T, C, h * w)
    row, maps = torch.arange(len(units), device=units.device), maps.to(units.device)
    given = None if positions is None else (positions[:, 0] * values.shape[-1] + positions[:, 1]).to(units.device)
    places = units[row, maps].argmax(1) if given is None else given
    seeds = torch.zeros_like(units)
    seeds[row, maps, places] = units[row, maps, places]
    return seeds.reshape(values.shape)


# ------------------------------------------------------------------------------------------------------------- at the door


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}, not {value!r}.")


def _triples(count: int, maps, positions, image_index) -> tuple[Tensor, Tensor | None, Tensor]:
    """Map numbers (T,), positions (T, 2) or None, and image numbers (T,); what the layer allows is not known yet."""
    maps = whole_numbers("maps", maps, "whole numbers such as [0, 5]", axes=1)
    total = len(maps)
    if positions is not None:
        positions = whole_numbers("positions", positions, "(row, column) pairs such as [(0, 0), (3, 5)]", axes=2)
        if positions.shape != (total, 2):
            raise ValueError(f"positions must hold one (row, column) for each of the {total} maps, not {len(positions)}.")
    if image_index is None:
        if count not in (1, total):
            raise ValueError(f"{total} maps do not fit {count} images: give one map per image, a single image, or image_index.")
        return maps, positions, torch.arange(total, device="cpu") % count
    image_index = whole_numbers("image_index", image_index, "whole numbers such as [0, 0, 1]", axes=1)
    if len(image_index) != total:
        raise ValueError(f"image_index must hold one number for each of the {total} maps, not {len(image_index)}.")
    if not 0 <= image_index.min() <= image_index.max() < count:
        raise ValueError(f"image_index must lie between 0 and {count - 1}, not {image_index.min()} to {image_index.max()}.")
    return maps, positions, image_index


def check_units(layer: str, shape: Sequence[int], maps: Tensor, positions: Tensor | None) -> None:
    """A ValueError if a layer that puts out `shape` per image, (C, h, w) or (C,), has no such maps and positions."""
    if len(shape) not in (1, 3):
        raise ValueError(f"Layer {layer!r} must put out maps (C, h, w) or units (C,), not {tuple(shape)} per image.")
    wrong = maps[(maps < 0) | (maps >= shape[0])]
    if len(wrong):
        raise ValueError(f"Layer {layer!r} has {shape[0]} maps, 0 to {shape[0] - 1}; there is no map {wrong[0]}.")
    if positions is None:
        return
    if len(shape) == 1:
        raise ValueError(f"The units of layer {layer!r} have no position, because it is fully connected; leave positions=None.")
    wrong = positions[((positions < 0) | (positions >= torch.tensor(shape[1:], device="cpu"))).any(1)]
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise ValueError(f"The maps of layer {layer!r} are {shape[1]} x {shape[2]}; there is no position {place} in them.")
