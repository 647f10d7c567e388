"""Columns of words and tags, as the CoNLL shared tasks have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rnnzoo.data.conllu import Sentence
from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError


def read_columns(
    path: str | Path, word_column: int, tag_columns: Sequence[int], separator: str | None = None
) -> Iterator[Sentence]:
    """The sentences of a file with a word a line, its tags beside it, and an empty line after each sentence.

    Lines that begin with `-DOCSTART-` end a sentence and are no word of one (CoNLL-2003).

    Args:
        path: the file; also `.gz`.
        word_column: the position of the word, from 0; from the end where it is below 0.
        tag_columns: the positions of the tags.
        separator: between the columns; None: any white space. A tab lets words have spaces in them.

    Raises:
        RnnzooError: a line of too few columns, or with an empty one that is asked for; file and line are named.
    """
    columns = [word_column, *tag_columns]
    words: list[str] = []
    values: list[list[str]] = [[] for _ in tag_columns]
    lines: list[int] = []
    for number, line in enumerate([*read_text(path).text.split("\n"), ""], 1):
        row = line.split(separator) if line.strip() else []
        if not row or row[0] == "-DOCSTART-":
            if words:
                yield Sentence(words, values, lines)
            words, values, lines = [], [[] for _ in tag_columns], []
            continue
        cells = [row[at] if -len(row) <= at < len(row) else None for at in columns]
        for at, cell in zip(columns, cells, strict=True):
            if not cell:
                missing = "is empty" if cell == "" else f"is missing: the line has {len(row)}"
                raise RnnzooError(f"{path}:{number}: column {at} {missing}; columns are counted from 0")
        words.append(str(cells[0]))
        lines.append(number)
        for found, cell in zip(values, cells[1:], strict=True):
            found.append(str(cell))
