"""The tokens that a model knows, each with its id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

from rnnzoo.errors import RnnzooError

UNKNOWN = "<unk>"
END = "<eos>"


class Vocabulary:
    """An immutable list of distinct tokens; a token's id is its position.

    Args:
        tokens: The tokens in the order of their ids, such as the list that a checkpoint keeps.
        unknown: The token that stands for all that the vocabulary lacks. A vocabulary that does not contain it
            (or None) is closed: a token outside it is an error.

    Raises:
        RnnzooError: If there is no token or one stands there twice.

    >>> vocabulary = Vocabulary(["<unk>", "<eos>", "the", "cat"])
    >>> vocabulary.ids(["the", "dog", "<eos>"])
    [2, 0, 1]
    >>> vocabulary.lookup([2, 3])
    ['the', 'cat']
    """

    __slots__ = ("_ids", "_tokens", "unknown")

    def __init__(self, tokens: Sequence[str], unknown: str | None = UNKNOWN) -> None:
        self._tokens = tuple(tokens)
        self._ids = {token: position for position, token in enumerate(self._tokens)}
        if not self._tokens:
            raise RnnzooError("a vocabulary needs at least one token: none was given")
        if len(self._ids) != len(self._tokens):
            twice = next(token for position, token in enumerate(self._tokens) if self._ids[token] != position)
            raise RnnzooError(f"the vocabulary has the token {twice!r} twice: each may stand there once")
        self.unknown = unknown if unknown in self._ids else None

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        min_frequency: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (UNKNOWN, END),
    ) -> Vocabulary:
        """The specials, then all other counted tokens, the frequent first, equal counts in alphabetical order.

        Ids in order of frequency are what the adaptive softmax (Grave et al. 2017) cuts into its clusters.

        Args:
            counts: How often each token occurs in the training text. A special that occurs there is that special.
            min_frequency: Tokens counted less often are left out.
            max_size: At most so many tokens, the specials among them.
            specials: The tokens that come first, whatever their count.

        Raises:
            RnnzooError: If `max_size` leaves no room for any token.

        >>> Vocabulary.from_counts({"b": 2, "a": 2, "c": 5, "d": 1}, min_frequency=2).tokens
        ['<unk>', '<eos>', 'c', 'a', 'b']
        """
        if max_size is not None and max_size <= len(specials):
            raise RnnzooError(
                f"a vocabulary of at most {max_size} tokens has no room beside {', '.join(specials)}: allow more"
            )
        kept = (token for token, count in counts.items() if count >= min_frequency and token not in specials)
        tokens = [*specials, *sorted(kept, key=lambda token: (-counts[token], token))]
        return cls(tokens[:max_size])

    @property
    def tokens(self) -> list[str]:
        """The tokens in the order of their ids: what a checkpoint keeps."""
        return list(self._tokens)

    @property
    def unknown_id(self) -> int | None:
        """The id of the token that stands for all others, None where the vocabulary is closed."""
        return None if self.unknown is None else self._ids[self.unknown]

    @property
    def end_id(self) -> int | None:
        """The id of `<eos>`, None where there is none."""
        return self._ids.get(END)

    @property
    def start_id(self) -> int:
        r"""The token before the first of a stream: `<eos>`, else the newline `"\n"`, else the one with id 0.

        A stream begins as if a line had just ended, so that its first token is predicted and counted as well.
        """
        return self._ids.get(END, self._ids.get("\n", 0))

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """The ids of the tokens, those outside the vocabulary as `unknown_id`.

        Raises:
            RnnzooError: If a token is not in a closed vocabulary; its `token` attribute has the token.
        """
        default = self.unknown_id
        if default is not None:
            return list(map(self._ids.get, tokens, repeat(default)))
        try:
            return list(map(self._ids.__getitem__, tokens))
        except KeyError as error:
            raise UnknownTokenError(error.args[0]) from None

    def id(self, token: str) -> int:
        """The id of one token; see `ids`."""
        return self.ids([token])[0]

    def lookup(self, ids: Iterable[int]) -> list[str]:
        """The tokens of the ids.

        Raises:
            RnnzooError: If an id is negative or not smaller than the size of the vocabulary.
        """
        found = []
        for position in ids:
            if not 0 <= position < len(self._tokens):
                raise RnnzooError(f"no token has the id {position}: the vocabulary has the ids 0 to {len(self) - 1}")
            found.append(self._tokens[position])
        return found

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self._tokens, self.unknown) == (other._tokens, other.unknown)

    def __hash__(self) -> int:
        return hash((self._tokens, self.unknown))

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, unknown={self.unknown!r})"


class UnknownTokenError(RnnzooError):
    """A token that a closed vocabulary lacks.

    Attributes:
        token: The token.
    """

    def __init__(self, token: str) -> None:
        super().__init__(f"the token {token!r} is not in the vocabulary, which is closed: it has no {UNKNOWN}")
        self.token = token
