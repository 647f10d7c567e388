"""CoNLL-U treebanks, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError, unknown

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_ID = re.compile(r"[0-9]{1,9}")
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_EMPTY_NODE = re.compile(r"([0-9]{1,9})\.[0-9]+")


class Sentence(NamedTuple):
    """The words of a sentence, the values of the asked columns for each, and the line of each word."""

    words: list[str]
    columns: list[list[str]]
    lines: list[int]


def read_conllu(path: str | Path, columns: Sequence[str]) -> Iterator[Sentence]:
    """The sentences of a file in the CoNLL-U format (Universal Dependencies, version 2).

    Rows of multiword tokens (`3-4`) and empty nodes (`5.1`) are left out, and so are comments, as the format means
    them to be for who reads the words. `_` is given as it stands: as a form it is the word, in other fields it says
    that there is no value.

    Args:
        path: the file; also `.gz`.
        columns: which fields are wanted beside the form, such as `upos`.

    Raises:
        RnnzooError: an unknown field, a line that is not of the format, an empty field that is asked for, or a sentence
            of which every form is `_`, as treebanks are published whose text is withheld; file and line are named.
    """
    for column in columns:
        if column not in FIELDS[2:]:
            raise RnnzooError(unknown("column of CoNLL-U", column, FIELDS[2:]))
    at = [FIELDS.index(column) for column in columns]
    words: list[str] = []
    values: list[list[str]] = [[] for _ in at]
    lines: list[int] = []
    reach = 0  # the last word that a range of the sentence names
    for number, line in enumerate([*read_text(path).text.split("\n"), ""], 1):
        if not line:
            if reach > len(words):
                raise RnnzooError(f"{path}:{number - 1}: the sentence ends before the word {reach} of its last range")
            if len(words) > 1 and set(words) == {"_"}:
                raise RnnzooError(
                    f"{path}:{lines[0]}: every form of the sentence is _: merge the text into the treebank"
                )
            if words:
                yield Sentence(words, values, lines)
            words, values, lines, reach = [], [[] for _ in at], [], 0
            continue
        if line.startswith("#"):
            continue
        row = line.split("\t")
        place = f"{path}:{number}"
        if len(row) != len(FIELDS):
            raise RnnzooError(f"{place}: {len(row)} columns, where CoNLL-U has {len(FIELDS)}, separated by tabs")
        if span := _RANGE.fullmatch(row[0]):
            start, end = int(span[1]), int(span[2])
            if start != len(words) + 1 or not reach < start <= end:
                raise RnnzooError(
                    f"{place}: the range {row[0]} must begin with the next word, {len(words) + 1}, and meet no other"
                )
            reach = end
            continue
        if node := _EMPTY_NODE.fullmatch(row[0]):
            if int(node[1]) != len(words):
                raise RnnzooError(f"{place}: the empty node {row[0]} follows the word {len(words)}")
            continue
        if not _ID.fullmatch(row[0]) or int(row[0]) != len(words) + 1:
            raise RnnzooError(f"{place}: the word has the number {row[0]!r}, where {len(words) + 1} is expected")
        if not row[1]:
            raise RnnzooError(f"{place}: the form is empty")
        words.append(row[1])
        lines.append(number)
        for found, position in zip(values, at, strict=True):
            if not row[position]:
                raise RnnzooError(f"{place}: the column {FIELDS[position]} is empty: write _ where there is no value")
            found.append(row[position])
