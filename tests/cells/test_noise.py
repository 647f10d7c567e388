"""Recurrent dropout and zoneout in a step, against the papers' formulas by hand."""

import pytest
import torch
from torch.nn import functional as F

from rnnzoo.cells import CELLS, ElmanCell, GRUCell, LSTMCell, Noise, ProjectedLSTMCell, ResetBeforeGRUCell
from rnnzoo.cells.lstm import LSTMState
from rnnzoo.recurrent.reference import run_reference

T, N, D, H = 4, 3, 2, 4


def made(cell_type, **options):
    torch.manual_seed(0)
    cell = cell_type(D, H, **options).double()
    state = cell.state_type._make(torch.randn(N, size, dtype=torch.float64) for size in cell.state_sizes)
    return cell, torch.randn(N, D, dtype=torch.float64), state


def test_recurrent_dropout_masks_what_the_recurrent_weights_multiply():
    """Gal & Ghahramani 2016, eq. 7: every gate sees h * mask, and the carried c, or h of a GRU, is not masked."""
    mask = 2.0 * torch.tensor([[1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]], dtype=torch.float64)
    cell, x, state = made(LSTMCell)
    _, new = cell(x, state, Noise(operand=mask))
    _, expected = cell(x, LSTMState(h=state.h * mask, c=state.c))
    torch.testing.assert_close(new, expected, rtol=0, atol=0)

    cell, x, state = made(GRUCell)
    a = F.linear(x, cell.weight_ih, cell.bias_ih)
    b = F.linear(state.h * mask, cell.weight_hh, cell.bias_hh)
    r, z = torch.sigmoid(a[:, :H] + b[:, :H]), torch.sigmoid(a[:, H : 2 * H] + b[:, H : 2 * H])
    n = torch.tanh(a[:, 2 * H :] + r * b[:, 2 * H :])
    torch.testing.assert_close(cell(x, state, Noise(operand=mask))[0], (1 - z) * n + z * state.h)


def test_recurrent_dropout_of_a_chain_of_products():
    """Reset before: W_hr and W_hz see h * mask, W_hn sees (r * h) * mask. A projection is no recurrent product."""
    mask = torch.tensor([[2.0, 0.0, 2.0, 0.0]], dtype=torch.float64).expand(N, H)
    cell, x, state = made(ResetBeforeGRUCell)
    a = F.linear(x, cell.weight_ih, cell.bias_ih)
    b = F.linear(state.h * mask, cell.weight_hh[: 2 * H], cell.bias_hh[: 2 * H])
    r, z = torch.sigmoid(a[:, :H] + b[:, :H]), torch.sigmoid(a[:, H : 2 * H] + b[:, H:])
    n = torch.tanh(a[:, 2 * H :] + F.linear(r * state.h * mask, cell.weight_hh[2 * H :], cell.bias_hh[2 * H :]))
    torch.testing.assert_close(cell(x, state, Noise(operand=mask))[0], (1 - z) * n + z * state.h)

    cell, x, state = made(ProjectedLSTMCell, projection_size=2)
    _, new = cell(x, state, Noise(operand=mask[:, :2]))
    _, expected = cell(x, LSTMState(h=state.h * mask[:, :2], c=state.c))
    torch.testing.assert_close(new, expected, rtol=0, atol=0)


def test_zoneout_keeps_components_of_each_field():
    """Krueger et al. 2017, section 3.1: h and c each with their own mask; h' is made from c' before c's zoneout."""
    cell, x, state = made(LSTMCell)
    _, plain = cell(x, state)
    keep_h = torch.tensor([[1, 0, 0, 1]] * N, dtype=torch.float64)
    keep_c = torch.tensor([[0, 0, 1, 1]] * N, dtype=torch.float64)
    output, new = cell(x, state, Noise(zoneout=(keep_h, keep_c)))
    for unit in range(H):
        kept = [bool(keep_h[0, unit]), bool(keep_c[0, unit])]
        for field, old, plain_field, is_kept in zip(new, state, plain, kept, strict=True):
            assert torch.equal(field[:, unit], (old if is_kept else plain_field)[:, unit])
    assert torch.equal(output, new.h)


def test_zoneout_at_evaluation_is_the_expectation():
    """d * old + (1 - d) * new, for one step the mean over masks: here over all of them, weighted exactly."""
    cell, x, state = made(ElmanCell)
    rate = 0.3
    _, evaluated = cell(x, state, Noise(zoneout=(torch.full((N, H), rate, dtype=torch.float64),)))
    mean = torch.zeros(N, H, dtype=torch.float64)
    for bits in range(2**H):
        mask = torch.tensor([bits >> unit & 1 for unit in range(H)], dtype=torch.float64)
        probability = rate ** mask.sum() * (1 - rate) ** (H - mask.sum())
        mean += probability * cell(x, state, Noise(zoneout=(mask.expand(N, H),)))[1].h
    torch.testing.assert_close(evaluated.h, mean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_no_noise_and_all_noise(name):
    """Masks of ones and shares of zero change nothing; shares of one keep s_0 for ever."""
    torch.manual_seed(0)
    cell = CELLS[name](D, H).double()
    inputs = torch.randn(T, N, D, dtype=torch.float64)
    state = cell.state_type._make(torch.randn(N, size, dtype=torch.float64) for size in cell.state_sizes)
    nothing = Noise(
        torch.ones(N, cell.state_sizes[0], dtype=torch.float64),
        tuple(torch.zeros(T, N, size, dtype=torch.float64) for size in cell.state_sizes),
    )
    torch.testing.assert_close(
        run_reference(cell, inputs, None, state, nothing), run_reference(cell, inputs, None, state), rtol=0, atol=0
    )
    everything = Noise(zoneout=tuple(torch.ones(T, N, size, dtype=torch.float64) for size in cell.state_sizes))
    _, last = run_reference(cell, inputs, None, state, everything)
    torch.testing.assert_close(last, state, rtol=0, atol=0)


def test_zoneout_masks_differ_from_step_to_step():
    """A sequence's shares are (T, N, H): step t uses the t-th, in both directions."""
    cell, _, state = made(LSTMCell)
    inputs = torch.randn(T, N, D, dtype=torch.float64)
    shares = tuple(torch.rand(T, N, H, dtype=torch.float64).round() for _ in state)
    for reverse in (False, True):
        _, last = run_reference(cell, inputs, None, state, Noise(zoneout=shares), reverse)
        expected = state
        for t in reversed(range(T)) if reverse else range(T):
            _, expected = cell(inputs[t], expected, Noise(zoneout=tuple(share[t] for share in shares)))
        torch.testing.assert_close(last, expected, rtol=0, atol=1e-14)
