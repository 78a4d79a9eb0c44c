"""A network as a short list of plain operations, which a page can run by itself and every view can be built from.

The list is read off the model's own forward pass (torch.fx), so that a network added later needs no code here as long as
it is made of convolutions, pools, linear layers, ReLU, sums, means, maxima and concatenations, as modules or as functions. Batch norm is
folded into the layer before it.
"""

import threading
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn.utils import fusion

SIDE = 32  # of the input, (1, 1, 32, 32)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(frozen=True)
class Op:
    """One step. `inputs` are places in the list of earlier steps; `shape` is the output's, without the batch.

    kind: "input", "crop" (`size` pixels off every side), "conv" (odd kernel, `size` pixels of zero padding, stride 1),
    "dense", "relu", "maxpool" and "avgpool" (`size` pixels wide and apart), "mean" and "max" (of each map), "flatten",
    "add", "concat".
    """

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    size: int = 0
    weight: np.ndarray | None = None  # float32 (Cout, Cin, k, k) of a conv, (Cout, Cin) of a dense layer
    bias: np.ndarray | None = None  # float32 (Cout,)
    module: str = ""  # its name within the model, for a conv, dense layer or pool


class ProgramError(ValueError):
    """The network does something that is not in the list above; the message names it."""


@torch.no_grad()
def program(model: nn.Module) -> list[Op]:
    """The steps of `model` (in evaluation mode) in the order they run; the last is the logits. Raises ProgramError."""
    try:
        graph = traced(model)
    except Exception as error:  # noqa: BLE001 - it runs the model's own code
        raise ProgramError(f"This network can't be followed step by step: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error
    if sum(node.op == "placeholder" for node in graph.graph.nodes) != 1:
        raise ProgramError("This network wants more than a picture, which can't be shown.")
    ShapeProp(graph).propagate(torch.zeros(1, 1, SIDE, SIDE))
    modules, place, ops = dict(graph.named_modules()), {}, []
    for node in graph.graph.nodes:
        module = modules.get(node.target) if node.op == "call_module" else None
        if node.op == "output":
            break
        if isinstance(module, nn.Identity):
            place[node] = place[node.args[0]]
        elif isinstance(module, NORMS):
            place[node] = place[node.args[0]]
            ops[place[node]] = _folded(ops[place[node]], module, node)
        else:
            place[node] = len(ops)
            ops.append(_op(node, module, place))
    return ops


_one_at_a_time = threading.Lock()


class _Tracer(fx.Tracer):
    """Follows its own thread only: while it traces, torch hands it every module's call, those of other visitors' networks too."""

    def __init__(self):
        super().__init__()
        self.thread = threading.get_ident()

    def call_module(self, m, forward, args, kwargs):
        return super().call_module(m, forward, args, kwargs) if threading.get_ident() == self.thread else forward(*args, **kwargs)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        return super().getattr(attr, attr_val, parameter_proxy_cache) if threading.get_ident() == self.thread else attr_val


def traced(model: nn.Module) -> fx.GraphModule:
    with _one_at_a_time:  # two at once would undo each other's patches of nn.Module in the wrong order, and leave one behind
        return fx.GraphModule(model, _Tracer().trace(model))


def _op(node: fx.Node, module: nn.Module | None, place: dict[fx.Node, int]) -> Op:
    shape = tuple(node.meta["tensor_meta"].shape[1:])
    inputs = tuple(place[n] for n in node.all_input_nodes)
    if module is not None:
        return _layer(node, module, inputs, shape)
    name = node.target if isinstance(node.target, str) else node.target.__name__
    if node.op == "placeholder":
        return Op("input", (), shape)
    before = [tuple(n.meta["tensor_meta"].shape[1:]) for n in node.all_input_nodes]
    if name == "getitem" and len(shape) == 3:
        return Op("crop", inputs, shape, (before[0][-1] - shape[-1]) // 2)
    kinds = {"relu": "relu", "flatten": "flatten", "add": "add", "cat": "concat", "mean": "mean", "amax": "max"}
    if name not in kinds:
        raise ProgramError(f"This network uses {name}, which can't be shown.")
    if not _as_usual(kinds[name], before, shape):
        raise ProgramError(f"This network uses {name} in a way that can't be shown.")
    return Op(kinds[name], inputs, shape)


def _as_usual(kind: str, before: list[tuple[int, ...]], shape: tuple[int, ...]) -> bool:
    """Whether a step of such inputs and such an output is what an Op of this kind says."""
    match kind:
        case "flatten":
            return len(shape) == 1
        case "add":
            return len(before) == 2
        case "concat":
            return shape[0] == sum(b[0] for b in before)
        case "mean" | "max":
            return shape == before[0][:1]
    return True


def _layer(node: fx.Node, module: nn.Module, inputs: tuple[int, ...], shape: tuple[int, ...]) -> Op:
    name = str(node.target)
    if isinstance(module, nn.ReLU):
        return Op("relu", inputs, shape)
    if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) == (1, -1):
        return Op("flatten", inputs, shape)
    if isinstance(module, nn.Conv2d) and _plain(module):
        return Op("conv", inputs, shape, module.padding[0], _array(module.weight), _bias(module), name)
    if isinstance(module, nn.Linear):
        return Op("dense", inputs, shape, 0, _array(module.weight), _bias(module), name)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d) and _whole(module):
        return Op("maxpool" if isinstance(module, nn.MaxPool2d) else "avgpool", inputs, shape, module.kernel_size, module=name)
    raise ProgramError(f"This network uses {module}, which can't be shown.")


