"""check_cell finds the mistakes that one makes, and says which."""

import random

import pytest
import torch
from torch import nn

from rnnzoo.cells import GRUCell, HiddenState, LSTMCell, RecurrentCell
from rnnzoo.cells.lstm import LSTMState
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent.reference import run_reference
from rnnzoo.testing import check_cell

QUICK = {"engines": ("native", "scan")}


class Leaky(RecurrentCell):
    """A cell without a mistake, from which the mistaken ones differ in one place."""

    gates = ("g",)

    def __init__(self, input_size, hidden_size, *, leak=0.1):
        super().__init__(input_size, hidden_size)
        self.leak = nn.Parameter(torch.full((hidden_size,), leak))

    def transition(self, gates, state):
        return HiddenState(h=(1 - self.leak) * state.h + self.leak * torch.tanh(gates.g))


class OwnForward(Leaky):
    """A product that no gate has, h @ h.T row by row: beyond the contract of stages, so it is run by the loop."""

    def forward(self, inputs, state, noise=None):
        h = torch.tanh(inputs @ self.weight_ih.T + self.bias_ih + state.h @ self.weight_hh.T + self.bias_hh)
        h = self.leak * h * (h * h).sum(-1, keepdim=True)
        return h, HiddenState(h=h)


class OnlyForward(RecurrentCell):
    """No gate at all: its products are modules of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, inputs, state):
        h = torch.tanh(self.linear(torch.cat((inputs, state.h), -1)))
        return h, HiddenState(h=h)


class Reservoir(Leaky):
    """An echo state network (Jaeger 2001): what is recurrent stays as it was drawn."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        for fixed in (self.weight_hh, self.bias_hh, self.weight_ih):
            fixed.requires_grad_(False)


class LearnedStart(Leaky):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.start = nn.Parameter(torch.zeros(hidden_size))

    def initial_state(self, batch_size):
        return HiddenState(h=self.start.expand(batch_size, -1))


class MeanOverRows(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h - 1e-3 * state.h.mean(0))


class BatchNormalised(Leaky):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.norm = nn.BatchNorm1d(hidden_size)

    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h + torch.tanh(self.norm(gates.g)))


class RolledRows(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h.roll(1, 0))


class InPlace(Leaky):
    def transition(self, gates, state):
        with torch.no_grad():
            state.h.mul_(0.5)
        return HiddenState(h=state.h + self.leak * torch.tanh(gates.g))


class Dropping(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=nn.functional.dropout(super().transition(gates, state).h, 0.5))


class PythonRandom(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h * random.random())


class Remembering(Leaky):
    def transition(self, gates, state):
        last, self.last = getattr(self, "last", gates.g.detach() * 0), gates.g.detach()
        return HiddenState(h=super().transition(gates, state).h + last)


class Counting(Leaky):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_buffer("calls", torch.zeros(()))

    def transition(self, gates, state):
        self.calls += 1
        return super().transition(gates, state)


class WideState(Leaky):
    def transition(self, gates, state):
        h = super().transition(gates, state).h
        return HiddenState(h=torch.cat((h, h), -1))


class PlainTuple(LSTMCell):
    def transition(self, gates, state):
        h, c = super().transition(gates, state)
        return c, h


class WrongOrder(RecurrentCell):
    """h narrower than c, given back as (c, h) under the right type."""

    gates = ("g",)
    state_type = LSTMState

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, state_sizes=(hidden_size // 2, hidden_size))

    def transition(self, gates, state):
        c = state.c + torch.tanh(gates.g)
        return LSTMState(c, c[:, ::2])


class Float32Constant(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h * torch.tensor(0.9))


class Float32Matrix(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=torch.tanh(gates.g @ torch.eye(gates.g.shape[-1])))


class Float32State(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h.float())


class PlainTensor(Leaky):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.scale = torch.rand(hidden_size)

    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h * self.scale.to(state.h))


class Detached(Leaky):
    def transition(self, gates, state):
        return super().transition(gates, HiddenState(h=state.h.detach()))


class Unused(Leaky):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.spare = nn.Parameter(torch.ones(hidden_size))


class Unpicklable(Leaky):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.function = lambda x: x


