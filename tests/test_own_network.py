"""The README's program for one's own network runs as it stands, but for the weights that it would download."""

import re

import numpy as np
import torch
from PIL import Image
from torch import nn

import zfhelpers as zf
from zfhelpers.files import project_dir

PROGRAM = re.search(r"## On your own network\n+```python\n(.*?)```", (project_dir() / "README.md").read_text(), re.DOTALL).group(
    1
)


def test_the_program_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    pixels = (nn.functional.interpolate(torch.rand(12, 3, 8, 8), 64, mode="bilinear") * 255).to(torch.uint8)

    def my_preprocessing(batch):
        return (batch / 255 - 0.45) / 0.225

    names = {
        "dataset": [(image, 0) for image in pixels],
        "images": my_preprocessing(pixels[:3]),
        "my_preprocessing": my_preprocessing,
    }
    assert PROGRAM.count('weights="DEFAULT"') == 1
    exec(PROGRAM.replace('weights="DEFAULT"', "weights=None"), names)

    found = names["found"]
    assert found["features.8"].maps.shape == (12,)
    assert found["features.11"].maps.tolist() == [7, 42, 100]
    for answer in found.values():
        assert answer.patches.shape == answer.projections.shape == (*answer.images.shape, 3, 64, 64)
        assert answer.images.shape[1] == 9
        assert answer.projections.any()
    with Image.open("layer5.png") as picture:
        assert picture.width > 2 * 3 * 49
    assert names["seen"].shape == (3, 3, 64, 64)
    assert names["maps"].labels.shape == (3, 3)


def test_what_the_readme_says_an_answer_holds():
    from zfhelpers.patches import TopPatches

    (names,) = re.findall(r"also holds what is drawn: ([^.]*)\.", (project_dir() / "README.md").read_text())
    assert [name for name in TopPatches.__dataclass_fields__ if name != "layer"] == re.findall(r"`(\w+)`", names)


class Flat(nn.Module):
    """Takes its maps apart as most tutorials do, which only works while they lie as they usually do; or in any layout."""

    def __init__(self, how):
        super().__init__()
        self.conv, self.relu, self.fc, self.how = nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Linear(8 * 24 * 24, 10), how

    def forward(self, x):
        x = self.relu(self.conv(x))
        return self.fc(getattr(x, self.how)(len(x), -1))


def test_a_network_that_views_its_maps_is_answered_like_one_that_reshapes_them():
    torch.manual_seed(0)
    view, reshape = Flat("view").eval(), Flat("reshape").eval()
    reshape.load_state_dict(view.state_dict())
    data = [(torch.randn(3, 28, 28), 0) for _ in range(12)]
    pixels, labels = torch.stack([image for image, _ in data[:3]]), np.arange(3)

    def answers(net):
        top = zf.top_activations(net, data, ["relu", "fc"])
        swept = zf.occlusion_maps(net, data[0][0], "relu", 7, 3)
        moved = zf.invariance_curves(net, pixels, labels, "translation", [0, 2], ["relu", "fc"])
        tiles = zf.top_patches(net, data, {"fc": [1]})["fc"].projections
        return [top["fc"].values, top["relu"].values, swept.probabilities, swept.activity, moved.probability, tiles]

    for one, other in zip(answers(view), answers(reshape), strict=True):
        assert torch.allclose(torch.as_tensor(one), torch.as_tensor(other), atol=1e-5)
