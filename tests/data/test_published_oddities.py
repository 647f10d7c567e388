"""Files as others publish them whose oddities a reader must be told of, or must name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.data.forecast import ForecastDataModule
from rnnzoo.data.language_model import LanguageModelDataModule
from rnnzoo.data.paired_text import PairedTextDataModule
from rnnzoo.data.parallel_text import ParallelTextDataModule
from rnnzoo.data.table_files import read_table
from rnnzoo.data.tagged_text import TaggedTextDataModule
from rnnzoo.data.text_folders import TextFoldersDataModule
from rnnzoo.errors import RnnzooError

UNER = "# sent_id = 1\n# text = Where # is\n1\tWhere\tO\t-\t-\n2\t#\tO\t-\t-\n3\tGoogle Inc\tB-ORG\t-\tann\n\n"
GERMEVAL = "#\thttp://de.wikipedia.org/wiki/X [2009-10-17]\n1\tAufgrund\tO\tO\n2\t#\tO\tO\n3\tUniversität\tB-ORG\tO\n\n"
MULTICONER = "\n\n# id c1f6d4f7\tdomain=train\nwhere _ _ O\n# _ _ O\ngoogle _ _ B-ORG\n\n\n"


def _write(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("content", "comment", "columns", "words"),
    [
        (UNER, "#", {"tabs": True, "word_column": 1, "tag_columns": {"ner": 2}}, ["Where", "#", "Google Inc"]),
        (
            GERMEVAL,
            "#\t",
            {"tabs": True, "word_column": 1, "tag_columns": {"outer": 2}},
            ["Aufgrund", "#", "Universität"],
        ),
        (MULTICONER, "# id ", {}, ["where", "#", "google"]),
    ],
    ids=["uner", "germeval", "multiconer"],
)
def test_comments_stand_between_the_sentences(
    tmp_path: Path, content: str, comment: str, columns: dict[str, Any], words: list[str]
) -> None:
    """Universal NER, GermEval 2014 and MultiCoNER; each has words that are a hash mark."""
    path = _write(tmp_path / "train.conll", content * 2)
    options: dict[str, Any] = {"train_files": [path], "validation_files": ["v"], **columns}
    with pytest.raises(RnnzooError, match=r"train\.conll:[13]: .*give data\.comment, how "):
        TaggedTextDataModule(**options).examples("train")
    found = TaggedTextDataModule(**options, comment=comment).examples("train")
    assert [(one.inputs, one.target) for one in found] == [(words, [["O", "O", "B-ORG"]])] * 2


def test_books_of_pg19_lie_in_a_folder_for_each_split(tmp_path: Path) -> None:
    for split, books in (("train", 3), ("validation", 1), ("test", 2)):
        for book in range(books):
            _write(tmp_path / split / f"{book}.txt", f"{split} book{book}\n")
        _write(tmp_path / split / ".hidden", b"\0")
    _write(tmp_path / "metadata.csv", "1,a\n")
    data = LanguageModelDataModule(folder=str(tmp_path), batch_size=1, window=2)
    assert data.vocabulary == ["<unk>", "<eos>", "train", "book0", "book1", "book2"]
    assert [len(ids) for ids in (data.train_ids(), data.validation_ids(), data.test_ids())] == [9, 3, 6]
    for path in (tmp_path / "test").iterdir():
        path.unlink()
    with pytest.raises(RnnzooError, match=r"data\.folder: .*test has no files"):
        LanguageModelDataModule(folder=str(tmp_path)).train_ids()


def test_sub_folders_are_left_alone_beside_files_of_the_splits(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        _write(tmp_path / f"wiki.{split}.tokens", f"{split} words\n")
    _write(tmp_path / "test_outputs" / "x.txt", b"\0")
    assert LanguageModelDataModule(folder=str(tmp_path), batch_size=1, window=2).vocabulary[2:] == ["train", "words"]


def test_20_newsgroups_have_names_without_an_ending_and_are_latin_1(tmp_path: Path) -> None:
    for group in ("alt.atheism", "sci.space"):
        for number in range(5):
            _write(tmp_path / group / str(49960 + number), f"From: J\xf8rn\n\n{group} {number}\n".encode("latin-1"))
    shares: dict[str, Any] = {"train_folder": str(tmp_path), "fractions": [0.6, 0.2, 0.2]}
    with pytest.raises(RnnzooError, match=r"alt\.atheism/49960: .*or give data\.ending"):
        TextFoldersDataModule(**shares).examples("train")
    with pytest.raises(RnnzooError, match=r"alt\.atheism/49960: is not UTF-8: byte 0xf8 .*or give data\.encoding"):
        TextFoldersDataModule(**shares, ending="").examples("train")
    data = TextFoldersDataModule(**shares, ending="", encoding="latin-1")
    found = [example for split in ("train", "validation", "test") for example in data.examples(split)]
    assert sorted((one.inputs, one.target) for one in found) == [
        (f"From: Jørn\n\n{group} {number}\n", group) for group in ("alt.atheism", "sci.space") for number in range(5)
    ]
    with pytest.raises(RnnzooError, match=r"data\.encoding: unknown encoding 'latin-one'"):
        TextFoldersDataModule(**shares, ending="", encoding="latin-one")


def test_broken_rows_of_quora_pairs_are_named_with_what_keeps_the_others(tmp_path: Path) -> None:
    """The GLUE benchmark's train.tsv has a few questions with a line's end within."""
    head = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    path = _write(tmp_path / "train.tsv", head + "1\t1\t2\tA?\tB?\t0\n2\t3\t4\tHow do\nI?\tB?\t1\n3\t5\t6\tC?\tD?\t1\n")
    data = PairedTextDataModule([path], ["v.tsv"], first_column="question1", second_column="question2")
    with pytest.raises(
        RnnzooError, match=re.escape(f"{path}:3: 4 columns, where 6 are expected: ['2', '3', '4', 'How do']: ")
    ) as caught:
        data.examples("train")
    assert str(caught.value).endswith("; 2 rows are so: awk -F'\\t' 'NF == 6' keeps the others")


@pytest.mark.parametrize(
    ("first", "command"),
    [
        ("<url>http://www.ted.com/talks/1</url>", "grep -v '^<'"),
        ('<srcset setid="newstest2014" srclang="any">', "sed -n"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "sed -n"),
        ('<refset setid="newstest2014" srclang="any">', "sed -n"),
        ('<doc docid="1" genre="lectures">', "grep -v '^<'"),
    ],
)
def test_markup_of_iwslt_and_wmt_is_not_read_as_sentences(tmp_path: Path, first: str, command: str) -> None:
    """train.tags.de-en.de has <url>, <title> ... lines; the test sets are SGML or XML."""
    paths = [_write(tmp_path / f"train.tags.de-en.{side}", f"{first}\nguten tag\n") for side in ("de", "en")]
    data = ParallelTextDataModule(paths, fractions=[0.8, 0.1, 0.1])
    with pytest.raises(
        RnnzooError, match=re.escape(f"{paths[0]}:1: {first[:40]!r}") + ".*markup.*" + re.escape(command)
    ):
        data.examples("train")


def test_empty_lines_of_europarl_are_counted_with_what_keeps_the_others(tmp_path: Path) -> None:
    sides = {"de": "a\n\nc\n \ne\nf\n", "en": "a\nb\nc\nd\n\nf\n"}
    paths = [_write(tmp_path / f"europarl.{side}", text) for side, text in sides.items()]
    with pytest.raises(RnnzooError) as caught:
        ParallelTextDataModule(paths, fractions=[0.8, 0.1, 0.1]).examples("train")
    said = str(caught.value)
    assert said.startswith(f"{paths[0]}:2: what is to be read is '': give a text, or remove the pair")
    assert "3 of 6 pairs have an empty side" in said
    assert f"paste {paths[0]} {paths[1]} | awk -F'\\t' '$1 ~ /[^ ]/ && $2 ~ /[^ ]/' > pairs.tsv" in said


def test_exchange_rates_have_no_header(tmp_path: Path) -> None:
    """exchange_rate.txt and electricity.txt of Lai et al. 2018: a column for each series, and nothing else."""
    path = _write(tmp_path / "exchange_rate.txt", "".join(f"{at % 7},{at % 5}.5,{at % 3}\n" for at in range(60)))
    with pytest.raises(RnnzooError, match=r"exchange_rate\.txt:1: .* are numbers, .*data\.header"):
        ForecastDataModule(file=path).train_dataloader()
    data = ForecastDataModule(file=path, header=False, window=5, horizon=2)
    assert data.series.shape == (60, 3)
    assert data.series[8].tolist() == [1, 3.5, 2]
    assert ForecastDataModule(file=path, header=False, columns=["1"]).series[0].tolist() == [0.5]
    assert ForecastDataModule(file=path, header=False, ignore=["1"]).series[8].tolist() == [1, 2]
    with pytest.raises(RnnzooError, match=r"unknown column '3'"):
        ForecastDataModule(file=path, header=False, columns=["3"]).train_dataloader()


@pytest.mark.parametrize(("name", "steps"), [("ETTh2", 24), ("ETTm1", 96), ("ETTm2", 96)])
def test_the_other_transformers_are_cut_as_published(tmp_path: Path, name: str, steps: int) -> None:
    """12, 4 and 4 months of 30 days; hourly or each quarter of an hour."""
    length = 20 * 30 * steps + 100
    _write(tmp_path / "timeseries" / f"{name}.csv", "date,OT\n" + "".join(f"d,{at % 97}\n" for at in range(length)))
    data = ForecastDataModule(dataset=name.lower(), root=str(tmp_path), ignore=["date"])
    assert data.cuts == (360 * steps, 480 * steps, 600 * steps)
    assert data.description == f"{name.lower()}, {length} steps of 1 values"


def test_a_table_of_many_series_is_no_series(tmp_path: Path) -> None:
    """M4 has a row for each of its series, of unequal lengths."""
    rows = "".join(f'"D{at}","5.5","6.5",{"" if at % 2 else 7},\n' for at in range(1, 9))
    path = _write(tmp_path / "Daily-train.csv", '"V1","V2","V3","V4","V5"\n' + rows)
    for options in ({}, {"ignore": ["V1"]}, {"ignore": ["V1"], "missing": "interpolate"}):
        with pytest.raises(RnnzooError, match=r"Daily-train\.csv:.*M4"):
            ForecastDataModule(file=path, **options).train_dataloader()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["x.tsv", "x.jsonl"])
def test_a_column_that_begins_with_a_hash_mark_is_null_without_quotes(tmp_path: Path, name: str) -> None:
    """`first_column: #1 String`, of the Microsoft Research paraphrases: to YAML that is a comment."""
    content = "\ufeffQuality\t#1 String\t#2 String\r\n1\tA\tB\r\n" if name == "x.tsv" else '{"#1 String": "A"}\n'
    path = _write(tmp_path / name, content)
    with pytest.raises(RnnzooError, match=r"x\.[a-z]+: a column to read is null: .* stands in quotes"):
        list(read_table(path, [None, "#2 String"]))  # type: ignore[list-item]
    if name == "x.tsv":
        assert [row for row, _ in read_table(path, ["#1 String", "Quality"])] == [["A", "1"]]
