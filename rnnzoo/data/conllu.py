"""CoNLL-U treebanks, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError, unknown

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_ID = re.compile(r"[0-9]+")
_SKIPPED = re.compile(r"[0-9]+[-.][0-9]+")


class Sentence(NamedTuple):
    """The words of a sentence, the values of the asked columns for each, and the line of each word."""

    words: list[str]
    columns: list[list[str]]
    lines: list[int]


def read_conllu(path: str | Path, columns: Sequence[str]) -> Iterator[Sentence]:
    """The sentences of a file in the CoNLL-U format (Universal Dependencies, version 2).

    Rows of multiword tokens (`3-4`) and empty nodes (`5.1`) are left out, and so are comments, as the format means
    them to be for who reads the words.

    Args:
        path: the file; also `.gz`.
        columns: which fields are wanted beside the form, such as `upos`.

    Raises:
        RnnzooError: an unknown field, or a line that is not of the format; file and line are named.
    """
    for column in columns:
        if column not in FIELDS[2:]:
            raise RnnzooError(unknown("column of CoNLL-U", column, FIELDS[2:]))
    at = [FIELDS.index(column) for column in columns]
    words: list[str] = []
    values: list[list[str]] = [[] for _ in at]
    lines: list[int] = []
    for number, line in enumerate([*read_text(path).text.split("\n"), ""], 1):
        if not line:
            if words:
                yield Sentence(words, values, lines)
            words, values, lines = [], [[] for _ in at], []
            continue
        if line.startswith("#"):
            continue
        row = line.split("\t")
        place = f"{path}:{number}"
        if len(row) != len(FIELDS):
            raise RnnzooError(f"{place}: {len(row)} columns, where CoNLL-U has {len(FIELDS)}, separated by tabs")
        if _SKIPPED.fullmatch(row[0]):
            continue
        if not _ID.fullmatch(row[0]) or int(row[0]) != len(words) + 1:
            raise RnnzooError(f"{place}: the word has the number {row[0]!r}, where {len(words) + 1} is expected")
        if not row[1]:
            raise RnnzooError(f"{place}: the form is empty")
        words.append(row[1])
        lines.append(number)
        for found, position in zip(values, at, strict=True):
            found.append(row[position])
