"""The networks of torchvision: each projects, and then as autograd says, or is refused in a sentence: the README's table."""

import re

import pytest
import torch
import torchvision

from zfhelpers.deconv import Deconvnet
from zfhelpers.files import project_dir
from zfhelpers.geometry import receptive_field

FAMILIES = {  # a layer of maps near the end; what stands in the README
    "alexnet": "features.12",
    "vgg11_bn": "features.28",
    "squeezenet1_1": "features.12",
    "resnet18": "layer4",
    "resnext50_32x4d": "layer4",
    "googlenet": "inception5b",
    "inception_v3": "Mixed_7c",
    "densenet121": "features",
    "mobilenet_v2": "features.18",
    "mobilenet_v3_small": "features.12",
    "mnasnet0_5": "layers.16",
    "shufflenet_v2_x0_5": "conv5",
    "efficientnet_b0": "features.8",
    "regnet_x_400mf": "trunk_output",
    "regnet_y_400mf": "trunk_output",
    "convnext_tiny": "features.7",
    "swin_t": "permute",
    "vit_b_16": "conv_proj",
}
README = (project_dir() / "README.md").read_text(encoding="utf-8")


def network(name):
    """With random weights, in double precision, without its classifier where that is large."""
    torch.manual_seed(0)
    options = {"init_weights": False, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    net = getattr(torchvision.models, name)(weights=None, num_classes=4, **options)
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # anything but the identity
            part.running_var.uniform_(0.5, 2)
    return net.double().eval()


def attempt(net, layer, image, number, rule):
    """yes, or what stands in the way."""
    try:
        picture = Deconvnet(net).project(image, layer, [number], rule=rule)
    except NotImplementedError as refused:
        (what,) = re.findall(r"cannot go back through (?:torch\.)?(?:nn\.functional\.|Tensor\.)?(\w+)", str(refused))
        return what, None
    return "yes", picture


def row(name):
    """The row of the README's table that belongs to a network, and an independent look at its gradient."""
    net, layer, size = network(name), FAMILIES[name], 224 if name.startswith("vit") else 96
    image = torch.randn(1, 3, size, size, dtype=torch.float64)
    pixels, seen = image.clone().requires_grad_(), []
    hook = net.get_submodule(layer).register_forward_hook(lambda module, inputs, output: seen.append(output))
    net(pixels)
    hook.remove()
    maps = seen[0][0].flatten(1).amax(1)
    number, value = int(maps.argmax()), maps.max()
    answers = {rule: attempt(net, layer, image, number, rule) for rule in ("deconvnet", "guided", "gradient")}
    expected = value.detach() * torch.autograd.grad(value, pixels)[0]
    _, picture = answers["gradient"]
    if picture is not None:
        assert (picture - expected).norm() <= 1e-9 * expected.norm()
        assert expected.norm() > 0
    try:
        field = f"{receptive_field(net, layer, size).size} px"
    except ValueError as lost:
        field = "lost at " + re.findall(r"is lost at (?:aten\.)?(\w+)", str(lost))[0]
    words = [answers[rule][0] for rule in ("deconvnet", "guided", "gradient")]
    return f"| `{name}` | {' | '.join(word if word == 'yes' else f'no: `{word}`' for word in words)} | {field} |"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_table_of_the_readme(name):
    assert row(name) in README
