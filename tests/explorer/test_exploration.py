"""The explorer driven without a page: every command, two networks, bad files, and what is shown after each."""

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

import zfhelpers as zf
from tests.explorer.conftest import CLASSES, centred
from tests.explorer.test_photographs import BAD, ODD
from zfhelpers.explorer import drawing, explore
from zfhelpers.explorer.pane import Pane
from zfhelpers.worlds.world import ImageSet, World


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def state_of(seen) -> dict:
    state, pictures = seen.shown()
    json.dumps(state)  # it travels as JSON
    assert all(pictures.values())
    return state


def do(seen, command, /, **options) -> dict:
    seen.do({"do": command, **options})
    assert seen.message == ""
    return state_of(seen)


def worked(seen):
    while seen.work():
        pass
    return seen


def upload(seen, name: str, data: bytes, parts: int = 1) -> None:
    step = max(1, -(-len(data) // parts))
    for number in range(parts):
        seen.do({"do": "part", "name": name, "number": number, "count": parts, "size": len(data)}, [data[number * step :][:step]])


# ------------------------------------------------------------------------------------------------------------ the image


def test_images_are_chosen_by_class_and_by_number(opened, images):
    seen = opened(image=3)
    assert state_of(seen)["image"]["group"] == "dog"
    shown = do(seen, "class", name="bee", number=1)["image"]
    assert (shown["group"], shown["number"], shown["count"], seen.index) == ("bee", 1, 3, 6)
    assert (decoded(seen.shown()[1]["image"]) == images[6].permute(1, 2, 0).numpy()).all()
    assert do(seen, "class", name="ant", number=99)["image"]["number"] == 2  # the last of them
    seen.do({"do": "image", "index": 99})
    assert seen.message == "There is no image 99; there are 12, from 0."
    seen.do({"do": "class", "name": "yak", "number": 0})
    assert seen.message == "There are no images of 'yak'."


@pytest.mark.parametrize("parts", [1, 3])
def test_an_uploaded_photograph_is_looked_at(opened, net, parts):
    seen = opened()
    upload(seen, "red.png", _png(Image.new("RGB", (200, 100), (250, 20, 30))), parts)
    state = state_of(seen)
    assert (seen.message, state["image"]["name"], state["image"]["own"]) == ("", "red.png", True)
    assert (decoded(seen.shown()[1]["image"]) == [250, 20, 30]).all()
    pixels = torch.tensor([250.0, 20, 30])[:, None, None].expand(3, 64, 64)
    with torch.no_grad():
        said = net(pixels[None] - 128).softmax(1)[0]
    assert torch.allclose(seen.panes[0].look.probabilities, said, atol=1e-6)
    assert not do(seen, "image", index=2)["image"]["own"]


def test_a_path_is_looked_at(opened, tmp_path):
    (tmp_path / "blue.png").write_bytes(_png(Image.new("RGB", (20, 20), (0, 0, 255))))
    assert do(opened(), "path", path=str(tmp_path / "blue.png"))["image"]["name"] == "blue.png"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_answered_and_the_image_stays(opened, name):
    seen = opened(image=4)
    before = seen.shown()[1]
    upload(seen, name, BAD[name][0])
    assert seen.message.startswith("The image '")
    assert BAD[name][1] in seen.message
    assert seen.shown()[1] == before
    upload(seen, "fine.png", ODD["grey.png"])
    assert (seen.message, state_of(seen)["image"]["name"]) == ("", "fine.png")


def test_a_file_that_is_too_large_is_refused_before_it_travels(opened):
    seen = opened()
    seen.do({"do": "part", "name": "big.tif", "number": 0, "count": 1, "size": 65 * 2**20})
    assert seen.message == "The image 'big.tif' has 65 MB; at most 64 MB are read. Save it smaller."


def test_an_upload_that_ended_early_does_not_spoil_the_next(opened):
    seen, data = opened(), ODD["grey.png"]
    seen.do({"do": "part", "name": "x.png", "number": 0, "count": 2, "size": len(data)}, [data[:50]])
    upload(seen, "y.png", data)
    assert (seen.message, state_of(seen)["image"]["name"]) == ("", "y.png")


# -------------------------------------------------------------------------------------------------- layers, maps, units


def test_the_wall_shows_the_strongest_first(opened, images, net):
    seen = opened(image=2)
    for number, layer in enumerate(seen.panes[0].eye.layers):
        pane = do(seen, "layer", number=number)["panes"][0]
        values = zf.activations(net, centred(images[2:3]), layer)[layer][0].amax((1, 2))
        assert pane["wall"] == values.argsort(descending=True, stable=True)[: drawing.PAGE].tolist()
        assert (pane["map"], pane["rank"]) == (int(values.argmax()), 0)
        assert pane["peaks"] == pytest.approx([float(values[which]) for which in pane["wall"]])


def test_a_map_is_picked_by_click_and_by_key_and_pages_turn(images):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 150, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    seen = explore(net, images, preprocess=centred).exploration
    order = state_of(seen)["panes"][0]["wall"]
    assert do(seen, "map", pane=0, place=10)["panes"][0]["map"] == order[10]
    assert do(seen, "walk", pane=0, across=1, down=0)["panes"][0]["map"] == order[11]
    assert do(seen, "walk", pane=0, across=0, down=-1)["panes"][0]["map"] == order[3]
    assert do(seen, "walk", pane=0, across=0, down=-1)["panes"][0]["rank"] == 0  # there is none above
    second = do(seen, "page", pane=0, by=1)["panes"][0]
    assert (second["page"], second["pages"], second["rank"]) == (1, 3, 0)
    assert do(seen, "map", pane=0, place=0)["panes"][0]["map"] == second["wall"][0]
    last = do(seen, "page", pane=0, by=9)["panes"][0]
    assert (last["page"], len(last["wall"])) == (2, 150 - 128)
    before = seen.panes[0].chosen
    assert do(seen, "map", pane=0, place=40)["panes"][0]["map"] == before  # an empty cell
    for _ in range(30):
        walked = do(seen, "walk", pane=0, across=0, down=1)["panes"][0]
    assert (walked["rank"], walked["page"]) == (149, 2)


def test_another_image_keeps_the_map_and_goes_to_its_most_active_unit(opened, net, images):
    seen = opened()
    do(seen, "map", pane=0, place=5)
    which = seen.panes[0].chosen
    pane = do(seen, "image", index=7)["panes"][0]
    values = zf.activations(net, centred(images[7:8]), "layer5")["layer5"][0, which]
    assert pane["map"] == which
    assert tuple(pane["unit"]) == divmod(int(values.argmax()), values.shape[1])


def test_a_click_asks_the_unit_whose_field_has_its_middle_there(opened, net):
    seen = opened()
    for number in (0, 1, 2):
        do(seen, "layer", number=number)
        field, size = zf.receptive_field(net, f"layer{number + 1}", 64), seen.panes[0].maps.shape[1]
        middles = [field.offset + field.size / 2 + field.stride * row for row in range(size)]  # in pixels
        for x, y in ((0.31, 0.77), (0.5, 0.5), (0.93, 0.08)):
            unit = do(seen, "unit", x=x, y=y)["panes"][0]["unit"]
            assert list(unit) == [int(np.abs(np.array(middles) - 64 * at).argmin()) for at in (y, x)]
    frame = state_of(seen)["panes"][0]["field"]
    box = field.box(*unit)
    assert frame == pytest.approx([min(max(edge, 0), 64) / 64 for edge in box])
    row, column = unit
    assert do(seen, "step", across=0, down=1)["panes"][0]["unit"] == (min(row + 1, size - 1), column)
    for _ in range(40):
        seen.do({"do": "step", "across": -1, "down": -1})
    assert state_of(seen)["panes"][0]["unit"] == (0, 0)


STEPS = st.integers(-2, 2)


@given(st.lists(st.one_of(
    st.builds(lambda x, y: {"do": "unit", "x": x, "y": y}, st.floats(-1, 2), st.floats(-1, 2)),
    st.builds(lambda x, y: {"do": "square", "x": x, "y": y}, st.floats(-1, 2), st.floats(-1, 2)),
    st.builds(lambda side: {"do": "side", "side": side}, st.floats(-1, 3)),
    st.builds(lambda number: {"do": "layer", "number": number}, st.integers(0, 9)),
    st.builds(lambda place: {"do": "map", "pane": 0, "place": place}, st.integers(-3, 80)),
    st.builds(lambda across, down: {"do": "walk", "pane": 0, "across": across, "down": down}, STEPS, STEPS),
    st.builds(lambda index: {"do": "image", "index": index}, st.integers(0, 11)),
    st.sampled_from([{"do": "lift"}, {"do": "scale", "scale": "map"}, {"do": "rule", "rule": "guided"}]),
), max_size=8))  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_whatever_is_done_something_is_shown(commands):
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(1, 9, 3, stride=2), nn.ReLU(), nn.Conv2d(9, 70, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten()
    )
    seen = explore(net.eval(), torch.rand(12, 1, 20, 24)).exploration
    for command in commands:
        seen.do(command)
        assert seen.message == "", command
        state_of(seen)


def test_what_is_no_command_or_no_choice_is_a_sentence(opened):
    seen = opened()
    for command, sentence in (
        ({"do": "fly"}, "The explorer has no command 'fly'."),
        ({}, "The explorer has no command None."),
        ({"do": "rule", "rule": "magic"}, "There is no rule 'magic'; there are deconvnet, gradient, guided."),
        ({"do": "beside", "name": "x"}, "There is no network 'x'; there are nothing."),
        ({"do": "unit", "x": "left"}, "This cannot be shown. TypeError: "),
    ):
        seen.do(command)
        assert seen.message.startswith(sentence)
        state_of(seen)
    assert do(seen, "lift")["message"] == ""


# ------------------------------------------------------------------------------------------------------------ the square


def test_the_square_moves_and_the_answers_with_it(opened, net, images):
    seen = opened(image=1, size=20)
    state = do(seen, "square", x=0.4, y=0.7)
    box = [round(64 * edge) for edge in state["square"]["box"]]
    assert box == [35, 16, 55, 36]
    hidden = images[1].clone()
    hidden[:, 35:55, 16:36] = 124
    with torch.no_grad():
        said = net(centred(hidden[None])).softmax(1)[0]
    for name, before, now in state["panes"][0]["answers"]:
        assert now == pytest.approx(float(said[CLASSES.index(name)]), abs=1e-6)
        assert before == pytest.approx(float(seen.panes[0].look.probabilities[CLASSES.index(name)]))
    which = seen.panes[0].chosen
    values = zf.activations(net, centred(hidden[None]), "layer5")["layer5"][0, which]
    assert np.allclose(seen.panes[0].chosen_map(), values, atol=1e-4)
    assert (decoded(seen.shown()[1]["0/map"]) == decoded(drawing.png(drawing.coloured(values, seen.panes[0].top())))).all()
    assert [round(64 * edge) for edge in do(seen, "square", x=5, y=-3)["square"]["box"]] == [0, 44, 20, 64]  # it stays inside
    lifted = do(seen, "lift")
    assert lifted["square"]["box"] is None
    assert all(before == now for _, before, now in lifted["panes"][0]["answers"])


def test_the_colours_stay_while_the_square_moves(opened):
    seen = opened()
    tops = [do(seen, "square", x=x, y=0.5)["panes"][0]["top"] for x in (0.1, 0.5, 0.9)]
    assert tops == [do(seen, "lift")["panes"][0]["top"]] * 3


def test_an_answer_that_comes_first_under_the_square_is_shown(images):
    class Brightness(nn.Module):  # class 9 if the first pixel is the paper's grey, and one of the first eight otherwise
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            grey = (x[:, 0, 0, 0] == -4).float()
            others = torch.arange(9.0).expand(len(x), 9)
            return torch.cat([others, 20 * grey[:, None]], dim=1) + 0 * self.conv(x).mean()

    given = images.clone()
    given[:, 0, 0, 0] = 7
    seen = explore(Brightness().eval(), given, [f"class {number}" for number in range(10)], preprocess=centred).exploration
    assert [name for name, *_ in state_of(seen)["panes"][0]["answers"]] == [f"class {number}" for number in (8, 7, 6, 5, 4)]
    answers = do(seen, "square", x=0, y=0)["panes"][0]["answers"]
    assert [name for name, *_ in answers] == [f"class {number}" for number in (8, 7, 6, 5, 4, 9)]
    assert answers[-1][2] > 0.99


# ------------------------------------------------------------------------------------------------- projections and the nine


def test_rule_and_overlap_change_what_units_see(opened, net, images):
    seen = opened()
    shown = set()
    for command, choices in (("rule", ("deconvnet", "gradient", "guided")), ("overlap", ("max", "last", "sum"))):
        for choice in choices:
            do(seen, command, **{command: choice})
            expected = zf.Deconvnet(net).project(
                centred(images[:1]), "layer5", [seen.panes[0].chosen], [seen.panes[0].unit], seen.rule, seen.overlap
            )
            assert torch.equal(seen.panes[0].projection(seen.rule, seen.overlap), expected[0])
            shown.add(seen.shown()[1]["0/projection"])
    assert len(shown) >= 3


def test_the_nine_are_those_of_top_patches(opened, net, images):
    seen = opened()
    assert state_of(seen)["panes"][0]["names"] == []
    assert seen.searching
    worked(seen)
    assert not seen.searching
    which = seen.panes[0].chosen
    expected = zf.top_patches(net, [(image, 0) for image in images], {"layer5": [which]}, preprocess=centred)["layer5"]
    found = seen.panes[0].nine("deconvnet", "sum")
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.patches, expected.patches)
    assert torch.allclose(found.projections, expected.projections, atol=1e-4)
    assert state_of(seen)["panes"][0]["names"] == [CLASSES[index % 5] for index in expected.images[0].tolist()]
    assert {"0/patches", "0/projections"} <= set(seen.shown()[1])
    do(seen, "map", pane=0, place=3)
    assert seen.work() == "made"
    assert seen.work() == ""


def test_what_has_no_way_back_is_said_and_all_else_works(images):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.SiLU(), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).eval()
    seen = explore(net, images, preprocess=centred, layers=["3"]).exploration
    pane = do(worked(seen), "square", x=0.5, y=0.5)["panes"][0]
    assert "silu" in pane["projection"]
    assert "silu" in pane["nine"]
    assert "0/projection" not in seen.shown()[1]
    pane = state_of(worked_after(seen, {"do": "rule", "rule": "gradient"}))["panes"][0]
    assert (pane["projection"], pane["nine"]) == ("", "")
    assert "0/patches" in seen.shown()[1]


