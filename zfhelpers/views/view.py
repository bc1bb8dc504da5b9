"""Widgets that can be played with, tested, run in a batch, and read where nothing runs.

A `View` is a picture with controls. Its heart is a pure function `render(state) -> (picture, alt, readout)`; the widgets
around it only carry values. So a cell can drive a View from Python and test it, without a browser:

    >>> import numpy as np
    >>> tint = widgets.IntSlider(description="grey", min=0, max=255)
    >>> def render(state):
    ...     return np.full((3, 8, 8), state["grey"], np.uint8), f"A square of grey {state['grey']}."
    >>> view = View(render, {"grey": tint})
    >>> view.set(grey=200).alt
    'A square of grey 200.'

There is no `Output` and no `interact`: they hang papermill and flicker in editors. Wherever no kernel runs, on a web page or in a
notebook opened without running it, the View shows its last picture instead, with its alt text; in a page of the report it plays,
see `playback`.
"""

from __future__ import annotations

import html
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import contextmanager

import ipywidgets as widgets
import numpy as np

from zfhelpers.figures.picture import Picture, img
from zfhelpers.views import playback
from zfhelpers.views.pointing import PointedPicture

REMEMBERED = 256  # rendered states; coming back to one is instant
Render = Callable[[dict], tuple]
Point = Callable[[float, float, dict], Mapping]


