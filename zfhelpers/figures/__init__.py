"""The paper's figures, in its layouts and with its panel letters: arrays in, a `Picture` with alt text out."""

from zfhelpers.figures.charts import InvarianceRow, OccludedImage, bars_figure, curves_figure, invariance_figure, occlusion_figure
from zfhelpers.figures.picture import Picture, enlarge, fit, mosaic, pixels, projection_to_rgb, style
from zfhelpers.figures.schematics import architecture_figure, deconvnet_figure
from zfhelpers.figures.sheets import evolution_figure, filters_figure, images_figure, selection_figure, top9_figure

__all__ = [
    "InvarianceRow", "OccludedImage", "Picture", "architecture_figure", "bars_figure", "curves_figure", "deconvnet_figure",
    "enlarge", "evolution_figure", "filters_figure", "fit", "images_figure", "invariance_figure", "mosaic", "occlusion_figure",
    "pixels", "projection_to_rgb", "selection_figure", "style", "top9_figure",
]  # fmt: skip
