"""Byte-level byte-pair encoding, learned from the training text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rnnzoo.errors import RnnzooError
from rnnzoo.text.tokenizers import Tokenizer
from rnnzoo.text.vocabulary import END

if TYPE_CHECKING:
    from typing import Any

    import tokenizers


class SubwordTokenizer(Tokenizer):
    """Byte-level byte-pair encoding (Sennrich et al. 2016, section 3.2; on bytes: Radford et al. 2019, section 2.2).

    Starts from the 256 bytes and merges the most frequent pair until there are `size` tokens, so that any text can be
    split and `join(split(text)) == text` exactly. Tokens are written in the byte-to-letter alphabet of GPT-2
    (a leading space is `Ġ`).

    Args:
        size: At most so many tokens, the 256 bytes among them.
        min_frequency: A pair seen less often is not merged.
        merges: What `fit` learned: the pairs that are merged, `"t h"`, in this order; None before.
        end_of_line: Whether a newline is `<eos>`; else it is a byte like others.
        lowercase: Whether the text is turned into lower case first.

    Raises:
        RnnzooError: If `size` is below 256, or `merges` are not such, or the `tokenizers` package is absent.
    """

    name = "subword"
    level = "subword"

    def __init__(
        self,
        *,
        size: int = 8000,
        min_frequency: int = 2,
        merges: list[str] | None = None,
        end_of_line: bool = True,
        lowercase: bool = False,
    ) -> None:
        super().__init__(end_of_line=end_of_line, lowercase=lowercase)
        if size < 256:
            raise RnnzooError(f"a subword tokenizer of size {size} has no room for the 256 bytes: give at least 256")
        self.size = size
        self.min_frequency = min_frequency
        self.merges = merges
        self._coder = None if merges is None else _coder(merges)

    def fit(self, texts: Iterable[str]) -> SubwordTokenizer:
        """The tokenizer with the merges learned from the texts; the same texts give the same merges.

        A tokenizer that has learned before is returned as it is: that of a checkpoint stays what it was.
        """
        if self._coder is not None:
            return self
        from tokenizers import trainers

        coder = _coder([])
        trainer = trainers.BpeTrainer(
            vocab_size=self.size,
            min_frequency=self.min_frequency,
            initial_alphabet=sorted(_byte_letters()),
            show_progress=False,
        )
        lines = (line for text in texts for line in self._lines(text.lower() if self.lowercase else text))
        coder.train_from_iterator(lines, trainer)
        learned = json.loads(coder.to_str())["model"]["merges"]
        return SubwordTokenizer(**{**self._options(), "merges": [" ".join(pair) for pair in learned]})

    def inventory(self) -> list[str]:
        """All learned tokens and the 256 bytes."""
        return sorted(self._learned().get_vocab())

    def config(self) -> dict[str, Any]:
        """Plain data from which `build_tokenizer` makes the same tokenizer, the merges among them."""
        return {"name": self.name, **self._options()}

    def _options(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "min_frequency": self.min_frequency,
            "merges": self.merges,
            "end_of_line": self.end_of_line,
            "lowercase": self.lowercase,
        }

    def _split(self, text: str) -> list[str]:
        tokens: list[str] = []
        for number, encoded in enumerate(self._learned().encode_batch(list(self._lines(text)))):
            if number and self.end_of_line:
                tokens.append(END)
            tokens += encoded.tokens
        return tokens

    def _join(self, tokens: Sequence[str]) -> str:
        decoder = self._learned().decoder
        text: str = decoder.decode(list(tokens))
        return text

    def _lines(self, text: str) -> Iterator[str]:
        # Pieces never cross a line, so that a text read line by line is split as one read whole.
        ends = text.split("\n")
        yield from ends if self.end_of_line else [f"{line}\n" for line in ends[:-1]] + ends[-1:]

    def _learned(self) -> tokenizers.Tokenizer:
        if self._coder is None:
            raise RnnzooError("the subword tokenizer has learned nothing yet: fit it on the training texts first")
        return self._coder


def _coder(merges: Sequence[str]) -> tokenizers.Tokenizer:
    """The bytes as tokens, and a token for each pair."""
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    except ImportError:
        raise RnnzooError(
            "the subword tokenizer needs the package 'tokenizers': pip install 'rnnzoo[recipes]'"
        ) from None
    known = dict.fromkeys(sorted(_byte_letters()))
    pairs = []
    for merge in merges:
        first, space, second = merge.partition(" ")
        if not space or first not in known or second not in known:
            raise RnnzooError(
                f"the subword tokenizer's merge {merge!r} is not what its fit() wrote: two tokens and a space between"
            )
        pairs.append((first, second))
        known[first + second] = None
    coder = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(known)}, merges=pairs))
    coder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    coder.decoder = decoders.ByteLevel()
    return coder


def _byte_letters() -> list[str]:
    from tokenizers import pre_tokenizers

    letters: list[str] = pre_tokenizers.ByteLevel.alphabet()
    return letters
