"""Vocabularies of torchtext, both kinds that it had; the one module that knows torchtext."""

from __future__ import annotations

from typing import Any

from rnnzoo.errors import RnnzooError
from rnnzoo.text.vocabulary import UNKNOWN, Vocabulary


def from_torchtext(vocab: Any) -> Vocabulary:
    """The vocabulary with the tokens and ids of a `torchtext.vocab.Vocab`.

    Args:
        vocab: One of torchtext up to 0.9 (attribute `itos`; unknown words are `<unk>` where that is a special), or one
            of 0.10 to 0.18 (method `get_itos`; unknown words are the token of the default index). These later
            releases cannot be imported beside torch >= 2.5, so they are known by their methods.

    Raises:
        RnnzooError: If it has neither.
    """
    if callable(getattr(vocab, "get_itos", None)):
        tokens = list(vocab.get_itos())
        default = vocab.get_default_index()
        return Vocabulary(tokens, unknown=None if default is None else tokens[default])
    if isinstance(getattr(vocab, "itos", None), list):
        return Vocabulary(vocab.itos, unknown=UNKNOWN)
    raise RnnzooError(f"a {type(vocab).__name__} is no torchtext vocabulary: it has neither 'itos' nor 'get_itos'")


def to_torchtext(vocabulary: Vocabulary) -> Any:
    """The `torchtext.vocab.Vocab` (torchtext 0.6.0) with the same tokens and ids, for code written against that.

    Its answer for an unknown word is that of the vocabulary; where that is closed, the word is a `KeyError`.
    """
    from collections import Counter, defaultdict

    from torchtext.vocab import Vocab

    vocab = Vocab(Counter(), specials=[])
    vocab.itos = vocabulary.tokens
    known = {token: position for position, token in enumerate(vocab.itos)}
    default = vocabulary.unknown_id
    vocab.stoi = known if default is None else defaultdict(default.__index__, known)
    vocab.unk_index = default
    return vocab
