"""Receptive fields against the table of the paper's network and against gradients: which pixels move a unit at all."""

import doctest
import itertools

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import zfhelpers.geometry
from zfhelpers.boxes import ReceptiveField
from zfhelpers.geometry import LostField, receptive_field
from zfhelpers.hooks import activations, find_layer
from zfhelpers.model import ALEXNET, Architecture, ZFNet
from zfhelpers.patches import top_patches


def averaging(module: nn.Module) -> nn.Module:
    """The same geometry with every pixel counted: positive weights, and max-pools turned into averages over the same windows."""
    for name, part in module.named_modules():
        if isinstance(part, nn.MaxPool2d):
            owner = find_layer(module, name.rpartition(".")[0]) if "." in name else module
            pool = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode)
            setattr(owner, name.rpartition(".")[2], pool)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
        if parameter.ndim == 1:
            nn.init.constant_(parameter, 0.5)
    return module.double().eval()


def measured_box(module: nn.Module, layer: str, image_size: int, row: int, column: int) -> tuple[int, int, int, int]:
    """The smallest box around the pixels to which unit (row, column) has a non-zero gradient."""
    caught = []
    hook = find_layer(module, layer).register_forward_hook(lambda _m, _i, output: caught.append(output))
    image = torch.rand(1, 3, image_size, image_size, dtype=torch.float64, requires_grad=True)
    module(image)
    hook.remove()
    (gradient,) = torch.autograd.grad(caught[0][0, :, row, column].sum(), image)
    rows, columns = (torch.nonzero(gradient[0].abs().amax(dim=(0, axis))).flatten() for axis in (2, 1))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def clipped(box, image_size):
    return tuple(min(max(side, 0), image_size) for side in box)


def map_size(module, layer, image_size):
    sizes = []
    hook = find_layer(module, layer).register_forward_hook(lambda _m, _i, output: sizes.append(output.shape[-1]))
    with torch.no_grad():
        module.eval()(torch.zeros(1, 3, image_size, image_size).to(next(module.parameters())))
    hook.remove()
    return sizes[0]


TABLE = {  # size, stride: PAPER sec. 3.1
    "layer1": (7, 2),
    "pool1": (11, 4),
    "norm1": (11, 4),
    "layer2": (27, 8),
    "pool2": (43, 16),
    "layer3": (75, 16),
    "layer4": (107, 16),
    "layer5": (139, 16),
    "pool5": (171, 32),
}


