"""The sentiment treebank: its published counts, its classes and phrases, on a small file and on the real one."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from rnnzoo.data import TreebankDataModule
from rnnzoo.errors import RnnzooError

LINES = ["(4 (2 a) (4 (4 fine) (2 film)))", "(2 (2 a) (2 film))", "(0 (2 a) (0 (0 bad) (2 film)))", "(3 (3 fine))"]


def _data(folder: Path, **given: object) -> TreebankDataModule:
    for name in ("train", "dev", "test"):
        (folder / f"{name}.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    files = {
        f"{key}_files": [str(folder / f"{name}.txt")]
        for key, name in (("train", "train"), ("validation", "dev"), ("test", "test"))
    }
    return TreebankDataModule(**{**files, **given})  # type: ignore[arg-type]


def _told(data: TreebankDataModule, split: str) -> list[tuple[str, str]]:
    return [(" ".join(example.inputs), example.target) for example in data.examples(split)]


def test_five_classes(tmp_path: Path) -> None:
    data = _data(tmp_path)
    assert _told(data, "train") == [
        ("a fine film", "very positive"),
        ("a film", "neutral"),
        ("a bad film", "very negative"),
        ("fine", "positive"),
    ]
    assert data.labels == ["neutral", "positive", "very negative", "very positive"]


def test_two_classes_leave_what_is_neutral_out(tmp_path: Path) -> None:
    data = _data(tmp_path, classes=2)
    expected = [("a fine film", "positive"), ("a bad film", "negative"), ("fine", "positive")]
    assert _told(data, "train") == _told(data, "test") == expected


def test_each_phrase_with_its_label_is_there_once_and_in_training_only(tmp_path: Path) -> None:
    data = _data(tmp_path, classes=2, phrases=True)
    assert sorted(_told(data, "train")) == [
        ("a bad film", "negative"),
        ("a fine film", "positive"),
        ("bad", "negative"),
        ("bad film", "negative"),
        ("fine", "positive"),  # labelled 4 in one tree and 3 in another: both are positive
        ("fine film", "positive"),
    ]
    assert len(_told(data, "validation")) == 3


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match=r"data\.classes must be 2 or 5, not 3"):
        TreebankDataModule(classes=3)  # type: ignore[arg-type]
    for given, message in (
        ({"train_files": ["x"], "validation_files": []}, r"data\.train_files needs data\.validation_files"),
        ({"train_files": None}, r"data\.validation_files and data\.test_files go with data\.train_files"),
        ({"root": "x"}, r"data\.root is where the published files lie, but data\.train_files is given"),
    ):
        with pytest.raises(RnnzooError, match=message):
            _data(tmp_path, **given)
    data = _data(tmp_path)
    (tmp_path / "train.txt").write_text("(2 (2 a) (5 b))\n", encoding="utf-8")
    assert data.examples("train")[0].target == "neutral"  # only the labels that are used are looked at
    with pytest.raises(RnnzooError, match=re.escape(f"{tmp_path / 'train.txt'}:1: the label '5' of a node is none of")):
        _data_after(tmp_path, "(2 (2 a) (5 b))\n", phrases=True).examples("train")
    with pytest.raises(RnnzooError, match=r"the data set sst is not at .*nlp\.stanford\.edu/sentiment"):
        TreebankDataModule(root=str(tmp_path)).examples("train")


def _data_after(folder: Path, text: str, **given: object) -> TreebankDataModule:
    data = _data(folder, **given)
    (folder / "train.txt").write_text(text, encoding="utf-8")
    return data


def test_the_published_files_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "sst").mkdir()
    for name in ("train", "dev", "test"):
        with gzip.open(tmp_path / "sst" / f"{name}.txt.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(LINES))
    data = TreebankDataModule(root=str(tmp_path))
    assert len(data.examples("test")) == 4
    assert data.description == "Stanford Sentiment Treebank, 5 classes"


@pytest.mark.skipif(not (Path(os.environ.get("RNNZOO_DATA", "-")) / "sst").is_dir(), reason="sst is not in RNNZOO_DATA")
def test_the_counts_are_those_published() -> None:
    """Socher et al. 2013, section 5: 8,544 / 1,101 / 2,210 sentences, 6,920 / 872 / 1,821 without the neutral."""
    data = TreebankDataModule(classes=5)
    found = [[example.target for example in data.examples(split)] for split in ("train", "validation", "test")]
    assert [len(targets) for targets in found] == [8544, 1101, 2210]
    assert [sum(target != "neutral" for target in targets) for targets in found] == [6920, 872, 1821]
    assert len(data.labels) == 5
