"""The network against torch.nn, and its three decoding functions against its own whole-sequence run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import LockedDropout
from rnnzoo.networks import LanguageModelNetwork
from rnnzoo.recurrent import StackConfig


def make(**options: Any) -> LanguageModelNetwork:
    torch.manual_seed(0)
    stack = options.pop("stack", StackConfig(cell="lstm", hidden_size=6, num_layers=2, engine="reference"))
    return LanguageModelNetwork(11, stack, **options).double()


class Oracle(nn.Module):
    """The same model of torch.nn, with the network's weights."""

    def __init__(self, network: LanguageModelNetwork, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, 6, 2, batch_first=True).double()
        for layer, cell in enumerate(network.stack.cells):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(self.lstm, f"{name}_l{layer}").data.copy_(getattr(cell, name))
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.lstm(self.network.embedding.weight[inputs])
        if self.network.head.projection is not None:
            outputs = outputs @ self.network.head.projection.weight.t()
        return (outputs @ self.network.head.weight.t() + self.network.head.bias).log_softmax(-1)


@pytest.mark.parametrize("options", [{}, {"embedding_size": 4}, {"tied": True}, {"embedding_size": 4, "tied": True}])
def test_log_probs_are_those_of_torch(options: dict[str, Any]) -> None:
    network = make(**options)
    inputs = torch.randint(11, (3, 5))
    found = network.head.log_probs(network(inputs).outputs)
    expected = Oracle(network, network.embedding.embedding_size)(inputs)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert (network.head.weight is network.embedding.weight) == options.get("tied", False)


@pytest.mark.parametrize("head", ["linear", "adaptive"])
def test_steps_give_what_the_whole_sequence_gives(head: str) -> None:
    options = (
        {"head": "adaptive", "cutoffs": [4, 7], "stack": StackConfig(hidden_size=32)} if head == "adaptive" else {}
    )
    network = make(**options).eval()
    inputs = torch.randint(11, (3, 5))
    expected = network.head.log_probs(network(inputs).outputs)
    state, memory = network.init_state(3)
    for t in range(5):
        log_probs, state = network.step(inputs[:, t], state, memory)
        torch.testing.assert_close(log_probs, expected[:, t], rtol=1e-10, atol=1e-12)


def test_reorder_makes_rows_go_on_as_others() -> None:
    network = make().eval()
    inputs = torch.randint(11, (3, 4))
    state = network(inputs).state
    index = torch.tensor([2, 2, 0])
    moved, _ = network.step(torch.tensor([1, 1, 1]), network.reorder(state, index), None)
    straight, _ = network.step(torch.tensor([1, 1, 1]), state, None)
    assert torch.equal(moved, straight[index])


def test_windows_with_carried_state_are_the_whole() -> None:
    network = make().eval()
    inputs = torch.randint(11, (2, 9))
    whole = network(inputs)
    first = network(inputs[:, :4])
    second = network(inputs[:, 4:], state=first.state)
    torch.testing.assert_close(torch.cat((first.outputs, second.outputs), 1), whole.outputs)


def test_zaremba_initialises_every_parameter_uniformly() -> None:
    network = make(init_range=0.05)
    for name, parameter in network.named_parameters():
        assert 0.03 < parameter.abs().max() <= 0.05, name


def test_dropouts_act_where_they_are_said_to() -> None:
    locked = make(dropout=0.5, input_dropout=0.25, locked_dropout=True)
    assert isinstance(locked.output_dropout, LockedDropout)
    assert (locked.output_dropout.p, locked.input_dropout.p) == (0.5, 0.25)
    plain = make(dropout=0.5)
    torch.manual_seed(1)
    outputs = plain(torch.randint(11, (20, 30))).outputs
    assert 0.45 < (outputs == 0).double().mean() < 0.55
    plain.eval()
    assert (plain(torch.randint(11, (2, 3))).outputs != 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stack": StackConfig(bidirectional=True)}, "stack.bidirectional must be false"),
        ({"head": "lineer"}, "unknown head 'lineer': did you mean 'linear'"),
        ({"head": "adaptive"}, "needs cutoffs"),
        ({"head": "adaptive", "cutoffs": [4], "tied": True}, "cannot be tied"),
        ({"cutoffs": [4]}, "belong to the adaptive head"),
        ({"dropout": 1.0}, "dropout must be a probability"),
        ({"input_dropout": -0.1}, "input_dropout must be a probability"),
        ({"embedding_dropout": 1.0}, "dropout of embedding rows"),
        ({"init_range": 0.0}, "init_range must be above 0"),
        ({"init_range": float("inf")}, "init_range must be above 0 and finite, not inf"),
        ({"embedding_size": 0}, "embedding_size must be at least 1"),
    ],
)
def test_bad_options_say_what_to_do(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        make(**options)


def test_one_start_of_all_parameters_and_one_of_the_cells_own_exclude_each_other() -> None:
    stack = StackConfig(hidden_size=4, cell_options={"forget_bias": 1.0})
    with pytest.raises(RnnzooError, match=r"init_range would overwrite stack\.cell_options\.forget_bias"):
        LanguageModelNetwork(10, stack, init_range=0.1)