@pytest.mark.parametrize("layer", TABLE)
def test_table_of_the_paper_and_every_unit_along_the_diagonal(layer):
    net = averaging(ZFNet(Architecture(width=0.05, fc=(4, 4), classes=2)))
    field = receptive_field(net, layer, 224)
    assert (field.size, field.stride) == TABLE[layer]
    count = map_size(net, layer, 224)
    for unit in {0, 1, count // 2, count - 1}:
        box = field.box(unit, count - 1 - unit)
        assert clipped(box, 224) == measured_box(net, layer, 224, unit, count - 1 - unit)


def test_alexnet_in_one_tower_has_the_tiles_of_figure_6():
    net = ZFNet(Architecture(width=0.05, fc=(4, 4), classes=2, conv1=ALEXNET.conv1, conv2=ALEXNET.conv2))
    assert [receptive_field(net, layer, 224).size for layer in ("layer1", "layer2")] == [11, 51]


@pytest.mark.parametrize("layer", ["flatten", "layer6", "dropout6", "layer7", "layer8"])
def test_fully_connected_layers_see_the_whole_image(layer):
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    field = receptive_field(net, layer, 64)
    assert field.box(0, 0) == field.box(3, 1) == (0, 0, 64, 64)


def test_images_need_not_be_square():
    net = averaging(nn.Sequential(nn.Conv2d(3, 2, 5, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 4 * 7, 3)))
    assert receptive_field(net, "2", (20, 31)) == ReceptiveField(7, 4, -1)
    assert receptive_field(net, "4", torch.Size([20, 31])) == ReceptiveField(31, 0, 0)
    with pytest.raises(ValueError, match="image_size must be at least 1, not 0"):
        receptive_field(net, "2", (20, 0))


@pytest.mark.parametrize(
    ("name", "layer", "image_size"),
    [
        ("alexnet", "features.3", 128),
        ("squeezenet1_1", "features.4.expand3x3", 96),
        ("resnet18", "maxpool", 64),
        ("resnet18", "layer1", 96),
        ("resnet18", "layer2.0", 112),
        ("googlenet", "inception3a", 96),
        ("shufflenet_v2_x0_5", "stage2.0", 96),
    ],
)
def test_gradients_of_torchvision_networks(name, layer, image_size):
    options = {"init_weights": False} if name == "googlenet" else {}
    net = averaging(getattr(torchvision.models, name)(weights=None, **options))
    field = receptive_field(net, layer, image_size)
    count = map_size(net, layer, image_size)
    inside = [unit for unit in range(count) if field.box(unit, unit)[0] >= 0 and field.box(unit, unit)[2] <= image_size]
    assert inside
    for row, column in {(inside[0], inside[-1]), (inside[-1], inside[0])}:
        assert field.box(row, column) == measured_box(net, layer, image_size, row, column)
    top, left, bottom, right = clipped(field.box(0, count - 1), image_size)  # zero padding may hide a border pixel, never add one
    measured = measured_box(net, layer, image_size, 0, count - 1)
    assert measured[0] >= top
    assert measured[1] >= left
    assert measured[2] <= bottom
    assert measured[3] <= right


@pytest.mark.parametrize("seed", range(20))
def test_gradients_of_random_stacks(seed):
    random = torch.Generator().manual_seed(seed)

    def draw(*choices):
        return choices[int(torch.randint(len(choices), (), generator=random))]

    parts, channels = [], 3
    for _ in range(draw(2, 3, 4)):
        kernel, stride, dilation = draw(1, 2, 3, 5), draw(1, 1, 2, 3), draw(1, 1, 2)
        kind = draw("conv", "max", "average", "zero", "reflect", "crop")
        if kind == "conv":
            parts.append(nn.Conv2d(channels, 4, kernel, stride, draw(0, 1, 2), dilation))
            channels = 4
        elif kind == "max":
            parts.append(nn.MaxPool2d(kernel, stride, kernel // 2, ceil_mode=draw(True, False)))
        elif kind == "average":
            parts.append(nn.AvgPool2d(kernel, stride, kernel // 2, ceil_mode=draw(True, False)))
        else:
            padding = {"zero": nn.ZeroPad2d, "reflect": nn.ReflectionPad2d, "crop": nn.ZeroPad2d}[kind]
            before, *after = (draw(0, 1, 2) for _ in range(3))
            sides = [before, after[0], before, after[1]]  # left, right, top, bottom
            parts.append(padding([-side for side in sides] if kind == "crop" else sides))
    net = averaging(nn.Sequential(*parts, nn.Conv2d(channels, 2, 1)))
    last = str(len(net) - 1)
    field = receptive_field(net, last, 80)
    count = map_size(net, last, 80)
    middle = next(unit for unit in range(count) if field.box(unit, 0)[0] >= 8)  # clear of padding and its reflections
    assert field.box(middle, middle)[2] <= 72
    assert field.box(middle, middle) == measured_box(net, last, 80, middle, middle)


class Branches(nn.Module):
    """A 3 x 3 path and a dilated path, joined; names of the joins are modules so that they can be asked for."""

    def __init__(self, join: str):
        super().__init__()
        self.near = nn.Conv2d(3, 2, 3, padding=1)
        self.far = nn.Conv2d(3, 2, 3, padding=0, dilation=2)
        self.join, self.end = join, nn.Identity()

    def forward(self, x):
        near, far = self.near(x), self.far(x)
        far = F.pad(far, (3, 1, 3, 1))  # off centre, so that the union is wider than either
        joined = near + far if self.join == "add" else torch.cat([near, far], dim=1)
        return self.end(F.relu_(joined))


@pytest.mark.parametrize("join", ["add", "cat"])
def test_a_join_sees_what_either_path_sees(join):
    net = averaging(Branches(join))
    assert receptive_field(net, "near", 32).box(10, 10) == (9, 9, 12, 12)
    assert receptive_field(net, "far", 32).box(7, 7) == (7, 7, 12, 12)
    field = receptive_field(net, "end", 32)
    assert field.box(10, 10) == (7, 7, 12, 12) == measured_box(net, "end", 32, 10, 10)


class Around(nn.Module):
    """A function between two modules."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.function, self.end = nn.Conv2d(3, 4, 3), function, nn.Identity()

    def forward(self, x):
        return self.end(self.function(self.conv(x)))


@pytest.mark.parametrize(
    ("function", "size"),
    [
        (lambda x: F.local_response_norm(x, 5), 3),
        (lambda x: F.max_pool2d(x, 2), 4),
        (lambda x: F.hardswish(x, inplace=True), 3),
        (lambda x: F.adaptive_avg_pool2d(x, 15), 4),  # 30 to 15: windows of 2
        (lambda x: x.mean(dim=1, keepdim=True), 3),
        (lambda x: x.chunk(2, dim=1)[1] * x[:, :1], 3),
        (lambda x: x.view(1, 2, 2, 30, 30).transpose(1, 2).flatten(1, 2), 3),  # channel shuffle
        (lambda x: F.group_norm(x, 2), 32),
        (lambda x: F.instance_norm(x), 32),
        (lambda x: x * x.mean(dim=(2, 3), keepdim=True), 32),  # squeeze and excitation
        (lambda x: F.adaptive_avg_pool2d(x, 1), 32),
        (lambda x: x.flatten(2), 32),
    ],
)
def test_functions_between_modules(function, size):
    assert receptive_field(Around(function), "end", 32).size == size


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: F.interpolate(x, scale_factor=2.0), "upsample"),
        (lambda x: x.transpose(2, 3), "transpose"),
        (lambda x: x.flip(3), "flip"),
        (lambda x: x[..., 1:], "slice"),
        (lambda x: x[:, :, 0], "select"),
        (lambda x: x.permute(0, 2, 3, 1), "permute"),
        (lambda x: F.adaptive_avg_pool2d(x, 7), "adaptive_avg_pool2d"),
        (lambda x: F.conv_transpose2d(x, torch.ones(4, 1, 2, 2)), "convolution"),
        (lambda x: x.mean(dim=3, keepdim=True), "mean"),
        (lambda x: x + F.max_pool2d(x, 3, 1)[:, :, :1, :1], "slice"),
        (lambda x: x + F.max_pool2d(x, 30), "joins maps of strides 1 and 30"),
        (lambda x: torch.ones(1, 1), "hides it"),
    ],
)
def test_what_leaves_the_grid_is_named(function, message):
    net = Around(function)
    with pytest.raises(ValueError, match=message):
        receptive_field(net, "end", 32)
    assert receptive_field(net, "conv", 32).size == 3  # what comes before is not spoilt


def test_a_classifier_after_lost_maps_still_sees_everything():
    net = torchvision.models.alexnet(weights=None)
    assert receptive_field(net, "classifier.1", 128).size == 128  # 3 x 3 maps blown up to 6 x 6 on the way
    with pytest.raises(ValueError, match="adaptive_avg_pool2d"):
        receptive_field(net, "avgpool", 128)


def test_layers_applied_to_every_position_are_not_taken_for_fully_connected():
    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(3, 3)

        def forward(self, x):
            return self.mix(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    with pytest.raises(ValueError, match="permute"):
        receptive_field(ChannelsLast(), "mix", 16)


def test_a_field_that_is_not_square_is_an_error():
    with pytest.raises(ValueError, match="differs between the axes"):
        receptive_field(nn.Sequential(nn.Conv2d(3, 2, (1, 7))), "0", 16)


# ------------------------------------------------------------------------------------------------------ what image to try


class Seeing(nn.Module):
    """A network that does something to the image before its first convolution, and may name another convolution before that."""

    def __init__(self, channels, see, head=0):
        super().__init__()
        self.head = nn.Conv2d(head, 10, 1) if head else nn.Identity()
        self.stem, self.see, self.end = nn.Conv2d(channels, 16, 3, padding=1), see, nn.ReLU()

    def forward(self, x):
        return self.head(self.end(self.stem(self.see(x))))


SEEING = {
    "head first": (Seeing(3, lambda x: x, head=16), 3, 3),
    "many colours": (Seeing(7, lambda x: x), 7, 3),
    "focus": (Seeing(12, lambda x: F.pixel_unshuffle(x, 2)), 3, None),
    "grey": (Seeing(3, lambda x: x.expand(-1, 3, -1, -1)), 1, 3),
    "one colour of three": (Seeing(1, lambda x: x[:, :1] + x[:, 2:]), 3, 3),
    "two colours of three": (Seeing(2, lambda x: x[:, 1:].clone()), 3, 3),
    "standardised": (Seeing(3, lambda x: (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)), 3, 16),
    "of its own length": (Seeing(3, lambda x: x / x.abs().sum((1, 2, 3), keepdim=True)), 3, 16),
    "brightest": (Seeing(3, lambda x: x / x.amax(1, keepdim=True)), 3, 3),
}


@pytest.mark.parametrize("name", SEEING)
def test_the_number_of_channels_and_a_zero_image_stop_no_network_that_runs(name):
    net, channels, size = SEEING[name]
    rule = "deconvnet" if name in ("head first", "many colours", "focus", "grey") else "gradient"
    images = [torch.rand(channels, 16, 16) for _ in range(9)]
    shown = top_patches(net.eval(), images, {"end": [0]}, rule=rule)["end"].patches
    assert shown.shape == (1, 9, channels, size or 16, size or 16)
    for given in (None, channels):
        try:
            assert receptive_field(net, "end", 16, given).size == size
        except LostField:
            assert size is None


def test_what_no_number_of_channels_lets_run_is_said_of_the_likeliest():
    with pytest.raises(ValueError, match=r"cannot run on images of shape \(1, 12, 16, 16\)"):
        receptive_field(Seeing(12, lambda x: x[:, 20:]), "end", 16)


# ------------------------------------------------------------------------------------- memory that several tensors share


def moved_by(net: nn.Module, layer: str, size: int, row: int, column: int) -> tuple[int, int, int, int]:
    """The smallest box around the pixels whose change changes a unit of a layer, tried one by one."""

    image = torch.randn(1, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pixels = torch.eye(size * size, dtype=torch.float64).view(-1, 1, size, size)
    units = activations(net, torch.cat([image, image + 1.7 * pixels]), layer)[layer][:, :, row, column]
    seen = ((units[1:] - units[0]).abs().amax(1) > 1e-9).view(size, size)
    rows, columns = (seen.any(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


VIEWS = {  # of maps (N, 8, h, w): four of them
    "slice": lambda y: y[:, 2:6],
    "chunk": lambda y: y.chunk(2, 1)[1],
    "split": lambda y: y.split([4, 3, 1], 1)[0],
    "view": lambda y: y.view(len(y), 2, 4, *y.shape[2:])[:, 1],
    "every other": lambda y: y[:, ::2],
    "detached": lambda y: y.detach()[:, :4],
    "of a view": lambda y: y[:, 1:][:, :6][:, 2:],
    "data": lambda y: y.data[:, 4:],
}
WRITES = {
    "copy": lambda view, new: view.copy_(new),
    "add": lambda view, new: view.add_(new),
    "multiply": lambda view, new: view.mul_(new),
    "out": lambda view, new: torch.sub(view, new, out=view),
    "item": lambda view, new: view.__setitem__(slice(None), new),
    "by another view": lambda view, new: view[:, 1:3].add_(new[:, :2]),
    "rectified on the way": lambda view, new: view.relu_().add_(new).relu_().mul_(2),
}
READS = {
    "all": lambda y, view: y,
    "the rest": lambda y, view: y[:, :] * 1,
    "the view": lambda y, view: view,
    "both": lambda y, view: torch.cat([view, y], 1),
    "after a convolution": lambda y, view: F.conv2d(y, torch.ones(1, 8, 2, 2).to(y)),
}


class Written(nn.Module):
    """Maps of 3 x 3 pixels, into a part of which maps of 7 x 7 pixels are written."""

    def __init__(self, view, write, read):
        super().__init__()
        self.stem, self.wide, self.end = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 5, padding=2), nn.Identity()
        self.view, self.write, self.read = view, write, read

    def forward(self, x):
        y = self.stem(x)
        view = self.view(y)
        self.write(view, self.wide(y))
        return self.end(self.read(y, view))


@pytest.mark.parametrize(
    ("view", "write", "read"),
    [case for case in itertools.product(VIEWS, WRITES, READS) if case[0] in ("slice", "of a view") or case[2] == "the rest"],
)
def test_a_write_through_a_view_widens_what_shares_its_memory(view, write, read):
    torch.manual_seed(0)
    net = Written(VIEWS[view], WRITES[write], READS[read]).double().eval()
    try:
        field = receptive_field(net, "end", 16)
    except LostField:
        assert view == "data"  # which torch hands out unseen
        return
    box, measured = field.box(8, 8), moved_by(net, "end", 16, 8, 8)
    assert box == measured == ((5, 5, 12, 12) if read != "after a convolution" else (5, 5, 13, 13))


@pytest.mark.parametrize(
    ("change", "size"),
    [
        (lambda y, wide: y[:, :, 2:5, 3:9].zero_(), 3),  # constants show nothing of the image, wherever they are written
        (lambda y, wide: y[..., ::2].add_(1), 3),
        (lambda y, wide: y[:, :, 1:3].copy_(torch.ones(())), 3),
        (lambda y, wide: y[:, 0].mul_(0), 3),
        (lambda y, wide: y.transpose(2, 3).relu_(), 3),
        (lambda y, wide: y.flatten(2).mul_(2), 3),
        (lambda y, wide: y[:, 0].copy_(y[:, 1]), 3),
        (lambda y, wide: y[:].unsqueeze_(1), 3),  # another shape of that view alone
        (lambda y, wide: y[:, :4].mul_(wide.mean((2, 3), keepdim=True)), 16),
        (lambda y, wide: y[..., 1:].copy_(y[..., :-1].clone()), "slice"),
        (lambda y, wide: y[:, :, 2:5].add_(wide[:, :1, 2:5]), "slice"),
        (lambda y, wide: y[:, :4].transpose(2, 3).add_(wide), "transpose"),
        (lambda y, wide: y[:, :4].view(1, 4, 16, 16).as_strided((1, 4, 16, 16), (2048, 256, 1, 16)).add_(wide), "as_strided"),
        (lambda y, wide: y[:, :4].flatten(2).add_(wide.flatten(2)), "flattened"),
        (lambda y, wide: y[:, 0].cumsum_(2), "cumsum_"),
        (lambda y, wide: y[:, 0].mul_(float(wide.max())), "reads a number"),
    ],
)
def test_what_is_written_decides_what_is_seen(change, size):
    net = Written(lambda y: y, None, lambda y, view: y).double().eval()
    net.write = change
    if isinstance(size, int):
        assert receptive_field(net, "end", 16).size == size
    else:
        with pytest.raises(LostField, match=size):
            receptive_field(net, "end", 16)


@pytest.mark.parametrize(
    "again",
    [
        lambda y: y.flatten(2).mul(2).view(y.shape),
        lambda y: y.flatten(2).transpose(1, 2).contiguous().transpose(1, 2).reshape(y.shape),
        lambda y: y.flatten(1)[:, : 4 * 256].relu().view(1, 4, 16, 16),
        lambda y: F.conv2d(y.flatten(1).view(y.shape), torch.ones(1, 8, 3, 3).to(y)),
        lambda y: F.max_pool2d(y.flatten(2).unflatten(2, (16, 16)), 2),
        lambda y: y + y.flatten(2).neg().view(y.shape),
        lambda y: F.batch_norm(y.flatten(2).view(y.shape), torch.zeros(8).to(y), torch.ones(8).to(y)),
    ],
)
def test_what_is_flattened_and_laid_out_again_is_lost_and_not_the_whole_image(again):
    net = Around(again).double()
    net.conv = nn.Conv2d(3, 8, 3, padding=1).double()
    with pytest.raises(LostField, match=r"(laid|lays) out again"):
        receptive_field(net, "end", 16)


@pytest.mark.parametrize(
    "mix",
    [
        lambda y: y.flatten(2).softmax(2).view(y.shape),
        lambda y: (y.flatten(2) @ (y.flatten(2).transpose(1, 2) @ y.flatten(2))).view(y.shape),
        lambda y: F.linear(y.flatten(1), torch.ones(8 * 256, 8 * 256).to(y)).view(y.shape),
        lambda y: F.scaled_dot_product_attention(*[y.flatten(2).transpose(1, 2)] * 3).transpose(1, 2).reshape(y.shape),
    ],
)
def test_what_is_mixed_while_it_is_flat_sees_the_whole_image(mix):
    net = Around(mix).double()
    net.conv = nn.Conv2d(3, 8, 3, padding=1).double()
    assert receptive_field(net, "end", 16) == ReceptiveField(16, 0, 0)


def test_the_module_is_left_as_it_was():
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).train()
    net.dropout6.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    receptive_field(net, "layer5", 64)
    with pytest.raises(ValueError, match="takes images of shape"):
        receptive_field(net, "layer6", 65)
    assert net.training
    assert net.layer7.training
    assert not net.dropout6.training
    assert not any(part._forward_hooks for part in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_bad_input_is_one_sentence():
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    with pytest.raises(ValueError, match="no layer 'layer9'; it has layer1"):
        receptive_field(net, "layer9", 64)
    with pytest.raises(ValueError, match="image_size must be at least 1"):
        receptive_field(net, "layer1", 0)


def test_boxes_tile_by_the_stride():
    field = ReceptiveField(size=27, stride=8, offset=-3)
    for row, column in itertools.product(range(3), range(3)):
        assert field.box(row, column) == (8 * row - 3, 8 * column - 3, 8 * row + 24, 8 * column + 24)


def test_doctests():
    assert doctest.testmod(zfhelpers.geometry).failed == 0
