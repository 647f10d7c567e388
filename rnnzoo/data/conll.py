"""Columns of words and tags, as the CoNLL shared tasks have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from sys import intern
from typing import NoReturn

from rnnzoo.data.conllu import Sentence
from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError

_REMEDY = "correct the line, or give data.comment, how lines that are comments begin"


def read_columns(
    path: str | Path,
    word_column: int,
    tag_columns: Sequence[int],
    separator: str | None = None,
    comment: str = "",
) -> Iterator[Sentence]:
    """The sentences of a file with a word a line, its tags beside it, and an empty line after each sentence.

    Columns are divided by single separators, or by spaces and tabs; other white space belongs to the words. All lines
    of words have as many columns as the first. Lines that begin with `-DOCSTART-` end a sentence and are no word of one
    (CoNLL-2003).

    Args:
        path: the file; also `.gz`.
        word_column: the position of the word, from 0; from the end where it is below 0.
        tag_columns: the positions of the tags.
        separator: between the columns; None: any number of spaces and tabs. A tab lets words have spaces in them.
        comment: how lines begin that are passed over; "": there are none.

    Raises:
        RnnzooError: a line of too few columns, of another number than the first, or with an empty one that is asked
            for; or every sentence begins with a line that must be a comment; file and line are named.
    """
    columns = [word_column, *tag_columns]
    words: list[str] = []
    values: list[list[str]] = [[] for _ in tag_columns]
    lines: list[int] = []
    width = first = marked = unmarked = 0  # sentences that begin with a hash mark alone, and others
    for number, line in enumerate([*read_text(path).text.split("\n"), ""], 1):
        if comment and line.startswith(comment):
            continue
        row = _cells(line, separator)
        if not row or row[0] == "-DOCSTART-":
            if words:
                yield Sentence(words, values, lines)
            words, values, lines = [], [[] for _ in tag_columns], []
            continue
        if not width:
            width, first = len(row), number
        if not words:
            marked, unmarked = (marked + 1, unmarked) if row[0] == "#" else (marked, unmarked + 1)
        cells = [row[at] if -len(row) <= at < len(row) else None for at in columns]
        if not all(cells) or len(row) != width:
            _refuse(f"{path}:{number}", line, row, dict(zip(columns, cells, strict=True)), first, width)
        words.append(intern(str(cells[0])))  # of the same words and tags there are many
        lines.append(number)
        for found, cell in zip(values, cells[1:], strict=True):
            found.append(intern(str(cell)))
    if marked > 1 and not (unmarked or comment):
        raise RnnzooError(
            f"{path}:{first}: each of the {marked:,} sentences begins with a line that begins with a hash mark: give "
            "data.comment, how these lines begin, such as '# '"
        )


def _refuse(
    place: str, line: str, row: Sequence[str], cells: Mapping[int, str | None], first: int, width: int
) -> NoReturn:
    for at, cell in cells.items():
        if not cell:
            missing = "is empty" if cell == "" else f"is missing: the line has {len(row)}"
            raise RnnzooError(
                f"{place}: column {at} {missing}; columns are counted from 0: {line.strip()[:60]!r}; {_REMEDY}"
            )
    raise RnnzooError(
        f"{place}: {len(row)} columns, where the first word of the file, line {first}, has {width}: "
        f"{line.strip()[:60]!r}; {_REMEDY}"
    )


def _cells(line: str, separator: str | None) -> list[str]:
    """The columns of a line; none where it has but spaces and tabs."""
    if separator is not None:
        return line.split(separator) if line.strip("\t ") else []
    cells = line.replace("\t", " ").split(" ")
    return [cell for cell in cells if cell] if "" in cells else cells
