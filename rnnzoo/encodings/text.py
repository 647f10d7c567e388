"""Text as ids of tokens, and of their characters."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnzoo.encodings.base import Encoded, InputEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.text import Tokenizer, Vocabulary, build_tokenizer

UNKNOWN_CHARACTER = 1  # 0 is no character
FIRST_CHARACTER = 2


class TextEncoding(InputEncoding):
    """Ids of a text's tokens, and of the characters of each token where `characters` are given.

    A raw input is a text, split by the tokenizer, or a list of tokens, taken as they are.

    Args:
        tokenizer: a name or the data that `rnnzoo.text.build_tokenizer` takes.
        vocabulary: the tokens in the order of their ids.
        characters: those that have an id of their own, in order: 2, 3, ...; 1 is any other, 0 none.
        lowercase: whether tokens are looked up in lower case; their characters keep the case that the tokenizer, or
            a list, leaves them.

    Example:
        >>> encoding = TextEncoding("word", ["<unk>", "a", "rose"], characters=["a", "o", "r"])
        >>> encoding.encode("a rose")
        {'tokens': tensor([1, 2]), 'characters': tensor([[2, 0, 0, 0],
        [4, 3, 1, 1]])}
    """

    kind = "text"
    raw = "texts, or lists of tokens"

    def __init__(
        self,
        tokenizer: str | dict[str, Any],
        vocabulary: list[str],
        characters: list[str] | None = None,
        lowercase: bool = False,
    ) -> None:
        self.tokenizer: Tokenizer = build_tokenizer(tokenizer)
        self.vocabulary = Vocabulary(vocabulary)
        self.characters = characters
        self.lowercase = lowercase
        self._character_ids = {character: at for at, character in enumerate(characters or (), FIRST_CHARACTER)}

    def split(self, raw: str | Sequence[str]) -> list[str]:
        """The tokens of a raw input.

        Raises:
            RnnzooError: it is neither a text nor a list of tokens, or it has no token.
        """
        if isinstance(raw, str):
            try:
                raw.encode("utf-8")
            except UnicodeEncodeError as error:
                half = ascii(raw[error.start])
                raise RnnzooError(
                    f"{half} in {raw!a} is half of a character (a lone surrogate): leave it out"
                ) from None
            tokens = self.tokenizer.split(raw)
        elif isinstance(raw, (list, tuple)) and all(isinstance(token, str) for token in raw):
            tokens = list(raw)
            if "" in tokens:
                raise RnnzooError(f"token {tokens.index('')} of {raw!r} is empty: leave it out")
        else:
            raise RnnzooError(f"a text or a list of tokens is expected, not {raw!r}")
        if not tokens:
            raise RnnzooError(f"there is no token in {raw!r}")
        return tokens

    def encode(self, raw: str | Sequence[str]) -> Encoded:
        """The ids of the tokens (T,), and of their characters (T, C)."""
        tokens = self.split(raw)
        looked_up = [token.lower() for token in tokens] if self.lowercase else tokens
        ids = array("q", self.vocabulary.ids(looked_up))
        encoded = {"tokens": torch.frombuffer(ids, dtype=torch.int64)}  # of the same memory
        if self.characters is not None:
            encoded["characters"] = self.character_ids(tokens)
        return encoded

    def character_ids(self, tokens: Sequence[str]) -> Tensor:
        """(T, C) int64: the characters of each token, C those of the longest, 0 after the last."""
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        found = np.zeros((len(tokens), lengths.max()), np.int64)
        places = np.arange(found.shape[1]) < lengths[:, None]
        found[places] = [self._character_ids.get(character, UNKNOWN_CHARACTER) for character in "".join(tokens)]
        return torch.from_numpy(found)

    def options(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "tokenizer": self.tokenizer.config(),
            "vocabulary": self.vocabulary.tokens,
            "characters": self.characters,
            "lowercase": self.lowercase,
        }


def known_characters(tokens: Iterable[str]) -> list[str]:
    """The characters that stand in tokens, in the order of their code points."""
    return sorted(set().union(*map(set, tokens)))
