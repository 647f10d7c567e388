"""Splits by source or group: what belongs together is in the same split."""

import random
from collections.abc import Hashable, Sequence

from rnnzoo.data.examples import Example
from rnnzoo.errors import RnnzooError


def split_words(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> dict[str, list[Example]]:
    """The examples of each split; those with equal inputs stay together, and examples keep their order.

    Raises:
        RnnzooError: a split with a share would be empty.
    """
    return split_groups(examples, [example.inputs for example in examples], fractions, seed)


def split_groups(
    examples: Sequence[Example], groups: Sequence[Hashable], fractions: Sequence[float], seed: int
) -> dict[str, list[Example]]:
    """The examples of each split; those of a group stay together, and examples keep their order.

    Args:
        examples: all of them.
        groups: the group of each.
        fractions: shares of training, validation and test groups; a share of 0 gives none.
        seed: of the draw.

    Raises:
        RnnzooError: a split with a share would be empty.
    """
    names = list(dict.fromkeys(groups))
    random.Random(seed).shuffle(names)
    first, second = round(len(names) * fractions[0]), round(len(names) * (fractions[0] + fractions[1]))
    split_of = dict.fromkeys(names[:first], "train")
    split_of |= dict.fromkeys(names[first:second], "validation")
    split_of |= dict.fromkeys(names[second:], "test")
    parts: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for example, group in zip(examples, groups, strict=True):
        parts[split_of[group]].append(example)
    for (split, part), fraction in zip(parts.items(), fractions, strict=True):
        if fraction and not part:
            raise RnnzooError(f"data.fractions {list(fractions)} of {len(names)} sources leaves none for {split}")
    return parts
