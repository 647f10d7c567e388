"""Pairs: what is read, how it is encoded and batched, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rnnzoo.data import Example, PairDataModule
from rnnzoo.data.docstrings import library_docstrings, name_words
from rnnzoo.data.stsbenchmark import STSBenchmarkDataModule
from rnnzoo.errors import RnnzooError

LINE = "genre\tfile\t2012\t{at}\t{score}\t{first}\t{second}\tmore\n"


def _write(root: Path, rows: list[tuple[object, str, str]], split: str = "train") -> None:
    folder = root / "stsbenchmark"
    folder.mkdir(exist_ok=True)
    lines = [LINE.format(at=at, score=s, first=a, second=b) for at, (s, a, b) in enumerate(rows)]
    (folder / f"sts-{split}.csv").write_text("".join(lines))


def test_a_batch_is_its_pairs(tmp_path: Path) -> None:
    rows = [(5.0, 'The "cat" sat', "A cat"), (0, "dogs run", "No dogs, no cats at all"), (2.5, "a", "b")]
    _write(tmp_path, rows)
    data = STSBenchmarkDataModule(str(tmp_path), batch_size=2)
    words = data.encoding["vocabulary"]
    batch = data.make_batch("train", torch.tensor([1, 0, -1]))
    first = [[words[i] for i in row[:n]] for row, n in zip(batch.first.tokens, batch.first.lengths, strict=True)]
    second = [[words[i] for i in row[:n]] for row, n in zip(batch.second.tokens, batch.second.lengths, strict=True)]
    assert first == [["dogs", "run"], ["the", '"', "cat", '"', "sat"], []]
    assert second == [["no", "dogs", ",", "no", "cats", "at", "all"], ["a", "cat"], []]
    assert batch.targets[:2].tolist() == [0.0, 5.0]
    assert data.answer == {"kind": "score", "low": 0.0, "high": 5.0}
    seen = [target for batch in data.train_dataloader() for target in batch.targets.tolist()]
    assert sorted(seen) == [0.0, 2.5, 5.0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((7.0, "a", "b"), r"sts-train.csv:1: the score 7.0 is not from 0.0 to 5.0"),
        (("five", "a", "b"), r"sts-train.csv:1: the score 'five' is no number"),
        ((1.0, " ", "b"), r"sts-train.csv:1: a sentence is empty"),
    ],
)
def test_rows_that_are_wrong(tmp_path: Path, row: tuple[object, str, str], message: str) -> None:
    _write(tmp_path, [row])
    with pytest.raises(RnnzooError, match=message):
        STSBenchmarkDataModule(str(tmp_path)).targets("train")


def test_too_few_columns_and_no_files(tmp_path: Path) -> None:
    _write(tmp_path, [])
    (tmp_path / "stsbenchmark" / "sts-train.csv").write_text("a\tb\n")
    with pytest.raises(RnnzooError, match=r"sts-train.csv:1: 2 columns, where at least 7"):
        STSBenchmarkDataModule(str(tmp_path)).examples("train")
    with pytest.raises(RnnzooError, match="stsbenchmark is not at"):
        STSBenchmarkDataModule(str(tmp_path / "absent")).examples("train")


class Alike(PairDataModule):
    """Pairs that are all of one class."""

    answer_kind = "class"

    def read(self, split: str) -> list[Example]:
        return [Example(("a", "b"), "alike", f"pair {at}") for at in range(4)]


def test_pairs_of_one_class_teach_nothing() -> None:
    with pytest.raises(RnnzooError, match="all training pairs of Alike have the label 'alike': there is nothing to le"):
        _ = Alike().answer


def test_docstrings_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "left_out.py").write_text('def f():\n    """Is left out."""\n')
    (tmp_path / "old.py").write_text("print 1\n")
    (tmp_path / "shop.py").write_text(
        'class ShoppingCart:\n    """What a customer buys.\n\n    More.\n    """\n'
        '    def addItem2(self):\n        """Add one item."""\n'
        '    async def pay(self):\n        """Too short."""\n'
        "    def no_docstring(self): ...\n"
    )
    found = {(*pair.inputs, pair.place.rpartition("/")[2]) for pair in library_docstrings(tmp_path)}
    assert found == {
        ("What a customer buys.", "shopping cart", "shop.py:1"),
        ("Add one item.", "add item 2", "shop.py:6"),
    }
    assert name_words("HTTPServer") == "http server"


@pytest.mark.parametrize("second", ["answer", "question"])
def test_chatterbot_keeps_equal_questions_together(second: str) -> None:
    pytest.importorskip("chatterbot_corpus", reason="the package chatterbot-corpus has the dialogues")
    from rnnzoo.data.chatterbot import ChatterbotDataModule

    data = ChatterbotDataModule(second)  # type: ignore[arg-type]
    questions = {s: {e.inputs[0].lower() for e in data.examples(s)} for s in ("train", "validation", "test")}
    assert not questions["train"] & (questions["validation"] | questions["test"])
    assert not questions["validation"] & questions["test"]
    other = ChatterbotDataModule("answer" if second == "question" else "question")
    assert other.encoding == data.encoding  # so that an encoder of questions can be reused for answers
    assert {e.inputs[0].lower() for e in other.examples("test")} == questions["test"]
    if second == "question":
        for split in questions:
            assert {e.inputs[1].lower() for e in data.examples(split)} <= questions[split]
