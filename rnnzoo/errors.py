"""How rnnzoo says that the user's input cannot be used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Integral
from typing import Any


class RnnzooError(ValueError):
    """A mistake in what was given: the message says what was wrong, where, and what to do.

    The command line prints it as one line and exits with 2; a traceback would tell a user nothing more.
    """


class InputError(RnnzooError):
    """One of several inputs cannot be used.

    Args:
        what: the inputs are.
        position: of the input among them.
        problem: the rest of the message.

    >>> str(InputError("image", 3, "no such file").after(64))
    'image 67: no such file'
    """

    def __init__(self, what: str, position: int, problem: str) -> None:
        super().__init__(what, position, problem)  # by which it is pickled, to another process
        self.what, self.position, self.problem = what, position, problem

    def __str__(self) -> str:
        return f"{self.what} {self.position}: {self.problem}"

    def after(self, count: int) -> InputError:
        """The same of a longer list, which has so many inputs before these."""
        return InputError(self.what, self.position + count, self.problem)


def require_list(what: str, given: Any) -> list[Any]:
    """Several inputs as a list, from anything that gives them one by one.

    >>> require_list("texts", (text for text in ("a", "b")))
    ['a', 'b']
    >>> require_list("texts", None)
    Traceback (most recent call last):
        ...
    rnnzoo.errors.RnnzooError: give a list of texts, not None

    Raises:
        RnnzooError: it gives nothing one by one.
    """
    try:
        return list(given)
    except TypeError:
        raise RnnzooError(f"give a list of {what}, not {given!r}") from None


def require_pairs(what: str, given: Any) -> list[Any]:
    """Several pairs as a list; a text of two characters is no pair.

    >>> require_pairs("(left, right)", [("a", "b"), "cd"])
    Traceback (most recent call last):
        ...
    rnnzoo.errors.RnnzooError: give a list of (left, right): 'cd' at position 1 is no pair

    Raises:
        RnnzooError: something among them is none.
    """
    if isinstance(given, str):
        raise RnnzooError(f"give a list of {what}, not {given!r}")
    pairs = require_list(what, given)
    for position, pair in enumerate(pairs):
        if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
            raise RnnzooError(f"give a list of {what}: {pair!r} at position {position} is no pair")
    return pairs


def require_probability(name: str, value: Any) -> None:
    """Refuse what is no probability of dropping something; 1 would drop all.

    >>> require_probability("model.dropout", 0.5)
    >>> require_probability("model.dropout", 1.5)
    Traceback (most recent call last):
        ...
    rnnzoo.errors.RnnzooError: model.dropout must be a probability of at least 0 and below 1, not 1.5

    Raises:
        RnnzooError: not a number in [0, 1).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise RnnzooError(f"{name} must be a probability of at least 0 and below 1, not {value!r}")


def require_count(name: str, value: Any) -> None:
    """Refuse what is no whole number of at least 1.

    >>> require_count("input.filters", "50")
    Traceback (most recent call last):
        ...
    rnnzoo.errors.RnnzooError: input.filters must be a whole number of at least 1, not '50'

    Raises:
        RnnzooError: not such a number.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RnnzooError(f"{name} must be a whole number of at least 1, not {value!r}")


def require_seed(name: str, value: Any) -> None:
    """Refuse what is no seed: a whole number from 0 to 2^32 - 1, as Lightning's `seed_everything` has it.

    >>> require_seed("seed", 1 << 40)
    Traceback (most recent call last):
        ...
    rnnzoo.errors.RnnzooError: seed must be a whole number from 0 to 4294967295, not 1099511627776

    Raises:
        RnnzooError: not such a number.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 1 << 32:
        raise RnnzooError(f"{name} must be a whole number from 0 to {(1 << 32) - 1}, not {value!r}")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that is not among the known ones, the nearest first.

    >>> unknown("cell", "lstn", ["lstm", "gru", "elman"])
    "unknown cell 'lstn': did you mean 'lstm'? (known: elman, gru, lstm)"
    >>> unknown("cell", "qqq", ["lstm", "gru"])
    "unknown cell 'qqq' (known: gru, lstm)"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f": did you mean {', '.join(map(repr, near))}?" if near else ""
    return f"unknown {kind} {name!r}{hint} (known: {', '.join(names)})"