def worked_after(seen, command):
    seen.do(command)
    return worked(seen)


def test_a_search_that_fails_says_why(opened, monkeypatch):
    seen = opened()

    def broken(self, count):
        raise ValueError("Image 3 holds NaN.")

    monkeypatch.setattr("zfhelpers.explorer.search.Search.step", broken)
    worked(seen)
    assert state_of(seen)["panes"][0]["nine"] == "The search ended: Image 3 holds NaN."
    assert not seen.searching


# ----------------------------------------------------------------------------------------------------- several networks


def test_two_networks_look_at_the_same_image_and_place(opened, listening):
    seen = opened(beside={"other": listening(0.125, 1.3), "lazy": lambda: listening(0.125, 1.2)}, image=5)
    assert seen.menus()["beside"] == ["nothing", "other", "lazy"]
    do(seen, "layer", number=2)
    do(seen, "square", x=0.5, y=0.25)
    for name in ("other", "lazy"):
        first, second = do(seen, "beside", name=name)["panes"]
        assert (second["name"], second["layer"]) == (name, "layer3")
        assert seen.panes[1].covered is not None
        assert torch.equal(seen.panes[0].look.raw, seen.panes[1].look.raw)
    do(seen, "lift")
    first, second = do(seen, "unit", x=0.1, y=0.9)["panes"]
    assert first["unit"] == second["unit"]
    chosen = seen.panes[0].chosen
    do(seen, "map", pane=1, place=4)
    assert seen.panes[0].chosen == chosen
    worked(seen)
    assert {"1/wall", "1/map", "1/patches"} <= set(seen.shown()[1])
    assert len(do(seen, "beside", name="nothing")["panes"]) == 1


