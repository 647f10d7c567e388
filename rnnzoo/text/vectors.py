"""Pretrained word vectors: the published files, how much of a vocabulary they cover, and rows of an embedding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.text.vector_files import read_rows
from rnnzoo.text.vocabulary import Vocabulary

_NAMED = 10  # how many of the missing tokens a report names


class PretrainedVectors:
    """Words and a vector of each.

    What torchtext has read is taken over with ``PretrainedVectors(vectors.itos, vectors.vectors)``.

    Args:
        tokens: n distinct words.
        weight: (n, E).
        repeated: words that their file has again further down; the first vector counts.

    Raises:
        RnnzooError: not one row for each word, or a word stands there twice.

    >>> vectors = PretrainedVectors(["the", "cat"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> vectors.find("cat"), vectors.find("The"), vectors.find("dog")
    (1, 0, None)
    """

    def __init__(self, tokens: Sequence[str], weight: Tensor, repeated: Sequence[str] = ()) -> None:
        self.tokens = list(tokens)
        self.weight = weight
        self.repeated = tuple(repeated)
        self._rows = {token: row for row, token in enumerate(self.tokens)}
        if weight.dim() != 2 or len(self._rows) != len(self.tokens) or len(self._rows) != len(weight):
            raise RnnzooError(
                f"pretrained vectors are distinct words and a row for each: there are {len(self.tokens)} words, "
                f"{len(self._rows)} of them distinct, and a matrix of shape {tuple(weight.shape)}"
            )

    @property
    def size(self) -> int:
        """E."""
        return self.weight.shape[1]

    def find(self, token: str) -> int | None:
        """The row of a token, else the row of the token in lower case, else None."""
        return self._rows.get(token, self._rows.get(token.lower()))

    def __contains__(self, token: str) -> bool:
        """Whether the very token is there, in the same case."""
        return token in self._rows

    def __len__(self) -> int:
        return len(self.tokens)


def read_vectors(path: str | Path, wanted: Iterable[str] | None = None) -> PretrainedVectors:
    """The vectors of a file, gzip-compressed where its name ends in `.gz`.

    Which format it is shows in the file itself:

    - text with a word and its numbers on each line, as GloVe is published (at least two numbers a line). A word may
      have spaces in it, as some of GloVe 840B have, unless all that follows its first space are numbers;
    - the same behind a line with the number of words and their width: word2vec's text and fastText's `.vec`;
    - word2vec's binary: that line, then each word, a space and float32 numbers, with or without a newline after them.

    The file is read as a stream. A file in text is checked to its end for width; numbers and UTF-8 are checked in
    the rows that are kept. torchtext 0.6.0 reads the text formats too, but leaves out words that are not UTF-8, writes
    a pickle of all that it read beside the file, and turns off the checking of certificates in the whole process: so
    the files are read here.

    Args:
        path: The file.
        wanted: The words to keep, and those that they are in lower case; None keeps all.

    Raises:
        RnnzooError: The file is absent, none of these formats, cut short, of changing width, not UTF-8, or has what is
            not a finite number; with the line (or, in the binary, the vector) and the remedy. Or no word is wanted.
    """
    path = Path(path)
    keep: frozenset[bytes] | None = None
    if wanted is not None:
        words = frozenset(wanted)
        keep = frozenset(form.encode("utf-8", "surrogatepass") for word in words for form in (word, word.lower()))
        if not keep:
            raise RnnzooError(f"{path}: no words are wanted from it: give some, or None for all")
    rows = read_rows(path, keep)
    weight = torch.frombuffer(rows.numbers, dtype=torch.float32) if rows.numbers else torch.empty(0)
    return PretrainedVectors(rows.tokens, weight.view(len(rows.tokens), rows.size), rows.repeated)


@dataclass(frozen=True)
class Coverage:
    """How much of a text has pretrained vectors.

    A *type* is a word of the vocabulary, a *token* one of its occurrences.

    Attributes:
        types: How many types there are.
        tokens: How many tokens.
        exact_types: Types found as they are.
        exact_tokens: Their tokens.
        lower_types: Types found only in lower case.
        lower_tokens: Their tokens.
        missing: Types without a vector and their counts, the most frequent first.
        repeated: Words that the file of vectors has more than once.
    """

    types: int
    tokens: int
    exact_types: int
    exact_tokens: int
    lower_types: int
    lower_tokens: int
    missing: tuple[tuple[str, int], ...]
    repeated: tuple[str, ...] = ()

    @property
    def share_of_types(self) -> float:
        """The share of the types with a vector."""
        return (self.exact_types + self.lower_types) / self.types

    @property
    def share_of_tokens(self) -> float:
        """The share of the tokens with a vector."""
        return (self.exact_tokens + self.lower_tokens) / self.tokens

    def __str__(self) -> str:
        found, seen = self.exact_types + self.lower_types, self.exact_tokens + self.lower_tokens
        lines = [
            f"vectors for {found} of {self.types} types ({self.share_of_types:.1%}) and {seen} of {self.tokens} tokens "
            f"({self.share_of_tokens:.1%}); {self.lower_types} types and {self.lower_tokens} tokens of these only in "
            "lower case"
        ]
        if self.missing:
            named = ", ".join(f"{token!r} ({count})" for token, count in self.missing[:_NAMED])
            lines.append(f"most frequent without one: {named}{', ...' if len(self.missing) > _NAMED else ''}")
        if self.repeated:
            named = ", ".join(map(repr, self.repeated[:_NAMED])) + (", ..." if len(self.repeated) > _NAMED else "")
            lines.append(f"more than once in the file, of which the first counts: {named}")
        return "\n".join(lines)


def coverage(counts: Mapping[str, int], vectors: PretrainedVectors) -> Coverage:
    """Which of the counted words have a vector.

    Args:
        counts: How often each word occurs in the text, such as a `collections.Counter` of its tokens.
        vectors: The vectors.

    Raises:
        RnnzooError: Nothing is counted.

    >>> vectors = PretrainedVectors(["the", "cat"], torch.zeros(2, 3))
    >>> print(coverage({"the": 5, "The": 2, "dog": 1, "cat": 2}, vectors))
    vectors for 3 of 4 types (75.0%) and 9 of 10 tokens (90.0%); 1 types and 2 tokens of these only in lower case
    most frequent without one: 'dog' (1)
    """
    if not counts or not sum(counts.values()):
        raise RnnzooError("the coverage of a text without words was asked for: count the words of a text")
    exact = [token for token in counts if token in vectors]
    lower = [token for token in counts if token not in vectors and vectors.find(token) is not None]
    missing = [(token, count) for token, count in counts.items() if vectors.find(token) is None]
    return Coverage(
        types=len(counts),
        tokens=sum(counts.values()),
        exact_types=len(exact),
        exact_tokens=sum(counts[token] for token in exact),
        lower_types=len(lower),
        lower_tokens=sum(counts[token] for token in lower),
        missing=tuple(sorted(missing, key=lambda pair: (-pair[1], pair[0]))),
        repeated=vectors.repeated,
    )


def initialise(weight: Tensor, vocabulary: Vocabulary, vectors: PretrainedVectors) -> Tensor:
    """Copy the vectors of a vocabulary's tokens into the rows of an embedding; rows without one stay as they are.

    A token is looked up as it is, then in lower case.

    Args:
        weight: (V, E), changed in place, such as `TokenEmbedding.weight`.
        vocabulary: V tokens.
        vectors: vectors of width E.

    Returns:
        (V,) bool: True where a row was copied.

    Raises:
        RnnzooError: The matrix has another number of rows or another width; or no token has a vector.
    """
    if len(weight) != len(vocabulary):
        raise RnnzooError(f"the embedding has {len(weight)} rows, the vocabulary {len(vocabulary)} tokens")
    if weight.shape[1] != vectors.size:
        raise RnnzooError(
            f"the pretrained vectors are {vectors.size} wide, the embedding {weight.shape[1]}: make it {vectors.size}"
        )
    found = [(row, at) for row, token in enumerate(vocabulary.tokens) if (at := vectors.find(token)) is not None]
    if not found:
        raise RnnzooError(
            f"none of the {len(vocabulary)} tokens has a pretrained vector: are they words, and of that language?"
        )
    rows, sources = torch.tensor(found).unbind(1)
    with torch.no_grad():
        weight[rows.to(weight.device)] = vectors.weight[sources].to(weight)
    copied = torch.zeros(len(vocabulary), dtype=torch.bool)
    copied[rows] = True
    return copied
