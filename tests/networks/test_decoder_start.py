"""A decoder that takes over a language model begins as that model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.networks import LanguageModelNetwork
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderCondition
from rnnzoo.networks.decoder_start import start_from_language_model
from rnnzoo.recurrent import StackConfig

N, T, V, H, M = 2, 4, 7, 5, 3


def make_model(tied: bool = False, embedding_size: int | None = None, **stack: Any) -> LanguageModelNetwork:
    torch.manual_seed(1)
    config = StackConfig.from_dict({"hidden_size": H, "num_layers": 2} | stack)
    return LanguageModelNetwork(V, config, embedding_size, tied).double()


def make_decoder(size: int = V, **options: Any) -> DecoderNetwork:
    torch.manual_seed(2)
    stack = {"hidden_size": H, "num_layers": 2} | options.pop("stack", {})
    config = DecoderConfig.from_dict({"bridge": "zero", "stack": stack} | options)
    return DecoderNetwork(size, config, memory_size=M, vector_size=M).double()


def inputs() -> Tensor:
    return torch.randint(V, (N, T), generator=torch.Generator().manual_seed(2))


def condition() -> DecoderCondition:
    vector = torch.randn(N, M, dtype=torch.float64)
    return DecoderCondition(N, vector, vector, torch.randn(N, 4, M, dtype=torch.float64))


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ({}, {}),
        ({}, {"concatenate": "input"}),
        ({"tied": True, "embedding_size": 3}, {"tied": True, "embedding_size": 3}),
        ({"cell": "gru", "connections": "residual"}, {"stack": {"cell": "gru", "connections": "residual"}}),
    ],
)
def test_it_writes_as_the_language_model(model: dict[str, Any], options: dict[str, Any]) -> None:
    trained, decoder = make_model(**model), make_decoder(**options)
    state, memory = decoder.init_state(condition())
    expected = trained.head.log_probs(trained(inputs()).outputs)
    assert not torch.allclose(decoder.log_probs(decoder(inputs(), memory, state)), expected)
    start_from_language_model(decoder, trained)
    torch.testing.assert_close(decoder.log_probs(decoder(inputs(), memory, state)), expected, rtol=0, atol=1e-12)
    assert (decoder.head.weight is decoder.embedding.weight) == options.get("tied", False)


@pytest.mark.parametrize("order", ["before", "after"])
def test_with_attention_its_states_are_the_language_models(order: str) -> None:
    trained = make_model()
    decoder = make_decoder(attention="additive", attention_order=order, input_feeding=True, concatenate="output")
    head = decoder.head.weight.clone()
    start_from_language_model(decoder, trained)
    state, memory = decoder.init_state(condition())
    for column in inputs().unbind(1):
        _, state = decoder.step(column, state, memory)
    expected = trained(inputs()).state
    torch.testing.assert_close(torch.cat([part.c for part in state.stack]), torch.cat([part.c for part in expected]))
    assert torch.equal(decoder.head.weight, head)  # it reads other features


def test_a_tied_decoder_keeps_the_embedding_of_an_untied_model() -> None:
    trained, decoder = make_model(), make_decoder(tied=True)
    start_from_language_model(decoder, trained)
    assert torch.equal(decoder.embedding.weight, trained.embedding.weight)
    assert not torch.equal(trained.head.weight, trained.embedding.weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "the language model has 7 symbols, the decoder 8"),
        ({"embedding_size": 4}, "set decoder.embedding_size"),
        ({"stack": {"cell": "gru"}}, "stack has cell 'lstm', the decoder's 'gru'"),
        ({"stack": {"num_layers": 1}}, "stack has num_layers 2, the decoder's 1"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_changed(options: dict[str, Any], message: str) -> None:
    decoder = make_decoder(**options)
    before = nn.utils.parameters_to_vector(decoder.parameters())
    with pytest.raises(RnnzooError, match=message):
        start_from_language_model(decoder, make_model())
    assert torch.equal(nn.utils.parameters_to_vector(decoder.parameters()), before)


def test_dense_connections_carry_what_is_beside_the_token_upwards() -> None:
    dense = {"connections": "dense"}
    with pytest.raises(RnnzooError, match=r"also goes to cells\.1\.weight_ih"):
        start_from_language_model(make_decoder(concatenate="input", stack=dense), make_model(**dense))
    start_from_language_model(make_decoder(stack=dense), make_model(**dense))
