import math

import pytest
import torch

from rnnzoo.cells import CELLS, LSTMCell, build_cell
from rnnzoo.cells.initialization import forget_bias
from rnnzoo.errors import RnnzooError

H = 8


@pytest.mark.parametrize("name", [name for name in CELLS if name not in ("indrnn", "min_gru", "min_lstm")])
def test_orthogonal_blocks(name):
    cell = build_cell(name, 3, H, init={"orthogonal": 2.0})
    gates = [gate for stage in cell.stages if stage.weight == "weight_hh" for gate in stage.gates]
    start = 0
    for gate in gates:
        block = cell.weight_hh[start : start + cell.gate_sizes[gate]]
        start += cell.gate_sizes[gate]
        small = block @ block.T if block.shape[0] <= block.shape[1] else block.T @ block
        torch.testing.assert_close(small, 4.0 * torch.eye(len(small)), rtol=0, atol=1e-5)
    assert start == len(cell.weight_hh)


def test_irnn_keeps_its_state_at_the_start():
    """Le et al. 2015: without input the state stays as it is, step after step."""
    cell = build_cell("elman", 3, H, activation="relu", init={"identity": 1.0})
    state = cell.state_type(torch.rand(2, H))
    new = state
    for _ in range(100):
        _, new = cell(torch.zeros(2, 3), new)
    torch.testing.assert_close(new.h, state.h, rtol=0, atol=0)
    assert cell.weight_ih.abs().max() < 0.01
    half = build_cell("elman", 3, H, activation="relu", init={"identity": 0.5})
    torch.testing.assert_close(half(torch.zeros(2, 3), state)[0], 0.5 * state.h)


def gate_bias(cell, gate):
    """The sum that acts: rows of bias_ih and bias_hh, found by the order of the names alone."""
    names = list(cell.gate_sizes)
    start = sum(cell.gate_sizes[name] for name in names[: names.index(gate)])
    rows = slice(start, start + cell.gate_sizes[gate])
    return cell.bias_ih[rows] + (0 if cell.bias_hh is None else cell.bias_hh[rows])


LSTMS = ["lstm", "projected_lstm", "block_lstm", "peephole_lstm", "coupled_lstm", "layer_norm_lstm"]


@pytest.mark.parametrize("name", LSTMS)
def test_forget_bias_is_the_sum_that_acts(name):
    torch.manual_seed(0)
    drawn = build_cell(name, 3, H)
    torch.manual_seed(0)
    cell = build_cell(name, 3, H, forget_bias=1.5)
    torch.testing.assert_close(gate_bias(cell, "f"), torch.full_like(gate_bias(cell, "f"), 1.5))
    for gate in set(drawn.gate_sizes) - {"f", "h"}:
        assert torch.equal(gate_bias(cell, gate), gate_bias(drawn, gate)), gate


def test_forget_bias_survives_uniform():
    cell = build_cell("lstm", 3, H, forget_bias=1.0, init={"uniform": 0.05})
    torch.testing.assert_close(gate_bias(cell, "f"), torch.ones(H))
    assert gate_bias(cell, "i").abs().max() <= 0.1
    assert cell.weight_hh.abs().max() <= 0.05 < 1 / math.sqrt(H)


@pytest.mark.parametrize("name", [*LSTMS, "min_lstm"])
def test_chrono_remembers_for_u_steps(name):
    """With b_f = log u the share kept is u / (1 + u), a memory of 1 + u steps, u in U(1, 99): 2 to 100 of them."""
    torch.manual_seed(0)
    cell = build_cell(name, 3, 400, init={"chrono": 100})
    kept = torch.sigmoid(gate_bias(cell, "f").detach().double())
    memory = 1 / (1 - kept)
    assert 2 - 1e-3 <= memory.min() < 5
    assert 96 < memory.max() <= 100 + 1e-2
    assert memory.mean().item() == pytest.approx(51, abs=5)
    if "i" in cell.gate_sizes:
        torch.testing.assert_close(gate_bias(cell, "i"), -gate_bias(cell, "f"))


def test_chrono_of_one_gate():
    """A GRU's z is the share of the old, minGRU's that of the new: each keeps its state for 2 to 10 steps."""
    for name in ("gru", "gru_reset_before", "min_gru"):
        cell = build_cell(name, 3, 400, init={"chrono": 10})
        z = torch.sigmoid(gate_bias(cell, "z"))
        kept = 1 - z if name == "min_gru" else z
        assert kept.min() >= 0.5 - 1e-4
        assert 0.89 < kept.max() <= 0.9 + 1e-4


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lstm", {"init": {"orthogonl": 1.0}}, "unknown init 'orthogonl': did you mean 'orthogonal'"),
        ("lstm", {"init": "orthogonal"}, "must be a mapping"),
        ("lstm", {"init": {"orthogonal": 0}}, "number above 0"),
        ("lstm", {"init": {"uniform": True}}, "number above 0"),
        ("lstm", {"init": {"chrono": 1}}, "at least 2"),
        ("lstm", {"init": {"chrono": 10}, "forget_bias": 1.0}, "both set the bias of gate f"),
        ("lstm", {"init": {"chrono": 10}, "bias": False}, "bias=False"),
        ("lstm", {"forget_bias": 1.0, "bias": False}, "bias=False"),
        ("lstm", {"init": {"identity": 1.0}}, "LSTMCell"),
        ("elman", {"init": {"chrono": 10}}, "ElmanCell"),
        ("elman", {"init": {"identity": 1.0, "uniform": 0.1}}, "uniform cannot stand by it"),
        ("min_gru", {"init": {"orthogonal": 1.0}}, "weight_hh, which MinGRUCell has not"),
    ],
)
def test_what_cannot_be_initialised_so(name, options, words):
    with pytest.raises(RnnzooError) as error:
        build_cell(name, 3, H, **options)
    assert words in str(error.value)


def test_forget_bias_needs_a_forget_gate():
    with pytest.raises(RnnzooError, match="gate f, and the gates of GRUCell are r, z, n"):
        forget_bias(build_cell("gru", 3, H), 1.0)
    cell = LSTMCell(3, H)
    forget_bias(cell, -2.0)
    assert torch.equal(cell.bias_ih[H : 2 * H], torch.full((H,), -2.0))
    assert torch.equal(cell.bias_hh[H : 2 * H], torch.zeros(H))
