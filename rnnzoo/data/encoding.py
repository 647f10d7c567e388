"""Texts to streams of ids: the vocabulary from the training text, the other splits by it."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import torch
from torch import Tensor

from rnnzoo.data.files import Text
from rnnzoo.errors import RnnzooError
from rnnzoo.text import Tokenizer, UnknownTokenError, Vocabulary

_PIECE = 1 << 20  # characters
_LINE_END, _WHITE_SPACE = re.compile("\n"), re.compile(r"\s")


def index_texts(texts: Sequence[Text], tokenizer: Tokenizer) -> tuple[list[str], Tensor]:
    """The distinct tokens of the texts, and the texts as positions in this list.

    The texts stand one after the other; each one's last line ends in `<eos>` where lines do. They are split piece by
    piece, so that no more than one piece of them stands in memory as tokens.

    Returns:
        The tokens in the order in which they first occur, and (L,) int32.
    """
    order: defaultdict[str, int] = defaultdict(count().__next__)
    positions = array("i")
    for text in texts:
        for piece in _pieces(text.text, tokenizer):
            positions.extend(map(order.__getitem__, tokenizer.split(piece)))
    found = torch.frombuffer(positions, dtype=torch.int32) if positions else torch.empty(0, dtype=torch.int32)
    return list(order), found


def _pieces(text: str, tokenizer: Tokenizer) -> Iterator[str]:
    """The text, cut where no token of the tokenizer can lie: behind a line end, or but for subwords any white space."""
    boundary = _LINE_END if tokenizer.level == "subword" else _WHITE_SPACE
    start = 0
    while len(text) - start > _PIECE and (found := boundary.search(text, start + _PIECE - 1)):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]
    if tokenizer.end_of_line and not text.endswith("\n"):
        yield "\n"


def learn_vocabulary(
    counts: Mapping[str, int],
    tokenizer: Tokenizer,
    specials: Sequence[str],
    min_frequency: int,
    max_size: int | None,
    source: str,
) -> Vocabulary:
    """The vocabulary of the training tokens and of all that the tokenizer can write.

    Args:
        counts: How often each token occurs in the training text.
        tokenizer: The fitted tokenizer.
        specials: Tokens that come first.
        min_frequency: See `Vocabulary.from_counts`; not applied where the tokenizer brings its own tokens.
        max_size: See `Vocabulary.from_counts`.
        source: The training text's name, for the error.

    Raises:
        RnnzooError: If there are fewer than two tokens beside the specials: there is nothing to predict.
    """
    inventory = tokenizer.inventory()
    counted = {**dict.fromkeys(inventory, 0), **counts}
    vocabulary = Vocabulary.from_counts(counted, 0 if inventory else min_frequency, max_size, specials)
    words = len(vocabulary) - len(specials)
    if words < 2:
        raise RnnzooError(
            f"{source}: the vocabulary has {words} token{'' if words == 1 else 's'} beside "
            f"{', '.join(specials) or 'nothing'}: a language model needs at least two; give more text, or check "
            "data.tokenizer, data.min_frequency and data.max_vocabulary"
        )
    return vocabulary


def encode(
    tokens: Sequence[str], positions: Tensor, texts: Sequence[Text], tokenizer: Tokenizer, vocabulary: Vocabulary
) -> Tensor:
    """The ids of the texts that `index_texts` made tokens and positions of, (L,) int64.

    Raises:
        RnnzooError: If the vocabulary is closed and lacks a token; with the file and line of `texts` that has it.
    """
    try:
        ids = torch.tensor(vocabulary.ids(tokens), dtype=torch.int64)
    except UnknownTokenError as error:
        raise RnnzooError(
            f"{_locate(error.token, texts, tokenizer)}: the token {error.token!r} does not occur in the training text, "
            "and the vocabulary is closed: set data.unknown to true, or train on text that has it"
        ) from None
    return ids.index_select(0, positions)


def _locate(token: str, texts: Sequence[Text], tokenizer: Tokenizer) -> str:
    for text in texts:
        for number, line in enumerate(text.text.split("\n"), text.first_line):
            if token in tokenizer.split(f"{line}\n"):
                return f"{text.source}, line {number}"
    raise AssertionError(f"{token!r} was split from these texts")
