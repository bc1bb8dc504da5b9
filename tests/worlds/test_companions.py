"""Which toy images stand for Fig. 7, and which pixels belong to an object or its companion."""

import numpy as np
import pytest

from zfhelpers import toyworld
from zfhelpers.worlds.companions import boxed, companions, fig7_images, objects
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import ImageSet, World

WORLD = open_world("toy")


def test_images_of_fig7_are_the_largest_of_their_kind():
    chosen = fig7_images(WORLD, range(240))
    for kind, index in chosen.items():
        what, beside = kind.split(" with ")
        scenes = [(toyworld.scene("val", i), i) for i in range(240)]
        same = [
            (scene.scale, i)
            for scene, i in scenes
            if scene.companion
            and scene.companion.kind == beside
            and (WORLD.classes[scene.label] in toyworld.DOGS if what == "dog" else WORLD.classes[scene.label] == what)
            and not scene.occluder
            and abs(scene.companion.centre.real) < 0.75
        ]
        assert max(same)[1] == index


def test_elsewhere_the_first_images_of_three_classes_are_taken():
    images = ImageSet(np.zeros((6, 3, 16, 16), np.uint8), [3, 1, 3, 0, 2, 1], 14)
    photographs = World("drawn", ("a", "b", "c", "d"), 14, lambda *_: images)
    assert fig7_images(photographs, [5, 0, 1, 4, 3]) == {"b": 5, "d": 0, "c": 4}
    with pytest.raises(ValueError, match="does not know"):
        companions(photographs)
    with pytest.raises(ValueError, match="does not know"):
        objects(photographs, [0])


def test_masks_share_no_pixel_and_small_companions_do_not_count():
    masks, all_of_them = companions(WORLD, range(60)), companions(WORLD, range(60), least=0)
    assert masks.keys() <= all_of_them.keys() == {i for i in range(60) if toyworld.scene("val", i).companion}
    for index, mask in masks.items():
        assert mask.shape == (128, 128)
        assert mask.mean() >= 0.01
        assert not (mask & objects(WORLD, [index])[0]).any()


def test_a_box_touches_its_mask_on_all_four_sides():
    masks = objects(WORLD, range(6))
    for mask, box in zip(masks, boxed(masks), strict=True):
        (top, left), (bottom, right) = np.argwhere(mask).min(0), np.argwhere(mask).max(0)
        y, x = np.indices(mask.shape)
        np.testing.assert_array_equal(box, (y >= top) & (y <= bottom) & (x >= left) & (x <= right))
    assert not boxed(np.zeros((1, 4, 4), bool)).any()
