"""How rnnzoo says that the user's input cannot be used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RnnzooError(ValueError):
    """A mistake in what was given: the message says what was wrong, where, and what to do.

    The command line prints it as one line and exits with 2; a traceback would tell a user nothing more.
    """


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
