"""What a network answers, looked at once for all: is it finite, of each image alone, logits or probabilities?

What goes in is checked by `hooks.checked_images`; here is what every public function that runs a network asks of what comes out.
What a network cannot tell of itself, whether it puts out logits, is said by whoever calls (`output`).

    >>> net, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 1), nn.Sigmoid()), torch.rand(3, 1, 2, 2)
    >>> probabilities(net, images, net(images), "logits")
    Traceback (most recent call last):
    ...
    ValueError: The network puts out one number for each image, of which a softmax always makes 1; pass output="sigmoid".
    >>> probabilities(net, images, net(images), "probabilities").shape
    torch.Size([3, 1])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

Name = Callable[[int], str]
"""Row of a batch -> what to call it in a sentence."""

OUTPUTS = ("logits", "probabilities", "sigmoid")
SURE = 8  # rows: so many do not add up to 1 by chance
OTHER_LENGTH = 0.03  # of the largest value: batches of another length run other kernels, some of which round to 8 or 11 bits

# --------------------------------------------------------------------------------------------------------- a forward pass


@contextmanager
def explained(module: nn.Module, images: Tensor) -> Iterator[None]:
    """Around a forward pass: what the network, or torch inside it, complains of becomes one sentence with the images' shape.

    Raises:
        ValueError: the sentence. What torch does not offer (NotImplementedError), memory that ran out, and errors with a class of
            their own stay what they are.
    """
    try:
        yield
    except (NotImplementedError, torch.OutOfMemoryError):
        raise
    except (RuntimeError, TypeError, ValueError, LookupError, AssertionError, AttributeError) as error:
        if isinstance(error, ValueError) and type(error) is not ValueError:
            raise
        said = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        formats = sorted({str(p.dtype).removeprefix("torch.") for p in module.parameters() if p.is_floating_point()})
        if "required positional argument" in said:
            sentence = (
                f"The network takes more than images ({said}); wrap it in a module whose forward(images) gives it the rest."
            )
        else:
            sentence = f"The network cannot run on images of shape {tuple(images.shape)}: {said}"
            if len(formats) > 1:
                sentence += f" (its weights are {' and '.join(formats)}: bring it to one number format, as .float() does)"
        raise ValueError(sentence) from error


def unreached(module: nn.Module, layers: Mapping[str, nn.Module], images: Tensor) -> str:
    """Why no hook heard of some layers, in one sentence; a second forward pass tells unused ones from those called past hooks."""
    past: list[str] = []
    heard: list[str] = []

    def listening(name: str, forward: Callable) -> Callable:
        def listen(*args, **kwargs):
            past.append(name)
            return forward(*args, **kwargs)

        return listen

    with ExitStack() as undo:
        for name, part in layers.items():
            own = vars(part)  # an instance may have a forward of its own, put there by somebody else
            undo.callback(own.update, {"forward": own["forward"]}) if "forward" in own else undo.callback(own.pop, "forward")
            own["forward"] = listening(name, part.forward)
            undo.callback(part.register_forward_hook(lambda *_, name=name: heard.append(name)).remove)
        module(images)
    if past:
        names = ", ".join(dict.fromkeys(past))
        if heard:  # now that its forward is another
            return (
                f"The network runs {names} in code that torch.compile made before, past all hooks; give it without torch.compile."
            )
        return f"The network calls {names} by its .forward(), past all hooks; let it call the layer itself, as in layer(x)."
    return f"The forward pass never runs {', '.join(layers)}; choose one that runs in evaluation mode."


def check_finite(read: object, what: str, module: nn.Module, images: Tensor, called: Name = "Image {}".format) -> None:
    """One sentence if what was read of a network holds NaN or infinity: of which image, and where in the network it arises.

    Args:
        read: tensors with one row for each image, in whatever they come.
        what: what it was read of, for the message.
        images: what the network was given.
        called: what a row of the batch is called.

    Raises:
        ValueError: a value that is not finite.
    """
    for value in tree_leaves(read):
        # A sum is one pass over the values without a copy, and not finite if one of them is not.
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.sum().isfinite():
            continue
        finite = value.flatten(1).isfinite().all(1) if value.ndim > 1 else value.isfinite()
        if not finite.all():
            row = int(finite.int().argmin())
            raise ValueError(
                f"{called(row)} gives NaN or infinite values in {what}; they {origin(module, images[row : row + 1])}."
            )


def origin(module: nn.Module, image: Tensor) -> str:
    """Where NaN or infinity first come out of finite values, in the middle of a sentence."""
    found: list[str] = []

    def listening(name: str, kind: str) -> Callable:
        def listen(_module, inputs, output):
            given, made = ([t for t in tree_leaves(tree) if isinstance(t, Tensor)] for tree in (inputs, output))
            if not found and all(t.isfinite().all() for t in given) and not all(t.isfinite().all() for t in made):
                found.append(f"arise in {name!r}, a {kind} in {str(made[0].dtype).removeprefix('torch.')}")

        return listen

    with ExitStack() as hooks:
        for name, part in module.named_modules():
            if name and not isinstance(part, torch.jit.ScriptModule):
                hooks.callback(part.register_forward_hook(listening(name, type(part).__name__)).remove)
        module(image)
    return found[0] if found else "arise between its layers"


def check_alone(
    forward: Callable, images: Tensor, output: bool = False, layout: torch.memory_format | None = None
) -> tuple[object, dict[str, Tensor]]:
    """One sentence if what is read of an image depends on the images beside it, as with batch normalisation without statistics.

    Five images are run, and that is the whole cost: one alone, beside itself, and beside another. Beside another it may differ by
    rounding, up to the square root of the number format's precision; alone, where other kernels run, by 3 % of the largest value.

    Args:
        forward: of `hooks.recording`, reading whole layers, with `finite=False`.
        images: (N, C, H, W), of which the first one is taken, as they come to whoever asks.
        output: whether the network's output is looked at too.
        layout: of memory, to which batches will be brought: the one alone is run so, and the others as they lie, since a network
            that cuts up memory by itself (`as_strided`) makes something else of it. None: they are run as they lie.

    Returns:
        of one image what the network puts out and what is read of its layers, so that their shapes are known.

    Raises:
        ValueError: the answers differ.
    """
    bright = images[:1]
    low, high = bright.aminmax()
    if low == high:
        dim = torch.linspace(0.1, 0.9, bright.shape[-1]).to(bright).expand_as(bright) * (low if low else 1)
    else:  # another picture, all of whose values lie inside the range of the first, with another mean
        dim = 0.5 * bright.flip(-1, -2) + 0.35 * low + 0.15 * high

    def read_last(answer: object, values: dict[str, Tensor]) -> dict[str, Tensor]:
        found = {f"layer {name!r}": value[-1] for name, value in values.items()}
        return found | ({"its output": answer[-1]} if output and isinstance(answer, Tensor) and answer.ndim else {})

    def differ(one: Tensor, other: Tensor, allowed: Tensor) -> bool:
        return one.shape != other.shape or bool((one - other).abs().max() > allowed)

    lone = dim if layout is None else dim.contiguous(memory_format=layout)
    passes = [forward(batch) for batch in (lone, torch.cat([dim, dim]), torch.cat([bright, dim]))]
    alone, double, beside = (read_last(*each) for each in passes)
    for where, value in beside.items():
        if not value.is_floating_point() or not value.numel():
            continue
        scale, precision = double[where].abs().max(), torch.finfo(value.dtype).eps ** 0.5
        for read, tolerance in ((double, precision), (alone, max(4 * precision, OTHER_LENGTH))):
            if not differ(value, read[where], tolerance * scale):
                continue
            if read is alone and lone is not dim and not differ(value, read_last(*forward(dim))[where], tolerance * scale):
                raise ValueError(
                    f"What the network makes of an image in {where} depends on how the image lies in memory, as where it uses "
                    "as_strided; let it begin with images = images.contiguous()."
                )
            raise ValueError(
                f"What the network makes of an image in {where} depends on the images beside it in the batch, or on chance; "
                "give one that takes each by itself, for example batch normalisation with running statistics."
            )
    return passes[0]


def decides(forward: Callable, image: Tensor) -> bool:
    """Whether a network looks at what is in an image to decide how to go on, as `if x.mean() > 0` does: for a batch as a whole.

    Args:
        forward: takes the image.
        image: (1, C, H, W).

    >>> decides(lambda x: -x if x.mean() > 0 else x, torch.ones(1, 1, 2, 2)), decides(nn.ReLU(), torch.ones(1, 1, 2, 2))
    (True, False)
    """
    with _Steps(image) as steps:
        forward(image)
    return steps.read


# ---------------------------------------------------------------------------------------------------------- what it means


def check_output(output: str) -> None:
    """A ValueError if `output` is no word for what a network puts out."""
    if output not in OUTPUTS:
        raise ValueError(f"output must be {', '.join(map(repr, OUTPUTS[:-1]))} or {OUTPUTS[-1]!r}, not {output!r}.")


def probabilities(
    module: nn.Module, images: Tensor, answer: object, output: str = "logits", called: Name = "Image {}".format
) -> Tensor:
    """What a network says of images, as probabilities, (N, classes) float.

    A network that ends in a softmax or a sigmoid is not taken for one that puts out logits. It is known by how its answer was
    computed, which is looked up if all of it lies between 0 and 1; or by eight rows or more that all add up to 1.

    Args:
        module, images: the network, and what it was given.
        answer: what it put out.
        output: what that is. "logits" become probabilities by a softmax. "probabilities" are taken as they are, whether they add
            up to 1 or stand each for itself. "sigmoid": each class by itself, yes or no; a sigmoid makes them probabilities,
            unless one is the network's last step.
        called: what a row of the batch is called.

    Raises:
        ValueError: no (N, classes); not what `output` says; NaN.
    """
    if not isinstance(answer, Tensor) or answer.ndim != 2 or len(answer) != len(images) or not answer.shape[1]:
        given = tuple(answer.shape) if isinstance(answer, Tensor) else f"a {type(answer).__name__}"
        raise ValueError(
            f"The network must give logits of shape (N, classes), not {given} for {len(images)} images; wrap it in a module that "
            "returns them."
        )
    answer = answer.float()
    within = bool(((answer >= 0) & (answer <= 1)).all())
    if output == "probabilities":
        near = (answer >= -1e-3) & (answer <= 1 + 1e-3)  # half precision rounds
        if not (near | answer.isnan()).all():
            worst = answer[~near][0].item()
            raise ValueError(f'Probabilities lie between 0 and 1; the network puts out {worst:.4g}. Logits are output="logits".')
        found = answer
    elif output == "sigmoid":
        found = answer if within and last_step(module, images[:1]) == "sigmoid" else answer.sigmoid()
    else:
        if answer.shape[1] == 1:
            raise ValueError(
                'The network puts out one number for each image, of which a softmax always makes 1; pass output="sigmoid".'
            )
        ends = last_step(module, images[:1]) if within else None
        add_up = within and len(answer) >= SURE and bool(((answer.sum(1) - 1).abs() < 1e-4).all())
        if ends or add_up:
            what = f"ends in a {ends}" if ends else "puts out rows that add up to 1"
            raise ValueError(f'The network {what}: these are no logits but probabilities; pass output="probabilities".')
        found = answer.softmax(dim=1)
    check_finite(found, "its output", module, images, called)
    return found


def last_step(module: nn.Module, image: Tensor) -> str | None:
    """ "softmax" or "sigmoid" where that is how a network's answer is computed at last, also if several such are averaged.

    >>> class Mean(nn.Module):
    ...     def forward(self, x):
    ...         return (x.flatten(1).softmax(1) + x.flatten(1).softmax(1)) / 2
    >>> last_step(Mean(), torch.rand(1, 1, 2, 2)), last_step(nn.Sequential(nn.Sigmoid(), nn.Flatten()), torch.rand(1, 1, 2, 2))
    ('softmax', 'sigmoid')
    """
    with _Steps(image) as steps:
        answer = module(image)
    return steps.squashed(steps.made.get(answer)) if isinstance(answer, Tensor) else None


class Uncompiled(TorchDispatchMode):
    """A mode that torch.compile is not told to leave alone: to tell it, torch loads its compiler, which takes seconds."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class _Steps(Uncompiled):
    """Writes down how the tensors that come from an image are made of each other."""

    def __init__(self, image: Tensor):
        super().__init__()
        self.steps: list[tuple[str, list[int]]] = [("image", [])]
        self.read = False  # whether a number of the image, or whether it is another's, left torch
        self.made = WeakTensorKeyDictionary({image: 0})  # tensor -> number of the step that made it, or last changed it

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        sources = [self.made[t] for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and t in self.made]
        out = func(*args, **kwargs)
        if sources:
            self.read = self.read or func.overloadpacket in _READING
            self.steps.append((func.overloadpacket.__name__.strip("_"), sources))
            self.made.update({tensor: len(self.steps) - 1 for tensor in tree_leaves(out) if isinstance(tensor, Tensor)})
        return out

    def squashed(self, step: int | None, shifted: bool = False) -> str | None:
        """What squashed the values between 0 and 1 on all ways to a step, with no more than shifting and averaging since."""
        if step is None:
            return None
        name, sources = self.steps[step]
        if name in _SQUASH:
            return _SQUASH[name]
        if shifted and name in _SHIFTED:
            return "sigmoid"
        if name not in _AFTER:
            return None
        ways = [self.squashed(source, shifted or name in ("add", "sub", "rsub")) for source in sources]
        return ways[0] if all(ways) else None


_READING = {torch.ops.aten._local_scalar_dense, torch.ops.aten.item, torch.ops.aten.is_nonzero, torch.ops.aten.equal}
_SQUASH = {"softmax": "softmax", "sigmoid": "sigmoid", "hardsigmoid": "sigmoid"}
_SHIFTED = {"exp", "tanh"}  # 1 / (1 + exp(-x)) and (1 + tanh(x / 2)) / 2 are sigmoids too
_AFTER = {
    *("view", "unsafe_view", "reshape_alias", "squeeze", "unsqueeze", "select", "slice", "expand", "permute", "transpose", "t"),
    *("alias", "detach", "clone", "to_copy", "copy", "stack", "cat", "index", "index_select", "clamp", "clamp_min", "clamp_max"),
    *("add", "sub", "rsub", "mul", "div", "neg", "reciprocal", "mean", "sum"),
}
