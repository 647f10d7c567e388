"""Trees: parsing what was written gives it again, and whatever else is an error with file, line and column."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.trees import Phrase, parse_tree, read_trees
from rnnzoo.errors import RnnzooError

WORD = st.text(alphabet="ab'é.", min_size=1)
LABEL = st.sampled_from("01234")
LEAF = st.tuples(LABEL, WORD)
TREE = st.recursive(LEAF, lambda children: st.tuples(LABEL, st.lists(children, min_size=1, max_size=3)), max_leaves=12)


def write(tree: Any) -> str:
    label, content = tree
    return f"({label} {content if isinstance(content, str) else ' '.join(map(write, content))})"


def phrases(tree: Any) -> list[Phrase]:
    """Of each node, after those in it."""
    label, content = tree
    if isinstance(content, str):
        return [Phrase(label, [content])]
    below = [phrases(child) for child in content]
    words = [word for child in below for word in child[-1].words]
    return [*(phrase for child in below for phrase in child), Phrase(label, words)]


@given(tree=TREE)
def test_what_is_written_is_read(tree: Any) -> None:
    assert parse_tree(write(tree), "x:1") == phrases(tree)
    assert parse_tree(write(tree).replace(" (", "("), "x:1") == phrases(tree)


@given(line=st.text(alphabet="()(0 a"))
def test_any_line_is_a_tree_or_an_error_with_its_place(line: str) -> None:
    try:
        found = parse_tree(line, "x:7")
    except RnnzooError as error:
        said = str(error)
    else:
        said = "x:7: "
        assert line.count("(") == line.count(")") == len(found)
        assert found[-1].words
    assert said.startswith("x:7: ")


def test_a_word_may_have_a_space_that_does_not_break() -> None:
    assert parse_tree("(2 (2 8\u00a01/2)\t(1 x\u3000))", "x:1")[-1].words == ["8\u00a01/2", "x\u3000"]


def test_escapes() -> None:
    assert parse_tree(r"(2 (2 and\/or) (1 \*))", "x:1")[-1].words == ["and/or", "*"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(2 a) (2 b)", "something stands behind the tree, at column 7: '('"),
        ("a", "a tree begins with '(', not with 'a' (column 1)"),
        ("(2 (3 a)", "the tree is cut short: 1 brackets are not closed"),
        ("(2 (3 ) (3 b))", "a node without words ends at column 7"),
        ("(2 () a)", "a node without label ends at column 5"),
        ("(3 new york)", "a node of one word ends with it, but 'york' follows at column 8"),
        ("(3 new (2 york))", "a node of one word ends with it, but '(' follows at column 8"),
        ("(3 (2 new) york)", "the word 'york' stands beside nodes, at column 12: give it one of its own"),
        ("", "the tree is cut short"),
    ],
)
def test_mistakes(line: str, message: str) -> None:
    with pytest.raises(RnnzooError, match=re.escape(f"x:3: {message}")):
        parse_tree(line, "x:3")


def test_a_deep_tree_is_read_without_recursion() -> None:
    found = parse_tree("(1 " * 20_000 + "(1 a)" + ")" * 20_000, "x:1")
    assert len(found) == 20_001


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("(2 a)\n\n(3 (1 b) (4 c))\n", encoding="utf-8")
    assert [(found[-1], place) for found, place in read_trees(path)] == [
        (Phrase("2", ["a"]), f"{path}:1"),
        (Phrase("3", ["b", "c"]), f"{path}:3"),
    ]
