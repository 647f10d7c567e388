"""Words that must be written, prefixes and phrases, as ids: of the vocabulary, and of what can be copied."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.encodings import TextEncoding
from rnnzoo.encodings.copying import extended_ids
from rnnzoo.errors import RnnzooError, require_list

Copied = Sequence[str] | None  # of a source the words that the vocabulary lacks; None: nothing can be copied


def prefix_ids(prefix: str | Sequence[str], written: TextEncoding, copied: Sequence[Copied]) -> list[list[int]]:
    """How the text of each source must begin.

    Args:
        prefix: one for all, or one for each.
        written: how written texts become tokens.
        copied: what can be copied of each source.

    Raises:
        RnnzooError: a word that can be neither written nor copied, or not as many prefixes as sources.

    Example:
        >>> letters = TextEncoding("character", ["<unk>", "a", "b"])
        >>> prefix_ids("ac", letters, [["d", "c"], ["c"]])
        [[1, 4], [1, 3]]
    """
    given = [prefix] * len(copied) if isinstance(prefix, str) else require_list("prefixes", prefix)
    if len(given) != len(copied):
        raise RnnzooError(f"{len(given)} prefixes for {len(copied)} sources: give one for all, or one for each")
    return [_ids(text, "the prefix", written, words) for text, words in zip(given, copied, strict=True)]


def prefix_tensors(prefixes: Sequence[list[int]], device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    """Prefixes as (N, P), and their lengths (N,); None twice where all are empty."""
    longest = max(map(len, prefixes), default=0)
    if not longest:
        return None, None
    padded = [ids + [0] * (longest - len(ids)) for ids in prefixes]
    lengths = torch.tensor([len(ids) for ids in prefixes], device=device)
    return torch.tensor(padded, device=device), lengths


def phrase_ids(
    phrases: Sequence[Sequence[str]], written: TextEncoding, copied: Sequence[Copied]
) -> list[list[list[int]]]:
    """The phrases that the text of each source must contain; arguments as in `prefix_ids`.

    Raises:
        RnnzooError: a word that can be neither written nor copied, or not a list of phrases for each source.
    """
    given = [] if isinstance(phrases, str) else require_list("constraints", phrases)
    if len(given) != len(copied) or not all(isinstance(own, (list, tuple)) for own in given):
        raise RnnzooError(
            f"constraints must be a list of phrases for each of the {len(copied)} sources: [['a phrase']]"
        )
    return [
        [_ids(phrase, "the phrase", written, words) for phrase in own] for own, words in zip(given, copied, strict=True)
    ]


def _ids(text: str, what: str, written: TextEncoding, copied: Copied) -> list[int]:
    vocabulary = written.vocabulary
    tokens = written.split(text) if text else []
    for token in tokens:
        if token not in vocabulary and token not in (copied or ()):
            nor = "" if copied is None else ", nor among the words of its source"
            raise RnnzooError(
                f"{what} {text!r} has {token!r}, which is not in the vocabulary of {len(vocabulary):,} tokens that "
                f"the model writes{nor}: leave it out or write it otherwise"
            )
    return extended_ids(tokens, vocabulary, copied or ())