def test_networks_of_different_sizes_and_depth(listening, images):
    frames = np.random.default_rng(0).integers(0, 256, (6, 3, 146, 146), dtype=np.uint8)

    def world(size):
        frame = frames[:, :, : round(size * 256 / 224), : round(size * 256 / 224)]
        return World(
            "drawn", CLASSES, size, lambda *_: ImageSet(frame, np.arange(6) % 5, size), mean=torch.full((3, size, size), 120.0)
        )

    shallow = nn.Sequential(nn.Conv2d(3, 5, 7, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    seen = explore(listening(0.125), world(64), beside={"large": (shallow, world(128))}).exploration
    first, second = do(seen, "beside", name="large")["panes"]
    assert (first["layer"], second["layer"]) == ("layer5", "1")
    do(seen, "square", x=0.5, y=0.5)
    boxes = [pane.box(seen.middle, seen.side) for pane in seen.panes]
    assert np.allclose(np.array(boxes[1]) / 2, boxes[0], atol=1)
    upload(seen, "red.png", ODD["alpha.png"])
    assert seen.message == ""
    assert [tuple(pane.look.raw.shape) for pane in seen.panes] == [(3, 64, 64), (3, 128, 128)]


def test_a_second_network_that_cannot_take_the_images_is_refused_and_the_first_stays(opened):
    seen = opened(beside={"grey": nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())})
    seen.do({"do": "beside", "name": "grey"})
    assert "cannot run on images of shape (1, 3, 64, 64)" in seen.message
    assert len(state_of(seen)["panes"]) == 1


# ------------------------------------------------------------------------------------------------------- odd sets of images


def test_a_thousand_classes():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 1000)).eval()
    names = [f"kind {number}" for number in range(1000)]
    seen = explore(net, torch.rand(30, 3, 32, 32), names, labels=range(970, 1000)).exploration
    assert len(state_of(seen)["panes"][0]["answers"]) == 5
    assert list(seen.menus()["groups"])[-1] == "kind 999"
    assert do(seen, "class", name="kind 980", number=0)["image"]["group"] == "kind 980"


