"""Pairs of texts: three kinds of answers, a model trained on them, and mistakes with their place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from rnnzoo.data import PairedTextDataModule
from rnnzoo.errors import RnnzooError


def _file(folder: Path, text: str, name: str = "train.tsv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


HEADER = "first\tsecond\tgold\n"


def test_classes_of_a_corpus_without_the_label_that_is_left_out(tmp_path: Path) -> None:
    train = _file(tmp_path, HEADER + "a man\tone\tentailment\nb\ttwo words\t-\na dog\ta cat\tneutral\n")
    other = _file(tmp_path, HEADER + "a cat\tone\tneutral\n", "dev.tsv")
    data = PairedTextDataModule([train], [other], target_column="gold", answer_kind="class", skip_labels=["-"])
    assert data.answer == {"kind": "class", "labels": ["entailment", "neutral"]}
    assert data.encoding["vocabulary"] == ["<unk>", "a", "cat", "dog", "man", "one"]
    batch = next(iter(data.val_dataloader()))
    assert batch.first.tokens.tolist() == [[1, 2]]
    assert batch.second.tokens.tolist() == [[5]]
    assert batch.targets.tolist() == [1]


def test_scores_of_json_lines(tmp_path: Path) -> None:
    rows = '{"s1": "a", "s2": "b", "score": 4.5}\n{"s1": "c", "s2": "a", "score": "1"}\n'
    train = _file(tmp_path, rows, "train.jsonl")
    given: dict[str, Any] = {"first_column": "s1", "second_column": "s2", "target_column": "score"}
    data = PairedTextDataModule([train], [train + "x"], answer_kind="score", low=1, high=5, **given)
    assert data.answer == {"kind": "score", "low": 1, "high": 5}
    assert data.targets("train").tolist() == [4.5, 1.0]


def test_matches_are_named_by_the_second_text_or_by_a_column(tmp_path: Path) -> None:
    train = _file(tmp_path, "what\tx y\t7\nwho\tx y\t8\nhow\tz\t7\n")
    given: dict[str, Any] = {"header": False, "first_column": 0, "second_column": 1}
    by_text = PairedTextDataModule([train], [train + "x"], **given).targets("train")
    assert by_text.eq(by_text[:, None]).tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    by_name = PairedTextDataModule([train], [train + "x"], target_column=2, **given).targets("train")
    assert by_name.eq(by_name[:, None]).tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    assert by_name.dtype == torch.int64


def test_the_characters_of_both_texts(tmp_path: Path) -> None:
    train = _file(tmp_path, "first\tsecond\nAb a\tb\nc\tBa c\n")
    data = PairedTextDataModule([train], [train + "x"], lowercase=True, characters=True)
    alphabet = data.encoding["characters"]
    batch = data.make_batch("train", torch.tensor([1, 0]))
    assert batch.first.characters is not None
    assert batch.second.characters is not None
    spelt = [[[alphabet[at - 2] for at in word if at] for word in row] for row in batch.first.characters.tolist()]
    assert spelt == [[["c"], []], [["A", "b"], ["a"]]]  # lower case is for looking words up
    assert batch.second.characters.shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        (HEADER + "a\t\tx\n", {}, "{file}:2: the second text is ''"),
        (HEADER + " \tb\tx\n", {}, "{file}:2: the first text is ' '"),
        (HEADER + "a\tb\tx\nc\td\t\n", {}, "{file}:3: the label is empty"),
        (HEADER + "a\tb\n", {}, "{file}:2: 2 columns, where 3 are expected"),
        (HEADER + "a\tb\tx\n", {"answer_kind": "score"}, "{file}:2: the score 'x' is no number"),
        (HEADER + "a\tb\t2\n", {"answer_kind": "score"}, "{file}:2: the score 2.0 is not from 0.0 to 1.0"),
        (HEADER + "a\tb\tnan\n", {"answer_kind": "score"}, "{file}:2: the score nan is not from 0.0 to 1.0"),
        ("first\tsecnd\tgold\na\tb\tx\n", {}, "{file}:1: unknown column 'second': did you mean 'secnd'"),
    ],
)
def test_mistakes_in_files(tmp_path: Path, text: str, given: dict[str, Any], message: str) -> None:
    path = _file(tmp_path, text)
    data = PairedTextDataModule([path], [path + "x"], **{"target_column": "gold", "answer_kind": "class", **given})
    with pytest.raises(RnnzooError, match=re.escape(message.format(file=path))):
        data.targets("train")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"answer_kind": "clas", "target_column": 2}, "unknown data.answer_kind 'clas': did you mean 'class'"),
        ({"answer_kind": "class"}, "data.answer_kind class is read from a column: give data.target_column"),
        ({"skip_labels": ["-"]}, "data.skip_labels is for labels, but data.answer_kind is match"),
        ({"low": 1, "high": 1}, "data.low must be below data.high, not 1 and 1"),
    ],
)
def test_keys_that_do_not_go_together(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=re.escape(message)):
        PairedTextDataModule(["a.tsv"], ["b.tsv"], **given)
