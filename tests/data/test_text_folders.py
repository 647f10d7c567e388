"""Labelled folders and files of texts: what is in them, each with its label, and nothing passed over in silence."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data import TextFoldersDataModule
from rnnzoo.data.text_folders import read_labelled_folder
from rnnzoo.errors import RnnzooError


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_for_each_label(tmp_path: Path) -> None:
    reviews = {"train/pos/1_9.txt": "fine\nfilm", "train/pos/0_7.txt": "good", "train/neg/0_1.txt": "bad"}
    found = read_labelled_folder(_write(tmp_path, reviews) / "train")
    told = [(example.inputs, example.target, example.place.removeprefix(f"{tmp_path}/")) for example in found]
    assert told == [
        ("bad", "neg", "train/neg/0_1.txt"),
        ("good", "pos", "train/pos/0_7.txt"),
        ("fine\nfilm", "pos", "train/pos/1_9.txt"),
    ]


def test_a_file_for_each_label(tmp_path: Path) -> None:
    found = read_labelled_folder(_write(tmp_path, {"Czech.txt": "Abl\n\n Adsit \n", "Irish.txt": "Adam\n"}))
    assert [(example.inputs, example.target, example.place) for example in found] == [
        ("Abl", "Czech", f"{tmp_path}/Czech.txt:1"),
        ("Adsit", "Czech", f"{tmp_path}/Czech.txt:3"),
        ("Adam", "Irish", f"{tmp_path}/Irish.txt:1"),
    ]


def test_splits(tmp_path: Path) -> None:
    names = {
        f"{part}/{label}.txt": "".join(f"{label}{part}{i}\n" for i in range(10))
        for part in ("a", "b")
        for label in "xy"
    }
    _write(tmp_path, names)
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    shared = TextFoldersDataModule(a, test_folder=b, fractions=[0.75, 0.25])
    assert [len(shared.examples(split)) for split in ("train", "validation", "test")] == [15, 5, 20]
    assert {example.inputs[1] for example in shared.examples("test")} == {"b"}
    assert not {e.inputs for e in shared.examples("train")} & {e.inputs for e in shared.examples("validation")}
    drawn = TextFoldersDataModule(a, fractions=[0.5, 0.25, 0.25])
    assert [len(drawn.examples(split)) for split in ("train", "validation", "test")] == [10, 5, 5]
    given = TextFoldersDataModule(a, validation_folder=b)
    assert len(given.examples("train")) == len(given.examples("validation")) == 20
    with pytest.raises(RnnzooError, match=r"there are no test examples: give data\.test_folder"):
        given.examples("test")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs either data.validation_folder or data.fractions"),
        ({"validation_folder": "b", "fractions": [0.8, 0.1, 0.1]}, "needs either"),
        ({"validation_folder": "./a"}, "a folder is given twice"),
        ({"fractions": [0.9, 0.1]}, "must be three shares"),
        ({"fractions": [0.8, 0.1, 0.1], "test_folder": "b"}, "must be two shares"),
    ],
)
def test_keys_that_do_not_go_together(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError, match=re.escape(message)):
        TextFoldersDataModule("a", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ({"pos/a.txt": "x", "b.txt": "y"}, "b.txt", "stands beside folders"),
        ({"pos/a.txt": "x", "pos/b.html": "y"}, "pos/b.html", "a file is no text"),
        ({"pos/a.txt": "x", "neg/deep/b.txt": "y"}, "neg/deep", "a folder is no text"),
        ({"a.txt": "x", "README": "y"}, "README", "a file is no text"),
        ({"a.txt": "x", "b.txt": "\n"}, "b.txt", "is empty"),
        ({".hidden/a.txt": "x"}, "", "has neither folders nor files of texts"),
    ],
)
def test_mistakes(tmp_path: Path, files: dict[str, str], place: str, message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        read_labelled_folder(_write(tmp_path, files))
    assert str(caught.value).startswith(f"{tmp_path / place}: ")
    assert message in str(caught.value)


def test_a_folder_that_is_no_label(tmp_path: Path) -> None:
    reviews = {f"{part}/{label}/{at}.txt": "x" for part in ("train", "test") for label in ("pos", "neg") for at in "ab"}
    _write(tmp_path, {**reviews, "train/unsup/c.txt": "z", "train/urls.txt": "w", "test/more/d.txt": "x"})
    train, test = str(tmp_path / "train"), str(tmp_path / "test")
    loose = re.escape(
        "urls.txt: stands beside folders: either each label has a folder of texts or a file with a text a"
    )
    remedy = re.escape(
        "give data.ignore: [urls.txt], and in it also the folders that are no labels, of neg, pos, unsup"
    )
    with pytest.raises(RnnzooError, match=f"{loose}.*{remedy}"):
        TextFoldersDataModule(train, test_folder=test, fractions=[0.5, 0.5]).examples("train")
    data = TextFoldersDataModule(train, test_folder=test, fractions=[0.5, 0.5], ignore=["unsup", "urls.txt"])
    with pytest.raises(RnnzooError, match=r"d\.txt: the label 'more' .* \(neg, pos\): .*, or name it in data\.ignore"):
        data.examples("test")


def test_the_vocabulary_of_a_checkpoint_comes_first(tmp_path: Path) -> None:
    known = {"tokenizer": "whitespace", "vocabulary": ["<unk>", "<eos>", "film"]}
    torch.save({"hyper_parameters": known}, tmp_path / "lm.ckpt")
    _write(tmp_path, {"train/pos/a.txt": "fine film", "train/neg/b.txt": "dull film"})
    data = TextFoldersDataModule(
        str(tmp_path / "train"), validation_folder="v", vocabulary_from=str(tmp_path / "lm.ckpt")
    )
    assert data.encoding["vocabulary"][:3] == ["<unk>", "<eos>", "film"]
    assert sorted(data.encoding["vocabulary"][3:]) == ["dull", "fine"]


def test_what_is_to_be_ignored(tmp_path: Path) -> None:
    _write(tmp_path, {"pos/a.txt": "x", "neg/b.txt": "y", "unsup/c.txt": "z", "urls.txt": "w"})
    assert [example.target for example in read_labelled_folder(tmp_path, ["unsup", "urls.txt"])] == ["neg", "pos"]


def test_a_text_of_no_token_is_named(tmp_path: Path) -> None:
    (tmp_path / "pos").mkdir()
    _write(tmp_path, {"neg/a.txt": "fine"})
    (tmp_path / "pos/a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(RnnzooError, match=re.escape(f"{tmp_path}/pos/a.txt: is not UTF-8")):
        read_labelled_folder(tmp_path)


@given(content=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)), folders=st.booleans())
def test_any_file_gives_examples_or_an_error_with_its_place(content: bytes, folders: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("label/x.txt" if folders else "label.txt")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        try:
            found = read_labelled_folder(folder)
        except RnnzooError as error:
            said = str(error)
        else:
            said = str(path)
            assert {example.target for example in found} == {"label"}
            kept = "".join("".join(example.inputs.split()) for example in found)
            assert kept == "".join(content.decode("utf-8-sig").split())
        assert said.startswith(str(path))


@pytest.mark.skipif(
    not (Path(os.environ.get("RNNZOO_DATA", "-")) / "names").is_dir(), reason="names is not in RNNZOO_DATA"
)
def test_the_names_of_the_pytorch_tutorial() -> None:
    found = read_labelled_folder(Path(os.environ["RNNZOO_DATA"]) / "names")
    counts = Counter(example.target for example in found)
    assert len(counts) == 18
    assert counts["Russian"] == 9384
    assert sum(counts.values()) == 20050
