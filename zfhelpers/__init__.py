"""See inside a convolutional network, as in Zeiler & Fergus, *Visualizing and Understanding Convolutional Networks* (2013).

    import zfhelpers as zf

    net, world = zf.load("toy")
    images = world.preprocess(world.val.images([0]))
    zf.Deconvnet(net).project(images, "layer5", maps=[7])

A name is imported when it is first used, so that `import zfhelpers` costs nothing and programs that need no torch load none.
"""

from importlib import import_module

_WHERE = {
    "boxes": "crop",
    "hooks": "activations",
    "strongest": "top_activations",
    "patches": "patches_of top_patches",
    "deconv": "Deconvnet unpool",
    "geometry": "receptive_field",
    "model": "Architecture ZFNet renormalise_filters",
    "occlusion": "occlusion_maps",
    "worlds.duplicates": "duplicates",
    "worlds.frames": "read_image",
    "worlds.targets": "default_target open_target",
    "worlds.opening": "open_world",
    "networks.checkpoints": "load",
    "networks.elsewhere": "untrained",
    "networks.named": "first_filters paper_layers",
    "experiments.correspondence": "correspondence",
    "experiments.features": "features",
    "experiments.invariance": "invariance_curves",
    "experiments.probes": "gram_matrix learning_curve linear_probe",
    "explorer": "explore",
    "lessons.exercises": "check_answer",
    "paper.measurements": "begin claim measure record section",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}
_ROOMS = (
    *("experiments", "explorer", "figures", "lessons", "networks", "paper", "results"),
    *("toyworld", "training", "views", "worlds"),
)

__all__ = sorted([*_HOME, "paper"])


def __getattr__(name: str):
    """What `zfhelpers.name` is: a public function or class, or one of the rooms."""
    if name in _HOME:
        value = getattr(import_module(f"zfhelpers.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"zfhelpers.{name}")
    raise AttributeError(f"module 'zfhelpers' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, also those that nobody has used yet."""
    return sorted({*globals(), *__all__, *_ROOMS})
