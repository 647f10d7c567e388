"""The generator with each kind of condition."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.networks import LanguageModelNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.generator import GeneratorNetwork
from rnnzoo.recurrent import StackConfig

N, T, V, H = 3, 4, 7, 5


def make(num_classes: int | None = None, vector_size: int | None = None, **options: Any) -> GeneratorNetwork:
    torch.manual_seed(0)
    config = DecoderConfig.from_dict({"stack": {"cell": "gru", "hidden_size": H}} | options)
    return GeneratorNetwork(V, config, num_classes, vector_size).double().eval()


def written() -> Tensor:
    return torch.randint(V, (N, T), generator=torch.Generator().manual_seed(2))


def torch_log_probs(network: GeneratorNetwork, start: Tensor, beside: Tensor | None = None) -> Tensor:
    read = network.decoder.embedding.weight[written()]
    if beside is not None:
        read = torch.cat((read, beside[:, None].expand(N, T, -1)), -1)
    gru = nn.GRU(read.shape[-1], H, batch_first=True).double()
    cell = network.decoder.stack.cells[0]
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(gru, f"{name}_l0").data.copy_(getattr(cell, name))
    outputs, _ = gru(read, start[None])
    return (outputs @ network.decoder.head.weight.T + network.decoder.head.bias).log_softmax(-1)


def test_a_class_is_embedded_and_becomes_the_first_state() -> None:
    network = make(num_classes=4, vector_size=2)
    classes = torch.tensor([3, 0, 3])
    vector = network.embedding.weight[classes]
    start = torch.tanh(vector @ network.decoder.bridge.linear.weight.T + network.decoder.bridge.linear.bias)
    found = network.decoder.log_probs(network(classes, written()))
    torch.testing.assert_close(found, torch_log_probs(network, start), rtol=0, atol=1e-10)


def test_a_vector_is_copied_and_stands_at_each_step() -> None:
    network = make(vector_size=H, bridge="copy", concatenate="input")
    vector = torch.randn(N, H, dtype=torch.float64)
    found = network.decoder.log_probs(network(vector, written()))
    torch.testing.assert_close(found, torch_log_probs(network, vector, vector), rtol=0, atol=1e-10)


def test_without_a_condition_it_is_a_language_model() -> None:
    network = make(bridge="zero", tied=True)
    model = LanguageModelNetwork(V, StackConfig(cell="gru", hidden_size=H), tied=True).double().eval()
    model.load_state_dict({name: network.decoder.state_dict()[name] for name in model.state_dict()})
    expected = model.head.log_probs(model(written()).outputs)
    torch.testing.assert_close(network.decoder.log_probs(network(None, written())), expected, rtol=0, atol=1e-12)
    state, memory = network.init_state(N)
    for t in range(T):
        log_probs, state = network.step(written()[:, t], state, memory)
        torch.testing.assert_close(log_probs, expected[:, t], rtol=0, atol=1e-10)


def test_a_generator_is_decoded_by_its_contract() -> None:
    network = make(num_classes=4, concatenate="both")
    state, memory = network.init_state(torch.tensor([1, 2]))
    state = network.reorder(state, torch.tensor([0, 0, 0, 1, 1, 1]))
    log_probs, state = network.step(torch.tensor([1, 2, 1, 1, 2, 1]), state, memory)
    assert torch.equal(log_probs[0], log_probs[2])
    assert not torch.allclose(log_probs[0], log_probs[3])  # another class
    log_probs, _ = network.step(torch.zeros(6, dtype=torch.long), state, memory)
    alone = network.decoder.log_probs(network(torch.tensor([2]), torch.tensor([[2, 0]])))
    torch.testing.assert_close(log_probs[4], alone[0, 1], rtol=0, atol=1e-10)
    with pytest.raises(RnnzooError, match="without attention covers nothing"):
        network.coverage(state, memory)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 3, "attention": "dot"}, "nothing to attend to"),
        ({"num_classes": 3, "bridge": "zero"}, "the condition would do nothing"),
        ({"num_classes": 0}, "num_classes must be at least 1"),
        ({}, "take 'learned' or 'zero'"),
        ({"bridge": "zero", "concatenate": "input"}, "there is no vector to concatenate"),
    ],
)
def test_bad_options_say_what_to_do(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        make(**options)


@pytest.mark.parametrize(
    ("sizes", "condition", "message"),
    [
        ({"num_classes": 3}, 4, r"must be classes \(N,\) int64, and is of type int"),
        ({"num_classes": 3}, torch.zeros(2), r"must be classes \(N,\) int64, and is torch.float32 \(2,\)"),
        ({"vector_size": 3}, torch.zeros(2, 4), r"must be vectors \(N, 3\), and is torch.float32 \(2, 4\)"),
        ({"vector_size": 3}, torch.zeros(2, 3, dtype=torch.long), r"must be vectors \(N, 3\), and is torch.int64"),
        ({"bridge": "zero"}, torch.zeros(2, 3), "no condition: give the number of rows"),
    ],
)
def test_conditions_of_another_kind(sizes: dict[str, Any], condition: Any, message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        make(**sizes).init_state(condition)
