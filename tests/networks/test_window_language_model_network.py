"""Bengio et al.'s model against equation (1), written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnnzoo.errors import RnnzooError
from rnnzoo.networks import WindowLanguageModelNetwork


def make(**options: Any) -> WindowLanguageModelNetwork:
    torch.manual_seed(0)
    return WindowLanguageModelNetwork(
        7, **{"order": 4, "embedding_size": 2, "hidden_size": 5, "direct": True, **options}
    ).double()


@pytest.mark.parametrize("direct", [True, False])
def test_equation_one(direct: bool) -> None:
    network = make(direct=direct)
    c, h, d = network.embedding.weight, network.hidden.weight, network.hidden.bias
    u, w, b = network.head.weight[:, :5], network.head.weight[:, 5:], network.head.bias
    words = [3, 0, 6, 2]
    history = [7, 7, 7, *words]  # 7: before the first word
    found = network.head.log_probs(network(torch.tensor([words])).outputs)[0]
    for t in range(4):
        x = torch.cat([c[history[t + 1 + k]] for k in range(3)])
        y = b + u @ torch.tanh(d + h @ x)
        if direct:
            y = y + w @ x
        torch.testing.assert_close(found[t], (y.exp() / y.exp().sum()).log(), rtol=1e-10, atol=1e-12)


def test_steps_windows_and_lengths_agree() -> None:
    network = make()
    inputs = torch.randint(7, (3, 6))
    whole = network(inputs)
    state, memory = network.init_state(3)
    for t in range(6):
        log_probs, state = network.step(inputs[:, t], state, memory)
        torch.testing.assert_close(log_probs, network.head.log_probs(whole.outputs[:, t]))
    assert torch.equal(state.tokens, inputs[:, -3:])
    assert torch.equal(whole.state.tokens, inputs[:, -3:])
    part = network(inputs[:, 2:], state=network(inputs[:, :2]).state)
    torch.testing.assert_close(part.outputs, whole.outputs[:, 2:])
    cut = network(inputs, lengths=torch.tensor([6, 2, 0]))
    expected = torch.stack([inputs[0, 3:], torch.tensor([7, *inputs[1, :2].tolist()]), torch.tensor([7, 7, 7])])
    assert torch.equal(cut.state.tokens, expected)
    moved = network.reorder(cut.state, torch.tensor([1, 1]))
    assert torch.equal(moved.tokens, expected[[1, 1]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 1}, "order must be at least 2"),
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"dropout": 1.0}, "dropout must be a probability"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        make(**options)
