"""What Table 1 hides in each dog, and how it is shown."""

import numpy as np
import pytest
import torch

from zfhelpers.boxes import overlap
from zfhelpers.worlds.faces import PARTS, close_ups, dog_faces, masks, meeting
from zfhelpers.worlds.opening import open_world

WORLD = open_world("toy")
FACES = dog_faces(WORLD, 12)


def test_masks_are_the_parts_and_random_places_that_keep_clear_of_them():
    found = masks(FACES, 0.4, np.random.default_rng(0), draws=2)
    assert list(found) == [*PARTS, "random 1", "random 2"]
    for number, face in enumerate(FACES):
        for part in PARTS:
            top, left, bottom, right = found[part][number]
            row, column = face.points[part]
            assert (top + bottom) / 2 == pytest.approx(row, abs=1)
            assert (left + right) / 2 == pytest.approx(column, abs=1)
            assert not overlap(found[part][number], found["random 1"][number])
    assert found["random 1"] != found["random 2"]


def test_wider_masks_meet_more_often():
    pairs = {side: meeting({part: [face.box(part, side) for face in FACES] for part in PARTS}) for side in (0.4, 1.2)}
    assert pairs[0.4] == 0
    assert len(FACES) < pairs[1.2] <= 3 * len(FACES)


def test_close_ups_hold_the_whole_dog_and_little_else():
    bodies = torch.from_numpy(np.stack([face.body for face in FACES])).to(torch.uint8)[:, None].repeat_interleave(2, 0)
    cut = close_ups(bodies, FACES, side=128)
    assert cut.shape == (24, 1, 128, 128)
    for number, face in enumerate(FACES):
        assert torch.equal(cut[2 * number], cut[2 * number + 1])
        rows, columns = np.flatnonzero(face.body.any(1)), np.flatnonzero(face.body.any(0))
        side = max(np.ptp(rows), np.ptp(columns)) + 1
        assert float(cut[2 * number].float().mean()) == pytest.approx(face.body.sum() / side**2, rel=0.03)
