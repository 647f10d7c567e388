"""Labelled texts: the three kinds of answers, splits, and mistakes with their place."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.labelled_text import LabelledTextDataModule
from rnnzoo.errors import RnnzooError


def _file(folder: Path, text: str, name: str = "train.tsv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_classes_and_vocabulary_are_those_of_training(tmp_path: Path) -> None:
    train = _file(tmp_path, "text\tlabel\nso good\tyes\nso bad , so bad\tno\n")
    other = _file(tmp_path, "text\tlabel\nnever seen good\tno\n", "dev.tsv")
    data = LabelledTextDataModule([train], [other])
    assert data.answer == {"kind": "class", "labels": ["no", "yes"]}
    assert data.encoding["vocabulary"] == ["<unk>", "so", "bad", ",", "good"]
    batch = next(iter(data.val_dataloader()))
    assert batch.inputs.tokens.tolist() == [[0, 0, 4]]
    assert batch.targets.tolist() == [0]
    with pytest.raises(RnnzooError, match=r"there are no test examples: give data\.test_files, or train alone"):
        data.test_dataloader()


def test_several_labels(tmp_path: Path) -> None:
    tsv = _file(tmp_path, "text\tlabel\na\tx|y\nb\t\nc\ty\n")
    data = LabelledTextDataModule([tsv], [_file(tmp_path, "text\tlabel\na\ty\n", "v.tsv")], answer_kind="labels")
    assert data.answer == {"kind": "labels", "labels": ["x", "y"]}
    assert data.targets("train").tolist() == [[1, 1], [0, 0], [0, 1]]
    jsonl = _file(tmp_path, '{"text": "a", "label": ["y", "x"]}\n{"text": "b", "label": []}\n', "train.jsonl")
    data = LabelledTextDataModule([jsonl], [tsv], answer_kind="labels")
    assert data.targets("train").tolist() == [[1, 1], [0, 0]]
    assert data.targets("validation").tolist() == [[1, 1], [0, 0], [0, 1]]


def test_numbers(tmp_path: Path) -> None:
    csv = _file(tmp_path, "text,score\na,1.5\nb,-2e1\n", "train.csv")
    data = LabelledTextDataModule([csv], [csv + "x"], answer_kind="value", target_column="score")
    assert data.answer == {"kind": "value", "size": 1}
    assert data.targets("train").tolist() == [[1.5], [-20.0]]


def test_fractions_share_the_examples_out_once_for_all(tmp_path: Path) -> None:
    rows = "".join(f"w{at}\t{'ab'[at % 2]}\n" for at in range(50))
    path = _file(tmp_path, "text\tlabel\n" + rows)

    def drawn(seed: int) -> list[list[str]]:
        data = LabelledTextDataModule([path], fractions=[0.6, 0.2, 0.2], split_seed=seed)
        return [[example.inputs for example in data.examples(split)] for split in ("train", "validation", "test")]

    parts = drawn(1)
    assert [len(part) for part in parts] == [30, 10, 10]
    assert sorted(text for part in parts for text in part) == sorted(f"w{at}" for at in range(50))
    assert drawn(1) == parts != drawn(2)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("text\tlabel\na\tx\n \ty\n", {}, "{file}:3: the text is ' ': give a text that is not empty"),
        ("text\tlabel\na\tx\nb\t\n", {}, "{file}:3: the label is empty"),
        ("text\tlabel\na\tx\nb\ty\n", {"answer_kind": "value"}, "{file}:2: 'x' is no number"),
        ("text\tlabel\na\tnan\nb\t1\n", {"answer_kind": "value"}, "{file}:2: 'nan' is no finite number"),
        ("text\tlabel\na\tx\nb\tx\n", {}, "all training examples of train.tsv, dev.tsv have the label 'x'"),
        ("text\tlabel\na\tx\nb\t1_0\n", {"answer_kind": "value"}, "{file}:2: 'x' is no number"),
        ("text\tlabel\na\t1\nb\t1_0\n", {"answer_kind": "value"}, "{file}:3: '1_0' is no number"),
        ("text\tlabel\na\t1e39\n", {"answer_kind": "value"}, "{file}:2: '1e39' is no finite number of 32 bits"),
        ("text\tlabel\na\tx\nb\tx \n", {}, "{file}:3: the label 'x ' begins or ends with white space: remove it"),
        ("text\tlabel\na\tx\nb\t \n", {}, "{file}:3: the label ' ' begins or ends with white space: remove it"),
        ("text\tlabel\na\tx| y\n", {"answer_kind": "labels"}, "{file}:2: the label ' y' begins or ends"),
        ("text\tlabel\n", {}, "there is no train example in train.tsv, dev.tsv"),
        ("txt\tlabel\na\tx\n", {}, "{file}:1: unknown column 'text': did you mean 'txt'"),
    ],
)
def test_mistakes_in_files(tmp_path: Path, text: str, given: dict[str, object], message: str) -> None:
    path = _file(tmp_path, text)
    data = LabelledTextDataModule([path], [_file(tmp_path, "text\tlabel\na\tx\n", "dev.tsv")], **given)  # type: ignore[arg-type]
    with pytest.raises(RnnzooError) as caught:
        list(data.train_dataloader())
    assert str(caught.value).startswith(message.format(file=path))


@pytest.mark.parametrize(
    ("label", "kind", "message"),
    [
        ('["a"]', "class", "['a'] is no label: give a string, a whole number, true or false"),
        ('{"a": 1}', "class", "{'a': 1} is no label"),
        ("1.5", "class", "1.5 is no label"),
        ("null", "class", "the label is empty"),
        ("true", "class", "the label True stands beside 'x', a label of another kind: write all labels alike"),
        ('[["a"], null]', "labels", "['a'] is no label"),
        ('[""]', "labels", "a label is empty: give one, or remove it"),
        ("null", "labels", "None are no labels: give a list of them, [] for none"),
        ("true", "value", "True is no number"),
        ("[1, null]", "value", "None is no number"),
        ("[]", "value", "[] is no number"),
        ("1" * 400, "value", "1111"),
    ],
)
def test_json_of_another_kind_is_no_answer(tmp_path: Path, label: str, kind: str, message: str) -> None:
    first = {"class": '"x"', "labels": '["x"]', "value": "1"}[kind]
    rows = f'{{"text": "a", "label": {first}}}\n{{"text": "b", "label": {label}}}\n'
    path = _file(tmp_path, rows, "x.jsonl")
    with pytest.raises(RnnzooError) as caught:
        LabelledTextDataModule([path], ["v"], answer_kind=kind).examples("train")  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{path}:2: {message}")


def test_json_labels_are_written_as_json_writes_them(tmp_path: Path) -> None:
    for labels, expected in ((("true", "false"), ["false", "true"]), (("3", "10"), ["10", "3"])):
        path = _file(tmp_path, "".join(f'{{"text": "a", "label": {label}}}\n' for label in labels), "x.jsonl")
        assert LabelledTextDataModule([path], ["v"]).labels == expected


def test_files_without_a_row_are_named(tmp_path: Path) -> None:
    data = LabelledTextDataModule([_file(tmp_path, "text\tlabel\n")], fractions=[0.8, 0.1, 0.1])
    with pytest.raises(RnnzooError, match=r"^there is no example in train\.tsv: give files that have some"):
        data.examples("train")


def test_labels_that_training_lacks(tmp_path: Path) -> None:
    train = _file(tmp_path, "text\tlabel\na\tx\nb\ty\n")
    dev = _file(tmp_path, "text\tlabel\na\tx\nb\tz\n", "dev.tsv")
    with pytest.raises(RnnzooError, match=re.escape(f"{dev}:3: the label 'z' does not occur in the training data")):
        list(LabelledTextDataModule([train], [dev]).val_dataloader())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs either data.validation_files"),
        ({"fractions": [0.5, 0.5]}, "data.fractions must be three shares"),
        ({"fractions": [0.8, 0.3, -0.1]}, "data.fractions must be three shares"),
        ({"fractions": [0.8, 0.1, 0.1], "test_files": ["y.tsv"]}, "data.fractions with data.test_files must be two"),
        ({"validation_files": ["./x.tsv"]}, "x.tsv: is given twice"),
        ({"validation_files": ["y.tsv"], "answer_kind": "clas"}, "unknown data.answer_kind 'clas'"),
        ({"validation_files": ["y.tsv"], "min_frequency": 0}, "data.min_frequency: 0 must be at least 1"),
    ],
)
def test_keys_that_do_not_go_together(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        LabelledTextDataModule(["x.tsv"], **given)  # type: ignore[arg-type]
    assert message in str(caught.value)


@given(
    content=st.text(alphabet=st.one_of(st.sampled_from("ab \t\n|1"), st.characters(codec="utf-8")), max_size=60),
    kind=st.sampled_from(["class", "labels", "value"]),
)
def test_any_file_gives_examples_or_an_error(content: str, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tsv"
        path.write_bytes(b"text\tlabel\n" + content.encode())
        try:
            data = LabelledTextDataModule([str(path)], ["other.tsv"], answer_kind=kind)  # type: ignore[arg-type]
            batches = list(data.train_dataloader())
        except RnnzooError as error:
            said = str(error)
        else:
            said = "x.tsv"
            rows = [line for line in content.replace("\r\n", "\n").split("\n") if line]
            assert sum(int(batch.inputs.real.sum()) for batch in batches) == len(rows)
        assert "x.tsv" in said
