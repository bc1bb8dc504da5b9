"""The explorer as a widget: commands of the page go to its `Exploration`, and what changed there goes back.

Pictures travel as bytes beside the message, and only those that changed. While nothing is asked, the page's search goes on in
small pieces on the kernel's own event loop: no thread, so that nothing else runs while a network does.
"""

from __future__ import annotations

import asyncio
import html
import time
from pathlib import Path

import anywidget

from zfhelpers.explorer.exploration import Exploration
from zfhelpers.explorer.sheet import alt_of, numbers_of, sheet_of
from zfhelpers.figures.picture import Picture

PAUSE = 0.02  # seconds between two pieces of a search: commands that wait come first
QUIET, SHORT = 0.4, 0.1  # seconds that a page which is used has to itself: while a search runs, and when it has ended
TOLD = 0.5  # seconds between two reports of how far a search has come


class Explorer(anywidget.AnyWidget):
    """A page on which a network can be asked about any image; made by `zf.explore`.

    Attributes:
        exploration: its state, which can be driven without a page: `exploration.do({"do": "image", "index": 3})`.
    """

    _esm = Path(__file__).with_name("explorer.js")
    _css = Path(__file__).with_name("explorer.css")

    def __init__(self, exploration: Exploration):
        self.exploration = exploration
        self._pages, self._sent, self._asked, self._told, self._waiting = 0, {}, 0.0, 0.0, False
        super().__init__()
        self.on_msg(self._heard)

    @property
    def picture(self) -> Picture:
        """All that is shown, as one picture."""
        return Picture(sheet_of(self.exploration), alt_of(self.exploration))

    @property
    def numbers(self) -> str:
        """The numbers behind what is shown, as CSV."""
        return numbers_of(self.exploration)

    def _heard(self, _widget, content: dict, buffers) -> None:
        """A message of the page. Each is answered, or the page would wait."""
        content, name = dict(content), content.get("do")
        asked = content.pop("asked", "")
        self._asked = time.monotonic()
        extra, attached = {}, []
        if name == "ready":
            self._pages, self._sent, extra = self._pages + 1, {}, {"menus": self.exploration.menus()}
        elif name == "gone":
            self._pages = max(0, self._pages - 1)
            return
        elif name == "save":
            extra, attached = self._saved(content.get("what"))
        else:
            self.exploration.do(content, [bytes(each) for each in buffers or ()])
        self._tell(asked, extra, attached)
        self._go_on()

    def _saved(self, what: str) -> tuple[dict, list[bytes]]:
        """A file for the reader: the picture, or the numbers."""
        pane = self.exploration.panes[0]
        stem = f"{pane.eye.name}-{pane.layer}-map-{pane.chosen}".replace("/", "-").replace(":", "-").replace(" ", "-")
        if what == "numbers":
            return {"file": {"name": f"{stem}.csv", "type": "text/csv"}}, [self.numbers.encode()]
        return {"file": {"name": f"{stem}.png", "type": "image/png"}}, [self.picture.png]

    def _tell(self, asked: str = "", extra: dict | None = None, attached: list[bytes] | None = None) -> None:
        """Send the page what is shown, and the pictures that it has not yet."""
        try:
            state, pictures = self.exploration.shown()
        except Exception as error:  # the page must hear an answer, whatever a reader's own network does
            message = f"This cannot be shown. {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            self.send({"done": asked, "message": message})
            return
        new = {name: data for name, data in pictures.items() if self._sent.get(name) != data}
        gone = [name for name in self._sent if name not in pictures]
        self._sent, self._told = pictures, time.monotonic()
        told = {"done": asked, "state": state, "pictures": list(new), "gone": gone, **(extra or {})}
        self.send(told, [*new.values(), *(attached or [])])

    # ------------------------------------------------------------------------------------------------ what takes long

    def _go_on(self) -> None:
        """Let a piece of work be done as soon as the kernel has nothing else to do, if a page is open."""
        if self._waiting or not self._pages:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel, so no page
            return
        self._waiting = True
        loop.call_later(max(PAUSE, self._quiet()), self._piece)

    def _quiet(self) -> float:
        """Seconds that the page still has to itself."""
        wanted = QUIET if self.exploration.searching else SHORT
        return wanted - (time.monotonic() - self._asked)

    def _piece(self) -> None:
        self._waiting = False
        did = self.exploration.work() if self._pages and self._quiet() <= 0 else "later"
        told_lately = time.monotonic() - self._told < TOLD
        if did == "made" or (did == "searched" and not (told_lately and self.exploration.searching)):
            self._tell()
        if did:
            self._go_on()

    # ------------------------------------------------------------------------------------------- where nothing runs

    def __repr__(self) -> str:
        return f"<Explorer: {alt_of(self.exploration)}>"

    def _repr_mimebundle_(self, **kwargs) -> dict:
        """The live page, and for wherever it cannot live a still picture and its alt text."""
        live = super()._repr_mimebundle_(**kwargs)
        live = dict(live[0] if isinstance(live, tuple) else live or {})
        caption = f"{html.escape(alt_of(self.exploration))}<br>A still picture; run this notebook to explore."
        still = f"<figure>{self.picture.html}<figcaption>{caption}</figcaption></figure>"
        return live | {"text/html": still, "text/plain": repr(self)}
