"""How images become the numbers that a network takes: it belongs to the network, the images to the world.

>>> Preprocessing(image_size=299, frame_size=342).describe()
'shorter side to 342 px (bilinear), centre 299 px, values from 0 to 1, minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225)'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLING = ("nearest", "bilinear", "bicubic", "lanczos")


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop and normalise, as torchvision's weights say; the default is what most of them say.

    Attributes:
        image_size: side of the square crop that the network takes, in pixels.
        frame_size: what the shorter side is resized to before, in pixels.
        mean, std: subtracted and divided by, one number for each channel, of values from 0 to 1.
        resampling: "nearest", "bilinear", "bicubic" or "lanczos".

    Raises:
        ValueError: sizes that do not fit, three numbers that are none, a deviation that is not positive, another resampling.
    """

    image_size: int = 224
    frame_size: int = 256
    mean: Sequence[float] = (0.485, 0.456, 0.406)
    std: Sequence[float] = (0.229, 0.224, 0.225)
    resampling: str = "bilinear"

    def __post_init__(self):
        if not all(isinstance(side, int) for side in (self.image_size, self.frame_size)):
            raise ValueError(f"image_size and frame_size are whole numbers of pixels, not {self.image_size}, {self.frame_size}.")
        if not 1 <= self.image_size <= self.frame_size:
            raise ValueError(f"A crop of {self.image_size} px cannot be cut from a frame of {self.frame_size} px.")
        for name in ("mean", "std"):
            try:
                values = tuple(float(value) for value in getattr(self, name))
            except TypeError:
                values = ()
            if len(values) != 3:
                raise ValueError(f"{name} holds one number for each of three channels, not {getattr(self, name)!r}.")
            object.__setattr__(self, name, values)
        if min(self.std) <= 0:
            raise ValueError(f"std must be positive, not {self.std}.")
        if self.resampling not in RESAMPLING:
            raise ValueError(f"resampling must be {', '.join(RESAMPLING)}, not {self.resampling!r}.")

    def describe(self) -> str:
        """In one line, for a reader."""
        return (
            f"shorter side to {self.frame_size} px ({self.resampling}), centre {self.image_size} px, values from 0 to 1, "
            f"minus {self.mean}, over {self.std}"
        )
