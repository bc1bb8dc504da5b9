"""Sign agreement against the formula in plain loops, masks pixel by pixel, and annotations that are wrong in every way."""

import itertools
import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zfhelpers.boxes import overlap
from zfhelpers.experiments.correspondence import Correspondence, correspondence, fives, pairs
from zfhelpers.hooks import find_layer
from zfhelpers.worlds import faces as annotations
from zfhelpers.worlds.faces import PARTS, Face, annotated_faces, dog_faces
from zfhelpers.worlds.opening import open_world

BOXES = [(3, 4, 20, 22), (30, 10, 48, 31), (-5, 50, 9, 80), (0, 0, 64, 64)]


@pytest.fixture(scope="module")
def net(listening):
    return listening(0.125).double()


@pytest.fixture(scope="module")
def images():
    return torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 80


def looped(net, images, boxes, layer):
    """The formula as the paper prints it, one image, one pair and one unit at a time: shares counted, shares left out, signs."""

    def features(image):
        caught = []
        hook = find_layer(net, layer).register_forward_hook(lambda _m, _i, output: caught.append(output.flatten().clone()))
        with torch.no_grad():
            net(image[None])
        hook.remove()
        return caught[0].tolist()

    signs = []
    for image, (top, left, bottom, right) in zip(images, boxes, strict=True):
        hidden = image.clone()
        hidden[:, max(top, 0) : bottom, left:right] = 0
        changes = [a - b for a, b in zip(features(image), features(hidden), strict=True)]
        signs.append([0 if abs(change) < 1e-12 else math.copysign(1, change) for change in changes])
    counted, left_out = np.zeros((4, 4)), np.zeros((4, 4))
    for i, mine in enumerate(signs):
        for j, yours in enumerate(signs):
            units = list(zip(mine, yours, strict=True))
            moved = [(a, b) for a, b in units if a and b]
            counted[i, j] = sum(a != b for a, b in units) / len(units)
            left_out[i, j] = sum(a != b for a, b in moved) / len(moved) if moved else math.nan
    return counted, left_out, signs


@pytest.mark.parametrize("layer", ["layer2", "layer5", "layer7"])
@pytest.mark.parametrize("batch_size", [32, 3])
def test_against_the_formula_in_loops(net, images, layer, batch_size):
    result = correspondence(net, images, BOXES, layer, batch_size=batch_size)[layer]
    counted, left_out, signs = looped(net, images, BOXES, layer)
    assert 0 < counted.max() < 1
    assert result.signs.flatten(1).tolist() == signs
    np.testing.assert_allclose(result.counted, counted, atol=1e-6)
    np.testing.assert_allclose(result.left_out, left_out, atol=1e-6)
    assert result.counted.diagonal().abs().max() < 1e-6
    np.testing.assert_allclose(result.counted, result.counted.T)
    np.testing.assert_allclose(result.left_out, result.left_out.T)


def test_both_treatments_of_zero_by_hand():
    signs = torch.tensor([[1, 1, -1, 0, 0], [1, -1, 0, 0, 1], [0, 0, 0, 1, -1]], dtype=torch.int8)
    result = Correspondence(signs, torch.zeros(3))
    assert pairs(result.counted).tolist() == pytest.approx([3 / 5, 1, 4 / 5])
    assert result.left_out[0, 1] == 1 / 2  # two units change in both: one the same way, one not
    assert result.left_out[0, 2].isnan()  # none changes in both
    assert result.left_out[1, 2] == 1
    assert pairs(result.left_out).tolist() == [0.5, 1]
    assert result.changed.tolist() == pytest.approx([3 / 5, 3 / 5, 2 / 5])


class Pixels(nn.Module):
    """The mean over the colours of every pixel: a network whose changes can be foretold."""

    def __init__(self):
        super().__init__()
        self.pixels = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.pixels.weight, 1 / 3)

    def forward(self, images):
        return self.pixels(images).flatten(1)


def test_signs_and_size_of_a_change_that_is_known():
    images = torch.ones(2, 3, 2, 2)
    images[1] = -2
    result = correspondence(Pixels(), images, [(0, 0, 1, 2), (0, 0, 2, 1)], "pixels")["pixels"]
    assert result.signs[:, 0].tolist() == [[[1, 1], [0, 0]], [[-1, 0], [-1, 0]]]  # bright pixels turn grey, dark ones too
    assert result.size.tolist() == pytest.approx([math.sqrt(1 / 2)] * 2)
    assert result.counted[0, 1] == pytest.approx(3 / 4)
    assert result.left_out[0, 1] == 1


