"""How far the features move when the image does: vertical translation, scale and rotation (Fig. 5).

    d_l(a) = || f_l(T_a x) - f_l(x) ||_2          P(a) = softmax(network(T_a x))[true class]

f_l are all activations of layer l, as one vector; T_a transforms the image by the amount a. "layer1" of a `ZFNet` is its output
after the ReLU, before pooling and contrast normalisation. The paper does not say which it means, nor whether its "Canonical
Distance" is normalised; here the distance is the plain Euclidean one, and `typical_distance` gives a length to divide it by.

A transformed image has to come from somewhere. `transformed` resamples the pixels, and what comes in from outside is black, as
in the paper's rotated images. `drawn` asks the toy world to draw the scene anew: nothing is resampled and nothing is missing.
Both end in pixels, so that the mean image is subtracted afterwards: black is pixel value 0, not the mean.

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    >>> images = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
    >>> curves = invariance_curves(net, images, [0, 3], "rotation", [0, 90, 180], preprocess=lambda pixels: pixels - 128.0)
    >>> curves
    InvarianceCurves(2 images, 3 amounts of rotation from 0 to 180; layer1, layer7)
    >>> curves.distances["layer7"].shape, curves.distances["layer7"][:, 0].tolist()
    (torch.Size([2, 3]), [0.0, 0.0])
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from zfhelpers import toyworld
from zfhelpers.answers import check_alone, check_output, probabilities
from zfhelpers.hooks import checked_images, layer_names, recording, whole
from zfhelpers.strongest import prepared
from zfhelpers.worlds.frames import centre_crop

IDENTITY = {"translation": 0.0, "scale": 1.0, "rotation": 0.0}
"""The kinds of transformation, and the amount of each that changes nothing."""

LARGEST_SHIFT = 63 / 224  # of the image's height: the paper's axis ends at 63 of 224 pixels
LAYERS = ("layer1", "layer7")
Source = Callable[[str, float], Tensor]  # (kind, amount) -> the transformed images, (N, C, H, W) pixels


@dataclass(frozen=True, eq=False, repr=False)
class InvarianceCurves:
    """What one kind of transformation does to the features and answers of a network, on the CPU.

    Attributes:
        kind: "translation", "scale" or "rotation".
        amounts: (T,) float64, as they were asked for.
        distances: {layer: (images, T) float}, Euclidean, between the features of the original and of the transformed image.
        probability: (images, T) float, of the true class.
    """

    kind: str
    amounts: Tensor
    distances: dict[str, Tensor]
    probability: Tensor

    @property
    def change(self) -> Tensor:
        """(T,) how far each amount lies from the one that changes nothing; rotations count to the nearer full turn."""
        change = (self.amounts - IDENTITY[self.kind]).abs()
        return torch.minimum(change, 360 - change) if self.kind == "rotation" else change

    def linearity(self) -> dict[str, Tensor]:
        """{layer: (images,)}: R² of the best line through the origin, distance = slope * `change`.

        1 is a straight line. A curve that leaps up and then stays level is worse described by such a line than by its own mean,
        and has a negative R².
        """
        x = self.change

        def r2(y: Tensor) -> Tensor:
            y = y.double()
            error = y - (y @ x / (x @ x))[:, None] * x
            return 1 - error.square().sum(1) / (y - y.mean(1, keepdim=True)).square().sum(1)

        return {layer: r2(distances) for layer, distances in self.distances.items()}

    def __repr__(self) -> str:
        """Short: the tensors would fill pages."""
        low, high = (f"{end:g}" for end in (self.amounts.min(), self.amounts.max()))
        return (
            f"InvarianceCurves({len(self.probability)} images, {len(self.amounts)} amounts of {self.kind} from {low} to {high}; "
            f"{', '.join(self.distances)})"
        )


def invariance_curves(
    module: nn.Module,
    images: Tensor | Source,
    labels: Sequence[int] | Tensor,
    kind: str,
    amounts: Sequence[float] | Tensor,
    layers: str | Iterable[str] = LAYERS,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    batch_size: int = 50,
    *,
    output: str = "logits",
) -> InvarianceCurves:
    """Transform images by every amount in turn; how far do the features move, and what is left of the true class's probability?

    Args:
        module: a network from images to logits, or to what `output` says; it is left exactly as it was.
        images: (N, C, H, W) *pixels*, uint8 or float, 0 is black: they go through `transformed`. Or a function
            `images(kind, amount)` that returns them transformed already, for instance `drawn(scenes)`.
        labels: (N,) the true classes.
        kind: "translation" (vertical), "scale" or "rotation".
        amounts: (T,) pixels, ratios or degrees; see `transformed` for signs and ranges.
        layers: dotted module names.
        preprocess: from transformed pixels to what the network takes, `world.preprocess`; None if that is the pixels.
        batch_size: the most images in one forward pass. The layers' features of all N originals are kept: 0.7 MB an image for
            layer 1 at half width and 128 px.
        output: what the network puts out: "logits", "probabilities" or "sigmoid", as for `occlusion_maps`.

    Returns:
        see `InvarianceCurves`. The distance at the amount that changes nothing is exactly 0.

    Raises:
        ValueError: an unknown kind or layer, an amount outside its range, labels that do not fit, a wrong shape, NaN pixels; NaN
            that arises in the network, an output that is not what `output` says, answers that depend on the batch.
        TypeError: uint8 pixels without `preprocess`, amounts that are no numbers.
    """
    check_output(output)
    amounts = checked_amounts(kind, amounts)
    source = images if callable(images) else lambda kind, amount: transformed(images, kind, amount)
    original = source(kind, IDENTITY[kind])
    truth = _labels(labels, len(original))
    batch_size, layers = whole("batch_size", batch_size), layer_names(layers)

    def batches(pixels: Tensor):
        if len(pixels) != len(original):
            raise ValueError(f"There are {len(original)} images, and {len(pixels)} of them transformed; transform each once.")
        for start in range(0, len(pixels), batch_size):
            part = pixels[start : start + batch_size]
            part = checked_images(module, prepared(part, preprocess) if preprocess else part, start)
            # Channels last makes convolutions on a CPU a third faster; the module's own weights can stay as they lie.
            part = part.contiguous(memory_format=torch.channels_last)

            def called(row: int, start: int = start) -> str:
                return f"Image {start + row}"

            answer, features = forward(part, called)
            said = probabilities(module, part, answer, output, called)
            if not 0 <= truth.min() <= truth.max() < said.shape[1]:
                raise ValueError(
                    f"Labels {truth.min()} to {truth.max()} do not fit a network that answers with {tuple(said.shape)}."
                )
            right = truth[start : start + batch_size].to(said.device)
            yield said.gather(1, right[:, None])[:, 0].cpu(), features

    with recording(module, layers, finite=False) as forward:
        first = checked_images(module, prepared(original[:1], preprocess) if preprocess else original[:1])
        check_alone(forward, first, output=True, layout=torch.channels_last)
    with recording(module, layers) as forward:
        # The originals run in the same batches as their transforms: the same sums in the same order, so that 0 is exactly 0.
        before = [features for _, features in batches(original)]
        distances = {layer: torch.empty(len(original), len(amounts)) for layer in before[0]}
        probability = torch.empty(len(original), len(amounts))
        for column, amount in enumerate(amounts.tolist()):
            for number, (right, after) in enumerate(batches(source(kind, amount))):
                rows = slice(number * batch_size, (number + 1) * batch_size)
                probability[rows, column] = right.float()
                for layer, features in after.items():
                    distances[layer][rows, column] = (features - before[number][layer]).flatten(1).norm(dim=1).cpu().float()
    return InvarianceCurves(kind, amounts, distances, probability)


def _labels(labels: Sequence[int] | Tensor, count: int) -> Tensor:
    """The true classes as (count,) int64, after a look at the door."""
    wanted = f"Give one whole-numbered label for each of the {count} images"
    try:
        truth = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError) as error:  # text, ragged, no numbers
        raise ValueError(f"{wanted}, not {reprlib.repr(labels)}.") from error
    if truth.shape != (count,):
        raise ValueError(f"{wanted}, not {tuple(truth.shape)}.")
    if truth.is_floating_point() or truth.is_complex() or truth.dtype == torch.bool:
        raise ValueError(f"{wanted}, not {str(truth.dtype).removeprefix('torch.')}.")
    return truth.long()


def checked_amounts(kind: str, amounts: Sequence[float] | Tensor | float, height: int | None = None) -> Tensor:
    """The amounts as (T,) float64, after a look at the door.

    Args:
        kind: "translation", "scale" or "rotation".
        amounts: one or several.
        height: of the images in pixels, which limits translations; not looked at if None.

    Raises:
        TypeError: amounts that are no numbers.
        ValueError: an unknown kind, no amount, or one outside its range.
    """
    if kind not in IDENTITY:
        raise ValueError(f"There is no transformation {kind!r}; there are {', '.join(IDENTITY)}.")
    try:
        values = torch.as_tensor(amounts, dtype=torch.float64).reshape(-1)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"Amounts of {kind} are numbers, such as [0, 1.5], not {reprlib.repr(amounts)}.") from error
    shift = math.inf if height is None else math.ceil(LARGEST_SHIFT * height)
    low, high, unit = {
        "translation": (-shift, shift, " pixels"),
        "scale": (1, 2, ""),
        "rotation": (-360, 360, " degrees"),
    }[kind]
    wrong = values[~((values >= low) & (values <= high)) | ~values.isfinite()]
    if not len(values) or len(wrong):
        given = f"{wrong[0].item():g}" if len(wrong) else "none at all"
        raise ValueError(f"Amounts of {kind} lie between {low} and {high}{unit}, not {given}.")
    return values


def transformed(images: Tensor, kind: str, amount: float) -> Tensor:
    """Images moved, enlarged or turned about their centre by resampling; what comes in from outside is black.

    Bilinear, by torchvision. uint8 pixels are rounded to uint8, as those of a stored image would be.

    Args:
        images: (N, C, H, W) pixels, uint8 or float, *before* the mean image is subtracted: black is 0.
        kind: "translation", "scale" or "rotation".
        amount: pixels down, up to 63/224 of the height either way (the paper's range); ratio from 1 to 2, where 2 shows the
            middle quarter of the image at twice its size; degrees counter-clockwise, -360 to 360.

    Returns:
        (N, C, H, W) of the same type.

    Raises:
        TypeError: an amount that is no number.
        ValueError: a wrong shape, an unknown kind, an amount outside its range.

    >>> transformed(torch.arange(16, dtype=torch.uint8).reshape(1, 1, 4, 4).expand(1, 3, 4, 4), "translation", 1)[0, 0]
    tensor([[ 0,  0,  0,  0],
            [ 0,  1,  2,  3],
            [ 4,  5,  6,  7],
            [ 8,  9, 10, 11]], dtype=torch.uint8)
    """
    if not isinstance(images, Tensor) or images.ndim != 4:
        given = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"Images to transform are pixels of shape (N, C, H, W), not {given}.")
    amount = checked_amounts(kind, amount, images.shape[2]).item()
    if amount == IDENTITY[kind]:
        return images.clone()
    from torchvision.transforms import InterpolationMode  # here, because it takes two seconds, and curves are read without it
    from torchvision.transforms.v2 import functional

    settings = {"angle": 0.0, "translate": [0.0, 0.0], "scale": 1.0, "shear": [0.0, 0.0]} | {
        "translation": {"translate": [0.0, amount]},
        "scale": {"scale": amount},
        "rotation": {"angle": -amount},  # torchvision turns clockwise
    }[kind]
    return functional.affine(images, **settings, interpolation=InterpolationMode.BILINEAR, fill=None)


def drawn(scenes: Sequence[toyworld.Scene], frame_size: int = 146, image_size: int = 128) -> Source:
    """Scenes of the toy world as a source of images for `invariance_curves`: every transform is drawn, none is resampled.

    Object and surroundings move together, and new surroundings come in where a warp has only black. The camera's noise is added
    last and stays where it is. Signs and units are those of `transformed`.

    Args:
        scenes: for instance `[toyworld.scene("val", index) for index in ...]`.
        frame_size, image_size: as `toyworld.draw` takes them.

    >>> drawn([toyworld.scene("val", 3)])("rotation", 90).shape
    torch.Size([1, 3, 128, 128])
    """

    @cache
    def still() -> Tensor:
        return frames({})

    def frames(how: dict) -> Tensor:
        drawings = [torch.from_numpy(toyworld.draw(scene, frame_size, image_size, **how).image) for scene in scenes]
        return centre_crop(torch.stack(drawings).permute(0, 3, 1, 2), image_size)

    def source(kind: str, amount: float) -> Tensor:
        amount = checked_amounts(kind, amount, image_size).item()
        if amount == IDENTITY[kind]:
            return still()
        how = {"translation": {"shift": (amount, 0.0)}, "scale": {"scale": amount}, "rotation": {"rotation": amount}}[kind]
        return frames(how)

    return source


def typical_distance(
    module: nn.Module,
    images: Tensor,
    layers: str | Iterable[str] = LAYERS,
    preprocess: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, float]:
    """The median distance between the features of two different images: a unit in which layers can be compared.

    Args:
        module: any network.
        images: (N, C, H, W) pixels, N at least 2; some tens are plenty.
        layers: dotted module names.
        preprocess: as for `invariance_curves`.

    Returns:
        {layer: the median over all pairs; of an even number of pairs the lower of the two in the middle}.

    Raises:
        ValueError: fewer than two images; an unknown layer, a wrong shape, NaN pixels.
        TypeError: uint8 pixels without `preprocess`.
    """
    with recording(module, layers, read=lambda value: value.flatten(1).clone(), beyond=False) as forward:
        features = forward(checked_images(module, prepared(images, preprocess) if preprocess else images))[1]
    if len(images) < 2:
        raise ValueError("A distance between images needs at least two of them.")
    return {layer: torch.pdist(values.float()).median().item() for layer, values in features.items()}
