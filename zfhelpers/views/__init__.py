"""The course's widgets: each a function that takes data computed beforehand and returns a `View`."""

from zfhelpers.views.ablation import ablation_view
from zfhelpers.views.confusion import confusion_view
from zfhelpers.views.correspondence import correspondence_view
from zfhelpers.views.deconv import deconv_view
from zfhelpers.views.ensemble import ensemble_view
from zfhelpers.views.evolution import evolution_view
from zfhelpers.views.features import features_view
from zfhelpers.views.filters import filters_view
from zfhelpers.views.invariance import invariance_view
from zfhelpers.views.neighbours import neighbours_view
from zfhelpers.views.occlusion import any_occlusion_view, occlusion_view
from zfhelpers.views.parts import parts_view
from zfhelpers.views.receptive_field import receptive_field_view
from zfhelpers.views.scorecard import scorecard_view
from zfhelpers.views.unpool import unpool_view
from zfhelpers.views.view import View

__all__ = [
    "View",
    "ablation_view",
    "any_occlusion_view",
    "confusion_view",
    "correspondence_view",
    "deconv_view",
    "ensemble_view",
    "evolution_view",
    "features_view",
    "filters_view",
    "invariance_view",
    "neighbours_view",
    "occlusion_view",
    "parts_view",
    "receptive_field_view",
    "scorecard_view",
    "unpool_view",
]
