"""A decoder that begins as a trained language model."""

from __future__ import annotations

import torch

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.language_model import LanguageModelNetwork

#: What decides which parameters a stack has.
STRUCTURE = ("cell", "hidden_size", "num_layers", "connections", "normalize", "cell_options")


@torch.no_grad()
def start_from_language_model(decoder: DecoderNetwork, model: LanguageModelNetwork) -> None:
    """Give a decoder the embedding, the stack and, where it fits, the head of a language model.

    As in Ramachandran et al. 2017. The first layer's ``weight_ih`` begins with the language model's columns; those of
    what a decoder also reads (context, vector, what is fed) are zero, so that at first the stack goes from state to
    state as the language model's does. The head is taken over where it reads features of the same width. Both must have
    the same vocabulary in the same order, which only the caller can check.

    Raises:
        RnnzooError: another size of vocabulary or embedding, or another stack; nothing is changed then.
    """
    if decoder.vocabulary_size != model.vocabulary_size:
        raise RnnzooError(
            f"the language model has {model.vocabulary_size} symbols, the decoder {decoder.vocabulary_size}: both need "
            "the same vocabulary"
        )
    if decoder.embedding.embedding_size != model.embedding.embedding_size:
        raise RnnzooError(
            f"the language model's embedding has {model.embedding.embedding_size} features, the decoder's "
            f"{decoder.embedding.embedding_size}: set decoder.embedding_size"
        )
    for key in STRUCTURE:
        old, new = getattr(model.stack.config, key), getattr(decoder.stack.config, key)
        if old != new:
            raise RnnzooError(f"the language model's stack has {key} {old!r}, the decoder's {new!r}: make them equal")
    weights, own = model.stack.state_dict(), decoder.stack.state_dict()
    wider = [name for name in own if own[name].shape != weights[name].shape]
    if set(wider) - {"cells.0.weight_ih"}:
        raise RnnzooError(
            f"with stack.connections {decoder.stack.config.connections!r} what the decoder reads beside the token also "
            f"goes to {', '.join(sorted(set(wider) - {'cells.0.weight_ih'}))}, which the language model has narrower"
        )
    for name, value in own.items():
        width = weights[name].shape[-1]
        value.zero_()
        value[..., :width] = weights[name]
    decoder.embedding.weight.copy_(model.embedding.weight)
    head, own_head = model.head.state_dict(), decoder.head.state_dict()
    if {name: value.shape for name, value in head.items()} == {name: value.shape for name, value in own_head.items()}:
        decoder.head.load_state_dict(head)
        if decoder.config.tied:  # the language model's output matrix may not be its embedding
            decoder.embedding.weight.copy_(model.embedding.weight)
