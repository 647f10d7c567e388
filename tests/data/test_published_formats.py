"""Files as others publish them: small replicas, with their names and oddities."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from rnnzoo.data.conditioned_text import ConditionedTextDataModule
from rnnzoo.data.forecast import ForecastDataModule
from rnnzoo.data.labelled_series import LabelledSeriesDataModule
from rnnzoo.data.labelled_text import LabelledTextDataModule
from rnnzoo.data.language_model import LanguageModelDataModule
from rnnzoo.data.paired_text import PairedTextDataModule
from rnnzoo.data.parallel_text import ParallelTextDataModule
from rnnzoo.data.pronunciations import read_pronunciations
from rnnzoo.data.table_files import read_table
from rnnzoo.data.tagged_text import TaggedTextDataModule
from rnnzoo.errors import RnnzooError


def _write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def _ag_news(folder: Path, name: str, rows: int) -> str:
    """The CSV of Zhang et al. 2015: class, title, description; all quoted, no header."""
    lines = (f'"{at % 2 + 1}","Title {at}","It ""said"", in {at}\\n more"\n' for at in range(rows))
    return _write(folder, name, "".join(lines))


def test_ag_news_has_two_columns_of_text_and_a_test_file_but_nothing_to_choose_by(tmp_path: Path) -> None:
    train, test = _ag_news(tmp_path, "train.csv", 20), _ag_news(tmp_path, "test.csv", 6)
    data = LabelledTextDataModule(
        [train], test_files=[test], fractions=[0.8, 0.2], text_column=[1, 2], target_column=0, header=False
    )
    found = {split: data.examples(split) for split in ("train", "validation", "test")}
    assert {split: len(examples) for split, examples in found.items()} == {"train": 16, "validation": 4, "test": 6}
    assert found["test"][1].inputs == 'Title 1 It "said", in 1\\n more'
    assert found["test"][1].target == "2"
    drawn = [example.place for split in ("train", "validation") for example in found[split]]
    assert sorted(drawn) == sorted(f"{train}:{line}" for line in range(1, 21))


def test_one_of_several_texts_may_be_empty_but_not_all(tmp_path: Path) -> None:
    path = _write(tmp_path, "yahoo.csv", '"1","How?","","So."\n"2","Why?","Say.",""\n')
    data = LabelledTextDataModule([path], ["v.csv"], text_column=[1, 2, 3], target_column=0, header=False)
    assert [example.inputs for example in data.examples("train")] == ["How? So.", "Why? Say."]
    path = _write(tmp_path, "bad.csv", '"1","How?","So."\n"2",""," "\n')
    data = LabelledTextDataModule([path], ["v.csv"], text_column=[1, 2], target_column=0, header=False)
    with pytest.raises(RnnzooError, match=re.escape(f"{path}:2: the text is ''")):
        data.examples("train")


@pytest.mark.parametrize("fractions", [[0.8, 0.1, 0.1], [0.9, 0.2], [1.0, 0.0]])
def test_with_test_files_two_shares_are_drawn(tmp_path: Path, fractions: list[float]) -> None:
    with pytest.raises(RnnzooError, match=r"data\.fractions with data\.test_files must be two shares above 0"):
        LabelledTextDataModule(["train.csv"], test_files=["test.csv"], fractions=fractions)
    with pytest.raises(RnnzooError, match=r"data\.fractions with data\.test_files must be two shares above 0"):
        TaggedTextDataModule(["train.txt"], test_files=["test.txt"], fractions=fractions)


def test_drawn_files_are_read_once_and_conversions_counted_once(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.tsv", "".join(f"{at % 2}\t1\tNaN\t{at}\n" for at in range(10)))
    data = LabelledSeriesDataModule(train_files=[path], fractions=[0.6, 0.2, 0.2], missing="interpolate")
    for split in ("train", "validation", "test"):
        data.examples(split)
    assert data.description == "x.tsv (10 series: 1 missing of 3 values interpolated linearly in time)"


def test_series_of_unequal_length_padded_with_gaps(tmp_path: Path) -> None:
    """The UCR archive of 2018 fills short series up with NaN at their end."""
    path = _write(tmp_path, "x_TRAIN.tsv", "1\t5\t6\tNaN\tNaN\n2\t7\t8\t9\t10\n")
    with pytest.raises(RnnzooError, match=r"x_TRAIN\.tsv:1: step 2 has no finite value .* let missing be 'end' "):
        LabelledSeriesDataModule(train_files=[path], validation_files=["v.tsv"]).examples("train")
    data = LabelledSeriesDataModule(train_files=[path], validation_files=["v.tsv"], missing="end")
    assert [example.inputs.squeeze(1).tolist() for example in data.examples("train")] == [[5, 6], [7, 8, 9, 10]]
    assert "1 series: ends before 2 of 4 steps without a value" in data.description
    many = _write(tmp_path, "w.tsv", "".join("1" + "\t5" * n + "\tNaN" * (7 - n) + "\n" for n in (6, 6, 5, 4, 3, 2, 1)))
    data = LabelledSeriesDataModule(train_files=[many], validation_files=["v.tsv"], missing="end")
    data.examples("train")
    assert data.description.startswith("w.tsv, v.tsv (2 series: ends before 1 of 7 steps without a value; 1 series: ")
    assert data.description.endswith("; and 3 more)")
    gap = _write(tmp_path, "y.tsv", "1\t5\tNaN\t6\tNaN\n")
    with pytest.raises(RnnzooError, match=r"y\.tsv:1: step 1 has no finite value"):
        LabelledSeriesDataModule(train_files=[gap], validation_files=["v.tsv"], missing="end").examples("train")
    nothing = _write(tmp_path, "z.tsv", "1\tNaN\tNaN\n")
    with pytest.raises(RnnzooError, match=r"z\.tsv:1: there is no value at all"):
        LabelledSeriesDataModule(train_files=[nothing], validation_files=["v.tsv"], missing="end").examples("train")


def test_stars_of_reviews_are_labels(tmp_path: Path) -> None:
    """Yelp and Amazon write whole numbers of stars as 4.0, in JSON lines whose name ends in .json."""
    lines = "".join(json.dumps({"stars": float(at % 5 + 1), "text": f"so {at}"}) + "\n" for at in range(10))
    path = _write(tmp_path, "yelp_academic_dataset_review.json", lines)
    data = LabelledTextDataModule([path], fractions=[0.6, 0.2, 0.2], target_column="stars")
    assert data.labels == ["1.0", "2.0", "3.0", "4.0", "5.0"]
    packed = _write(tmp_path, "Music_5.json.gz", gzip.compress(lines.replace("4.0", "4.5").encode()))
    with pytest.raises(RnnzooError, match=r"Music_5\.json\.gz:4: 4\.5 is no label: .*answer_kind value"):
        LabelledTextDataModule([packed], ["v.json"], target_column="stars").examples("train")
    array = _write(tmp_path, "array.json", json.dumps([{"stars": 1, "text": "a"}], indent=1))
    with pytest.raises(RnnzooError, match=r"array\.json:1: not JSON: .*; an object a line is expected"):
        LabelledTextDataModule([array], ["v.json"], target_column="stars").examples("train")


def test_sick_is_tabs_in_a_txt(tmp_path: Path) -> None:
    head = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\r\n"
    path = _write(tmp_path, "SICK_train.txt", head + '1\tA man\tA "man"\t4.5\tNEUTRAL\r\n2\tB\tC\t1\tENTAILMENT')
    data = PairedTextDataModule(
        [path],
        ["v.txt"],
        first_column="sentence_A",
        second_column="sentence_B",
        target_column="relatedness_score",
        answer_kind="score",
        low=1,
        high=5,
    )
    assert [(one.inputs, one.target) for one in data.examples("train")] == [
        (("A man", 'A "man"'), 4.5),
        (("B", "C"), 1.0),
    ]


def test_a_tab_within_a_text_is_not_taken_for_a_column(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.tsv", "good\tpos\nso\tso\tneg\n")
    data = LabelledTextDataModule([path], ["v.tsv"], text_column=0, target_column=1, header=False)
    with pytest.raises(RnnzooError, match=re.escape(f"{path}:2: 3 columns, where 2 are expected")):
        data.examples("train")


def test_tatoeba_has_three_columns_and_one_file(tmp_path: Path) -> None:
    rows = [(f"s{at // 2}", f"t{at}") for at in range(40)]
    path = _write(tmp_path, "deu.txt", "".join(f"{a}\t{b}\tCC-BY 2.0 (France) #1\n" for a, b in rows))
    data = ParallelTextDataModule([path], fractions=[0.5, 0.25, 0.25])
    found = {split: data.examples(split) for split in ("train", "validation", "test")}
    assert {split: len(examples) for split, examples in found.items()} == {"train": 20, "validation": 10, "test": 10}
    assert sorted((one.inputs, one.target) for part in found.values() for one in part) == sorted(rows)
    sources = [{one.inputs for one in part} for part in found.values()]
    assert sum(map(len, sources)) == len(set.union(*sources)) == 20
    assert all(len(targets) == 2 for _, targets in data.references("test"))


def test_shares_of_parallel_texts_go_with_the_files(tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match=r"needs either data\.validation_files .* or data\.fractions"):
        ParallelTextDataModule(["a.tsv"])
    with pytest.raises(RnnzooError, match=r"needs either data\.validation_files .* or data\.fractions"):
        ParallelTextDataModule(["a.tsv"], ["b.tsv"], fractions=[0.8, 0.1, 0.1])
    with pytest.raises(RnnzooError, match=r"data\.fractions must be three shares"):
        ParallelTextDataModule(["a.tsv"], fractions=[0.8, 0.2])
    sides = [_write(tmp_path, f"x.{side}", "".join(f"{side}{at}\n" for at in range(10))) for side in ("de", "en")]
    test = _write(tmp_path, "test.tsv", "de\ten\n")
    data = ParallelTextDataModule(sides, test_files=[test], fractions=[0.8, 0.2])
    assert [len(data.examples(split)) for split in ("train", "validation", "test")] == [8, 2, 1]
    assert {(one.inputs[2:], one.target[2:]) for one in data.examples("train")} <= {(str(n), str(n)) for n in range(10)}


def test_positions_of_the_command_line_are_texts(tmp_path: Path) -> None:
    """There `--data.text_column 2` is the text "2"; as the name of a column it comes first."""
    assert [row for row, _ in read_table(_ag_news(tmp_path, "train.csv", 2), ["1", 0], header=False)] == [
        ["Title 0", "1"],
        ["Title 1", "2"],
    ]
    path = _write(tmp_path, "x.tsv", "1\t0\tb\nx\ty\tz\n")
    assert [row for row, _ in read_table(path, ["1", "0", "2", "b", 1])] == [["x", "y", "z", "z", "y"]]
    with pytest.raises(RnnzooError, match=r"x\.tsv: there is no column 3: the first is 0, and there are 3"):
        list(read_table(path, ["3"]))


def test_class_and_text_to_write(tmp_path: Path) -> None:
    path = _write(tmp_path, "names.txt", "".join(f"name{at}\t{at % 2}\n" for at in range(10)))
    data = ConditionedTextDataModule(
        [path], fractions=[0.6, 0.2, 0.2], text_column=0, condition_columns=[1], header=False
    )
    assert data.condition["labels"] == ["0", "1"]


def test_dates_of_many_columns_are_left_out(tmp_path: Path) -> None:
    """As ETT and the electricity of Lai et al. 2018 are spread: a date, and a column for each of 321 customers."""
    head, days = "date," + ",".join(map(str, range(6))), [f"2016-07-{day:02d} 00:00:00" for day in range(1, 31)]
    rows = [",".join([day, *(str(at * n % 7) for n in range(1, 7))]) for at, day in enumerate(days)]
    path = _write(tmp_path, "electricity.csv", "\r\n".join([head, *rows]))
    options = {"file": path, "window": 5, "horizon": 2}
    with pytest.raises(
        RnnzooError, match=r"electricity\.csv:2: '2016-.*' is no number, in the column 'date': .*data\.ignore"
    ):
        ForecastDataModule(**options).train_dataloader()  # type: ignore[arg-type]
    data = ForecastDataModule(**options, ignore=["date"])  # type: ignore[arg-type]
    assert data.series.shape == (30, 6)
    assert data.series[3].tolist() == [3, 6, 2, 5, 1, 4]
    with pytest.raises(RnnzooError, match=r"electricity\.csv:1: unknown column 'dat': did you mean 'date'"):
        ForecastDataModule(**options, ignore=["dat"]).train_dataloader()  # type: ignore[arg-type]
    with pytest.raises(RnnzooError, match="unset one"):
        ForecastDataModule(**options, ignore=["date"], columns=["0"])  # type: ignore[arg-type]


def test_time_of_labelled_steps_is_left_out(tmp_path: Path) -> None:
    lines = [f"{one},{one % 2},{step}:00,{one + step}" for one in range(4) for step in range(3)]
    path = _write(tmp_path, "x.csv", "\n".join(["id,kind,time,value", *lines]))
    data = LabelledSeriesDataModule(
        train_files=[path], validation_files=["v.csv"], series="id", label="kind", ignore=["time"]
    )
    assert [example.inputs.squeeze(1).tolist() for example in data.examples("train")][1] == [1, 2, 3]


@pytest.mark.parametrize("first", ['"";"MT_001";"MT_002"', "1700.5;   8.3; -1.0;    -1;1"])
def test_semicolons_are_named(tmp_path: Path, first: str) -> None:
    path = _write(tmp_path, "LD2011_2014.csv", f'{first}\n"2011-01-01 00:15:00";3,8;22,6\n')
    with pytest.raises(RnnzooError, match=r"LD2011_2014\.csv:1: is divided by semicolons, .*: tr ',;' '\.,'"):
        ForecastDataModule(file=path).train_dataloader()


def test_cmudict_of_version_0_7b(tmp_path: Path) -> None:
    """Comments begin with ;;;, variants are (1), words are capitals, and some begin with a hash mark."""
    content = (
        ";;; # CMUdict  --  Major Version: 0.07\n;;; \n#HASH-MARK  HH AE1 SH M AA2 R K\n'BOUT  B AW1 T\n"
        "A  AH0\nA(1)  EY1\nD\xc9J\xc0  D EY2 ZH AA1\nd'artagnan D AH0 R T # foreign #french\n# a comment\n"
    )
    with pytest.raises(RnnzooError, match=r"cmudict-0\.7b: is not UTF-8: byte 0xc9 .* \(line 7\).*ISO-8859-1"):
        read_pronunciations(_write(tmp_path, "cmudict-0.7b", content.encode("latin-1")), stress=False)
    found = read_pronunciations(_write(tmp_path, "cmudict.utf8", content), stress=False)
    assert [(entry.inputs, entry.target, int(entry.place.rpartition(":")[2])) for entry in found] == [
        ("#hash-mark", "HH AE SH M AA R K", 3),
        ("'bout", "B AW T", 4),
        ("a", "AH", 5),
        ("a", "EY", 6),
        ("d\xe9j\xe0", "D EY ZH AA", 7),
        ("d'artagnan", "D AH R T", 8),
    ]


def test_documents_of_ontonotes_begin_with_a_comment(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.gold_conll", "#begin document (bc/cctv/00/cctv_0000); part 000\n")
    data = TaggedTextDataModule([path], fractions=[0.8, 0.1, 0.1], word_column=3, tag_columns={"ner": 10})
    with pytest.raises(RnnzooError, match=r"a\.gold_conll:1: column 10 is missing.*'#begin doc.*data\.comment, how"):
        data.examples("train")


def test_a_folder_of_books_is_cut_into_parts(tmp_path: Path) -> None:
    for at in range(4):
        _write(tmp_path, f"book {at}.txt", "\ufeff" * (at % 2) + f"b{at} a\r\n" * 10)
    (tmp_path / ".hidden").write_bytes(b"\0")
    with pytest.raises(RnnzooError, match=r"no file fits 'train' .* or cut them all into parts by data\.fractions"):
        LanguageModelDataModule(folder=str(tmp_path)).train_ids()
    data = LanguageModelDataModule(folder=str(tmp_path), fractions=[0.5, 0.25, 0.25], batch_size=2, window=4)
    assert data.vocabulary == ["<unk>", "<eos>", "a", "b0", "b1"]
    assert [len(ids) for ids in (data.train_ids(), data.validation_ids(), data.test_ids())] == [60, 30, 30]
    assert data.corpus_description == f"folder {tmp_path.name}"
    with pytest.raises(RnnzooError, match=r"data\.fractions need data\.train_files"):
        LanguageModelDataModule(corpus="pydoc", fractions=[0.5, 0.25, 0.25])
    (tmp_path / "none").mkdir()
    with pytest.raises(RnnzooError, match="has no files"):
        LanguageModelDataModule(folder=str(tmp_path / "none"), fractions=[0.5, 0.25, 0.25]).train_ids()
