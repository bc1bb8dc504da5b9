"""The state of the explorer without a page: commands go in, plain data and small pictures come out. Everything is tested here.

>>> from zfhelpers.explorer import explore
>>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 2)).eval()
>>> seen = explore(net, torch.rand(20, 1, 8, 8), ["cat", "dog"]).exploration
>>> seen.do({"do": "image", "index": 3})
>>> seen.do({"do": "square", "x": 0.5, "y": 0.5})
>>> state, pictures = seen.shown()
>>> state["image"]["name"], [answer[0] for answer in state["panes"][0]["answers"]], sorted(pictures)
('image 3', [...], ['0/map', '0/projection', '0/wall', 'image'])
>>> seen.do({"do": "path", "path": "nowhere.jpg"})
>>> seen.message
"There is no image 'nowhere.jpg'."
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import torch

from zfhelpers.deconv import OVERLAPS, RULES
from zfhelpers.explorer import drawing
from zfhelpers.explorer.eye import Eye
from zfhelpers.explorer.pane import Pane, nine_projections, projection_png
from zfhelpers.explorer.photographs import LARGEST, Photograph, read_bytes, read_path, too_large
from zfhelpers.explorer.search import Search
from zfhelpers.patches import TopPatches

NOTHING = "nothing"
SCALES = {"layer": "one for the layer", "map": "each map its own"}
SMALLEST, LARGEST_SIDE = 0.04, 0.75  # of the square, as shares of the image's side
SLICE = 0.06  # seconds that one piece of a search may take: a page that is used meanwhile waits no longer
FIRST = 2  # images in the first piece, before it is known how long one takes


class Exploration:
    """What is looked at, and how.

    Args:
        eyes: the network; what may stand beside it comes in `beside`.
        beside: name -> a function that makes an `Eye`, called when it is chosen.
        classes: names of what the images show, in the order of their labels.
        index: number of the first image.
        square: side of the occluder, as a share of the image's.
        search: makes the `Search` of an eye.

    Attributes:
        message: what went wrong with the last command, in one sentence; empty if nothing did.
        rule, overlap: of the projections.
        together: whether the maps of the wall share one scale.
        middle, side: of the square, in shares of the image; without a middle there is none.
    """

    def __init__(
        self,
        eye: Eye,
        beside: Mapping[str, Callable[[], Eye]],
        classes: Sequence[str],
        index: int = 0,
        square: float = 50 / 224,
        search: Callable[[Eye], Search] = Search,
    ):
        self.beside, self._search, self.second = dict(beside), search, NOTHING
        self.classes = dict(enumerate(classes))
        self.groups = eye.source.groups(classes)
        self.rule, self.overlap, self.together = RULES[0], OVERLAPS[0], True
        self.middle, self.side = None, square
        self.message, self.index, self.photograph = "", index, None
        self._uploaded: list[bytes] = []
        self._pace = 0.0  # seconds an image takes in the search
        self._made: dict[str, tuple[object, bytes]] = {}
        self.panes = [Pane(eye, search(eye), eye.source.raw(index))]
        self._commands = {
            "image": self._image, "class": self._class, "path": self._path, "part": self._part, "layer": self._layer,
            "map": self._map, "walk": self._walk, "page": self._page, "unit": self._unit, "step": self._step,
            "square": self._square, "lift": self._lift, "side": self._side, "rule": self._rule, "overlap": self._overlap,
            "scale": self._scale, "beside": self._beside,
        }  # fmt: skip

    def do(self, command: Mapping, buffers: Sequence[bytes] = ()) -> None:
        """One command of the page: {"do": name, ...}. It never raises; what went wrong is in `message`."""
        self.message = ""
        try:
            wanted = dict(command)
            name = wanted.pop("do", None)
            if name not in self._commands:
                raise ValueError(f"The explorer has no command {name!r}.")
            self._commands[name](**wanted, **({"data": bytes(buffers[0])} if buffers else {}))
        except (ValueError, FileNotFoundError, NotImplementedError) as error:
            self.message = str(error).partition("\n")[0]
        except Exception as error:  # a network of the reader's own may raise anything; the page goes on
            self.message = f"This cannot be shown. {type(error).__name__}: {str(error).partition(chr(10))[0]}"

    # ------------------------------------------------------------------------------------------------------ the image

    def _image(self, index: int) -> None:
        count = len(self.panes[0].eye.source)
        if not 0 <= index < count:
            raise ValueError(f"There is no image {index}; there are {count}, from 0.")
        self._show(index, None)

    def _class(self, name: str, number: int) -> None:
        """An image by its class, and its number in it."""
        if name not in self.groups:
            raise ValueError(f"There are no images of {name!r}.")
        self._show(self.groups[name][min(max(number, 0), len(self.groups[name]) - 1)], None)

    def _path(self, path: str) -> None:
        self._show(self.index, read_path(path))

    def _part(self, name: str, number: int, count: int, size: int, data: bytes = b"") -> None:
        """One part of an uploaded file: a whole photograph is more than some servers take in one message."""
        if size > LARGEST:
            raise ValueError(too_large(name, size))
        self._uploaded = [*(self._uploaded if number else []), data]
        if number == count - 1:
            whole, self._uploaded = b"".join(self._uploaded), []
            self._show(self.index, read_bytes(name, whole))

    def _show(self, index: int, photograph: Photograph | None) -> None:
        """Another image for all panes; if one of them cannot take it, all keep the old one."""
        raws = [self._raw(pane.eye, index, photograph) for pane in self.panes]
        looks = [pane.eye.look(raw) for pane, raw in zip(self.panes, raws, strict=True)]
        self.index, self.photograph = index, photograph
        for pane, look in zip(self.panes, looks, strict=True):
            pane.see(look)
        self._cover()

    def _raw(self, eye: Eye, index: int, photograph: Photograph | None) -> torch.Tensor:
        if photograph is not None:
            return eye.source.taken(photograph.image)
        return eye.source.raw(min(index, max(len(eye.source) - 1, 0)))

    # ------------------------------------------------------------------------------------------ layers, maps and units

    def _layer(self, number: int) -> None:
        for pane in self.panes:
            pane.go_to(number)
        self._cover()

    def _map(self, pane: int, place: int) -> None:
        """A map by its place on the page of the wall."""
        chosen = self.panes[pane]
        if 0 <= place < len(chosen.page_maps()):
            chosen.pick(chosen.page * drawing.PAGE + place)

    def _walk(self, pane: int, across: int, down: int) -> None:
        """The map beside the chosen one on the wall."""
        self.panes[pane].pick(self.panes[pane].rank + across + drawing.COLUMNS * down)

    def _page(self, pane: int, by: int) -> None:
        self.panes[pane].turn(self.panes[pane].page + by)

    def _unit(self, x: float, y: float) -> None:
        for pane in self.panes:
            pane.look_at(x, y)

    def _step(self, across: int, down: int) -> None:
        for pane in self.panes:
            pane.step(across, down)

    # ------------------------------------------------------------------------------------------------------ the square

    def _square(self, x: float, y: float) -> None:
        half = self.side / 2
        self.middle = tuple(min(max(float(at), half), 1 - half) for at in (x, y))
        self._cover()

    def _lift(self) -> None:
        self.middle = None
        self._cover()

    def _side(self, side: float) -> None:
        self.side = min(max(float(side), SMALLEST), LARGEST_SIDE)
        if self.middle is not None:
            self._square(*self.middle)

    def _cover(self) -> None:
        for pane in self.panes:
            pane.cover(self.middle, self.side)

    # -------------------------------------------------------------------------------------------------------- switches

    def _rule(self, rule: str) -> None:
        self.rule = _one_of("rule", rule, RULES)

    def _overlap(self, overlap: str) -> None:
        self.overlap = _one_of("overlap", overlap, OVERLAPS)

    def _scale(self, scale: str) -> None:
        self.together = _one_of("scale", scale, list(SCALES)) == "layer"

    def _beside(self, name: str) -> None:
        """A second network, or none."""
        _one_of("network", name, [NOTHING, *self.beside])
        first = self.panes[0]
        if name == NOTHING:
            self.panes, self.second = [first], NOTHING
            return
        eye = self.beside[name]()
        second = Pane(eye, self._search(eye), self._raw(eye, self.index, self.photograph))
        second.go_to(first.eye.layers.index(first.layer))
        second.cover(self.middle, self.side)
        self.panes, self.second = [first, second], name

    # ---------------------------------------------------------------------------------------------- what takes long

    @property
    def searching(self) -> bool:
        """Whether a search is under way."""
        return any(not (pane.failed or pane.search.done) for pane in self.panes)

    def work(self) -> str:
        """A small piece of what takes long, for a loop that runs it while nothing else is asked; see `Pane.work`."""
        for pane in self.panes:
            count = max(1, min(64, round(SLICE / self._pace))) if self._pace else FIRST
            before, began = pane.search.seen, time.perf_counter()
            if did := pane.work(count, self.rule, self.overlap):
                if did == "searched" and pane.search.seen - before == count:
                    self._pace = (time.perf_counter() - began) / count
                return did
        return ""

    # --------------------------------------------------------------------------------------------------- what is shown

    def shown(self) -> tuple[dict, dict[str, bytes]]:
        """All that the page shows, as plain data; and the pictures in it, encoded once for as long as they stay the same."""
        first, made = self.panes[0], {}
        made["image"] = self._encoded("image", (first.look,), first.image)
        panes = [self._pane(number, pane, made) for number, pane in enumerate(self.panes)]
        self._made = {name: kept for name, kept in self._made.items() if name in made}
        name, group, number, count = self._whereabouts()
        state = {
            "message": self.message,
            "image": {
                "name": name, "group": group, "number": number, "count": count, "size": list(first.look.raw.shape[1:]),
                "note": self.photograph.note if self.photograph else "", "own": self.photograph is not None,
            },
            "layer": first.eye.layers.index(first.layer),
            "rule": self.rule, "overlap": self.overlap, "scale": "layer" if self.together else "map", "beside": self.second,
            "square": {"box": first.square(self.middle, self.side), "side": self.side},
            "panes": panes,
        }  # fmt: skip
        return state, made

    def menus(self) -> dict:
        """What can be chosen: it does not change, and with a thousand classes is long."""
        return {
            "groups": {name: len(indices) for name, indices in self.groups.items()},
            "layers": self.panes[0].eye.layers, "rules": list(RULES), "overlaps": list(OVERLAPS), "scales": SCALES,
            "beside": [NOTHING, *self.beside], "columns": drawing.COLUMNS, "pitch": drawing.TILE + drawing.GAP,
            "tile": drawing.TILE, "colours": drawing.STOPS, "sides": [SMALLEST, LARGEST_SIDE], "largest": LARGEST,
        }  # fmt: skip

    def _whereabouts(self) -> tuple[str, str, int, int]:
        """What the image is called, its group, its number in it, and how many there are."""
        group = next((name for name, indices in self.groups.items() if self.index in indices), "")
        indices = self.groups.get(group, [])
        number = indices.index(self.index) if indices else 0
        if self.photograph is not None:
            return self.photograph.name, group, number, len(indices)
        if not indices:
            return "the mean image", group, 0, 0
        shown = f"image {self.index}" if self.panes[0].eye.source.labels is None else group
        return shown, group, number, len(indices)

    def _pane(self, number: int, pane: Pane, made: dict[str, bytes]) -> dict:
        """What one pane shows; its pictures go into `made`."""
        at, key = f"{number}/", (pane.look, pane.layer)
        rows, columns = pane.maps.shape[1:]
        made[f"{at}wall"] = self._encoded(f"{at}wall", (*key, pane.page, self.together), lambda: pane.wall(self.together))
        made[f"{at}map"] = drawing.png(drawing.coloured(pane.chosen_map().cpu(), pane.top()))
        asked = (*key, pane.chosen, self.rule, self.overlap)
        projection, scale = pane.projection(self.rule, self.overlap), None
        if not isinstance(projection, str):
            scale = drawing.scale_of(projection)
            made[f"{at}projection"] = self._encoded(f"{at}projection", (*asked, pane.unit), lambda: projection_png(projection))
        nine, names, nine_scale = pane.nine(self.rule, self.overlap), [], None
        if isinstance(nine, TopPatches):
            names = [pane.class_of(index, self.classes) for index in nine.images[0].tolist()]
            nine_scale = drawing.scale_of(nine.projections)
            made[f"{at}patches"] = self._encoded(f"{at}patches", (nine,), lambda: pane.patches(nine))
            made[f"{at}projections"] = self._encoded(f"{at}projections", (nine,), lambda: nine_projections(nine))
        field = pane.eye.field(pane.layer)
        peaks = pane.look.peaks[pane.layer][0]
        return {
            "name": pane.eye.name, "layer": pane.layer, "answers": pane.answers(),
            "map": pane.chosen, "rank": pane.rank, "count": len(pane.order), "unit": pane.unit, "places": [rows, columns],
            "value": pane.value(), "silent": float(pane.maps[(pane.chosen, *pane.unit)]) == 0,
            "top": pane.top(), "field": pane.field(), "field_size": field.size if field else 0,
            "page": pane.page, "pages": pane.pages, "wall": pane.page_maps(), "wall_top": pane.wall_top(),
            "peaks": peaks[pane.page_maps()].tolist(),
            "projection": "" if scale is not None else projection, "scale": scale,
            "nine": nine if isinstance(nine, str) else "", "names": names, "nine_scale": nine_scale,
            "seen": pane.search.seen, "total": len(pane.search.indices), "note": pane.search.note,
        }  # fmt: skip

    def _encoded(self, name: str, key: tuple, make: Callable[[], bytes]) -> bytes:
        """A picture, made anew only where what it shows has changed."""
        if name not in self._made or self._made[name][0] != key:
            self._made[name] = key, make()
        return self._made[name][1]


def _one_of(what: str, value: str, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ValueError(f"There is no {what} {value!r}; there are {', '.join(map(str, choices))}.")
    return value
