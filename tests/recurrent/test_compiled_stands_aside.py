"""The situations in which the compiled engine must stand aside."""

import functools
import types
import warnings
from typing import Any

import pytest
import torch
from compiled_cells import (
    Counter,
    D,
    DiagonalCell,
    H,
    MixedCell,
    PlainCell,
    assert_equal,
    data,
    everything,
    make,
)
from torch import Tensor, tanh

from rnnzoo.cells import HiddenState, LSTMCell
from rnnzoo.recurrent import compiled, compiled_kernels
from rnnzoo.recurrent.compiled import run_compiled, supports
from rnnzoo.recurrent.reference import run_reference

pytestmark = pytest.mark.usefixtures("forget")


class TestStandsAside:
    """Each of these is run by the loop, and equals it."""

    def test_autocast(self, plain: None) -> None:
        cell = make(LSTMCell, torch.float32)
        inputs, state, _ = data(cell, dtype=torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            expected = everything(run_reference, cell, inputs, None, state)
            with pytest.warns(UserWarning, match="LSTMCell .* because autocast"):
                found = everything(run_compiled, cell, inputs, None, state)
        torch.testing.assert_close(found, expected)

    def test_an_outer_compile(self, counter: Counter) -> None:
        cell = make(LSTMCell)
        inputs, state, _ = data(cell)
        outer = torch.compile(lambda x: run_compiled(cell, 2 * x, None, state)[0] + 1)
        expected = run_reference(cell, 2 * inputs, None, state)[0] + 1
        for _ in range(2):
            found = outer(inputs)
            torch.testing.assert_close(found, expected)
        torch.testing.assert_close(
            torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(expected.sum(), inputs)
        )

    @pytest.mark.filterwarnings("ignore:.*runs step by step:UserWarning")
    def test_torch_func(self, plain: None) -> None:
        cell = make(DiagonalCell)
        inputs, state, _ = data(cell)
        inputs, state = inputs.detach(), type(state)._make(part.detach() for part in state)

        def loss(run: Any, parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
            wrapped = compiled_kernels.WithParameters(cell)
            arguments = (lambda own: run(own, inputs, None, state)[0].square().sum(),)
            return torch.func.functional_call(wrapped, parameters, arguments)

        parameters = {f"cell.{name}": part.detach() for name, part in cell.named_parameters()}
        results = []
        for run in (run_reference, run_compiled):
            one = functools.partial(loss, run)
            results.append(
                (
                    torch.func.grad(one)(parameters, inputs),
                    torch.func.vmap(one, in_dims=(None, 0))(parameters, torch.stack((inputs, 2 * inputs))),
                    torch.func.jvp(functools.partial(one, parameters), (inputs,), (inputs.cos(),)),
                )
            )
        torch.testing.assert_close(results[1], results[0])

    def test_functional_call_alone_runs_compiled(self, plain: None) -> None:
        cell = make(DiagonalCell)
        inputs, state, _ = data(cell)
        parameters = {f"cell.{n}": (2 * p).detach().requires_grad_() for n, p in cell.named_parameters()}
        results = []
        for run in (run_reference, run_compiled):
            arguments = (lambda own, run=run: run(own, inputs, None, state)[0].square().sum(),)
            value = torch.func.functional_call(compiled_kernels.WithParameters(cell), parameters, arguments)
            gradients = torch.autograd.grad(value, list(parameters.values()), create_graph=True)
            twice = torch.autograd.grad(sum(part.square().sum() for part in gradients), list(parameters.values()))
            results.append((value, gradients, twice))
        torch.testing.assert_close(results[1], results[0])
        assert not compiled._said

    def test_no_compiler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def compile_nothing(function: Any, **_: Any) -> Any:
            def fail(*_: Any) -> None:
                raise RuntimeError("No working C++ compiler found\nlook here")

            return fail

        monkeypatch.setattr(torch, "compile", compile_nothing)
        cell = make(LSTMCell)
        inputs, state, _ = data(cell)
        expected = everything(run_reference, cell, inputs, None, state)
        with pytest.warns(UserWarning, match="because its kernels could not be compiled: .* No working C"):
            torch.testing.assert_close(everything(run_compiled, cell, inputs, None, state), expected)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            torch.testing.assert_close(everything(run_compiled, cell, inputs, None, state), expected)
        assert "could not be compiled" in str(supports(cell, inputs))

    def test_no_compiler_for_the_backward_pass(self, plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise RuntimeError("out of disk")

        cell = make(MixedCell)
        inputs, state, noise = data(cell, noisy=True)
        lengths = torch.tensor([5, 0, 3, 1])
        expected = everything(run_reference, cell, inputs, lengths, state, noise, True)
        monkeypatch.setattr(compiled_kernels.StageKernel, "backward", lambda *_: types.SimpleNamespace(first=fail))
        with pytest.warns(UserWarning, match="out of disk"):
            found = everything(run_compiled, cell, inputs, lengths, state, noise, True)
        torch.testing.assert_close(found, expected)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda cell: setattr(cell, "table", torch.ones(2)), "cell.table is a tensor"),
            (lambda cell: setattr(cell, "source", iter([1])), "cell.source, of type list_iterator"),
        ],
    )
    def test_what_cannot_be_compared(self, plain: None, change: Any, reason: str) -> None:
        cell = make(PlainCell)
        change(cell)
        inputs, state, _ = data(cell)
        with pytest.warns(UserWarning, match=reason):
            found = run_compiled(cell, inputs, None, state)
        torch.testing.assert_close(found, run_reference(cell, inputs, None, state))

    def test_a_transition_that_breaks_the_contract(self, plain: None) -> None:
        class WideCell(PlainCell):
            def transition(self, gates, state):
                return HiddenState(h=tanh(gates.g).mean(-1, keepdim=True))

        cell = WideCell(D, H, state_sizes=(1,)).double()
        inputs, state, _ = data(cell)
        assert_equal(cell, inputs, None, state)
        cell.state_sizes = (H,)
        with pytest.warns(UserWarning, match=r"returned a state \(1,\) wide"), pytest.raises(RuntimeError):
            run_compiled(cell, inputs, None, data(make(PlainCell))[1])

    def test_own_forward_and_other_dtypes(self) -> None:
        class OwnCell(PlainCell):
            def forward(self, inputs, state, noise=None):
                return super().forward(2 * inputs, state, noise)

        cell = make(OwnCell)
        inputs, state, _ = data(cell)
        assert supports(cell, inputs) == "OwnCell has a forward of its own"
        with pytest.warns(UserWarning, match="forward of its own"):
            found = run_compiled(cell, inputs, None, state)
        torch.testing.assert_close(found, run_reference(cell, inputs, None, state))
        assert "float32" in str(supports(make(PlainCell, torch.float32), inputs))
        assert supports(make(PlainCell), inputs, state) is None