def test_a_silent_unit_is_said_to_be_silent():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with torch.no_grad():
        net[0].weight.fill_(1)
        net[0].bias.fill_(-4)
    image = torch.zeros(1, 1, 16, 16)
    image[..., :8, :8] = 1
    seen = explore(net, image).exploration
    assert not do(seen, "unit", x=0.2, y=0.2)["panes"][0]["silent"]
    assert do(seen, "unit", x=0.9, y=0.9)["panes"][0]["silent"]


@pytest.mark.parametrize("count", [1, 3])
def test_few_images_fill_fewer_than_nine(count):
    net = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    seen = worked(explore(net, torch.rand(count, 1, 16, 16)).exploration)
    assert len(state_of(seen)["panes"][0]["names"]) == count


def test_a_world_without_images_takes_photographs(listening):
    def closed(world, split):
        raise FileNotFoundError("Not here.")

    world = World("away", CLASSES, 64, closed, mean=torch.full((3, 64, 64), 100.0))
    seen = worked(explore(listening(0.125), world, beside={}).exploration)
    state = state_of(seen)
    assert (state["image"]["name"], state["image"]["count"]) == ("the mean image", 0)
    assert state["panes"][0]["nine"] == "There are no images to search."
    upload(seen, "red.png", ODD["grey.png"])
    assert (seen.message, state_of(seen)["image"]["name"]) == ("", "red.png")


def test_a_picture_is_encoded_once_for_as_long_as_it_stays_the_same(opened, monkeypatch):
    seen = worked(opened())
    state_of(seen)
    monkeypatch.setattr(Pane, "wall", lambda *_: pytest.fail("the wall was drawn again"))
    monkeypatch.setattr(Pane, "image", lambda *_: pytest.fail("the image was drawn again"))
    monkeypatch.setattr(Pane, "patches", lambda *_: pytest.fail("the patches were drawn again"))
    for x in (0.2, 0.4, 0.6):
        do(seen, "square", x=x, y=0.5)
    do(seen, "unit", x=0.1, y=0.1)


def test_networks_are_left_as_they_were(opened, net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    seen = worked(opened())
    do(seen, "square", x=0.5, y=0.5)
    assert all(part.training for part in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(part._forward_hooks for part in net.modules())


def _png(image) -> bytes:
    return drawing.png(image)
