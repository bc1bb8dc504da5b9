"""What surrounds the objects: the endless tile of noise."""

import numpy as np

from zfhelpers.toyworld.ground import noise_tile, texture


def test_texture_is_the_endless_tile_interpolated():
    tile = noise_tile().reshape(256, 256)
    rng = np.random.default_rng(0)
    world = rng.uniform(-9, 9, (6, 7)) + 1j * rng.uniform(-9, 9, (6, 7))
    fast = texture(world.astype(np.complex64), 3 + 5j)
    for place in np.ndindex(world.shape):
        x, y = world[place].real * 64 + 3, world[place].imag * 64 + 5
        left, up = int(np.floor(x)), int(np.floor(y))
        slow = sum(
            (1 - abs(x - column)) * (1 - abs(y - row)) * tile[row % 256, column % 256]
            for row in (up, up + 1)
            for column in (left, left + 1)
        )
        assert abs(fast[place] - slow) < 0.01  # float32 coordinates
    np.testing.assert_allclose([tile.real.std(), tile.imag.std()], 1, atol=0.01)
