"""The drawings: none has changed, none knows another's colours, and each says what it asks of its surroundings."""

import ast
from pathlib import Path

import numpy as np
import pytest

from zfhelpers.toyworld import drawings, familiar, novel
from zfhelpers.toyworld.drawings.companions import COMPANIONS, person
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.toyworld.pen import Pen
from zfhelpers.toyworld.subject import FUR

SUBJECTS = familiar.DRAWINGS | novel.DRAWINGS
LOOKS = {  # as it was, and borrowed: pixels, their mean red, green and blue, and the random number that comes next
    "dalmatian": ((16276, 174, 174, 173, 769), (16276, 174, 174, 173, 769)),
    "husky": ((15232, 130, 133, 141, 925), (15232, 192, 173, 148, 925)),
    "dobermann": ((14889, 57, 50, 50, 347), (14889, 57, 50, 50, 347)),
    "labrador": ((16276, 183, 168, 141, 347), (16276, 167, 138, 100, 347)),
    "poodle": ((19271, 178, 164, 138, 850), (19271, 162, 135, 99, 850)),
    "pug": ((15032, 150, 124, 89, 925), (15032, 150, 124, 89, 925)),
    "tabby cat": ((14441, 165, 138, 102, 621), (14441, 165, 138, 102, 621)),
    "siamese cat": ((14371, 150, 137, 118, 621), (14371, 150, 137, 118, 621)),
    "shorthair cat": ((14371, 78, 85, 98, 621), (14371, 177, 148, 108, 621)),
    "horned owl": ((17088, 153, 110, 83, 433), (17088, 153, 110, 83, 433)),
    "barn owl": ((16280, 189, 170, 143, 952), (16280, 168, 131, 109, 952)),
    "clownfish": ((13653, 207, 141, 96, 621), (13653, 207, 141, 96, 621)),
    "goldfish": ((13197, 223, 133, 71, 40), (13197, 223, 133, 71, 40)),
    "car": ((10727, 166, 138, 63, 621), (11571, 163, 139, 69, 952)),
    "bus": ((12751, 173, 145, 64, 621), (9833, 166, 141, 66, 952)),
    "bicycle": ((5596, 122, 105, 63, 956), (5514, 121, 104, 64, 956)),
    "sailboat": ((10395, 212, 129, 72, 271), (10395, 190, 106, 76, 271)),
    "primrose": ((11501, 196, 170, 62, 560), (11501, 196, 170, 62, 560)),
    "lily": ((11169, 194, 169, 62, 560), (11169, 194, 169, 62, 560)),
    "cosmos": ((10820, 193, 168, 62, 560), (10820, 193, 168, 62, 560)),
    "clock": ((21369, 118, 108, 81, 621), (21904, 127, 114, 81, 621)),
    "window": ((23104, 99, 84, 76, 433), (23104, 139, 118, 66, 433)),
    "mug": ((15758, 202, 149, 45, 40), (15758, 202, 149, 45, 40)),
    "necklace": ((1482, 177, 189, 181, 723), (1482, 177, 189, 181, 723)),
    "house": ((16965, 156, 110, 91, 195), (16965, 137, 150, 152, 195)),
    "church": ((15755, 134, 142, 139, 271), (15755, 151, 108, 86, 271)),
    "lighthouse": ((10597, 98, 120, 148, 621), (10578, 168, 170, 169, 621)),
    "rocket": ((7919, 95, 74, 129, 433), (7919, 115, 70, 118, 433)),
    "aeroplane": ((7860, 59, 75, 136, 952), (8009, 57, 77, 138, 952)),
    "guitar": ((7328, 117, 73, 50, 956), (6228, 138, 94, 60, 956)),
    "violin": ((6069, 97, 60, 41, 956), (6069, 128, 45, 44, 956)),
    "teapot": ((9876, 207, 160, 39, 621), (9876, 152, 160, 170, 621)),
    "watering can": ((10572, 96, 126, 122, 240), (10572, 197, 152, 38, 240)),
    "umbrella": ((9106, 170, 115, 81, 621), (9106, 176, 125, 92, 621)),
    "anchor": ((6397, 57, 68, 84, 571), (6397, 210, 162, 41, 571)),
    "chair": ((8719, 181, 111, 85, 952), (10317, 178, 85, 87, 952)),
    "mushroom": ((13149, 184, 132, 97, 433), (13149, 233, 203, 105, 433)),
    "fir": ((8950, 31, 77, 52, 621), (8503, 83, 127, 70, 952)),
    "cactus": ((11821, 93, 135, 86, 195), (11253, 98, 103, 67, 990)),
    "butterfly": ((16699, 155, 127, 52, 433), (16699, 123, 108, 88, 433)),
    "moth": ((15085, 160, 148, 126, 571), (15085, 199, 172, 81, 571)),
    "snail": ((16504, 141, 126, 99, 433), (16504, 137, 141, 162, 433)),
    "penguin": ((16679, 125, 123, 125, 433), (16679, 156, 142, 130, 433)),
    "crab": ((12753, 163, 94, 61, 240), (12753, 205, 173, 66, 240)),
}  # fmt: skip


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("borrowed", [False, True])
def test_every_drawing_stays_as_it_was_down_to_the_last_random_number(name, borrowed):
    """Caches and shipped weights belong to these drawings; where one is meant to change, VERSION has to change with it."""
    rng, pen = np.random.Generator(np.random.PCG64(2013)), Pen(200, 90, 100 + 100j)
    SUBJECTS[name].draw(pen, rng, borrowed)
    pixels = np.asarray(pen.layer, float)
    drawn = pixels[pixels[..., 3] > 0]
    count, *colour, following = LOOKS[name][borrowed]
    assert int(rng.integers(1000)) == following
    assert len(drawn) == pytest.approx(count, rel=0.01)
    np.testing.assert_allclose(drawn[:, :3].mean(axis=0), colour, atol=1)


def test_every_drawing_has_a_look_written_down():
    assert list(LOOKS) == list(SUBJECTS)


def test_dogs_are_accompanied_animals_are_furry_and_only_a_necklace_is_worn():
    assert [name for name, subject in SUBJECTS.items() if subject.accompanied] == list(DOGS)
    assert [name for name, subject in SUBJECTS.items() if subject.roughness == FUR] == list(familiar.CLASSES[:11])
    assert {name: subject.wearer for name, subject in SUBJECTS.items() if subject.wearer} == {"necklace": person}


@pytest.mark.parametrize("kind", COMPANIONS)
def test_companions_draw_something_and_mark_nothing(kind):
    pen = Pen(200, 40, 100 + 100j)
    COMPANIONS[kind](pen, np.random.default_rng(0))
    assert (np.asarray(pen.layer)[..., 3] > 0).mean() > 0.03
    assert pen.points == {}


def test_families_share_eyes_and_persons_and_nothing_else():
    """What several of them need has its own file."""
    for file in Path(drawings.__file__).parent.glob("*.py"):
        imported = {node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
        within = {name.removeprefix("zfhelpers.toyworld.drawings.") for name in imported if ".drawings." in name}
        assert within <= {"eyes", "companions"}, file.name
