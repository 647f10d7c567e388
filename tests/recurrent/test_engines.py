"""Every way to run a cell gives what the loop gives: outputs, each field of the state, all gradients."""

import warnings
from itertools import product

import pytest
import torch

from rnnzoo.cells import Noise, RecurrentCell
from rnnzoo.cells.registry import CELLS, build_cell
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import compiled_kernels, native, pieces
from rnnzoo.recurrent.engine import WORTH_COMPILING, choose, run, why_not
from rnnzoo.recurrent.reference import run_reference
from rnnzoo.recurrent.state import rebuild, tensors

STEPS, BATCH, INPUT, HIDDEN = 6, 5, 3, 8
LENGTHS = {"full": None, "ragged": [6, 0, 3, 1, 6], "all short": [2, 4, 1, 4, 3], "empty": [0] * 5}
NOISES = ["none", "dropout", "zoneout", "dropout zoneout"]
VARIANTS = [(name, {}) for name in CELLS] + [
    ("lstm", {"bias": False}),
    ("gru", {"bias": False}),
    ("elman", {"activation": "relu"}),
    ("elman", {"activation": "relu", "bias": False}),
]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def noise_for(cell: RecurrentCell, kind: str, dtype: torch.dtype) -> Noise | None:
    if kind == "none":
        return None
    operand = torch.empty(BATCH, cell.state_sizes[0], dtype=dtype).bernoulli_(0.7) / 0.7 if "dropout" in kind else None
    drawn = tuple(torch.empty(STEPS, BATCH, size, dtype=dtype).bernoulli_(0.3) for size in cell.state_sizes)
    return Noise(operand, drawn if "zoneout" in kind else None)


def random_state(cell):
    zeros = cell.initial_state(BATCH)
    return rebuild(zeros, [torch.randn_like(field) for field in zeros])


def everything(engine, cell, inputs, lengths, state, noise, reverse):
    """Outputs, final state and all gradients of a loss that weighs every component differently."""
    inputs = inputs.clone().requires_grad_()
    state = rebuild(state, [field.clone().requires_grad_() for field in tensors(state)])
    outputs, last = run(cell, inputs, lengths, state, noise, reverse, engine)
    results = [outputs, *tensors(last)]
    weights = torch.Generator().manual_seed(3)
    loss = sum((each * torch.randn(each.shape, generator=weights, dtype=each.dtype)).sum() for each in results)
    wanted = {"inputs": inputs} | {f"s_0.{name}": field for name, field in zip(state._fields, state, strict=True)}
    wanted |= dict(cell.named_parameters())
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    named = {"outputs": outputs} | {f"state.{name}": field for name, field in zip(last._fields, last, strict=True)}
    return named | {f"gradient of {name}": grad for name, grad in zip(wanted, gradients, strict=True)}


