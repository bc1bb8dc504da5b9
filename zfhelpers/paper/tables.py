"""Tables as text and as HTML, and the one that holds our numbers against the paper's.

>>> print(aligned([["layer", "size"], ["layer1", "110"]]))
layer   size
layer1  110
"""

from __future__ import annotations

import html
from collections.abc import Sequence


class Comparison:
    """A table `what | the paper | here`. As text it leaves the last column out: text is compared between machines, HTML is not.

    Args:
        rows: (what, the paper's number or None, ours, and optionally what ours must be as text).
        title: shown above it.

    >>> Comparison([("top-5 error, %", 16.5, 2.39718)], "One network")
    One network
                    the paper  asserted
    top-5 error, %  16.5       -
    """

    def __init__(self, rows: Sequence[tuple], title: str = ""):
        self.rows = [(str(row[0]), row[1], row[2], row[3] if len(row) > 3 else None) for row in rows]
        self.title = title

    def __str__(self) -> str:
        lines = [["", "the paper", "asserted"], *([what, number(paper), number(bound)] for what, paper, _, bound in self.rows)]
        return "\n".join([*([self.title] if self.title else []), aligned(lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = [["", "the paper", "here", "asserted"]]
        lines += [[what, number(paper), _rounded(here), number(bound)] for what, paper, here, bound in self.rows]
        return html_table(lines, self.title)


class Measured:
    """A table in which some columns were measured: those are in the HTML alone, as in `Comparison`.

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
        self.lines = [list(heading), *([_rounded(cell) for cell in row] for row in rows)]
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


def _rounded(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) and not value.is_integer() else number(value)


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
