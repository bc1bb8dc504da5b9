"""The paper's figures, in its layouts and with its panel letters: arrays or tensors in, a `Picture` with alt text out.

Nothing here runs a network or knows a data set. Every function that ends in `_figure` takes `alt`, to replace its own description
by a better one.
"""

from zfhelpers.figures.charts import bars_figure, curves_figure
from zfhelpers.figures.class_curve import class_curve_figure
from zfhelpers.figures.colours import heat
from zfhelpers.figures.invariance import InvarianceRow, invariance_figure, invariance_row
from zfhelpers.figures.occlusion import OccludedImage, occlusion_figure
from zfhelpers.figures.picture import Picture, style
from zfhelpers.figures.schematics import architecture_figure, deconvnet_figure
from zfhelpers.figures.seeds import seeds_figure
from zfhelpers.figures.sheets import evolution_figure, filters_figure, images_figure, selection_figure, top9_figure
from zfhelpers.figures.tiles import enlarge, fit, map_tiles, mosaic, pixels, projection_tiles, projection_to_rgb

__all__ = [
    "InvarianceRow", "OccludedImage", "Picture", "architecture_figure", "bars_figure", "class_curve_figure", "curves_figure",
    "deconvnet_figure", "enlarge", "evolution_figure", "filters_figure", "fit", "heat", "images_figure", "invariance_figure",
    "invariance_row", "map_tiles", "mosaic", "occlusion_figure", "pixels", "projection_tiles", "projection_to_rgb",
    "seeds_figure", "selection_figure", "style", "top9_figure",
]  # fmt: skip
