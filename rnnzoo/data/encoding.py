"""Texts to streams of ids: the vocabulary from the training text, the other splits by it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.data.files import Text
from rnnzoo.errors import RnnzooError
from rnnzoo.text import Tokenizer, UnknownTokenError, Vocabulary


def split_texts(texts: Sequence[Text], tokenizer: Tokenizer) -> list[str]:
    """The tokens of the texts one after the other; each text's last line ends in `<eos>` where lines do."""
    tokens: list[str] = []
    for text in texts:
        closed = text.text if text.text.endswith("\n") or not tokenizer.end_of_line else f"{text.text}\n"
        tokens += tokenizer.split(closed)
    return tokens


def learn_vocabulary(
    tokens: Sequence[str],
    tokenizer: Tokenizer,
    specials: Sequence[str],
    min_frequency: int,
    max_size: int | None,
    source: str,
) -> Vocabulary:
    """The vocabulary of the training tokens and of all that the tokenizer can write.

    Args:
        tokens: The training text's.
        tokenizer: The fitted tokenizer.
        specials: Tokens that come first.
        min_frequency: See `Vocabulary.from_counts`; not applied where the tokenizer brings its own tokens.
        max_size: See `Vocabulary.from_counts`.
        source: The training text's name, for the error.

    Raises:
        RnnzooError: If there are fewer than two tokens beside the specials: there is nothing to predict.
    """
    inventory = tokenizer.inventory()
    counts = Counter(tokens)
    counts.update(dict.fromkeys(inventory, 0))
    vocabulary = Vocabulary.from_counts(counts, 0 if inventory else min_frequency, max_size, specials)
    words = len(vocabulary) - len(specials)
    if words < 2:
        raise RnnzooError(
            f"{source}: the vocabulary has {words} token{'' if words == 1 else 's'} beside "
            f"{', '.join(specials) or 'nothing'}: a language model needs at least two; give more text, or check "
            "data.tokenizer, data.min_frequency and data.max_vocabulary"
        )
    return vocabulary


def encode(tokens: Sequence[str], texts: Sequence[Text], tokenizer: Tokenizer, vocabulary: Vocabulary) -> Tensor:
    """The ids of the tokens, (L,) int64.

    Raises:
        RnnzooError: If the vocabulary is closed and lacks a token; with the file and line of `texts` that has it.
    """
    try:
        return torch.frombuffer(array("q", vocabulary.ids(tokens)), dtype=torch.int64)
    except UnknownTokenError as error:
        raise RnnzooError(
            f"{_locate(error.token, texts, tokenizer)}: the token {error.token!r} does not occur in the training text, "
            "and the vocabulary is closed: set data.unknown to true, or train on text that has it"
        ) from None


def _locate(token: str, texts: Sequence[Text], tokenizer: Tokenizer) -> str:
    for text in texts:
        for number, line in enumerate(text.text.split("\n"), text.first_line):
            if token in tokenizer.split(f"{line}\n"):
                return f"{text.source}, line {number}"
    raise AssertionError(f"{token!r} was split from these texts")
