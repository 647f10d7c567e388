"""The compiled engine against the loop under autograd."""

import copy
import multiprocessing
import pickle
import warnings
from typing import Any

import pytest
import torch
from compiled_cells import (
    CELLS,
    ChainCell,
    Counter,
    D,
    DiagonalCell,
    H,
    MixedCell,
    PlainCell,
    ProjectedCell,
    TwiceCell,
    assert_equal,
    data,
    everything,
    make,
)
from torch import Tensor, nn, tanh

from rnnzoo.cells import HiddenState, LSTMCell
from rnnzoo.recurrent.compiled import run_compiled
from rnnzoo.recurrent.reference import run_reference

pytestmark = pytest.mark.usefixtures("forget")
SCALE = 0.5


class GlobalCell(PlainCell):
    def transition(self, gates, state):
        return HiddenState(h=SCALE * tanh(gates.g))


@pytest.mark.parametrize("noisy", [False, True], ids=["", "noise"])
@pytest.mark.parametrize("lengths", [None, [5, 0, 3, 1]], ids=["full", "lengths"])
@pytest.mark.parametrize("kind", CELLS)
def test_equals_the_reference(plain: None, kind: type, lengths: Any, noisy: bool) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, noisy=noisy)
    for reverse in (False, True):
        assert_equal(cell, inputs, None if lengths is None else torch.tensor(lengths), state, noise, reverse)


@pytest.mark.parametrize("kind", CELLS)
def test_float32_without_biases(plain: None, kind: type) -> None:
    cell = make(kind, torch.float32, bias=False)
    inputs, state, noise = data(cell, dtype=torch.float32)
    assert_equal(cell, inputs, None, state, noise, atol=2e-6)


@pytest.mark.parametrize("kind", [LSTMCell, MixedCell])
def test_compiled_for_real(kind: type) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, noisy=True)
    assert_equal(cell, inputs, torch.tensor([5, 0, 3, 1]), state, noise, True)
    inputs, state, noise = data(cell, steps=2, rows=7, noisy=True)
    assert_equal(cell, inputs, torch.tensor([2, 1, 2, 0, 2, 1, 1]), state, noise)


@pytest.mark.parametrize("kind", [ChainCell, MixedCell])
def test_first_and_second_derivatives_by_finite_differences(plain: None, kind: type) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, steps=3, rows=2, noisy=True)
    lengths = torch.tensor([3, 2])

    def function(inputs: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        outputs, last = run_compiled(cell, inputs, lengths, cell.state_type._make(state), noise)
        return (outputs, *last)

    assert torch.autograd.gradcheck(function, (inputs, *state))
    assert torch.autograd.gradgradcheck(function, (inputs, *state))


@pytest.mark.parametrize("kind", [LSTMCell, MixedCell])
def test_a_penalty_on_the_gradients(plain: None, kind: type) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, noisy=True)
    wanted = [inputs, *state, *cell.parameters()]
    results = []
    for run in (run_reference, run_compiled):
        loss = run(cell, inputs, torch.tensor([5, 0, 3, 1]), state, noise)[0].square().sum()
        gradients = torch.autograd.grad(loss, wanted, create_graph=True, allow_unused=True)
        penalty = sum(part.square().sum() for part in gradients if part is not None)
        results.append((gradients, torch.autograd.grad(penalty, wanted, allow_unused=True)))
    for one, other in zip(sum(results[0], ()), sum(results[1], ()), strict=True):
        torch.testing.assert_close(other, one)


def test_a_loss_on_the_last_state_alone_and_on_one_step(plain: None) -> None:
    cell = make(LSTMCell)
    inputs, state, _ = data(cell)
    for pick in (lambda y, s: s.c.sum(), lambda y, s: y[2, 1].sum(), lambda y, s: s.h.sum() + y.mean()):
        expected, found = (
            torch.autograd.grad(pick(*run(cell, inputs, None, state)), [inputs, *state, *cell.parameters()])
            for run in (run_reference, run_compiled)
        )
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(other, one, atol=1e-12, rtol=1e-12)


