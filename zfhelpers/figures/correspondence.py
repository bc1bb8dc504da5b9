"""Table 1 as a picture: how far below random places each part of a face lies.

>>> leads_figure({"layer5": {"right_eye": (0.01, (-0.01, 0.03)), "nose": (0.03, (0.02, 0.05))}}, "Zeros counted")
<Picture: Zeros counted: random minus part for right eye, nose, in layer5, each with its interval.>
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zfhelpers.figures.charts import bars_figure
from zfhelpers.figures.picture import Picture

Lead = tuple[float, tuple[float, float]]


def leads_figure(leads: Mapping[str, Mapping[str, Lead]], title: str, alt: str | None = None) -> Picture:
    """Bars of random places minus a part, to the right of zero where the part changes dogs more alike.

    Args:
        leads: {layer: {part: (value, (low, high))}}; an error bar is half as long as its interval on either side.
        title: above.
    """
    parts = [part.replace("_", " ") for part in next(iter(leads.values()))]
    values = {layer: [value for value, _ in each.values()] for layer, each in leads.items()}
    half = {layer: [np.ptp(ends) / 2 for _, ends in each.values()] for layer, each in leads.items()}
    layers = " and ".join(leads)
    alt = alt or f"{title}: random minus part for {', '.join(parts)}, in {layers}, each with its interval."
    return bars_figure(values, parts, "random minus part", title, half, alt)
