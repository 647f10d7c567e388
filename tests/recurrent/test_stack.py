"""A stack against torch.nn in float64, against formulas written out, and step by step."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rnnzoo.cells import RecurrentCell
from rnnzoo.cells.registry import CELLS
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.recurrent.state import tensors
from rnnzoo.recurrent.torch_layout import load_torch_parameters, state_from_torch, state_to_torch

TORCH = {
    "lstm": (nn.LSTM, {}, {}),
    "gru": (nn.GRU, {}, {}),
    "elman": (nn.RNN, {}, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}, {"cell": "elman", "cell_options": {"activation": "relu"}}),
    "projected_lstm": (nn.LSTM, {"proj_size": 3}, {"cell_options": {"projection_size": 3}}),
}


def pair(name, engine, num_layers=2, bidirectional=True):
    """A module of PyTorch and a stack with the same parameters, D = 4, H = 5, in float64."""
    module, options, own = TORCH[name]
    torch.manual_seed(0)
    oracle = module(4, 5, num_layers, batch_first=True, bidirectional=bidirectional, **options).double()
    shape = {"hidden_size": 5, "num_layers": num_layers, "bidirectional": bidirectional, "engine": engine}
    stack = RecurrentStack(4, {"cell": name} | own | shape).double()
    load_torch_parameters(stack, oracle.state_dict())
    return oracle, stack


def row_by_row(oracle, inputs, lengths, state):
    """Each row alone and without its padding through the module of PyTorch: the oracle of variable lengths."""
    outputs = inputs.new_zeros(*inputs.shape[:2], oracle(inputs[:1, :1])[0].shape[-1])
    parts = []
    for row, length in enumerate(lengths):
        own = tuple(field[:, row : row + 1].contiguous() for field in state)
        if length:
            given_state = own[0] if len(own) == 1 else own
            y, own = oracle(inputs[row : row + 1, :length], given_state)
            outputs[row, :length] = y[0]
            own = (own,) if isinstance(own, torch.Tensor) else own
        parts.append(own)
    return outputs, tuple(torch.cat(field, 1) for field in zip(*parts, strict=True))


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("name", TORCH)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@settings(max_examples=12, deadline=None)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_every_row_is_what_pytorch_gives_it_alone(name, engine, lengths, seed):
    oracle, stack = pair(name, engine)
    torch.manual_seed(seed)
    inputs = torch.randn(len(lengths), 6, 4).double()
    s_0 = state_to_torch(stack.initial_state(len(lengths)))
    s_0 = tuple(torch.randn_like(field) for field in ((s_0,) if isinstance(s_0, torch.Tensor) else s_0))
    results = []
    for run in ("oracle", "own"):
        leaves = [inputs.clone().requires_grad_(), *(field.clone().requires_grad_() for field in s_0)]
        if run == "oracle":
            module = oracle
            outputs, state = row_by_row(oracle, leaves[0], lengths, leaves[1:])
        else:
            module = stack
            padded = leaves[0].masked_fill(torch.arange(6)[None, :, None] >= torch.tensor(lengths)[:, None, None], 7.0)
            outputs, new = stack(padded, torch.tensor(lengths), state_from_torch(stack, tuple(leaves[1:])))
            state = state_to_torch(new)
            state = (state,) if isinstance(state, torch.Tensor) else state
        weights = torch.Generator().manual_seed(1)
        values = [outputs, *state]
        loss = sum((v * torch.randn(v.shape, generator=weights, dtype=v.dtype)).sum() for v in values)
        results.append([*values, *torch.autograd.grad(loss, [*leaves, *module.parameters()], materialize_grads=True)])
    assert [n.split(".")[-1] for n, _ in stack.named_parameters()] == [
        n.split("_l0")[0].split("_l1")[0] for n, _ in oracle.named_parameters()
    ]
    for found, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing_whatever_it_is(name, bidirectional):
    torch.manual_seed(0)
    stack = RecurrentStack(
        3,
        StackConfig(cell=name, hidden_size=4, num_layers=2, bidirectional=bidirectional, normalize=True, engine="auto"),
    ).double()
    for norm in stack.norms:
        nn.init.normal_(norm.bias)  # so that a norm alone would make padding nonzero
    lengths = torch.tensor([5, 2, 0])
    clean = torch.randn(3, 5, 3).double()
    results = []
    for filling in (0.0, 1e30, float("nan"), float("inf")):
        inputs = clean.masked_fill(torch.arange(5)[None, :, None] >= lengths[:, None, None], filling).requires_grad_()
        outputs, state = stack(inputs, lengths)
        values = [outputs, *tensors(state)]
        gradients = torch.autograd.grad(sum((v**2).sum() for v in values), [inputs, *stack.parameters()])
        results.append([*values, *gradients])
    assert results[0][0][1, 2:].abs().sum() == 0
    assert results[0][0][1, 1].abs().sum() > 0
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("connections", ["none", "residual", "highway", "dense"])
@pytest.mark.parametrize("normalize", [False, True])
def test_connections_are_what_their_formula_says(connections, normalize):
    torch.manual_seed(0)
    config = StackConfig(cell="gru", hidden_size=4, num_layers=3, connections=connections, normalize=normalize)
    stack = RecurrentStack(3, config).double()
    inputs = torch.randn(2, 5, 3).double()
    x = inputs
    for index, (cell, width) in enumerate(zip(stack.cells, stack.layer_input_sizes, strict=True)):
        gru = nn.GRU(width, 4, batch_first=True).double()
        gru.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
        y = gru(x)[0]
        if normalize:
            norm = stack.norms[index]
            spread = ((y - y.mean(-1, keepdim=True)) ** 2).mean(-1, keepdim=True)
            y = (y - y.mean(-1, keepdim=True)) / (spread + norm.eps).sqrt() * norm.weight + norm.bias
        if index and connections == "residual":
            y = y + x
        if index and connections == "highway":
            gate = stack.gates[index]
            assert (gate.bias == -1).all()
            t = 1 / (1 + torch.exp(-(x @ gate.weight.T + gate.bias)))
            y = t * y + (1 - t) * x
        x = torch.cat((x, y), -1) if connections == "dense" else y
    assert stack.output_size == 4
    torch.testing.assert_close(stack(inputs).outputs, y)


def test_the_first_layer_is_joined_too_where_it_keeps_the_width():
    stack = RecurrentStack(4, StackConfig(cell="gru", hidden_size=4, connections="residual"))
    plain = RecurrentStack(4, StackConfig(cell="gru", hidden_size=4))
    plain.load_state_dict(stack.state_dict())
    inputs = torch.randn(2, 3, 4)
    torch.testing.assert_close(stack(inputs).outputs, plain(inputs).outputs + inputs)


NOISY = {
    "dropout": {"dropout": 0.4},
    "variational": {"dropout": 0.4, "variational": True},
    "recurrent": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": [0.5, 0.1]},
    "all": {"dropout": 0.3, "variational": True, "recurrent_dropout": 0.4, "zoneout": 0.2, "normalize": True},
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("connections", ["none", "dense"])
@pytest.mark.parametrize("noise", NOISY)
def test_steps_are_the_sequence(noise, connections, training):
    torch.manual_seed(0)
    config = StackConfig(cell="lstm", hidden_size=4, num_layers=2, connections=connections, **NOISY[noise])
    stack = RecurrentStack(3, config).double().train(training)
    inputs = torch.randn(2, 6, 3).double()
    drawn = stack.draw_noise(2, 6)
    outputs, final = stack(inputs, noise=drawn)
    state = stack.initial_state(2)
    for t in range(6):
        y, state = stack.step(inputs[:, t], state, drawn.at(t))
        torch.testing.assert_close(y, outputs[:, t])
    for found, expected in zip(tensors(state), tensors(final), strict=True):
        torch.testing.assert_close(found, expected)
    assert training == (not torch.equal(stack(inputs).outputs, stack(inputs).outputs))


@pytest.mark.parametrize("name", CELLS)
def test_steps_of_every_cell_are_the_sequence(name):
    torch.manual_seed(0)
    stack = RecurrentStack(3, StackConfig(cell=name, hidden_size=4, num_layers=2)).double()
    inputs = torch.randn(2, 5, 3).double()
    outputs, final = stack(inputs)
    state = stack.initial_state(2)
    for t in range(5):
        y, state = stack.step(inputs[:, t], state)
        torch.testing.assert_close(y, outputs[:, t])
    for found, expected in zip(tensors(state), tensors(final), strict=True):
        torch.testing.assert_close(found, expected)


def test_a_sequence_in_two_windows_is_the_sequence():
    stack = RecurrentStack(3, StackConfig(cell="lstm", hidden_size=4, num_layers=2)).double()
    inputs = torch.randn(2, 7, 3).double()
    first, state = stack(inputs[:, :3])
    second, _ = stack(inputs[:, 3:], state=state)
    torch.testing.assert_close(torch.cat((first, second), 1), stack(inputs).outputs)


def test_dropout_between_layers_is_what_the_masks_say():
    torch.manual_seed(0)
    stack = RecurrentStack(3, StackConfig(cell="gru", hidden_size=4, num_layers=2, dropout=0.5))
    inputs = torch.randn(2, 6, 3)
    noise = stack.draw_noise(2, 6)
    assert noise.inputs[0] is None
    assert set(noise.inputs[1].unique().tolist()) == {0.0, 2.0}
    below = RecurrentStack(3, StackConfig(cell="gru", hidden_size=4))
    above = RecurrentStack(4, StackConfig(cell="gru", hidden_size=4))
    below.cells[0].load_state_dict(stack.cells[0].state_dict())
    above.cells[0].load_state_dict(stack.cells[1].state_dict())
    expected = above(below(inputs).outputs * noise.inputs[1].transpose(0, 1)).outputs
    torch.testing.assert_close(stack(inputs, noise=noise).outputs, expected)
    shared = RecurrentStack(3, StackConfig(hidden_size=4, num_layers=2, dropout=0.5, variational=True))
    assert shared.draw_noise(2, 6).inputs[1].shape == (1, 2, 4)


def test_step_refuses_what_it_cannot_do():
    two = RecurrentStack(3, StackConfig(hidden_size=4, bidirectional=True))
    with pytest.raises(RnnzooError, match="bidirectional stack has no step"):
        two.step(torch.zeros(1, 3), two.initial_state(1))
    shared = RecurrentStack(3, StackConfig(hidden_size=4, recurrent_dropout=0.5))
    with pytest.raises(RnnzooError, match="draw_noise"):
        shared.step(torch.zeros(1, 3), shared.initial_state(1))
    shared.eval().step(torch.zeros(1, 3), shared.initial_state(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": torch.zeros(2, 5, 4)}, r"inputs must be \(N, T, 3\), and are \(2, 5, 4\)"),
        ({"lengths": torch.tensor([6, 1])}, r"within 0..5.*row 0 has 6 \(1 of 2"),
        ({"lengths": torch.tensor([5, -1])}, "row 1 has -1"),
        ({"lengths": torch.tensor([5.0, 1.0])}, "whole numbers.*torch.float32"),
        ({"lengths": torch.tensor([True, False])}, "torch.bool"),
        ({"lengths": torch.tensor([5])}, r"shape \(2,\).*shape \(1,\)"),
        ({"lengths": [5, 1]}, "a list"),
        ({"state": torch.zeros(2, 4)}, r"one LSTMState\('h', 'c'\) for each layer"),
        ({"state": ((torch.zeros(3, 4),) * 2,)}, r"\(3, 4\)"),
        ({"state": ((torch.zeros(2, 4),),)}, "LSTMState"),
        ({"state": ()}, "LSTMState"),
    ],
)
def test_bad_input_is_named(arguments, message):
    stack = RecurrentStack(3, StackConfig(cell="lstm", hidden_size=4))
    with pytest.raises(RnnzooError, match=message):
        stack(**({"inputs": torch.zeros(2, 5, 3)} | arguments))


def test_what_would_do_nothing_is_said():
    with pytest.warns(UserWarning, match="dropout acts between layers"):
        RecurrentStack(3, StackConfig(hidden_size=4, dropout=0.5))
    for connections in ("residual", "highway", "dense"):
        with pytest.warns(UserWarning, match="does nothing"):
            RecurrentStack(3, StackConfig(hidden_size=4, connections=connections))
    with pytest.raises(RnnzooError, match="has no weight_hh"):
        RecurrentStack(3, StackConfig(cell="min_gru", hidden_size=4, recurrent_dropout=0.5))
    with pytest.raises(RnnzooError, match=r"2 numbers.*GRUCell has 1 fields \(h\)"):
        RecurrentStack(3, StackConfig(cell="gru", hidden_size=4, zoneout=[0.1, 0.2]))(torch.zeros(1, 1, 3))


def test_other_parameters_of_pytorch_are_refused():
    stack = RecurrentStack(3, StackConfig(cell="lstm", hidden_size=4))
    with pytest.raises(RnnzooError, match="size mismatch"):
        load_torch_parameters(stack, nn.LSTM(3, 5).state_dict())
    with pytest.raises(RnnzooError, match="'weight' is no parameter"):
        load_torch_parameters(stack, nn.Linear(3, 5).state_dict())


@pytest.mark.parametrize("noise", [{"zoneout": 0.1}, {"zoneout": [0.2]}, {"recurrent_dropout": 0.1}])
def test_noise_that_a_forward_would_not_get_is_refused(monkeypatch, noise):
    class Quiet(RecurrentCell):
        def forward(self, inputs, state):
            return state.h, state

    class Noisy(RecurrentCell):
        def forward(self, inputs, state, noise=None):
            return state.h, state

    for cell in (Quiet, Noisy):
        monkeypatch.setattr(sys.modules[__name__], cell.__name__, cell, raising=False)
    with pytest.raises(RnnzooError, match=r"the forward of Quiet takes no noise.*forward\(inputs, state, noise=None\)"):
        RecurrentStack(3, StackConfig(cell=f"{__name__}.Quiet", hidden_size=4, **noise))
    RecurrentStack(3, StackConfig(cell=f"{__name__}.Noisy", hidden_size=4, **noise))
    RecurrentStack(3, StackConfig(cell=f"{__name__}.Quiet", hidden_size=4))