def test_gradients_only_where_they_are_wanted(plain: None) -> None:
    cell = make(MixedCell)
    inputs, state, _ = data(cell)
    for parameter in (cell.weight_hh, cell.gain, cell.bias_ih):
        parameter.requires_grad_(False)
    assert_equal(cell, inputs.detach(), None, state)
    for parameter in cell.parameters():
        parameter.requires_grad_(False)
    assert_equal(cell, inputs, None, type(state)._make(part.detach() for part in state))


def test_gradients_accumulate_and_the_graph_can_be_kept(plain: None) -> None:
    cell = make(LSTMCell)
    inputs, state, _ = data(cell)
    loss = run_compiled(cell, inputs, None, state)[0].square().sum()
    loss.backward(retain_graph=True)
    first = cell.weight_hh.grad.clone()
    loss.backward()
    torch.testing.assert_close(cell.weight_hh.grad, 2 * first)


def test_changing_the_outputs_in_place_changes_no_gradient(plain: None) -> None:
    cell = make(PlainCell)
    inputs, state, _ = data(cell)
    expected = torch.autograd.grad(3 * run_reference(cell, inputs, None, state)[0].sum(), inputs)
    outputs, _ = run_compiled(cell, inputs, None, state)
    outputs.mul_(3)
    torch.testing.assert_close(torch.autograd.grad(outputs.sum(), inputs), expected)


def test_inputs_that_are_not_contiguous(plain: None) -> None:
    cell = make(LSTMCell)
    inputs, state, _ = data(cell)
    batch_first = inputs.detach().transpose(0, 1).contiguous().requires_grad_()
    wide = type(state)._make(part.detach().repeat_interleave(2, 1)[:, ::2].requires_grad_() for part in state)
    assert_equal(cell, batch_first.transpose(0, 1), None, wide)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (4, 0), (1, 1), (3, 1)])
def test_small_sizes(plain: None, steps: int, rows: int) -> None:
    cell = make(ChainCell)
    inputs, state, _ = data(cell, steps=steps, rows=rows)
    for lengths in (None, torch.full((rows,), steps)):
        expected, found = (everything(run, cell, inputs, lengths, state) for run in (run_reference, run_compiled))
        for name, value in found.items():
            torch.testing.assert_close(value, expected.get(name, torch.zeros_like(value)))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("kind", [LSTMCell, ProjectedCell, MixedCell])
def test_without_gradients_nothing_is_remembered(plain: None, kind: type, mode: Any) -> None:
    cell = make(kind)
    inputs, state, _ = data(cell)
    with mode():
        expected, found = (run(cell, inputs, None, state) for run in (run_reference, run_compiled))
    torch.testing.assert_close(found, expected)
    assert not found[0].requires_grad
    assert_equal(cell, inputs, None, state)  # what inference made must not spoil what training needs


