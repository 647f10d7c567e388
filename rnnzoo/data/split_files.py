"""Which files the examples of each split are read from, or how those of one are shared out."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnzoo.data.examples import Example
from rnnzoo.errors import RnnzooError


@dataclass(frozen=True)
class SplitFiles:
    """Files of examples by split.

    Attributes:
        train: to learn from.
        validation: to choose by.
        test: to report on.
        fractions: shares of training, validation and test examples, drawn from those of `train`, where the other files
            are not given; with test files two shares, of training and validation.
        split_seed: of that draw, which is the same in each run.

    Raises:
        RnnzooError: keys that do not go together, or a file in two splits.
    """

    train: Sequence[str]
    validation: Sequence[str] = ()
    test: Sequence[str] = ()
    fractions: Sequence[float] | None = None
    split_seed: int = 0
    _shared: dict[str, list[Example]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if not self.train:
            raise RnnzooError("data.train_files is missing: give the files to learn from")
        if bool(self.fractions) == bool(self.validation):
            raise RnnzooError(
                "data.train_files needs either data.validation_files (and data.test_files) or data.fractions, "
                "such as [0.8, 0.1, 0.1]: give one of them"
            )
        if self.fractions is not None:
            three_shares(self.fractions, "data.test_files" if self.test else None)
        seen: set[Path] = set()
        for path in (*self.train, *self.validation, *self.test):
            resolved = Path(path).resolve()
            if resolved in seen:
                raise RnnzooError(f"{path}: is given twice: what was trained on says nothing as validation or test")
            seen.add(resolved)

    def read(self, split: str, read_file: Callable[[str], Sequence[Example]]) -> Sequence[Example]:
        """The examples of a split.

        Args:
            split: `train`, `validation` or `test`.
            read_file: the examples of a file.

        Raises:
            RnnzooError: there is no test file.
        """
        if self.fractions is not None and not (split == "test" and self.test):
            if not self._shared:
                found = _read(self.train, read_file)
                if not found:
                    raise RnnzooError(f"there is no example in {self.description}: give files that have some")
                shares = three_shares(self.fractions, "data.test_files" if self.test else None)
                self._shared.update(share_out(found, shares, self.split_seed))
            return self._shared[split]
        files = {"train": self.train, "validation": self.validation, "test": self.test}[split]
        if not files:
            raise RnnzooError(f"there are no {split} examples: give data.{split}_files{without(split)}")
        return _read(files, read_file)

    @property
    def description(self) -> str:
        """The files' names, for the title of a table."""
        names = [Path(path).name for path in (*self.train, *self.validation, *self.test)]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")


def without(split: str) -> str:
    """What can be done without the examples of a split that are not given, for a message."""
    return ", or train alone, which needs none (rnnzoo fit)" if split == "test" else ""


def check_own_files(
    root: str | None,
    train: Sequence[str] | None,
    validation: Sequence[str] | None,
    test: Sequence[str] | None,
) -> None:
    """Refuse what does not go together where a published set has its splits, and files of one's own are given.

    Args:
        root: where the published set lies, as given.
        train: files to learn from; none: the published set.
        validation: files to choose by.
        test: files to report on.

    Raises:
        RnnzooError: a key that would not be looked at, or no file to choose by.
    """
    if root and train:
        raise RnnzooError("data.root is where the published files lie, but data.train_files is given: unset one")
    if train and not validation:
        raise RnnzooError("data.train_files needs data.validation_files: give files to choose by")
    if (validation or test) and not train:
        raise RnnzooError(
            "data.validation_files and data.test_files go with data.train_files, but the published files are asked "
            "for: unset them, or give data.train_files too"
        )


def check_fractions(fractions: Sequence[float]) -> None:
    """Refuse what are no shares of training, validation and test.

    Raises:
        RnnzooError: not three shares above 0 that sum to 1.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise RnnzooError(
            f"data.fractions must be three shares above 0 that sum to 1, such as [0.8, 0.1, 0.1], not {list(fractions)}"
        )


def three_shares(fractions: Sequence[float], test: str | None) -> list[float]:
    """Shares of training, validation and test examples.

    Args:
        fractions: as they are given: three, or where the test examples are given apart, two.
        test: the key that gives the test examples; None: they are drawn too.

    Raises:
        RnnzooError: not so many shares above 0 that sum to 1.
    """
    if test is None:
        check_fractions(fractions)
        return list(fractions)
    if len(fractions) != 2 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise RnnzooError(
            f"data.fractions with {test} must be two shares above 0 that sum to 1, of training and validation, "
            f"such as [0.9, 0.1], not {list(fractions)}"
        )
    return [*fractions, 0.0]


def share_out(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> dict[str, list[Example]]:
    """The examples of each split, drawn from all; within a split they keep their order.

    Raises:
        RnnzooError: a split with a share would be empty.
    """
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    first, second = round(len(order) * fractions[0]), round(len(order) * (fractions[0] + fractions[1]))
    parts = {"train": order[:first], "validation": order[first:second], "test": order[second:]}
    for (split, part), fraction in zip(parts.items(), fractions, strict=True):
        if fraction and not part:
            raise RnnzooError(f"data.fractions {list(fractions)} of {len(examples)} examples leaves none for {split}")
    return {split: [examples[at] for at in sorted(part)] for split, part in parts.items()}


def _read(files: Sequence[str], read_file: Callable[[str], Sequence[Example]]) -> list[Example]:
    return [example for path in files for example in read_file(path)]
