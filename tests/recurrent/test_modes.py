"""A stack under what PyTorch can do to a module: copies, second derivatives, autocast, torch.compile, export."""

import copy
import pickle

import pytest
import torch

from rnnzoo.cells.registry import build_cell
from rnnzoo.recurrent import RecurrentStack, StackConfig, native
from rnnzoo.recurrent.state import tensors

LENGTHS = torch.tensor([6, 0, 3])


def stack_of(cell, engine="auto", **options):
    torch.manual_seed(0)
    return RecurrentStack(4, StackConfig(cell=cell, hidden_size=4, engine=engine, **options))


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "min_gru"])
def test_second_derivatives(cell):
    inputs = torch.randn(3, 6, 4).double().requires_grad_()
    found = []
    for engine in ("reference", "auto"):
        stack = stack_of(cell, engine).double()
        first = torch.autograd.grad((stack(inputs, LENGTHS).outputs ** 3).sum(), inputs, create_graph=True)[0]
        found.append(torch.autograd.grad((first**2).sum(), inputs)[0])
    assert found[0].abs().max() > 1e-3
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
@pytest.mark.filterwarnings("ignore:.*is run step by step")
def test_autocast_runs_on_every_processor(cell):
    """Also where oneDNN has no LSTM of bfloat16, on which nn.LSTM fails."""
    stack, inputs = stack_of(cell, num_layers=2, bidirectional=True), torch.randn(3, 6, 4)
    expected = stack(inputs, LENGTHS).outputs
    with torch.autocast("cpu", torch.bfloat16):
        outputs = stack(inputs, LENGTHS).outputs
    outputs.float().sum().backward()
    assert all(parameter.grad is not None for parameter in stack.parameters())
    torch.testing.assert_close(outputs.float(), expected, rtol=0.05, atol=0.02)


def test_a_kernel_that_the_processor_lacks_is_named(monkeypatch):
    monkeypatch.setattr(native, "_has_autocast_lstm", lambda dtype: False)
    cell = build_cell("lstm", 3, 4)
    assert native.supports(cell) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert native.supports(cell) == "this processor has no LSTM kernel of torch.bfloat16, of autocast"


def test_an_outer_compile_changes_nothing():
    stack, inputs = stack_of("lstm", num_layers=2, bidirectional=True), torch.randn(3, 6, 4)
    compiled = torch.compile(stack, backend="aot_eager")
    for lengths in (None, LENGTHS):
        found, expected = compiled(inputs, lengths), stack(inputs, lengths)
        for each, other in zip([found[0], *tensors(found[1])], [expected[0], *tensors(expected[1])], strict=True):
            torch.testing.assert_close(each, other)


def test_export():
    stack, inputs = stack_of("lstm"), torch.randn(3, 6, 4)
    exported = torch.export.export(stack, (inputs, LENGTHS)).module()
    shorter = torch.tensor([1, 2, 5])
    torch.testing.assert_close(exported(inputs, shorter)[0], stack(inputs, shorter).outputs)


def test_copies():
    stack, inputs = stack_of("gru", num_layers=2), torch.randn(3, 6, 4)
    expected = stack(inputs).outputs
    for other in (copy.deepcopy(stack), pickle.loads(pickle.dumps(stack))):
        assert torch.equal(other(inputs).outputs, expected)
