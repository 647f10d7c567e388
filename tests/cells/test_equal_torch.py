"""The standard cells equal torch.nn: values, gradients, names, and the very numbers drawn at the start."""

import pytest
import torch
from torch import nn

from rnnzoo.cells import ElmanCell, GRUCell, LSTMCell, ProjectedLSTMCell
from rnnzoo.recurrent.reference import run_reference

T, N, D, H = 7, 3, 4, 6
PAIRS = [
    (ElmanCell, {}, lambda: nn.RNN(D, H, dtype=torch.float64)),
    (ElmanCell, {"activation": "relu"}, lambda: nn.RNN(D, H, nonlinearity="relu", dtype=torch.float64)),
    (ElmanCell, {"bias": False}, lambda: nn.RNN(D, H, bias=False, dtype=torch.float64)),
    (GRUCell, {}, lambda: nn.GRU(D, H, dtype=torch.float64)),
    (GRUCell, {"bias": False}, lambda: nn.GRU(D, H, bias=False, dtype=torch.float64)),
    (LSTMCell, {}, lambda: nn.LSTM(D, H, dtype=torch.float64)),
    (LSTMCell, {"bias": False}, lambda: nn.LSTM(D, H, bias=False, dtype=torch.float64)),
    (ProjectedLSTMCell, {"projection_size": 2}, lambda: nn.LSTM(D, H, proj_size=2, dtype=torch.float64)),
]
IDS = ["-".join([cell.__name__, *map(str, options.values())]) for cell, options, _ in PAIRS]


@pytest.mark.parametrize(("cell_type", "options", "make"), PAIRS, ids=IDS)
def test_values_and_gradients(cell_type, options, make):
    torch.manual_seed(0)
    theirs = make()
    cell = cell_type(D, H, **options).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in theirs.state_dict().items()})
    inputs = torch.randn(T, N, D, dtype=torch.float64, requires_grad=True)
    state = cell.state_type._make(
        torch.randn(N, size, dtype=torch.float64, requires_grad=True) for size in cell.state_sizes
    )
    packed = tuple(field.unsqueeze(0) for field in state)
    their_outputs, their_last = theirs(inputs, packed if len(packed) == 2 else packed[0])
    their_last = their_last if isinstance(their_last, tuple) else (their_last,)
    outputs, last = run_reference(cell, inputs, None, state)
    values = [outputs, *last]
    their_values = [their_outputs, *(field.squeeze(0) for field in their_last)]
    torch.testing.assert_close(values, their_values, rtol=0, atol=1e-12)

    weights = [torch.randn_like(value) for value in values]
    gradients = torch.autograd.grad(values, [inputs, *state, *cell.parameters()], weights)
    their_gradients = torch.autograd.grad(their_values, [inputs, *state, *theirs.parameters()], weights)
    torch.testing.assert_close(gradients, their_gradients, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("cell_type", "options", "make"), PAIRS, ids=IDS)
def test_the_same_seed_draws_the_same_weights(cell_type, options, make):
    torch.manual_seed(3)
    theirs = make().float().state_dict()
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)  # the generator gives other numbers in float32
    try:
        ours = cell_type(D, H, **options).float().state_dict()
    finally:
        torch.set_default_dtype(torch.float32)
    assert [f"{name}_l0" for name in ours] == list(theirs)
    for name, value in ours.items():
        assert torch.equal(value, theirs[f"{name}_l0"]), name
