"""See inside a convolutional network, as in Zeiler & Fergus, *Visualizing and Understanding Convolutional Networks* (2013).

    import zfhelpers as zf

    net, world = zf.load("toy")
    images = world.preprocess(world.val.images([0]))
    zf.Deconvnet(net).project(images, "layer5", maps=[7])
"""

from zfhelpers import paper
from zfhelpers.activations import activations, crop, top_activations
from zfhelpers.checkpoints import load
from zfhelpers.correspondence import correspondence
from zfhelpers.deconv import Deconvnet, unpool
from zfhelpers.features import features
from zfhelpers.frames import read_image
from zfhelpers.geometry import receptive_field
from zfhelpers.invariance import invariance_curves
from zfhelpers.model import Architecture, ZFNet, renormalise_filters
from zfhelpers.occlusion import occlusion_maps
from zfhelpers.overlap import duplicates
from zfhelpers.paper import at_least, at_most, begin, check, record
from zfhelpers.targets import default_target, open_target
from zfhelpers.transfer import gram_matrix, learning_curve, linear_probe
from zfhelpers.worlds import open_world

__all__ = [
    "Architecture", "Deconvnet", "ZFNet", "activations", "at_least", "at_most", "begin", "check", "correspondence", "crop",
    "default_target", "duplicates", "features", "gram_matrix", "invariance_curves", "learning_curve", "linear_probe", "load",
    "occlusion_maps", "open_target", "open_world", "paper", "read_image", "receptive_field", "record", "renormalise_filters",
    "top_activations", "unpool",
]  # fmt: skip
