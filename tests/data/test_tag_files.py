"""Readers of tagged words: by hand, what is wrong by file and line, and anything at all without a crash."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo.data import ConlluDataModule
from rnnzoo.data.conll import read_columns
from rnnzoo.data.conllu import read_conllu
from rnnzoo.data.tagged_text import TaggedTextDataModule
from rnnzoo.errors import RnnzooError

CONLLU = """# text = It's 2
1-2\tIt's\t_\t_\t_\t_\t_\t_\t_\t_
1\tIt\tit\tPRON\tPRP\t_\t0\troot\t_\t_
2\t's\tbe\tAUX\tVBZ\t_\t1\tcop\t_\t_
2.1\tempty\t_\t_\t_\t_\t_\t_\t_\t_
3\t2\t2\tNUM\tCD\t_\t1\tdep\t_\t_

1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
"""


def test_ranges_and_empty_nodes_are_no_words(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu.gz"
    path.write_bytes(gzip.compress(CONLLU.encode()))
    found = list(read_conllu(path, ["upos", "xpos"]))
    assert [sentence.words for sentence in found] == [["It", "'s", "2"], ["Go"]]
    assert found[0].columns == [["PRON", "AUX", "NUM"], ["PRP", "VBZ", "CD"]]
    assert [sentence.lines for sentence in found] == [[3, 4, 6], [8]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tGo\n", ":1: 2 columns, where CoNLL-U has 10"),
        (CONLLU.replace("3\t2\t2", "4\t2\t2"), ":6: the word has the number '4', where 3 is expected"),
        (CONLLU.replace("1\tGo", "1\t"), ":8: the form is empty"),
    ],
)
def test_what_is_wrong_with_conllu_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.conllu"
    path.write_text(text)
    with pytest.raises(RnnzooError) as caught:
        list(read_conllu(path, ["upos"]))
    assert message in str(caught.value)
    with pytest.raises(RnnzooError, match=r"unknown column of CoNLL-U 'pos': did you mean .*'upos'"):
        list(read_conllu(path, ["pos"]))


COLUMNS = """-DOCSTART- -X- O O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""


def test_columns_of_conll_2003(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(COLUMNS)
    found = list(read_columns(path, 0, [-1, 1]))
    assert [sentence.words for sentence in found] == [["EU", "rejects"], ["Peter", "Blackburn"]]
    assert [sentence.columns for sentence in found] == [
        [["B-ORG", "O"], ["NNP", "VBZ"]],
        [["B-PER", "I-PER"], ["NNP", "NNP"]],
    ]
    assert found[1].lines == [6, 7]
    path.write_text("New York\tLOC\nis\tO\n")
    assert next(read_columns(path, 0, [1], "\t")).words == ["New York", "is"]


def _data(path: Path, **given: object) -> TaggedTextDataModule:
    return TaggedTextDataModule([str(path)], fractions=[0.5, 0.25, 0.25], **given)  # type: ignore[arg-type]


def test_tags_that_break_the_scheme_and_missing_columns_are_said_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(COLUMNS.replace("B-PER", "O"))
    with pytest.raises(RnnzooError, match=r"a\.txt:7: .*I-PER"):
        _data(path, scheme="IOB2").read_file(str(path))
    path.write_text("a X\nb\n")
    with pytest.raises(RnnzooError, match=r"a\.txt:2: column 1 is missing: the line has 1"):
        _data(path, tag_columns={"tag": 1}).read_file(str(path))
    with pytest.raises(RnnzooError, match=r"did you mean .*IOB2"):
        _data(path, scheme="IOB3")


def test_a_tag_that_training_lacks_is_said_with_its_place(tmp_path: Path) -> None:
    train, other = tmp_path / "train.txt", tmp_path / "other.txt"
    train.write_text("a X\nb Y\n")
    other.write_text("a X\nb Z\n")
    data = TaggedTextDataModule([str(train)], [str(other)])
    with pytest.raises(RnnzooError, match=r"other\.txt:1: the tag tag 'Z' of token 2 does not occur"):
        data.targets("validation")


def test_exactly_one_source() -> None:
    for sources in ({}, {"treebank": "ewt", "train_files": ["x"]}):
        with pytest.raises(RnnzooError, match=r"exactly one of data\.treebank and data\.train_files"):
            ConlluDataModule(**sources)  # type: ignore[arg-type]
    with pytest.raises(RnnzooError, match="ewt is known"):
        ConlluDataModule(treebank="gum")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="12.-\t\n #aI_O", max_size=80))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fuzz.txt"
    path.write_text(text, newline="")
    for read in (lambda: list(read_conllu(path, ["upos"])), lambda: list(read_columns(path, 0, [-1]))):
        try:
            found = read()
        except RnnzooError:
            continue
        for sentence in found:
            assert sentence.words
            assert all(len(column) == len(sentence.words) for column in sentence.columns)
