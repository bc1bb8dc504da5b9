"""A View that plays where no kernel runs: its states, drawn beforehand, and a script that shows them.

Only where the environment says `ZF_PLAYS=1`, as the batch run does: a notebook under version control must stay small.
Which controls play is decided by what they cost: from the last control to the first, each that fits is free, and the others stand
still. States that share a base (`Marked`) are stored as marks, and so may be a thousand.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import ipywidgets as widgets

from zfhelpers.figures.picture import Picture, data_url
from zfhelpers.views.marks import Marked

STATES, MARKED_STATES = 100, 1600  # at most so many: each with a picture of its own, or with marks alone
BYTES = 2_000_000  # of the pictures of one View
SECONDS = 20  # of a processor that drawing them may take, by the time that one takes


def playing(view, still: str) -> str:
    """The HTML of a View for a page: what stands still, and where the environment asks for it, the states that play.

    Args:
        view: a `View`.
        still: its picture and caption as HTML, for wherever no script runs.
    """
    if os.environ.get("ZF_PLAYS") != "1" or not (states := states_of(view)):
        return still
    data = json.dumps(states, separators=(",", ":")).replace("<", "\\u003c")
    script, look = (Path(__file__).with_name(f"playback.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    parts = f'<style>{look}</style>{still}<script type="application/json">{data}</script><script>{script}</script>'
    return f'<div class="zf-plays">{parts}</div>'


def states_of(view) -> dict | None:
    """The states of a View that can be drawn within bounds, as plain data; None where not even one control can play.

    Returns:
        `controls`: [{"name", "label", "slider": whether its values have an order, "values": labels, "at": number of the present
        one}], those that play; `fixed`: those that do not, as text; `bases`: pictures as data URLs; `states`: in the order of
        the controls, the last one running fastest, each [number of its base, alt text, readout, marks, handle]; a state that
        cannot be shown has the base -1 and its message as the readout.
    """
    choices = {name: found for name, control in view.controls.items() if len(found := _choices(control)) > 1}
    free, most = [], MARKED_STATES if isinstance(view.picture, Marked) else STATES
    began = time.process_time()  # not by the clock: what plays should not depend on what else the machine does
    picture, _ = view.shown_in(view.state)
    if not isinstance(picture, Marked):
        picture.compressed()
    most = min(most, math.floor(SECONDS / max(time.process_time() - began, 1e-4)))
    for name in reversed(choices):
        if math.prod(len(choices[each]) for each in [*free, name]) <= most and not _moves_others(view, name, choices):
            free.insert(0, name)
    while free:
        with _put_back(view):
            found = _drawn(view, {name: choices[name] for name in free})
        if found:
            fixed = [f"{view.controls[name].description}: {_label(view.controls[name])}" for name in choices if name not in free]
            return found | {"fixed": fixed}
        free = free[1:]  # too large: fewer
    return None


@contextmanager
def _put_back(view):
    """Whatever the controls are moved to inside, they stand again where they stood."""
    before = view.state
    try:
        yield
    finally:
        with view.at_once():
            for name, value in before.items():
                view.controls[name].value = value


def _choices(control: widgets.Widget) -> list[tuple[str, object]]:
    """(label, value) of everything that a control can be set to; none for one without a list of values."""
    if isinstance(control, widgets.Checkbox):
        return [("no", False), ("yes", True)]
    if isinstance(control, widgets.IntSlider):
        return [(str(value), value) for value in range(control.min, control.max + 1, control.step)]
    if isinstance(control, widgets.Dropdown | widgets.SelectionSlider):
        return [each if isinstance(each, tuple) else (str(each), each) for each in control.options]
    return []


def _label(control: widgets.Widget) -> str:
    return getattr(control, "label", None) or str(control.value)


def _moves_others(view, name: str, choices: Mapping) -> bool:
    """Whether another choice changes what the other controls can be set to, such as a layer that has fewer maps."""
    others = [other for other in choices if other != name]
    with _put_back(view):
        for _, value in choices[name]:
            view.moved({name: value})
            if any(len(_choices(view.controls[other])) != len(choices[other]) for other in others):
                return True
    return False


def _drawn(view, free: Mapping[str, list[tuple[str, object]]]) -> dict | None:
    """The states over the free controls; None where their pictures are too many bytes."""
    start, bases = view.state, {}
    sources, states, size = [], [], 0
    for values in itertools.product(*free.values()):
        state = view.moved(dict(zip(free, (value for _, value in values), strict=True)))
        try:
            picture, readout = view.shown_in(state)
        except Exception as error:  # as in the View itself: the message, and the picture stays
            states.append([-1, "", f'<span role="alert">This state cannot be shown. {html.escape(str(error))}</span>', [], None])
            continue
        key = id(picture.base) if isinstance(picture, Marked) else picture.digest()
        if key not in bases:
            bases[key] = len(bases)
            data = (Picture(picture.base, picture.alt) if isinstance(picture, Marked) else picture).compressed()
            size += len(data)
            if size > BYTES:
                return None
            sources.append(data_url(data))
        marks, handle = (picture.plain_marks(), picture.handle) if isinstance(picture, Marked) else ([], None)
        states.append([bases[key], picture.alt, readout, marks, handle])
    controls = [
        {
            "name": name,
            "label": html.unescape(view.controls[name].description),
            "slider": not isinstance(view.controls[name], widgets.Dropdown | widgets.Checkbox),
            "values": [label for label, _ in choices],
            "at": next(place for place, (_, value) in enumerate(choices) if value == start[name]),
        }
        for name, choices in free.items()
    ]
    return {"controls": controls, "bases": sources, "states": states, "arrows": list(view.arrows or ())}
