"""From a source to s_0: which number ends where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.cells import CELLS, LSTMState
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.bridge import StateBridge
from rnnzoo.recurrent import RecurrentStack
from rnnzoo.recurrent.state import tensors


def stack(**options: Any) -> RecurrentStack:
    return RecurrentStack(3, {"cell": "lstm", "hidden_size": 4, "num_layers": 2} | options).double()


def vectors(rows: int, width: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(rows, width, dtype=torch.float64)


def test_projected_vector_is_a_tanh_layer_for_each_field() -> None:
    target = stack()
    bridge = StateBridge(target, 5, "projected").double()
    vector = vectors(2, 5)
    state = bridge(vector, target.initial_state(2))
    weight, bias = bridge.linear.weight.detach().numpy(), bridge.linear.bias.detach().numpy()
    for i, field in enumerate(tensors(state)):  # h, c of layer 0, h, c of layer 1
        rows = slice(4 * i, 4 * i + 4)
        expected = np.tanh(vector.numpy() @ weight[rows].T + bias[rows])
        np.testing.assert_allclose(field.detach().numpy(), expected, atol=1e-12)
    assert isinstance(state[1], LSTMState)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_cell_gets_a_state_that_its_stack_takes(cell: str) -> None:
    target = RecurrentStack(3, {"cell": cell, "hidden_size": 4, "num_layers": 2})
    encoder = RecurrentStack(3, {"cell": "gru", "hidden_size": 5, "bidirectional": True})
    _, final = encoder(torch.randn(2, 6, 3))
    for bridge, source in (
        (StateBridge(target, 7), torch.ones(2, 7)),
        (StateBridge(target, encoder), final),
        (StateBridge(target, 7, "learned"), None),
        (StateBridge(target, 7, "zero"), None),
    ):
        state = bridge(source, target.initial_state(2))
        target.check_state(state, 2)
        outputs, _ = target(torch.randn(2, 4, 3), state=state)
        assert outputs.isfinite().all()


def test_projection_reads_all_of_an_encoders_state() -> None:
    target, encoder = stack(num_layers=1), stack(cell="projected_lstm", hidden_size=6, bidirectional=True)
    bridge = StateBridge(target, encoder).double()
    _, final = encoder(torch.randn(2, 5, 3, dtype=torch.float64))
    flat = np.concatenate([field.detach().numpy() for part in final for field in part], 1)
    expected = np.tanh(flat @ bridge.linear.weight.detach().numpy().T + bridge.linear.bias.detach().numpy())
    found = bridge(final, target.initial_state(2))
    np.testing.assert_allclose(found[0].h.detach().numpy(), expected[:, :4], atol=1e-12)
    np.testing.assert_allclose(found[0].c.detach().numpy(), expected[:, 4:], atol=1e-12)


def test_copy_of_an_encoder_with_two_directions_puts_them_side_by_side() -> None:
    target, encoder = stack(), stack(hidden_size=2, bidirectional=True)
    _, final = encoder(torch.randn(3, 5, 3, dtype=torch.float64), torch.tensor([5, 1, 3]))
    state = StateBridge(target, encoder, "copy")(final, target.initial_state(3))
    for layer in range(2):
        forward, backward = final[2 * layer], final[2 * layer + 1]
        assert torch.equal(state[layer].h[:, :2], forward.h)
        assert torch.equal(state[layer].h[:, 2:], backward.h)
        assert torch.equal(state[layer].c, torch.cat((forward.c, backward.c), 1))


def test_copy_of_an_equal_encoder_is_its_state() -> None:
    target, encoder = stack(), stack()
    _, final = encoder(torch.randn(3, 5, 3, dtype=torch.float64))
    state = StateBridge(target, encoder, "copy")(final, target.initial_state(3))
    assert all(torch.equal(a, b) for a, b in zip(tensors(state), tensors(final), strict=True))


def test_copy_of_a_vector_fills_every_field() -> None:
    target, vector = stack(), vectors(2, 4)
    state = StateBridge(target, 4, "copy")(vector, target.initial_state(2))
    assert all(torch.equal(field, vector) for field in tensors(state))


def test_learned_state_is_the_same_for_all_rows_and_gets_the_sum_of_their_gradients() -> None:
    target = stack()
    bridge = StateBridge(target, 0, "learned").double()
    assert all((field == 0).all() for field in tensors(bridge(None, target.initial_state(2))))
    torch.nn.init.normal_(bridge.state)
    state = bridge(None, target.initial_state(3))
    assert torch.equal(torch.cat([field[0] for field in tensors(state)]), bridge.state)
    assert all(torch.equal(field[0], field[2]) for field in tensors(state))
    sum(field.sum() for field in tensors(state)).backward()
    assert torch.equal(bridge.state.grad, torch.full((16,), 3.0, dtype=torch.float64))


@pytest.mark.parametrize(
    ("target", "source", "kind", "message"),
    [
        ({}, 4, "copi", "unknown bridge 'copi': did you mean 'copy'"),
        ({}, 5, "copy", "a vector of 5 features cannot be copied into h of layer 0, which has 4"),
        ({"cell": "projected_lstm"}, 2, "copy", "cannot be copied into c of layer 0, which has 4"),
        ({}, {"num_layers": 1}, "copy", "the states of 1 layers cannot be copied into 2"),
        ({}, {"cell": "gru"}, "copy", "the state h of GRUCell cannot be copied into h, c of LSTMCell"),
        ({}, {"bidirectional": True}, "copy", "h of layer 0 of the encoder has 4 features in each of 2 directions"),
        ({"bidirectional": True}, 4, "zero", "must not be bidirectional"),
    ],
)
def test_bridges_that_cannot_be_say_what_to_do(target: Any, source: Any, kind: str, message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        StateBridge(stack(**target), stack(**source) if isinstance(source, dict) else source, kind)