def check_equal(engine, name, options, dtype):
    """This engine against the loop, with every kind of noise and of lengths, in both directions."""
    for kind, (which, some_lengths), reverse in product(NOISES, LENGTHS.items(), (False, True)):
        torch.manual_seed(0)
        cell = build_cell(name, INPUT, HIDDEN, **options).to(dtype)
        noise = noise_for(cell, kind, dtype)
        inputs = torch.randn(STEPS, BATCH, INPUT, dtype=dtype)
        state = random_state(cell)
        lengths = None if some_lengths is None else torch.tensor(some_lengths)
        if why_not(engine, cell, inputs, noise) is not None:
            with pytest.raises(RnnzooError, match=engine):
                run(cell, inputs, lengths, state, noise, reverse, engine)
            continue
        expected = everything("reference", cell, inputs, lengths, state, noise, reverse)
        found = everything(engine, cell, inputs, lengths, state, noise, reverse)
        for what, value in expected.items():
            place = f"{what}, noise {kind}, lengths {which}, reverse {reverse}: {{}}".format
            torch.testing.assert_close(found[what], value, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype], msg=place)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("engine", ["native", "scan"])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_equals_the_reference(name, options, engine, dtype):
    check_equal(engine, name, options, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_compiled_equals_the_reference(name, options, dtype, monkeypatch):
    """Its loops, masks and gradients, with the kernels left to eager PyTorch: compiling each takes half a minute.

    Compiled kernels are met in test_compiled.py.
    """
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    monkeypatch.setattr(compiled_kernels, "_KERNELS", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it says when it falls back to the loop, and then nothing would be compared
        check_equal("compiled", name, options, dtype)


@pytest.mark.parametrize("name", ["lstm", "gru", "elman"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
def test_a_kernel_run_in_many_pieces_equals_the_reference(name, reverse, monkeypatch):
    monkeypatch.setattr(native, "SAVED_BY_A_CUT", 0)
    monkeypatch.setattr(pieces, "LEAST_SHARE", 0.0)
    torch.manual_seed(0)
    cell = build_cell(name, INPUT, HIDDEN).double()
    lengths = torch.tensor([3, 6, 0, 1, 5])
    assert len(pieces.cut(lengths, STEPS, reverse, 0).spans) == 4
    inputs = torch.randn(STEPS, BATCH, INPUT).double()
    state = random_state(cell)
    expected = everything("reference", cell, inputs, lengths, state, None, reverse)
    found = everything("native", cell, inputs, lengths, state, None, reverse)
    for what, value in expected.items():
        torch.testing.assert_close(found[what], value, rtol=1e-10, atol=1e-10, msg=f"{what}: {{}}".format)


def test_which_cells_have_which_engine():
    cells = {name: build_cell(name, INPUT, HIDDEN) for name in CELLS}
    assert {name for name, cell in cells.items() if native.supports(cell) is None} == {
        *("lstm", "gru", "elman", "projected_lstm")
    }
    assert {name for name, cell in cells.items() if why_not("scan", cell, torch.zeros(1, 1, INPUT)) is None} == {
        "min_gru",
        "min_lstm",
    }
    assert "tanh and relu" in native.supports(build_cell("elman", 3, 4, activation="identity"))


class Louder(CELLS["lstm"]):
    """Another O, so the kernel of the class above would be silently wrong."""

    def output(self, state):
        return 2 * state.h


def test_a_subclass_with_another_formula_has_no_kernel():
    assert native.supports(Louder(3, 4)) == "PyTorch has no kernel for Louder"
    inputs, cell = torch.randn(2, 1, 3), Louder(3, 4)
    outputs, state = run(cell, inputs, None, cell.initial_state(1))
    torch.testing.assert_close(outputs[-1], 2 * state.h)


def test_a_parametrized_cell_keeps_its_kernel_and_is_read():
    cell = build_cell("lstm", INPUT, HIDDEN)

    class Halved(torch.nn.Module):
        def forward(self, weight):
            return weight / 2

    torch.nn.utils.parametrize.register_parametrization(cell, "weight_hh", Halved())
    inputs, state = torch.randn(STEPS, BATCH, INPUT), cell.initial_state(BATCH)
    assert native.supports(cell) is None
    torch.testing.assert_close(
        run(cell, inputs, None, state, engine="native")[0], run_reference(cell, inputs, None, state)[0]
    )


def test_padding_of_any_finite_value_changes_nothing_in_a_kernel():
    for name in ("lstm", "gru", "elman", "projected_lstm"):
        cell = build_cell(name, INPUT, HIDDEN).double()
        inputs, lengths = torch.randn(STEPS, BATCH, INPUT).double(), torch.tensor([6, 0, 3, 1, 2])
        garbage = inputs.clone()
        garbage[torch.arange(STEPS)[:, None] >= lengths] = 1e3
        for reverse in (False, True):
            clean, dirty = (
                everything("native", cell, x, lengths, cell.initial_state(BATCH), None, reverse)
                for x in (inputs, garbage)
            )
            for what in clean:
                torch.testing.assert_close(dirty[what], clean[what], rtol=0, atol=0)


class Own(RecurrentCell):
    gates = ("g",)

    def forward(self, inputs, state, noise=None):
        state = type(state)(h=torch.tanh(inputs[:, :1] + state.h))
        return state.h, state


def test_auto_says_what_it_does_and_why():
    inputs = torch.zeros(1, 1, INPUT)
    large = torch.zeros(8, 1, INPUT)
    assert choose(build_cell("gru", INPUT, HIDDEN), inputs).name == "native"
    assert choose(build_cell("min_gru", INPUT, HIDDEN), inputs).name == "scan"
    assert choose(Own(INPUT, HIDDEN), inputs) == ("reference", "Own has a forward of its own")
    peephole = build_cell("peephole_lstm", INPUT, WORTH_COMPILING // 8)
    assert "too little to compile" in choose(peephole, inputs).reason
    with torch.no_grad():
        assert "without gradients" in choose(peephole, large).reason


def test_auto_compiles_what_is_large_and_says_where_it_cannot():
    large = torch.zeros(32, WORTH_COMPILING // (32 * HIDDEN), INPUT)
    peephole = build_cell("peephole_lstm", INPUT, HIDDEN)
    state = peephole.initial_state(large.shape[1])
    assert choose(peephole, large) == ("compiled", "PyTorch has no kernel for PeepholeLSTMCell")
    zoneout = Noise(None, (torch.zeros(*large.shape[:2], HIDDEN),) * 2)
    lstm = build_cell("lstm", INPUT, HIDDEN)
    assert choose(lstm, large, zoneout) == (
        "compiled",
        "PyTorch's kernels have no recurrent dropout and no zoneout",
    )
    with torch.autocast("cpu"):
        assert "cannot be compiled: autocast" in choose(peephole, large).reason
        with pytest.warns(UserWarning, match="PeepholeLSTMCell is run step by step, which is slow.*autocast"):
            run(peephole, large, None, state)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(peephole, large, None, state)


def test_a_forward_of_its_own_is_run_by_the_reference_only():
    cell = Own(INPUT, 1)
    inputs, state = torch.randn(2, 1, INPUT), cell.initial_state(1)
    expected = torch.tanh(inputs[1, :, :1] + torch.tanh(inputs[0, :, :1]))
    torch.testing.assert_close(run(cell, inputs, None, state)[1].h, expected)
    for engine in ("native", "compiled", "scan"):
        with pytest.raises(RnnzooError, match="forward of its own"):
            run(cell, inputs, None, state, engine=engine)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (0, 0)])
def test_nothing_to_run(engine, steps, batch):
    cell = build_cell("lstm", INPUT, HIDDEN)
    state = cell.initial_state(batch)
    outputs, last = run(cell, torch.zeros(steps, batch, INPUT), None, state, engine=engine)
    assert outputs.shape == (steps, batch, HIDDEN)
    assert last.c.shape == (batch, HIDDEN)
