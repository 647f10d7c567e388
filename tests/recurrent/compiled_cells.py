"""Cells of every form that the compiled engine knows, and the comparison of a run with the loop's."""

import functools
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn, sigmoid, tanh

from rnnzoo.cells import HiddenState, LSTMCell, LSTMState, Noise, RecurrentCell, Stage
from rnnzoo.recurrent import compiled
from rnnzoo.recurrent.compiled import run_compiled
from rnnzoo.recurrent.reference import run_reference

D, H = 3, 4


class PlainCell(RecurrentCell):
    gates = ("g",)

    def transition(self, gates, state):
        return HiddenState(h=tanh(gates.g))


class ApartCell(RecurrentCell):
    """The products apart: a bias of the recurrent one that does not join the other."""

    stages = (Stage(("r", "n"), apart=True),)

    def transition(self, inputs, hidden, state):
        r = sigmoid(inputs.r + hidden.r)
        return HiddenState(h=(1 - r) * tanh(inputs.n + r * hidden.n) + r * state.h)


class ChainCell(RecurrentCell):
    """The result of a stage feeds a product; the same matrix serves both."""

    stages = (Stage(("r", "z"), "reset"), Stage(("n",)))

    def reset(self, gates, state):
        return sigmoid(gates.r) * state.h, sigmoid(gates.z)

    def transition(self, gates, state, z):
        return HiddenState(h=(1 - z) * tanh(gates.n) + z * state.h)


class ProjectedCell(RecurrentCell):
    """A product after the last gates, narrower than the memory; states that are handed on as they came."""

    stages = (Stage(("i", "f", "g"), "remember"), Stage(("h",), weight="weight_hr", inputs=False))
    state_type = LSTMState

    def __init__(self, input_size, hidden_size, **options):
        super().__init__(input_size, hidden_size, gate_sizes={"h": 2}, state_sizes=(2, hidden_size), **options)
        if not hasattr(self, "weight_hr"):
            self.weight_hr = nn.Parameter(torch.randn(2, hidden_size) / 2)

    def remember(self, gates, state):
        c = sigmoid(gates.f) * state.c + sigmoid(gates.i) * tanh(gates.g)
        return tanh(c), c

    def transition(self, gates, state, c):
        return LSTMState(h=gates.h, c=c)


class DiagonalCell(RecurrentCell):
    """No product with the state, and a parameter of R; relu, whose gradient is not smooth."""

    stages = (Stage(("g",), weight=None),)

    def __init__(self, input_size, hidden_size, **options):
        super().__init__(input_size, hidden_size, **options)
        self.u = nn.Parameter(torch.rand(hidden_size))

    def transition(self, gates, state):
        return HiddenState(h=torch.relu(gates.g + self.u * state.h))


class MixedState(NamedTuple):
    h: Tensor
    c: Tensor
    m: Tensor


class MixedCell(RecurrentCell):
    """Three stages, the middle one without a product; gates and fields of several widths; parameters read in two
    stages, one of a submodule, one scalar, a buffer; input products of its own; an output that reads two fields.
    """

    stages = (
        Stage(("a", "b"), "begin", apart=True),
        Stage(("c",), "middle", weight=None),
        Stage(("d",), weight="weight_last"),
    )
    state_type = MixedState

    def __init__(self, input_size, hidden_size, **options):
        sizes = {"a": hidden_size, "b": hidden_size, "c": 1, "d": hidden_size}
        super().__init__(
            input_size, hidden_size, gate_sizes=sizes, state_sizes=(hidden_size, hidden_size, 1), **options
        )
        if not hasattr(self, "weight_last"):
            self.weight_last = nn.Parameter(torch.randn(hidden_size, hidden_size) / 2)
        self.norm = nn.LayerNorm(hidden_size)
        self.gain = nn.Parameter(torch.rand(hidden_size))
        self.factor = nn.Parameter(torch.tensor(0.7))
        self.unused = nn.Parameter(torch.rand(2))
        self.register_buffer("shift", torch.linspace(0, 1, hidden_size))

    def project(self, inputs, weights):
        return self.factor * super().project(inputs, weights)

    def begin(self, inputs, hidden, state):
        return self.gain * tanh(inputs.a + hidden.a) + state.c, sigmoid(inputs.b + hidden.b), state.m * self.factor

    def middle(self, gates, state, b, m):
        return b * self.norm(state.c + self.shift), b, m + gates.c

    def transition(self, gates, state, b, m):
        return MixedState(h=tanh(gates.d * self.gain), c=b * state.c, m=tanh(m))

    def output(self, state):
        return state.h + state.m


class TwiceState(NamedTuple):
    h: Tensor
    same: Tensor
    before: Tensor
    wide: Tensor


class TwiceCell(RecurrentCell):
    """Fields of the state that are one tensor, a view, the field before, and not laid out as the first state is."""

    gates = ("a", "b")
    state_type = TwiceState

    def transition(self, gates, state):
        h = tanh(gates.a + state.same) + sigmoid(gates.b) * state.before
        return TwiceState(h, h, state.wide, h.mean(-1, keepdim=True).expand(-1, h.shape[-1]))


CELLS = [PlainCell, LSTMCell, ApartCell, ChainCell, ProjectedCell, DiagonalCell, MixedCell]


class Counter:
    """A compiler that compiles nothing, and counts: tracing is the same, and all that costs time is not done."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, graph: Any, example_inputs: Any, **_: Any) -> Any:
        self.calls += 1
        return graph.forward


def make(kind: type, dtype: torch.dtype = torch.float64, **options: Any) -> RecurrentCell:
    torch.manual_seed(1)
    return kind(D, H, **options).to(dtype)


def data(
    cell: RecurrentCell, steps: int = 5, rows: int = 4, noisy: bool = False, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Any, Noise | None]:
    draw = functools.partial(torch.randn, dtype=dtype, generator=torch.Generator().manual_seed(2))
    inputs = draw(steps, rows, D).requires_grad_()
    state = cell.state_type._make(draw(rows, size).requires_grad_() for size in cell.state_sizes)
    if not noisy:
        return inputs, state, None
    operand = (draw(rows, cell.state_sizes[0]) > 0).to(dtype) * 2
    return inputs, state, Noise(operand, tuple(draw(steps, rows, size).sigmoid() for size in cell.state_sizes))


def everything(
    run: Any, cell: RecurrentCell, inputs: Tensor, lengths: Any, state: Any, *rest: Any
) -> dict[str, Tensor]:
    """Outputs, states and all gradients of a loss in which every number counts differently."""
    outputs, last = run(cell, inputs, lengths, state, *rest)
    loss = sum((part * torch.linspace(-1, 2, part.numel()).to(part).view_as(part)).sum() for part in (outputs, *last))
    tensors = {"inputs": inputs, **{f"s_0.{name}": part for name, part in zip(state._fields, state, strict=True)}}
    wanted = {name: part for name, part in (*tensors.items(), *cell.named_parameters()) if part.requires_grad}
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    found = {"outputs": outputs, **last._asdict()}
    return found | {f"d {name}": part for name, part in zip(wanted, gradients, strict=True) if part is not None}


def assert_equal(cell: RecurrentCell, *arguments: Any, atol: float = 1e-12) -> None:
    expected = everything(run_reference, cell, *arguments)
    found = everything(run_compiled, cell, *arguments)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=atol, rtol=atol, msg=lambda text, n=name: f"{n}: {text}")
    assert not compiled._said, "it was the loop that ran"
