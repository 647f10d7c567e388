"""Readers of tagged words: by hand, what is wrong by file and line, and anything at all without a crash."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch
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
        (CONLLU.replace("VERB", ""), ":8: the column upos is empty: write _ where there is no value"),
        (CONLLU.replace("1-2", "3-1"), ":2: the range 3-1 must begin with the next word, 1, and meet no other"),
        (CONLLU.replace("1-2", "1-4"), ":6: the sentence ends before the word 4 of its last range"),
        (CONLLU.replace("2\t's", "2-3\tx\t_\t_\t_\t_\t_\t_\t_\t_\n2\t's"), ":4: the range 2-3 must begin"),
        (CONLLU.replace("2.1", "1.1"), ":5: the empty node 1.1 follows the word 2"),
        ("\n".join(f"{at}\t_\t_\tX\t_\t_\t0\t_\t_\t_" for at in (1, 2)), ":1: every form of the sentence is _: merge"),
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


def test_an_underscore_is_a_word_or_no_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu"
    rows = [("Go", "VERB", "_"), ("_", "_", "NFP"), ("on", "ADV", "RB")]
    path.write_text("".join(f"{at}\t{w}\t_\t{u}\t{x}\t_\t0\t_\t_\t_\n" for at, (w, u, x) in enumerate(rows, 1)))
    data = ConlluDataModule(train_files=[str(path)], validation_files=["b"], columns=["upos", "xpos", "feats"])
    (example,) = data.read_file(str(path))
    assert example.inputs == ["Go", "_", "on"]
    assert example.target == [["VERB", None, "ADV"], [None, "NFP", "RB"], ["_", "_", "_"]]
    data = ConlluDataModule(train_files=[str(path)], validation_files=["b"], columns=["upos", "xpos"])
    assert data.tags == {"upos": ["ADV", "VERB"], "xpos": ["NFP", "RB"]}
    assert data.targets("train").tolist() == [[1, -1], [-1, 0], [0, 1]]


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
    path.write_text(COLUMNS.replace("B-NP", "I-NP").replace("B-VP", "I-VP"))
    two = {"tag_columns": {"ner": -1, "chunk": 2}, "scheme": {"ner": "IOB2", "chunk": "IOB1"}}
    assert len(_data(path, **two).read_file(str(path))) == 2
    path.write_text(COLUMNS.replace("B-NP", "I-NP").replace("B-VP", "E-VP"))
    with pytest.raises(RnnzooError, match=r"a\.txt:4: column chunk: tag 2, 'E-VP', is none of IOB1"):
        _data(path, **two).read_file(str(path))
    with pytest.raises(RnnzooError, match=r"unknown column in data\.scheme 'chnk'.*'chunk'"):
        _data(path, tag_columns={"chunk": 2}, scheme={"chnk": "IOB1"})


def test_a_tag_that_training_lacks_is_said_with_its_place(tmp_path: Path) -> None:
    train, other = tmp_path / "train.txt", tmp_path / "other.txt"
    train.write_text("a X\nb Y\n")
    other.write_text("a X\nb Z\n")
    data = TaggedTextDataModule([str(train)], [str(other)])
    with pytest.raises(RnnzooError, match=r"other\.txt:2: the tag 'Z' of token 2 does not occur"):
        data.targets("validation")
    treebank, held_out = tmp_path / "t.conllu", tmp_path / "h.conllu"
    treebank.write_text(CONLLU)
    held_out.write_text(CONLLU.replace("NUM", "SYM"))
    conllu = ConlluDataModule(train_files=[str(treebank)], validation_files=[str(held_out)])
    with pytest.raises(RnnzooError, match=r"h\.conllu:6: the upos tag 'SYM' of token 3 does not occur"):
        conllu.targets("validation")


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("foo NN\n", "a.txt:8: 2 columns, where the first word of the file, line 3, has 4: 'foo NN'"),
        ("foo bar NN B-NP O\n", "a.txt:8: 5 columns, where the first word of the file, line 3, has 4"),
        ("# text = a sentence\n", "a.txt:8: 5 columns, where the first word of the file, line 3, has 4"),
    ],
)
def test_a_line_of_another_width_is_no_silent_shift(tmp_path: Path, added: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(COLUMNS + added)
    with pytest.raises(RnnzooError) as caught:
        list(read_columns(path, 0, [-1]))
    assert message in str(caught.value)


def test_only_spaces_and_tabs_divide(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("10\u00a0000 \t CD\nmen NN \n \t\nRun VB\n\u00a0 SP\n-DOCSTART-\nx XX", encoding="utf-8")
    found = list(read_columns(path, 0, [1]))
    assert [sentence.words for sentence in found] == [["10\u00a0000", "men"], ["Run", "\u00a0"], ["x"]]
    assert [sentence.columns for sentence in found] == [[["CD", "NN"]], [["VB", "SP"]], [["XX"]]]
    path.write_text("New York\tLOC\tx\nBonn\tLOC\n")
    with pytest.raises(RnnzooError, match=r"a\.txt:2: 2 columns, where the first word of the file, line 1, has 3"):
        list(read_columns(path, 0, [1], "\t"))


@pytest.mark.parametrize("kind", ["columns", "treebank"])
def test_the_vocabulary_of_a_checkpoint_comes_first(tmp_path: Path, kind: str) -> None:
    torch.save(
        {"hyper_parameters": {"tokenizer": "whitespace", "vocabulary": ["<unk>", "<eos>", "EU", "2"]}},
        tmp_path / "lm.ckpt",
    )
    path = tmp_path / "train"
    path.write_text(CONLLU if kind == "treebank" else COLUMNS)
    made = ConlluDataModule if kind == "treebank" else TaggedTextDataModule
    given = {"train_files": [str(path)], "validation_files": ["b"], "vocabulary_from": str(tmp_path / "lm.ckpt")}
    expected = {
        "treebank": ["'s", "Go", "It"],
        "columns": ["Blackburn", "Peter", "rejects"],
    }[kind]
    vocabulary = made(**given).encoding["vocabulary"]  # type: ignore[arg-type]
    assert vocabulary[:4] == ["<unk>", "<eos>", "EU", "2"]
    assert sorted(vocabulary[4:]) == expected


def test_exactly_one_source() -> None:
    for sources in ({}, {"treebank": "ewt", "train_files": ["x"]}):
        with pytest.raises(RnnzooError, match=r"exactly one of data\.treebank and data\.train_files"):
            ConlluDataModule(**sources)  # type: ignore[arg-type]
    with pytest.raises(RnnzooError, match="ewt is known"):
        ConlluDataModule(treebank="gum")
    for keys, message in (
        ({"treebank": "ewt", "validation_files": ["x"]}, r"data\.validation_files and data\.test_files go with"),
        ({"treebank": "ewt", "test_files": ["x"]}, r"data\.validation_files and data\.test_files go with"),
        ({"train_files": ["x"]}, r"data\.train_files needs data\.validation_files: give files to choose by"),
        (
            {"train_files": ["x"], "validation_files": ["y"], "root": "z"},
            r"data\.root is where the published files lie",
        ),
    ):
        with pytest.raises(RnnzooError, match=message):
            ConlluDataModule(**keys)  # type: ignore[arg-type]


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
