"""Colours mix, vary within bounds, and take as many random numbers as they say."""

import numpy as np

from zfhelpers.toyworld.palette import FURS, INK, PAINTS, WHITE, fur, lettering, mix, pick, vary


def test_mixing_goes_from_the_first_to_the_second():
    assert mix(INK, WHITE, 0) == INK
    assert mix(INK, WHITE, 1) == WHITE
    assert mix((0, 10, 200), (100, 20, 100), 0.5) == (50, 15, 150)


def test_what_varies_stays_a_colour_near_itself():
    rng = np.random.default_rng(0)
    for colour in (*FURS.values(), *PAINTS, (0, 0, 0), (255, 255, 255)):
        for _ in range(20):
            varied = vary(rng, colour, 10)
            assert all(0 <= c <= 255 for c in varied)
            assert max(abs(c - v) for c, v in zip(colour, varied, strict=True)) <= 22  # 1.6 + 0.6 times ten


def test_random_numbers_are_taken_one_by_one():
    """An image is fixed by its choices down to the last number, so how many each takes is part of the world."""
    for take, count in (
        (lambda rng: pick(rng, "ab"), 1),
        (lambda rng: pick(rng, "a"), 1),
        (lambda rng: vary(rng, INK), 2),
        (lambda rng: fur(rng, ("gold", "red")), 3),
    ):
        rng, other = np.random.default_rng(3), np.random.default_rng(3)
        take(rng)
        other.random(count)
        assert rng.random() == other.random()


def test_what_is_listed_twice_is_picked_twice_as_often():
    rng = np.random.default_rng(0)
    picked = [pick(rng, "aab") for _ in range(3000)]
    assert abs(picked.count("a") / 3000 - 2 / 3) < 0.03


def test_lettering_can_be_read():
    for ground in PAINTS:
        assert abs(np.subtract(lettering(ground), ground).sum()) > 200
