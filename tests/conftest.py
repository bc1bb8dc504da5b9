"""What several tests need."""

from collections.abc import Callable

import pytest
import torch

from zfhelpers.model import Architecture, ZFNet


@pytest.fixture(scope="session")
def listening() -> Callable[..., ZFNet]:
    """Makes a small network whose answers depend on what it sees; one with weights as they are drawn says the same of everything.

    `listening(width, factor)` has so much of the paper's width, and weights so much larger than they were drawn.
    """

    def net(width: float, factor: float = 1.5) -> ZFNet:
        torch.manual_seed(0)
        net = ZFNet(Architecture(classes=5, image_size=64, width=width, fc=(16, 16)))
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.mul_(factor)
        return net.eval()

    return net