def test_rounding_is_no_change():
    images = torch.full((2, 3, 2, 2), 100.0)
    result = correspondence(Pixels(), images, [(0, 0, 1, 1)] * 2, "pixels", fill=100.0004)["pixels"]
    assert not result.signs.any()


def test_bad_inputs(net, images):
    for bad, message in (
        ((net, images, BOXES[:3], "layer5"), "there are 4 images and 3 boxes"),
        ((net, images[:1], BOXES[:1], "layer5"), "at least 2, not 1"),
        ((net, images, [(0, 0, 3)] * 4, "layer5"), r"\(top, left, bottom, right\), not \(0, 0, 3\)"),
        ((net, images, [(70, 0, 80, 9)] * 4, "layer5"), "covers nothing of image 0, which is 64 x 64"),
        ((net, images, [(9, 9, 2, 12)] * 4, "layer5"), "covers nothing"),
        ((net, images, BOXES, "layer9"), "layer9"),
        ((net, images * math.nan, BOXES, "layer5"), "NaN"),
        ((net, images, BOXES, "layer5", math.inf), "fill holds NaN or infinite"),
        ((net, images, BOXES, "layer5", 0, 0), "batch_size must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            correspondence(*bad)
    with pytest.raises(TypeError, match="float"):
        correspondence(net, images.to(torch.uint8), BOXES, "layer5")


# ------------------------------------------------------------------------------------------------------------------ faces


def test_toy_faces_can_be_seen():
    world = open_world("toy")
    faces = dog_faces(world, 6)
    assert len(faces) == 6
    for face in faces:
        drawing = world.parts("val", face.index)
        assert world.classes[world.val.labels[face.index]] in world.classes[:6]  # the breeds
        for part in PARTS:
            row, column = face.points[part]
            assert drawing.points[part] == (row, column)
            assert drawing.mask[int(row), int(column)]
    skipped = next(i for i in range(faces[-1].index) if world.val.labels[i] < 6 and i not in {face.index for face in faces})
    hidden = world.parts("val", skipped)
    inside = [(int(r), int(c)) for r, c in hidden.points.values() if 0 <= r < 128 and 0 <= c < 128]
    assert len(inside) < 3 or not all(hidden.mask[place] for place in inside)


def test_random_boxes_lie_on_the_dog_and_off_its_parts():
    face = dog_faces(open_world("toy"), 1)[0]
    rng = np.random.default_rng(0)
    boxes = [face.random_box(0.4, rng) for _ in range(40)]
    assert len(set(boxes)) > 20
    for top, left, bottom, right in boxes:
        assert face.body[(top + bottom) // 2, (left + right) // 2]
        assert bottom - top == right - left == round(0.4 * face.eye_distance)
        assert not any(overlap((top, left, bottom, right), face.box(part, 0.4)) for part in PARTS)
    tiny = Face(7, face.points, np.zeros((128, 128), bool))
    with pytest.raises(ValueError, match=r"dog of image 7 no square of 0\.4 eye distances"):
        tiny.random_box(0.4, rng)


@pytest.fixture
def kennel(tmp_path, monkeypatch):
    """A world of two dog photographs, one wide and one square, each with a red dot, and a way to annotate them."""
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    for split in ("train", "val"):
        folder = tmp_path / split / "dog"
        folder.mkdir(parents=True)
        for name, (width, height), (x, y) in (("wide.png", (300, 200), (180, 60)), ("square.png", (160, 160), (40, 100))):
            picture = Image.new("RGB", (width, height))
            picture.paste((255, 0, 0), (x - 3, y - 3, x + 3, y + 3))
            picture.save(folder / name)
    world = open_world(f"folder:{tmp_path}")

    def annotate(**changes):
        path = tmp_path / "faces.json"
        face = {"file": "wide.png", "right_eye": [0.4, 0.3], "left_eye": [0.6, 0.3], "nose": [0.5, 0.6]} | changes
        path.write_text(json.dumps({"faces": [face]}))
        return annotated_faces(world, path)

    return world, annotate


@pytest.mark.parametrize(("file", "dot"), [("wide.png", [180 / 300, 60 / 200]), ("square.png", [40 / 160, 100 / 160])])
def test_annotated_points_land_on_what_they_annotate(kennel, file, dot):
    world, annotate = kennel
    (face,) = annotate(file=file, left_eye=dot)
    reddest = (world.val[face.index][0][0] > 128).nonzero().double().mean(0) + 0.5
    assert face.points["left_eye"] == pytest.approx(reddest.tolist(), abs=0.6)
    middle = np.mean(list(face.points.values()), axis=0)
    assert face.body[tuple(middle.astype(int))]
    assert not face.body[0, 0]


def test_annotated_points_of_a_turned_photograph(kennel, tmp_path):
    """A camera held upright: the file lies on its side, and says so."""
    world, annotate = kennel
    with Image.open(tmp_path / "val" / "dog" / "wide.png") as picture:
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.rotate(90, expand=True).save(tmp_path / "val" / "dog" / "wide.png", exif=exif)
    (face,) = annotate(left_eye=[180 / 300, 60 / 200])
    reddest = (world.val[face.index][0][0] > 128).nonzero().double().mean(0) + 0.5
    assert face.points["left_eye"] == pytest.approx(reddest.tolist(), abs=0.6)


def test_a_name_that_two_images_have_is_refused(kennel, tmp_path):
    _, annotate = kennel
    annotate()
    for split in ("train", "val"):
        shutil.copytree(tmp_path / split / "dog", tmp_path / split / "cat")
    world = open_world(f"folder:{tmp_path}")
    with pytest.raises(ValueError, match=r"annotates 'wide\.png', but 2 validation images of folder:.* have that name"):
        annotated_faces(world, tmp_path / "faces.json")


def test_annotations_that_are_wrong(kennel, tmp_path):
    world, annotate = kennel
    assert annotate(nose=[0.05, 0.5]) == []  # in the photograph, but not in its centre crop
    with pytest.raises(ValueError, match=r"puts the nose of 'wide.png' at \(0.5, 1.2\), outside the image"):
        annotate(nose=[0.5, 1.2])
    with pytest.raises(FileNotFoundError, match=r"faces.json annotates 'cat.png', which is not among the validation images"):
        annotate(file="cat.png")
    with pytest.raises(ValueError, match=r"both eyes of 'wide\.png' in one place"):
        annotate(left_eye=[0.4, 0.3])
    for broken in ({"nose": "here"}, {"nose": None}):
        with pytest.raises(ValueError, match="is not an annotation file"):
            annotate(**broken)
    with pytest.raises(FileNotFoundError, match="There are no annotations"):
        annotated_faces(world, tmp_path / "none.json")
    with pytest.raises(ValueError, match="Nobody has said where the dogs of the world 'folder:"):
        dog_faces(world)


def test_the_annotations_that_we_ship():
    path = annotations.project_dir() / "data" / "annotations" / "springer_faces.json"
    faces = json.loads(path.read_text())["faces"]
    assert len({face["file"] for face in faces}) == len(faces) == 39
    for face in faces:  # squares of 0.40 of the distance between the eyes do not meet, in the square copy
        points = {part: face[part][::-1] for part in PARTS}
        pixels = {part: (row * 146 - 9, column * 146 - 9) for part, (row, column) in points.items()}
        seen = Face(0, pixels, np.ones((128, 128), bool))
        boxes = [seen.box(part, 0.4) for part in PARTS]
        assert not any(overlap(*pair) for pair in itertools.combinations(boxes, 2))
        assert all(0 <= at < 128 for point in pixels.values() for at in point)


def test_image_sets_know_their_files(kennel):
    world, _ = kennel
    assert [name.rsplit("/", 1)[1] for name in world.val.files] == ["square.png", "wide.png"]
    assert open_world("toy").val.files == ()


def test_fives_are_means_over_ten_pairs():
    values = torch.rand(9, 9, generator=torch.Generator().manual_seed(0))
    values = values + values.T
    drawn = np.random.default_rng(3).permuted(np.tile(np.arange(9), (40, 1)), axis=1)[:, :5]
    for row, found in zip(drawn, fives(values, seed=3, draws=40), strict=True):
        ten = [float(values[a, b]) for place, a in enumerate(row) for b in row[:place]]
        assert found.tolist() == pytest.approx([np.mean(ten), np.std(ten)], abs=1e-5)
