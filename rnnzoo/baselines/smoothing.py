"""n-gram models by the name of their smoothing."""

from __future__ import annotations

import inspect
from typing import Any

from rnnzoo.baselines.add_delta import AddDelta
from rnnzoo.baselines.kneser_ney import KneserNey, ModifiedKneserNey
from rnnzoo.baselines.ngram import NGram
from rnnzoo.baselines.stupid_backoff import StupidBackoff
from rnnzoo.errors import RnnzooError, unknown

SMOOTHINGS: dict[str, type[NGram]] = {
    "add_delta": AddDelta,
    "kneser_ney": KneserNey,
    "modified_kneser_ney": ModifiedKneserNey,
    "stupid_backoff": StupidBackoff,
}


def build_ngram(smoothing: str, order: int, vocabulary_size: int, **options: Any) -> NGram:
    """The n-gram model whose smoothing has this name, not yet fitted.

    Args:
        smoothing: a key of `SMOOTHINGS`.
        order: n.
        vocabulary_size: V.
        options: what that class takes besides: `sentence_end`; `delta` (add_delta), `alpha` (stupid_backoff).

    Raises:
        RnnzooError: an unknown name, with the nearest known ones; an option that is not this class's; and as the class.

    >>> build_ngram("kneser_ney", 5, 1000).name
    'Kneser-Ney 5-gram'
    """
    if smoothing not in SMOOTHINGS:
        raise RnnzooError(unknown("smoothing", smoothing, SMOOTHINGS))
    kind = SMOOTHINGS[smoothing]
    for option in options.keys() - inspect.signature(kind).parameters.keys():
        raise RnnzooError(f"{smoothing} takes no option {option!r}")
    return kind(order, vocabulary_size, **options)