class View(widgets.VBox):
    """A picture with controls: `render` is called with their values whenever one of them changes.

    Args:
        render: pure function from the state, {name of a control: its value}, to (picture, alt) or (picture, alt, readout). The
            picture is a `Picture`, PNG bytes, or an image (C, H, W) uint8; the readout is HTML, read aloud as it changes.
        controls: {name: widget with a `value` and a description}. Sliders, dropdowns and toggles work with the arrow keys.
        title: shown above.
        point: for a picture that one can point at: pure function from a place (x, y) in pixels of the picture and the state to
            {name of a control: the value it gets there}; empty where pointing means nothing. Values beyond a control's ends are
            taken for its ends.
        arrows: names of the controls that the arrow keys move on such a picture, (across, down).
        hint: what pointing does, in a few words.

    Attributes:
        state: the values of the controls.
        picture, readout: what is shown.
        arrows: as given.
        error: the message, where `render` failed in this state; the View goes on working.

    Raises:
        ValueError: a control without a description, which no screen reader could announce; a first picture without alt text.
    """

    def __init__(
        self,
        render: Render,
        controls: Mapping[str, widgets.Widget],
        title: str = "",
        point: Point | None = None,
        arrows: tuple[str, str] | None = None,
        hint: str = "point at the picture",
    ):
        if nameless := [name for name, control in controls.items() if not getattr(control, "description", "")]:
            raise ValueError(f"Every control needs a description, which is its label; missing for {', '.join(nameless)}.")
        self.render, self.controls = render, dict(controls)
        self.picture, self.readout, self.error = None, "", None
        self._rendered: OrderedDict[tuple, tuple[Picture, str]] = OrderedDict()
        self._point, self.arrows, self._moving = point, arrows, False
        self._picture, self._text = PointedPicture(hint=hint) if point else widgets.HTML(), widgets.HTML()
        if point:
            self._picture.asked(self.point_at, self.step)
        self._heading = f"<strong>{html.escape(title)}</strong>" if title else ""
        heading = [widgets.HTML(self._heading)] if title else []
        for control in self.controls.values():
            control.style.description_width = "11em"
            control.layout.width = "32em"
            control.observe(self._update, names="value")
        super().__init__([*heading, widgets.VBox(list(self.controls.values())), self._picture, self._text])
        self._update()
        if self.error:
            raise ValueError(f"The first picture of this View cannot be drawn: {self.error}")

    @property
    def png(self) -> bytes:
        """The picture shown, as PNG."""
        return self.picture.png

    @property
    def alt(self) -> str:
        """The alt text of the picture shown."""
        return self.picture.alt

    @property
    def state(self) -> dict:
        """The values of the controls."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values) -> View:
        """Sets controls, as moving them would.

        Raises:
            ValueError: no such control, or a value that it cannot take.
        """
        with self.at_once():
            for name, value in values.items():
                if name not in self.controls:
                    raise ValueError(f"This View has no control {name!r}; it has {', '.join(self.controls)}.")
                control = self.controls[name]
                try:
                    control.value = value
                except Exception as error:  # traitlets has its own class
                    raise ValueError(f"Control {name!r} does not take {value!r}: {error}") from None
                if not _same(control.value, value):  # sliders clip silently
                    raise ValueError(f"Control {name!r} does not take {value!r}; it is now {control.value!r}.")
        return self

    def point_at(self, x: float, y: float) -> View:
        """Does what pointing at a place of the picture does, in pixels of the picture.

        Raises:
            ValueError: this View cannot be pointed at.
        """
        if self._point is None:
            raise ValueError("This View cannot be pointed at; it has controls alone.")
        with self.at_once():
            for name, value in self._point(x, y, self.state).items():
                control = self.controls[name]
                control.value = min(max(value, control.min), control.max) if hasattr(control, "max") else value
        return self

    def step(self, across: int, down: int) -> View:
        """Does what an arrow key does on the picture: (1, 0) is the right one, (0, 1) the one that points down."""
        with self.at_once():
            for name, by in zip(self.arrows or (), (across, down), strict=False):
                control = self.controls[name]
                control.value = min(max(control.value + by, control.min), control.max)
        return self

    @contextmanager
    def at_once(self):
        """Several controls change, and one picture is drawn, whatever happens inside."""
        try:
            with self._undrawn():
                yield
        finally:
            self._update()

    @contextmanager
    def _undrawn(self):
        """Controls change, and nothing is drawn."""
        self._moving = True
        try:
            yield
        finally:
            self._moving = False

    def _update(self, _change=None) -> None:
        if self._moving:
            return
        try:
            self.picture, self.readout = self._remembered()
        except Exception as error:  # whatever a reader's own render function does, the View says so and goes on
            self.error = f"{type(error).__name__}: {error}"
            self._text.value = (
                f'<div role="alert" style="color:#b00020">This state cannot be shown. {html.escape(self.error)}</div>'
            )
            return
        self.error = None
        self._picture.value = img(self.png, self.alt)
        self._text.value = f'<div aria-live="polite">{self.readout}</div>'

    def moved(self, values: Mapping) -> dict:
        """The state after controls have been moved, with whatever else they move; nothing is drawn yet."""
        with self._undrawn():
            for name, value in values.items():
                self.controls[name].value = value
        return self.state

    def shown_in(self, state: dict) -> tuple[Picture, str]:
        """The picture and the readout of any state, without moving there."""
        return shown(*self.render(state))

    def _remembered(self) -> tuple[Picture, str]:
        """What this state shows: rendered once, or each time anew where a value cannot be a key, such as a list or a file."""
        key = tuple(self.state.items())
        try:
            if key in self._rendered:
                self._rendered.move_to_end(key)
                return self._rendered[key]
        except TypeError:
            return self.shown_in(self.state)
        found = self._rendered[key] = self.shown_in(self.state)
        if len(self._rendered) > REMEMBERED:
            self._rendered.popitem(last=False)
        return found

    def __repr__(self) -> str:
        return f"<View: {self.alt}>"

    def _repr_mimebundle_(self, **kwargs) -> dict:
        """The live widget, and for wherever it cannot live the picture and its alt text."""
        live = super()._repr_mimebundle_(**kwargs) or {}
        caption = "<br>".join(
            line for line in (self._heading, self.readout, "A still picture; run this notebook to move it.") if line
        )
        still = f"<figure>{self.picture.html}<figcaption>{caption}</figcaption></figure>"
        return live | {"text/html": playback.playing(self, still), "text/plain": repr(self)}


def _same(value, other) -> bool:
    """Whether two values are equal, also where comparing gives an array of answers."""
    return value is other or bool(np.all(value == other))


def shown(picture, alt: str, readout: str = "") -> tuple[Picture, str]:
    """What a render function returns, as a `Picture` and a readout; a `Picture` keeps its own alt text."""
    return (picture if isinstance(picture, Picture) else Picture(picture, alt)), readout
