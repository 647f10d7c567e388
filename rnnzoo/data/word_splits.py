"""Splits by source: all that may be written for one source is in the same split."""

import random
from collections.abc import Sequence

from rnnzoo.data.examples import Example
from rnnzoo.errors import RnnzooError


def split_words(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> dict[str, list[Example]]:
    """The examples of each split; those with equal inputs stay together, and examples keep their order.

    Raises:
        RnnzooError: a split would be empty.
    """
    words = list(dict.fromkeys(example.inputs for example in examples))
    random.Random(seed).shuffle(words)
    first, second = round(len(words) * fractions[0]), round(len(words) * (fractions[0] + fractions[1]))
    split_of = dict.fromkeys(words[:first], "train")
    split_of |= dict.fromkeys(words[first:second], "validation")
    split_of |= dict.fromkeys(words[second:], "test")
    parts: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for example in examples:
        parts[split_of[example.inputs]].append(example)
    for split, part in parts.items():
        if not part:
            raise RnnzooError(f"data.fractions {list(fractions)} of {len(words)} sources leaves none for {split}")
    return parts
