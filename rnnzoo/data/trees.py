"""Bracketed trees with a label at each node, as the Stanford Sentiment Treebank is published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError

_PARTS = re.compile(r"\(|\)|[^ \t()]+")  # a word may have other white space in it: SST has 8\u00a01/2


class Phrase(NamedTuple):
    """A node of a tree: its label and the words below it."""

    label: str
    words: list[str]


def read_trees(path: str | Path) -> Iterator[tuple[list[Phrase], str]]:
    r"""The phrases of each tree of a file, a tree a line, and the line's place, `file:line`; the root comes last.

    A node is `(label word)` or `(label node node ...)`. `\/` and `\*` are read as `/` and `*`.

    Raises:
        RnnzooError: a line that is no tree; file, line and column are named.
    """
    for number, line in enumerate(read_text(path).text.split("\n"), 1):
        if line.strip():
            yield parse_tree(line, f"{path}:{number}"), f"{path}:{number}"


def parse_tree(line: str, place: str) -> list[Phrase]:
    """The phrases of a tree, each after the ones in it.

    >>> [(phrase.label, " ".join(phrase.words)) for phrase in parse_tree("(3 (2 a) (4 gem))", "x:1")]
    [('2', 'a'), ('4', 'gem'), ('3', 'a gem')]

    Raises:
        RnnzooError: it is no tree; the column is named.
    """
    words: list[str] = []
    found: list[Phrase] = []
    open_nodes: list[tuple[str | None, int]] = []  # label, number of words before it
    leaf = False  # whether the innermost open node has a word of its own
    complete = False
    for match in _PARTS.finditer(line):
        part, column = match.group(), match.start() + 1
        if complete:
            raise RnnzooError(f"{place}: something stands behind the tree, at column {column}: {part!r}")
        if leaf and part != ")":
            raise RnnzooError(f"{place}: a node of one word ends with it, but {part!r} follows at column {column}")
        if part == "(":
            open_nodes.append((None, len(words)))
        elif not open_nodes:
            raise RnnzooError(f"{place}: a tree begins with '(', not with {part!r} (column {column})")
        elif part == ")":
            label, start = open_nodes.pop()
            if label is None or start == len(words):
                raise RnnzooError(
                    f"{place}: a node without {'label' if label is None else 'words'} ends at column {column}"
                )
            found.append(Phrase(label, words[start:]))
            complete, leaf = not open_nodes, False
        elif open_nodes[-1][0] is None:
            open_nodes[-1] = (part, open_nodes[-1][1])
        elif len(words) > open_nodes[-1][1]:
            raise RnnzooError(
                f"{place}: the word {part!r} stands beside nodes, at column {column}: give it one of its own"
            )
        else:
            leaf = True
            words.append(part.replace("\\/", "/").replace("\\*", "*"))
    if not complete:
        raise RnnzooError(f"{place}: the tree is cut short: {len(open_nodes)} brackets are not closed")
    return found