class Unsaved(Leaky):
    """Draws a constant of its own that is not in the state_dict: a copy read from a checkpoint would compute other."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_buffer("sign", torch.randn(hidden_size).sign(), persistent=False)

    def transition(self, gates, state):
        return HiddenState(h=super().transition(gates, state).h * self.sign)


class WrongInitialState(Leaky):
    def initial_state(self, batch_size):
        return HiddenState(h=torch.zeros(batch_size, self.hidden_size, dtype=torch.float64))


class NarrowInitialState(Leaky):
    def initial_state(self, batch_size):
        return HiddenState(h=torch.zeros(batch_size, 1))


class WrongOutput(Leaky):
    def output(self, state):
        return state.h[:, :1]


class ForwardWithoutTransition(Leaky):
    """A projection of whole sequences that is not that of their steps."""

    def project(self, inputs, weights):
        projected = super().project(inputs, weights)
        return projected - projected.mean(0) if projected.dim() == 3 else projected


class Misspelled(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=torch.tanh(gates.k))


class Nothing(RecurrentCell):
    pass


MISTAKES = [
    (MeanOverRows, ["rows: row 0 of the output changes by", "must not mix rows"]),
    (BatchNormalised, ["rows: row 0", "batch normalisation", "in place: a step changes the buffer norm.running_mean"]),
    (RolledRows, ["rows: row 0", "when only other rows of the batch change"]),
    (InPlace, ["in place: a step changes h of the state", "return new tensors"]),
    (Dropping, ["determinism: a step draws random numbers", "recurrent_dropout and zoneout"]),
    (PythonRandom, ["determinism: the output differs between two calls"]),
    (Remembering, ["determinism: the output differs between two calls", "never an attribute"]),
    (Counting, ["in place: a step changes the buffer calls", "remember nothing"]),
    (WideState, ["step: h of the new state is (5, 8) of torch.float32, and was (5, 4)"]),
    (PlainTuple, ["step: the new state is a tuple, not a LSTMState", "LSTMState(h=..., c=...)"]),
    (WrongOrder, ["are the fields in the wrong order?"]),
    (Float32Constant, ["dtype: tensor makes a tensor of torch.float32 in a step of a float64 cell", "full_like"]),
    (Float32Matrix, ["dtype: eye makes a tensor of torch.float32"]),
    (
        Float32State,
        ["dtype: float makes a tensor of torch.float32", "h of the new state of a float64 cell is torch.float32"],
    ),
    (PlainTensor, ["dtype: scale is a plain tensor", "self.register_buffer('scale', ...)"]),
    (Detached, ["gradients: wrong against finite differences"]),
    (Unused, ["gradients: the parameter spare gets no gradient"]),
    (Unpicklable, ["copies: it cannot be pickled", "no lambdas"]),
    (Unsaved, ["copies: the cell restored from its state_dict gives another result"]),
    (WrongInitialState, ["initial state: h of initial_state(0) is (0, 4) of torch.float64"]),
    (NarrowInitialState, ["initial state: h of initial_state(0) is (0, 1) of torch.float32, and must be (0, 4)"]),
    (WrongOutput, ["step: the output is (5, 1) of torch.float32, and must be (5, 4)"]),
    (ForwardWithoutTransition, ["sequence: step 0 alone gives another output than in a sequence"]),
    (Misspelled, ["step: raises AttributeError"]),
    (Nothing, ["step: raises"]),
]


@pytest.mark.parametrize(("cell_type", "words"), MISTAKES, ids=[cell_type.__name__ for cell_type, _ in MISTAKES])
def test_mistakes_are_named(cell_type, words):
    with pytest.raises(AssertionError) as error:
        check_cell(cell_type, **QUICK)
    for word in words:
        assert word in str(error.value), f"{word!r} is not in:\n{error.value}"


@pytest.mark.parametrize("cell_type", [Leaky, OwnForward, OnlyForward, Reservoir, LearnedStart])
def test_what_is_right_passes(cell_type):
    check_cell(cell_type, **QUICK)


def test_all_mistakes_are_told_at_once():
    class Both(Unused, MeanOverRows):
        pass

    with pytest.raises(AssertionError, match=r"(?s)rows: row 0.*gradients: the parameter spare"):
        check_cell(Both, **QUICK)


def test_an_instance_is_checked_and_left_as_it_is():
    cell = Leaky(2, 6, leak=0.5)
    before = {name: value.clone() for name, value in cell.state_dict().items()}
    check_cell(cell.eval(), **QUICK)
    assert not cell.training
    assert cell.weight_ih.dtype == torch.float32
    assert all(torch.equal(before[name], value) for name, value in cell.state_dict().items())


def test_an_engine_that_runs_another_formula_is_found(monkeypatch):
    """The compiled engine's place is taken by one that forgets the lengths, so this costs no compiling."""
    from rnnzoo.recurrent import engine

    monkeypatch.setitem(
        engine.ENGINES,
        "native",
        lambda cell, inputs, lengths, state, noise, reverse: run_reference(cell, inputs, None, state, noise, reverse),
    )
    with pytest.raises(AssertionError, match="engines: native gives other outputs than the loop"):
        check_cell(GRUCell, engines=("native",))


class NotANumber(Leaky):
    def transition(self, gates, state):
        return HiddenState(h=torch.log(-gates.g.square()))


def test_nan_is_called_nan():
    with pytest.raises(AssertionError) as raised:
        check_cell(NotANumber, **QUICK)
    assert str(raised.value).splitlines()[1:] == [
        f"- finite: {name} is nan after three steps on inputs of N(0, 1): look for 0 / 0 or log(0)"
        for name in ("the output", "h of the state")
    ]


def test_what_is_no_cell_is_refused():
    with pytest.raises(RnnzooError, match=r"^check_cell takes a cell or its class, not 'lstm': rnnzoo.cells.CELLS has"):
        check_cell("lstm")
