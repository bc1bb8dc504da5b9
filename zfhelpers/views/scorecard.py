"""One claim of the paper: its sentence, and the numbers that decide it in every world and network, beside the paper's."""

from __future__ import annotations

import html
from textwrap import shorten
from typing import TYPE_CHECKING

import ipywidgets as widgets

from zfhelpers.figures.scorecard import numbers_figure, verdicts_figure
from zfhelpers.views.view import View

if TYPE_CHECKING:
    from zfhelpers.results.scorecard import Scorecard  # its rules know what every experiment knows

EACH, MOST = 3, 5  # numbers of each world, and of all, that are drawn


def scorecard_view(card: Scorecard, claim: str = "20") -> View:
    """Pick a claim; see its quote, what it must show, its numbers with their intervals, and which notebook has more.

    Args:
        card: all claims.
        claim: shown first.
    """
    options = [(f"{known.id}  {shorten(known.claim, 64, placeholder=' …')}", known.id) for known in card.claims.values()]
    controls = {"claim": widgets.Dropdown(options=options, value=claim, description="claim")}

    def render(state: dict):
        known, about = card.claims[state["claim"]], card.about[state["claim"]]
        numbers, paper = numbers_of(card, known.id)
        verdicts = {seen.label: [word] for seen, word in card.verdicts(known.id).items()}
        said = ", ".join(f"{word[0]} in {label}" for label, word in verdicts.items())
        alt = f"{known.title}: {said}." + (f" Dots with intervals for {'; '.join(numbers)}." if numbers else "")
        picture = numbers_figure(numbers, paper, known.title, alt) if numbers else verdicts_figure([known.id], verdicts, alt=alt)
        lines = [f"“{html.escape(known.quote)}”" if known.quote else html.escape(known.claim)]
        if rule := card.rule(known.id):
            lines.append(f"<b>Holds if:</b> {html.escape(rule)}")
        for seen in card.seen:
            judged = card[known.id, seen]
            lines.append(f"<b>{html.escape(seen.label)}: {judged.verdict}.</b> {html.escape(judged.why)}")
        lines.append(f"<b>The paper:</b> {html.escape(known.decided_by)}. {html.escape(about.differs)}")
        lines.append(f'More in <a href="{about.notebook}.ipynb">{about.notebook}</a>.')
        return picture, alt, "<br>".join(lines)

    return View(render, controls, "One claim, its numbers in all worlds, and the paper's")


def numbers_of(card: Scorecard, claim: str) -> tuple[dict, dict]:
    """For `numbers_figure`: {name with unit: {world and network: (value, interval)}}, and {name: the paper's}."""
    numbers, paper = {}, {}
    for seen in card.seen:
        for name, each in [*card[claim, seen].numbers.items()][:EACH]:
            if each.value is not None:
                label = f"{name} ({each.unit})" if each.unit else name
                numbers.setdefault(label, {})[seen.label] = (each.value, each.interval)
                paper |= {label: each.paper} if isinstance(each.paper, int | float) else {}
    chosen = list(numbers)[:MOST]
    return {label: numbers[label] for label in chosen}, {label: paper[label] for label in chosen if label in paper}
