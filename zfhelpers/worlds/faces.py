"""Where the eyes and noses of dogs are: ground truth in the toy world, points set by hand on photographs.

`data/annotations/springer_faces.json` holds right eye, left eye and nose of 39 frontal English springers among the validation
images of Imagenette, as fractions of width and height. The points were set by hand for this project; they are good to 1-3 pixels
of 224.

    >>> from zfhelpers.worlds.opening import open_world
    >>> face = dog_faces(open_world("toy"), 1)[0]
    >>> sorted(face.points), round(face.eye_distance)
    (['left_eye', 'nose', 'right_eye'], 20)
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zfhelpers.boxes import Box, overlap, square
from zfhelpers.files import project_dir
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.worlds.frames import read_image
from zfhelpers.worlds.world import World

PARTS = ("right_eye", "left_eye", "nose")
AROUND = 1.5
"""On a photograph, "on the dog" means at most so many eye distances from the middle of eyes and nose. Our choice."""


@dataclass(frozen=True, eq=False)
class Face:
    """A dog that looks at us.

    Attributes:
        index: of the image in `world.val`.
        points: "right_eye" and "left_eye" (the dog's own) and "nose" -> (row, column) in pixels of what the network sees.
        body: (S, S) bool, pixels on the dog: the toy world's true mask, on photographs the surroundings of the face.
    """

    index: int
    points: dict[str, tuple[float, float]]
    body: np.ndarray

    @property
    def eye_distance(self) -> float:
        """In pixels."""
        return math.dist(self.points["right_eye"], self.points["left_eye"])

    def box(self, part: str, side: float) -> Box:
        """The square over a part, `side` eye distances wide, cut off at the border of the image."""
        return square(self.points[part], side * self.eye_distance, self.body.shape)

    def random_box(self, side: float, rng: np.random.Generator) -> Box:
        """A square of the same size on a random place of the dog, whole, and clear of the squares over eyes and nose.

        Raises:
            ValueError: there is no such place.
        """
        taken = [self.box(part, side) for part in PARTS]
        whole = max(1, round(side * self.eye_distance)) ** 2
        for row, column in rng.permutation(np.argwhere(self.body)):
            box = square((row + 0.5, column + 0.5), side * self.eye_distance, self.body.shape)
            if (box[2] - box[0]) * (box[3] - box[1]) == whole and not any(overlap(box, other) for other in taken):
                return box
        raise ValueError(f"On the dog of image {self.index} no square of {side} eye distances keeps clear of eyes and nose.")


def masks(faces: Sequence[Face], side: float, rng: np.random.Generator, draws: int = 4) -> dict[str, list[Box]]:
    """What Table 1 hides in each dog: the three parts, and random places of it, squares `side` eye distances wide.

    Args:
        faces: n dogs.
        side: of the squares, in distances between the eyes.
        rng: of the random places.
        draws: how many random places of each dog.

    Returns:
        {"right_eye", "left_eye", "nose", "random 1", ...: n boxes}.
    """
    parts = {part: [face.box(part, side) for face in faces] for part in PARTS}
    return parts | {f"random {number + 1}": [face.random_box(side, rng) for face in faces] for number in range(draws)}


def meeting(boxes: Mapping[str, Sequence[Box]]) -> int:
    """How many pairs of squares over eyes and nose of one dog overlap, over all dogs.

    >>> meeting({"right_eye": [(0, 0, 4, 4)], "left_eye": [(0, 3, 4, 7)], "nose": [(9, 0, 13, 4)]})
    1
    """
    return sum(overlap(*pair) for one, other in combinations(PARTS, 2) for pair in zip(boxes[one], boxes[other], strict=True))


def close_ups(images: Tensor, faces: Sequence[Face], side: int = 130) -> Tensor:
    """The dog in each image, cut out as a square and enlarged, so that masks of a few pixels can be seen.

    Args:
        images: (n, C, S, S) uint8, one for each face, or several times as many, face by face.
        faces: n dogs; around `body` the square is cut.
        side: of what is returned, in pixels.

    Returns:
        (n, C, side, side) uint8.
    """
    shown = []
    for number, image in enumerate(images):
        body = faces[number * len(faces) // len(images)].body
        rows, columns = (np.flatnonzero(body.any(axis)) for axis in (1, 0))
        wide = min(max(np.ptp(rows), np.ptp(columns)) + 1, len(body))
        top, left = (min(max(0, (at[0] + at[-1] + 1 - wide) // 2), len(body) - wide) for at in (rows, columns))
        cut = image[None, :, top : top + wide, left : left + wide].float()
        shown.append(F.interpolate(cut, (side, side), mode="nearest-exact")[0].byte())
    return torch.stack(shown)


def dog_faces(world: World, count: int | None = None) -> list[Face]:
    """The dogs of a world's validation images whose eyes and nose are all to be seen, in the order of the images.

    In the toy world a point counts as seen if it lies inside the image and no occluder is before it.

    Args:
        world: toy or imagenette.
        count: the first so many; all if not given.

    Raises:
        ValueError: a world whose dogs nobody has annotated; an annotation outside its image.
        FileNotFoundError: the images are not here, or an annotation names one that is missing.
    """
    if world.name == "toy":
        return list(islice(_toy_faces(world), count))
    if world.name == "imagenette":
        path = project_dir() / "data" / "annotations" / "springer_faces.json"
        return annotated_faces(world, path)[:count]
    raise ValueError(f"Nobody has said where the dogs of the world {world.name!r} have their eyes, only toy and imagenette.")


def _toy_faces(world: World) -> Iterator[Face]:
    size = world.image_size
    for index, label in enumerate(world.val.labels):
        if world.classes[label] not in DOGS:
            continue
        drawing = world.parts("val", index)
        points = {part: drawing.points[part] for part in PARTS}
        if all(0 <= row < size and 0 <= column < size and drawing.mask[int(row), int(column)] for row, column in points.values()):
            yield Face(index, points, drawing.mask)


def annotated_faces(world: World, path: str | Path) -> list[Face]:
    """Faces from an annotation file, for images of `world.val`; those that the centre crop cuts are left out.

    Args:
        world: one whose images come from files.
        path: JSON {"faces": [{"file": name, "right_eye": [x, y], "left_eye": [x, y], "nose": [x, y]}, ...]} with fractions of the
            file's width and height.

    Raises:
        FileNotFoundError: no such annotation file, or an annotation of an image that is not in `world.val`.
        ValueError: not such a file; a name that several images have; a point outside its image; two eyes in one place.
    """
    path = Path(path)
    try:
        faces = json.loads(path.read_text(encoding="utf-8"))["faces"]
        rows = [(str(face["file"]), {part: tuple(map(float, face[part])) for part in PARTS}) for face in faces]
    except FileNotFoundError:
        raise FileNotFoundError(f"There are no annotations {str(path)!r}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is not an annotation file: {type(error).__name__} {error}.") from None
    places = {Path(file).name: index for index, file in enumerate(world.val.files)}
    named = Counter(Path(file).name for file in world.val.files)
    found = []
    for file, fractions in rows:
        if file not in places:
            raise FileNotFoundError(f"{path.name} annotates {file!r}, which is not among the validation images of {world.name}.")
        if named[file] > 1:
            raise ValueError(
                f"{path.name} annotates {file!r}, but {named[file]} validation images of {world.name} have that name."
            )
        for part, point in fractions.items():
            if len(point) != 2 or not all(0 <= fraction < 1 for fraction in point):
                raise ValueError(f"{path.name} puts the {part} of {file!r} at {point}, outside the image (fractions, 0 to 1).")
        if fractions["right_eye"] == fractions["left_eye"]:
            raise ValueError(f"{path.name} puts both eyes of {file!r} in one place, {fractions['left_eye']}.")
        index = places[file]
        points = _in_crop(fractions, world.val.files[index], world)
        if all(0 <= at < world.image_size for point in points.values() for at in point):
            found.append(Face(index, points, _around(points, world.image_size)))
    return found


def _in_crop(fractions: dict[str, tuple[float, float]], file: str, world: World) -> dict[str, tuple[float, float]]:
    """Fractions of the file's (width, height) as (row, column) in the centre crop, by the same steps as `to_frame`."""
    width, height = read_image(file).size  # upright, as the world shows it
    factor, size = world.frame_size / min(width, height), world.image_size
    scaled = [max(world.frame_size, round(side * factor)) for side in (height, width)]
    starts = [(side - world.frame_size) // 2 + (world.frame_size - size) // 2 for side in scaled]
    return {part: (y * scaled[0] - starts[0], x * scaled[1] - starts[1]) for part, (x, y) in fractions.items()}


def _around(points: dict[str, tuple[float, float]], size: int) -> np.ndarray:
    middle = np.mean(list(points.values()), axis=0)
    away = np.hypot(*(np.mgrid[:size, :size] + 0.5 - middle[:, None, None]))
    return away <= AROUND * math.dist(points["right_eye"], points["left_eye"])