class TestKernels:
    def test_no_new_ones_for_other_numbers_of_rows_and_steps(self, counter: Counter) -> None:
        cell = make(MixedCell)
        for steps, rows in ((5, 4), (9, 7), (1, 2), (3, 1), (2, 64)):
            inputs, state, noise = data(cell, steps, rows, noisy=True)
            assert_equal(cell, inputs, torch.full((rows,), steps), state, noise)
            assert counter.calls == 6

    @pytest.mark.parametrize("noisy", [False, True], ids=["", "noise"])
    @pytest.mark.parametrize("kind", [TwiceCell, ChainCell, ProjectedCell])
    def test_steps_after_the_first_are_checked_by_nothing_and_equal(
        self, counter: Counter, kind: type, noisy: bool
    ) -> None:
        cell = make(kind)
        inputs, state, noise = data(cell, noisy=noisy)
        same = type(state)._make(state[0] if part.shape == state[0].shape else part for part in state)
        for start, lengths, reverse in ((state, None, False), (same, torch.tensor([5, 0, 3, 1]), True)):
            assert_equal(cell, inputs, lengths, start, noise, reverse)

    def test_shared_by_cells_of_one_configuration(self, counter: Counter) -> None:
        for seed in range(3):  # an attribute of the cell, the size of the inputs and the parameters differ
            torch.manual_seed(seed)
            cell = DiagonalCell(D + seed, H).double()
            inputs = torch.randn(5, 4, D + seed, dtype=torch.float64, requires_grad=True)
            assert_equal(cell, inputs, None, data(cell)[1])
        assert counter.calls == 2

    def test_more_kinds_than_a_function_may_have_versions(self, counter: Counter) -> None:
        for width in range(2, 14):
            cell = PlainCell(D, width).double()
            inputs, state, _ = data(cell)
            assert_equal(cell, inputs, None, state)
        assert counter.calls == 24

    def test_new_ones_for_another_configuration(self, counter: Counter) -> None:
        class SlopeCell(PlainCell):
            slope = 1.0

            def transition(self, gates, state):
                return HiddenState(h=tanh(self.slope * gates.g))

        cell = make(SlopeCell)
        inputs, state, _ = data(cell)
        for slope in (0.5, 2.0, float("nan"), 0.5):
            cell.slope = slope
            if slope == slope:
                assert_equal(cell, inputs, None, state)
        cell.slope = {"of": [0.25]}
        cell.transition_of = None

        def transition(self, gates, state):
            return HiddenState(h=torch.relu(gates.g))

        SlopeCell.transition = transition  # as a notebook does
        assert_equal(cell, inputs, None, state)

    def test_a_global_of_the_cell_s_module(self, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
        cell = make(GlobalCell)
        inputs, state, _ = data(cell)
        assert_equal(cell, inputs, None, state)
        monkeypatch.setitem(globals(), "SCALE", 3.0)
        assert_equal(cell, inputs, None, state)

    def test_a_cell_that_has_run_can_be_copied_pickled_and_freed(self, counter: Counter) -> None:
        cell = make(LSTMCell)
        inputs, state, _ = data(cell)
        run_compiled(cell, inputs, None, state)[0].sum().backward()
        expected = run_compiled(cell, inputs, None, state)
        for other in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
            torch.testing.assert_close(run_compiled(other, inputs, None, state), expected)
        assert counter.calls == 2

    def test_in_a_forked_process(self, counter: Counter) -> None:
        cell = make(PlainCell)
        inputs, state, _ = data(cell)
        assert_equal(cell, inputs, None, state)
        process = multiprocessing.get_context("fork").Process(target=assert_equal, args=(cell, inputs, None, state))
        process.start()
        process.join(60)
        assert process.exitcode == 0


def test_weights_that_are_drawn_are_drawn_once(plain: None) -> None:
    class DroppedCell(PlainCell):
        draws = 0

        def weights(self):
            type(self).draws += 1
            found = super().weights()
            return found._replace(recurrent=tuple(nn.functional.dropout(part, 0.5) for part in found.recurrent))

    cell = make(DroppedCell)
    inputs, state, _ = data(cell)
    results = []
    for run in (run_reference, run_compiled):
        torch.manual_seed(3)
        results.append(everything(run, cell, inputs, None, state))
    assert DroppedCell.draws == 2
    torch.testing.assert_close(results[1], results[0])


def test_the_global_generator_is_left_alone(plain: None) -> None:
    cell = make(MixedCell)
    inputs, state, _ = data(cell)
    before = torch.get_rng_state()
    run_compiled(cell, inputs, None, state)[0].sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_wrong_state_is_the_loop_s_error_not_a_wrong_result(plain: None) -> None:
    cell = make(PlainCell)
    inputs, _, _ = data(cell)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError):
            run_compiled(cell, inputs, None, HiddenState(h=torch.zeros(4, H + 1, dtype=torch.float64)))
