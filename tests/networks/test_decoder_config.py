"""What a decoder cannot be made of, and its configuration as plain data and from the command line."""

from __future__ import annotations

from typing import Any

import pytest
from jsonargparse import CLI

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stack": {"bidirectional": True}}, "must not see what it writes"),
        ({"bridge": "project"}, r"unknown decoder\.bridge 'project': did you mean 'projected'"),
        ({"concatenate": "inputs"}, "did you mean 'input'"),
        ({"attention": "bahdanau"}, r"unknown decoder\.attention 'bahdanau'"),
        ({"input_feeding": True}, r"decoder\.input_feeding belongs to attention"),
        ({"copy": True}, r"decoder\.copy belongs to attention"),
        ({"embedding_size": 0}, r"decoder\.embedding_size must be at least 1"),
        ({"dropout": 1.0}, r"decoder\.dropout must be a probability"),
        ({"atention": "dot"}, "unknown key of decoder 'atention'"),
        ({"stack": {"hiden_size": 3}}, "unknown key of stack 'hiden_size'"),
        (
            {"attention": "location", "attention_options": {"filter": 3}},
            r"unknown key of decoder\.attention_options 'filter': did you mean 'filters'",
        ),
        (
            {"attention": "location", "attention_options": {"filters": "abc"}},
            r"decoder\.attention_options\.filters must be a whole number, not 'abc'",
        ),
        (
            {"attention": "dot", "attention_options": {"filters": 3}},
            r"decoder\.attention_options has no options here, and 'filters' is given: leave it out",
        ),
        ({"attention": "dot", "stack": {"hidden_size": 5}}, "dot attention compares a query of 5 features"),
    ],
)
def test_bad_options_say_what_to_do(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        DecoderNetwork(9, DecoderConfig.from_dict(options), bridge_source=2, memory_size=6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "the bridge 'projected' needs a vector"),
        ({"bridge": "zero", "attention": "dot"}, "dot attention needs something to attend to"),
        ({"bridge": "zero", "concatenate": "input"}, "there is no vector to concatenate"),
    ],
)
def test_sizes_that_are_missing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        DecoderNetwork(9, DecoderConfig.from_dict(options))


def test_configuration_is_plain_data() -> None:
    config = DecoderConfig.from_dict(
        {"attention": "location", "attention_options": {"width": 3}, "stack": {"cell": "gru"}}
    )
    assert DecoderConfig.from_dict(config.to_dict()) == config
    assert isinstance(config.to_dict()["stack"], dict)


def given(decoder: DecoderConfig) -> DecoderConfig:
    return decoder


def test_configuration_from_arguments() -> None:
    arguments = ["--decoder.attention=location", "--decoder.attention_options={width: 3}", "--decoder.stack.cell=gru"]
    assert CLI(given, args=arguments) == DecoderConfig.from_dict(
        {"attention": "location", "attention_options": {"width": 3}, "stack": {"cell": "gru"}}
    )
