"""Tables as text and as HTML, and those that hold our numbers beside the paper's.

>>> print(aligned([["layer", "size"], ["layer1", "110"]]))
layer   size
layer1  110
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

SMALLEST = 1e-6  # of numbers that are written out
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class NumberTable:
    """Measured numbers beside the paper's. As text it has names and the paper's numbers: those are the same on every machine.

    Args:
        measurements: with `name`, `value`, `unit`, `interval`, `paper` and `note`; see `measurements.Measurement`.
        title: shown above it.
    """

    def __init__(self, measurements: Sequence, title: str = ""):
        self.measurements, self.title = list(measurements), title

    def __str__(self) -> str:
        published = any(found.paper is not None for found in self.measurements)
        lines = [["measured", *(["the paper"] if published else [])]]
        for found in self.measurements:
            name = f"{found.name}, {found.unit}" if found.unit else found.name
            lines.append([name, *([number(found.paper)] if published else [])])
        return "\n".join([*([self.title] if self.title else []), aligned(lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        found = self.measurements
        columns = {
            "here": [quantity(rounded(each.value), each.unit) for each in found],
            "interval": [" to ".join(map(rounded, each.interval)) if each.interval else "" for each in found],
            "the paper": ["" if each.paper is None else _with_unit(each.paper, each.unit) for each in found],
            "note": [each.note or "" for each in found],
        }
        shown = {name: cells for name, cells in columns.items() if any(cells)}
        lines = [["", *shown], *([each.name, *row] for each, *row in zip(found, *shown.values(), strict=True))]
        return html_table(lines, self.title)


def _with_unit(value: object, unit: str) -> str:
    return value if isinstance(value, str) else quantity(rounded(value), unit)


def deviations_over(what: str, rows: Sequence[Sequence]) -> str:
    """What a title says of the deviations in its table; nothing where no cell has one.

    >>> deviations_over("divisions", [["SVM (1)", "40.1 ± 0.5"]]), deviations_over("divisions", [["SVM (1)", 40.1]])
    (', ± over divisions', '')
    """
    return f", ± over {what}" if any("±" in str(cell) for row in rows for cell in row) else ""


class Measured:
    """A table in which some columns were measured: those are in the HTML alone, as in `NumberTable`.

    Args:
        heading: names of the columns.
        rows: cells, numbers or text; None is a dash.
        title: shown above it.
        known: how many columns from the left are the same on every machine.

    >>> Measured(["row", "the paper", "here"], [("alexnet", 40.5, 21.25)], "Top-1 errors, %", known=2)
    Top-1 errors, %
    row      the paper
    alexnet  40.5
    """

    def __init__(self, heading: Sequence[str], rows: Sequence[Sequence], title: str = "", known: int = 1):
        self.lines = [list(heading), *([rounded(cell) for cell in row] for row in rows)]
        self.title, self.known = title, known

    def __str__(self) -> str:
        return "\n".join([*([self.title] if self.title else []), aligned([line[: self.known] for line in self.lines])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.lines, self.title)


def number(value: object) -> str:
    """A number as tables show it: thousands separated, at most six digits, a dash for nothing.

    >>> number(62357608), number(18.0), number(None)
    ('62,357,608', '18', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.6g}"


def quantity(value: object, unit: str) -> str:
    """A number with its unit, if it has one."""
    return f"{number(value)} {unit}".rstrip()


def rounded(value: object) -> str:
    """A measured number: four digits of it, thousands separated, whole numbers whole, a dash for nothing.

    A small one has one digit; what would need more than six places after the point is a power of ten.

    >>> rounded(0.123456), rounded(62357608), rounded("by eye"), rounded(None), rounded(1.953e-06), rounded(-4.3e-08)
    ('0.1235', '62,357,608', 'by eye', '-', '0.000002', '-4·10⁻⁸')
    """
    if isinstance(value, float) and 0 < abs(value) < SMALLEST:
        digit, _, power = f"{value:.0e}".partition("e")
        return f"{digit}·10{str(int(power)).translate(RAISED)}"
    if isinstance(value, float) and 0 < abs(value) < 1e-4:
        return f"{value:.{-math.floor(math.log10(abs(value)))}f}"
    return f"{value:,.4g}" if isinstance(value, float) and not value.is_integer() else number(value)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Rows of text in columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def html_table(lines: Sequence[Sequence[str]], caption: str) -> str:
    """Rows of text as an HTML table with headings, the first line and first column being headings."""
    heading, *body = [[html.escape(cell) for cell in line] for line in lines]
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heading)
    rows = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>" for first, *rest in body
    )
    return f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
