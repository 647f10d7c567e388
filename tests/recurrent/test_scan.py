"""Linear cells as a scan, against the loop and against numbers by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, sigmoid

from rnnzoo.cells import HiddenState, Noise
from rnnzoo.cells.linear import LinearCell
from rnnzoo.recurrent.reference import run_reference
from rnnzoo.recurrent.scan import linear_recurrence, run_scan, supports


class LeakyCell(LinearCell):
    gates = ("z", "n")

    def coefficients(self, gates):
        z = sigmoid(gates.z)
        return 1 - z, z * gates.n


class SumCell(LinearCell):
    """A coefficient that depends on no input, and an output of its own."""

    gates = ("n",)

    def coefficients(self, gates):
        return torch.ones_like(gates.n), gates.n

    def output(self, state):
        return state.h.square()


def data(kind: type, steps: int = 6, rows: int = 4) -> tuple[Any, Tensor, Any]:
    torch.manual_seed(0)
    cell = kind(3, 5).double()
    inputs = torch.randn(steps, rows, 3, dtype=torch.float64, requires_grad=True)
    return cell, inputs, HiddenState(h=torch.randn(rows, 5, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, [6, 0, 2, 5]])
@pytest.mark.parametrize("kind", [LeakyCell, SumCell])
def test_equals_the_reference(kind: type, lengths: Any, reverse: bool) -> None:
    cell, inputs, state = data(kind)
    lengths = None if lengths is None else torch.tensor(lengths)
    results = []
    for run in (run_reference, run_scan):
        outputs, last = run(cell, inputs, lengths, state, None, reverse)
        weight = torch.linspace(-1, 2, outputs.numel(), dtype=torch.float64).view_as(outputs)
        loss = (outputs * weight).sum() + (last.h * weight[0]).sum()
        gradients = torch.autograd.grad(loss, [inputs, *state, *cell.parameters()], create_graph=True)
        twice = torch.autograd.grad(gradients[0].square().sum() + gradients[2].square().sum(), [inputs, cell.weight_ih])
        results.append((outputs, last, gradients, twice))
    assert isinstance(results[1][1], HiddenState)
    torch.testing.assert_close(results[1], results[0], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_derivatives_by_finite_differences(reverse: bool) -> None:
    torch.manual_seed(0)
    a, b = (torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    start = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_recurrence, (a, b, start, reverse))
    assert torch.autograd.gradgradcheck(linear_recurrence, (a, b, start, reverse))


def test_by_hand() -> None:
    a = torch.tensor([2.0, 0.5, -1.0]).view(3, 1, 1)
    b = torch.tensor([1.0, 0.0, 3.0]).view(3, 1, 1)
    start = torch.tensor([[4.0]])
    assert linear_recurrence(a, b, start).flatten().tolist() == [9.0, 4.5, -1.5]
    assert linear_recurrence(a, b, start, reverse=True).flatten().tolist() == [0.0, -0.5, -1.0]


def test_long_sequences_keep_their_digits() -> None:
    steps = 4096
    torch.manual_seed(0)
    a = torch.rand(steps, 1, 8, requires_grad=True)
    b = torch.randn(steps, 1, 8, requires_grad=True)
    gradients = torch.autograd.grad(linear_recurrence(a, b, torch.zeros(1, 8)).sum(), [a, b])
    exact = [tensor.detach().double().requires_grad_() for tensor in (a, b)]
    h, total = torch.zeros(1, 8, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for t in range(steps):
        h = exact[0][t] * h + exact[1][t]
        total = total + h.sum()
    for found, expected in zip(gradients, torch.autograd.grad(total, exact), strict=True):
        assert (found - expected).norm() / expected.norm() < 1e-6


def test_nothing_of_the_padding_arrives() -> None:
    cell, inputs, state = data(LeakyCell)
    lengths = torch.tensor([6, 0, 2, 5])
    real = (torch.arange(6).unsqueeze(1) < lengths).unsqueeze(-1)
    outputs, last = run_scan(cell, inputs, lengths, state)
    (gradient,) = torch.autograd.grad(outputs.sum() + last.h.sum(), inputs)
    assert not (outputs * ~real).any()
    assert not (gradient * ~real).any()
    assert torch.equal(last.h[1], state.h[1])


def test_no_steps() -> None:
    cell, inputs, state = data(LeakyCell, steps=0)
    outputs, last = run_scan(cell, inputs, None, state)
    assert outputs.shape == (0, 4, 5)
    assert torch.equal(last.h, state.h)


def test_zoneout_and_own_transitions_run_by_the_loop() -> None:
    class OwnCell(LeakyCell):
        def transition(self, gates, state):
            return HiddenState(h=super().transition(gates, state).h.tanh())

    assert "zoneout" in str(supports(data(LeakyCell)[0], Noise(zoneout=(torch.zeros(1),))))
    cell, inputs, state = data(OwnCell)
    assert supports(cell) == "OwnCell has a transition of its own"
    torch.testing.assert_close(run_scan(cell, inputs, None, state), run_reference(cell, inputs, None, state))
    cell, inputs, state = data(LeakyCell)
    noise = Noise(torch.full((4, 5), 2.0).double(), (torch.rand(6, 4, 5).double(),))
    torch.testing.assert_close(
        run_scan(cell, inputs, None, state, noise), run_reference(cell, inputs, None, state, noise)
    )
    masked = Noise(torch.full((4, 5), 2.0).double())
    torch.testing.assert_close(
        run_scan(cell, inputs, None, state, masked), run_reference(cell, inputs, None, state, masked)
    )


@pytest.mark.parametrize("transform", ["autocast", "vmap"])
def test_autocast_and_vmap(transform: str) -> None:
    cell, inputs, state = data(LeakyCell)
    cell, inputs, state = cell.float(), inputs.detach().float(), HiddenState(h=state.h.detach().float())
    results = []
    for run in (run_reference, run_scan):
        if transform == "autocast":
            with torch.autocast("cpu", torch.bfloat16):
                results.append(run(cell, inputs, None, state)[0].float())
        else:
            results.append(
                torch.func.vmap(lambda x, run=run: run(cell, x, None, state)[0])(inputs.expand(2, -1, -1, -1))
            )
    torch.testing.assert_close(results[1], results[0], atol=2e-2 if transform == "autocast" else 1e-6, rtol=1e-2)


def test_an_outer_compile() -> None:
    cell, inputs, state = data(LeakyCell)
    outer = torch.compile(lambda x: run_scan(cell, 2 * x, None, state)[0] + 1, backend="aot_eager")
    expected = run_reference(cell, 2 * inputs, None, state)[0] + 1
    found = outer(inputs)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(expected.sum(), inputs))