def _plain(conv: nn.Conv2d) -> bool:
    """Odd and square, as many zeros on every side, no stride."""
    return (conv.stride == conv.dilation == (1, 1) and conv.groups == 1 and conv.padding_mode == "zeros"
            and conv.kernel_size[0] == conv.kernel_size[1] and conv.kernel_size[0] % 2 == 1
            and not isinstance(conv.padding, str) and conv.padding[0] == conv.padding[1])


def _whole(pool: nn.MaxPool2d | nn.AvgPool2d) -> bool:
    """Squares side by side."""
    return (isinstance(pool.kernel_size, int) and pool.kernel_size == pool.stride and not pool.padding and not pool.ceil_mode
            and getattr(pool, "dilation", 1) == 1 and getattr(pool, "divisor_override", None) is None)


def _folded(op: Op, norm: nn.BatchNorm1d | nn.BatchNorm2d, node: fx.Node) -> Op:
    """The step with the batch norm that follows it: y = gain (W x + b - mean) + shift is one step of the same kind."""
    if op.weight is None or len(node.args[0].users) > 1:
        raise ProgramError("This network uses batch norm that doesn't follow a layer of weights, which can't be shown.")
    fuse = fusion.fuse_conv_bn_weights if op.kind == "conv" else fusion.fuse_linear_bn_weights
    weight, bias = fuse(torch.tensor(op.weight), torch.tensor(op.bias), norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
    return Op(op.kind, op.inputs, op.shape, op.size, _array(weight), _array(bias), op.module)


def _bias(module: nn.Conv2d | nn.Linear) -> np.ndarray:
    return _array(torch.zeros(len(module.weight)) if module.bias is None else module.bias)


def _array(value: Tensor) -> np.ndarray:
    return value.detach().float().contiguous().numpy().copy()


def shown(ops: list[Op]) -> list[tuple[int, str]]:
    """The steps with something to see, as (place, name): convolutions, pools, dense layers, and last the answer.

    "Convolution 2"; without a number if it is the only one of its sort.
    """
    words = {"conv": "Convolution", "maxpool": "Pool", "avgpool": "Average", "mean": "Mean", "max": "Max", "dense": "Dense"}
    places = [k for k, op in enumerate(ops) if op.kind in words]
    names = ["Answer" if k == len(ops) - 1 else words[ops[k].kind] for k in places]
    return [(k, f"{name} {names[:i + 1].count(name)}" if names.count(name) > 1 else name) for i, (k, name) in enumerate(zip(places, names, strict=True))]
