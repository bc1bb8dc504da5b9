"""What `data/results/benchmarks.json` holds, as the README shows it: a table, and curves in `data/gallery/speed.png`.

python tests/benchmarks/draw.py
"""

from __future__ import annotations

import json

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from zfhelpers.figures.picture import Picture, style
from zfhelpers.files import project_dir

RECORD = project_dir() / "data" / "results" / "benchmarks.json"
PICTURE = project_dir() / "data" / "gallery" / "speed.png"


def table(record: dict) -> list[str]:
    """Lines of Markdown: a job, our seconds, and how many times as long each peer takes."""
    lines = ["| job | ours | how many times as long others take |", "|---|---|---|"]
    for job in record.values():
        for row in job.get("rows", ()):
            ours, *peers = row["seconds"]
            ratios = ", ".join(f"{peer} {row['times as fast as'][peer]:.2g}" for peer in peers)
            lines.append(f"| {row['job']} | {_words(row['seconds'][ours])} | {ratios or '–'} |")
    return lines


def _words(seconds: float) -> str:
    """
    >>> _words(0.0123), _words(12.34)
    ('12 ms', '12 s')
    """
    return f"{seconds * 1000:.2g} ms" if seconds < 0.1 else f"{seconds:.2g} s"


def growth(curves: dict) -> Picture:
    """Time above, memory below, a column for each thing that grows."""
    with style():
        figure = Figure(figsize=(11, 4.4), layout="constrained")
        above, below = figure.subplots(2, len(curves), sharex="col")
        for column, (title, curve) in enumerate(curves.items()):
            for axes, key, colour in ((above[column], "seconds", "C0"), (below[column], "peak MB", "C1")):
                axes.plot(curve["x"], curve[key], marker="o", color=colour)
                axes.set_ylim(0, 1.15 * max(curve[key]))
                axes.set_xticks(curve["x"], [f"{x:,}" for x in curve["x"]])
                axes.xaxis.set_minor_locator(NullLocator())
            above[column].set_title(title, fontsize=9)
            below[column].set_xlabel(curve["axis"])
        above[0].set_ylabel("seconds")
        below[0].set_ylabel("peak memory, MB")
        words = "; ".join(
            f"{title}: {', '.join(f'{x:,} {s:.2g} s {m} MB' for x, s, m in zip(c['x'], c['seconds'], c['peak MB'], strict=True))}"
            for title, c in curves.items()
        )
        return Picture(figure, f"How time and memory grow. {words}.")


def main() -> None:
    """Write the picture, print the table."""
    record = json.loads(RECORD.read_text())
    if "growth" in record:
        picture = growth(record["growth"]["curves"])
        picture.save(PICTURE)
        print(picture.alt)
    print("\n".join(table(record)))


if __name__ == "__main__":
    main()
