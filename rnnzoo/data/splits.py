"""Training, validation and test text: from files, from a folder, or cut from one text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from rnnzoo.data.files import Text, read_text
from rnnzoo.errors import RnnzooError

_NAMES = {"train": ("train",), "validation": ("valid", "val", "dev"), "test": ("test",)}


@dataclass(frozen=True)
class Splits:
    """The texts of each split and what they are.

    Attributes:
        train: The texts to learn from.
        validation: The texts to choose by.
        test: The texts to report on; none where there is no test split.
        description: The corpus in a few words, for the title of a table.
    """

    train: list[Text]
    validation: list[Text]
    test: list[Text]
    description: str


def splits_from_files(train: Sequence[str], validation: Sequence[str], test: Sequence[str]) -> Splits:
    """The splits as the files say, each file read whole and in the order given.

    Raises:
        RnnzooError: If a file cannot be used (see `read_text`) or stands in two splits.
    """
    seen: dict[Path, str] = {}
    for path in (*train, *validation, *test):
        if Path(path).resolve() in seen:
            raise RnnzooError(f"{path}: is given twice: a text that was trained on says nothing as validation or test")
        seen[Path(path).resolve()] = path
    return Splits(
        train=[read_text(path) for path in train],
        validation=[read_text(path) for path in validation],
        test=[read_text(path) for path in test],
        description=_name_files([*train, *validation, *test]),
    )


def splits_from_folder(folder: str | Path) -> Splits:
    """The splits from the files of a folder whose names contain train, valid (or val, dev) and test.

    Such are `ptb.train.txt`, `wiki.valid.tokens` and `test.txt.gz`; other files are left alone, sub-folders too. Where
    no file is named so, there may be a sub-folder for each split, with all its texts, as PG-19 has them.

    Raises:
        RnnzooError: If a split has no file or more than one, if a name fits two splits, or a file cannot be used.
    """
    folder = Path(folder)
    names = _file_names(folder)
    fits = _fitting(names)
    if not any(fits.values()) and any((below := _fitting(_folder_names(folder))).values()):
        names, fits = _folder_names(folder), below
    for split, found in fits.items():
        if len(found) != 1:
            problem = f"files fit '{split}': {', '.join(found)}" if found else f"file fits '{split}'"
            raise RnnzooError(
                f"data.folder: in {folder} {len(found) or 'no'} {problem} (a name with {' or '.join(_NAMES[split])}; "
                f"the folder has: {_listed(names)}); name the files by data.train_files, "
                f"data.validation_files and data.test_files instead{_flags(folder, fits)}"
            )
    chosen = [found[0] for found in fits.values()]
    if len(set(chosen)) != len(chosen):
        twice = next(name for name in chosen if chosen.count(name) > 1)
        raise RnnzooError(
            f"data.folder: in {folder} the name {twice} fits more than one split; name the files by "
            "data.train_files, data.validation_files and data.test_files instead"
        )
    splits = splits_from_files(*[_texts(folder / name) for name in chosen])
    return replace(splits, description=f"folder {folder.resolve().name}")


def splits_from_folder_fractions(folder: str | Path, fractions: Sequence[float]) -> Splits:
    """The splits cut from all files of a folder, one after the other in the order of their names.

    Files whose names begin with a dot are left alone, sub-folders too.

    Raises:
        RnnzooError: As `splits_from_fractions`, or there is no such folder, or no file in it.
    """
    folder = Path(folder)
    names = _file_names(folder)
    if not names:
        raise RnnzooError(f"data.folder: {folder} has no files: give the folder that has the texts")
    splits = splits_from_fractions([str(folder / name) for name in names], fractions)
    return replace(splits, description=f"folder {folder.resolve().name}")


def _fitting(names: Sequence[str]) -> dict[str, list[str]]:
    """The names that fit each split."""
    return {split: [name for name in names if any(word in name.lower() for word in _NAMES[split])] for split in _NAMES}


def _folder_names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _texts(path: Path) -> list[str]:
    """A file, or all files of a folder in the order of their names."""
    if not path.is_dir():
        return [str(path)]
    if not (names := _file_names(path)):
        raise RnnzooError(f"data.folder: {path} has no files: give the texts of this split")
    return [str(path / name) for name in names]


def _file_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise RnnzooError(
            f"data.folder: {folder} is {'a file' if folder.exists() else 'absent'}: give a folder with a file each of "
            "train, valid and test text, or files as data.train_files"
        )
    return sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"{', '.join(names[:20]) or 'nothing'}{more}"


def _flags(folder: Path, fits: dict[str, list[str]]) -> str:
    """The flags for the plainest name of each split, ready to paste; where a split has none, what else can be done."""
    if not all(fits.values()):
        return ", or cut them all into parts by data.fractions, such as [0.9, 0.05, 0.05]"
    plain = {split: min(found, key=lambda name: (name.count("."), len(name))) for split, found in fits.items()}
    flags = (f'--data.{split}_files "[{folder / name}]"' for split, name in plain.items())
    return f", such as: {' '.join(flags)}"


def splits_from_fractions(files: Sequence[str], fractions: Sequence[float]) -> Splits:
    """The splits cut from the files, one after the other in the order given.

    Args:
        files: The texts, which are cut as if they were one.
        fractions: Of training, validation and test text, in characters; they add up to 1. Test may be 0.

    Raises:
        RnnzooError: If the fractions are not such, a part would be empty, or a file cannot be used.
    """
    texts = splits_from_files(files, [], []).train
    train, validation, test = cut(texts, fractions)
    return Splits(train, validation, test, _name_files(files))


def cut(texts: Sequence[Text], fractions: Sequence[float]) -> list[list[Text]]:
    """Three contiguous parts of the texts, the fractions measured in characters.

    A cut falls behind the end of the line that it hits; where that is not in the part (the text has no line ends), it
    falls between two characters.

    >>> parts = cut([Text("a.txt", "one\\ntwo\\nthree\\nfour\\n")], [0.3, 0.3, 0.4])
    >>> [(part[0].text, part[0].first_line) for part in parts]
    [('one\\ntwo\\n', 1), ('three\\n', 3), ('four\\n', 4)]
    """
    numbers = all(isinstance(share, (int, float)) for share in fractions)
    if len(fractions) != 3 or not numbers or min(fractions) < 0 or not math.isclose(sum(fractions), 1.0, abs_tol=1e-6):
        raise RnnzooError(
            f"data.fractions: {list(fractions)} must be three shares of train, validation and test that add up to 1, "
            "such as [0.9, 0.05, 0.05]"
        )
    total = sum(len(text.text) for text in texts)
    marks = [*(round(share * total) for share in accumulate(fractions[:2])), total]
    parts: list[list[Text]] = [[], [], []]
    begin = 0
    for text in texts:
        end = begin + len(text.text)
        at = 0
        for part, mark in zip(parts, marks, strict=True):
            stop = min(mark, end) - begin
            if at < stop:
                if stop < len(text.text):
                    line_end = text.text.find("\n", max(stop - 1, 0)) + 1
                    following = next((m for m in marks if m > mark), total)
                    stop = line_end if 0 < line_end < following - begin else stop
                line = text.first_line + text.text.count("\n", 0, at)
                part.append(Text(text.source, text.text[at:stop], line))
                at = stop
        begin = end
    for name, share, part in zip(("train", "validation", "test"), fractions, parts, strict=True):
        if not part and (share or name != "test"):
            raise RnnzooError(
                f"data.fractions: the {name} part of {_name_files([text.source for text in texts])} "
                f"({total} characters) is empty: give a larger share than {share}, or more text"
            )
    return parts


def _name_files(paths: Sequence[str]) -> str:
    names = [Path(path).name for path in paths]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{'file' if len(names) == 1 else 'files'} {', '.join(names[:3])}{more}"
