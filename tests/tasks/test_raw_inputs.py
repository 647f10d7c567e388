"""What is given to a trained task to be read: any iterable of inputs, and a clear line for what is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import (
    Acceptor,
    Captioner,
    Cloze,
    Forecaster,
    Generator,
    LanguageModel,
    Seq2Seq,
    SequenceEncoder,
    SequenceTask,
    Tagger,
)

LETTERS = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "a", "b", "c"]}
STACK = StackConfig(hidden_size=4)

TASKS: dict[str, tuple[Callable[[], SequenceTask], list[Any]]] = {
    "acceptor": (lambda: Acceptor(LETTERS, {"kind": "class", "labels": ["n", "y"]}, stack=STACK), ["ab", "c"]),
    "tagger": (lambda: Tagger(LETTERS, {"tag": ["n", "y"]}, stack=STACK), ["ab", "c"]),
    "encoder": (lambda: SequenceEncoder(LETTERS, {"kind": "match"}, stack=STACK), [("ab", "c"), ("b", "ca")]),
    "language model": (lambda: LanguageModel(LETTERS["vocabulary"], "character", STACK), ["ab", "c"]),
    "cloze": (lambda: Cloze(LETTERS["vocabulary"], "character", STACK), [("a", "b"), ("", "c")]),
    "seq2seq": (lambda: Seq2Seq(LETTERS, LETTERS, stack=STACK, beam_size=2, max_length=3), ["ab", "c"]),
    "generator": (lambda: Generator({"kind": "class", "labels": ["n", "y"]}, LETTERS, max_length=3), ["y", "n"]),
}
each_task = pytest.mark.parametrize("name", TASKS)


@each_task
def test_inputs_may_come_one_by_one(name: str) -> None:
    make, raw = TASKS[name]
    task: Any = make()
    expected = task.predict(raw)
    assert len(expected) == len(raw)
    assert task.predict(one for one in raw) == expected
    if name in ("seq2seq", "generator"):
        assert task.sample(iter(raw), seed=1) == task.sample(raw, seed=1)
        assert task.sample_without_replacement(iter(raw), seed=1) == task.sample_without_replacement(raw, seed=1)
    if name == "seq2seq":
        found = [attended.written for attended in task.attend(iter(raw))]
        assert found == [attended.written for attended in task.attend(raw)]


@each_task
def test_no_inputs_have_no_answers(name: str) -> None:
    task: Any = TASKS[name][0]()
    assert task.predict([]) == []
    if name in ("seq2seq", "generator"):
        assert task.hypotheses([]) == task.sample([]) == task.sample_without_replacement([]) == []
    if name == "seq2seq":
        assert task.attend([]) == []
    if name == "language model":
        assert task.score([]) == []


def test_no_inputs_have_no_tags_vectors_images_or_forecasts() -> None:
    tagger = Tagger(LETTERS, {"tag": ["n", "y"]}, stack=STACK, head="crf")
    assert tagger.k_best([]) == tagger.marginals([]) == []
    encoder = SequenceEncoder(LETTERS, {"kind": "class", "labels": ["n", "y"]}, stack=STACK)
    assert encoder.predict(iter([])) == []
    assert encoder.encode([]).shape == (0, 4)
    captioner = Captioner({"height": 8, "width": 8, "channels": 1}, LETTERS, beam_size=1, max_length=2)
    assert captioner.predict([]) == []
    forecaster = Forecaster({"kind": "series", "mean": [0.0], "scale": [1.0]}, stack=STACK, head="gaussian")
    assert forecaster.predict([]) == forecaster.draw([]) == forecaster.intervals([]) == []


@each_task
@pytest.mark.parametrize("raw", [None, 3, "ab"])
def test_what_is_no_list_is_refused(name: str, raw: Any) -> None:
    task: Any = TASKS[name][0]()
    with pytest.raises(RnnzooError, match="give a list of"):
        task.predict(raw)


@pytest.mark.parametrize("name", ["encoder", "cloze"])
@pytest.mark.parametrize("pair", ["ab", 3, None, ("a",), ("a", "b", "c")])
def test_what_is_no_pair_is_refused(name: str, pair: Any) -> None:
    task: Any = TASKS[name][0]()
    with pytest.raises(RnnzooError, match=r"give a list of \("):
        task.predict([pair])


def test_one_text_is_no_list_of_conditions() -> None:
    task: Any = TASKS["generator"][0]()
    for draw in (task.sample, task.sample_without_replacement):
        with pytest.raises(RnnzooError, match="give a list of sources"):
            draw("yn")
    with pytest.raises(RnnzooError, match=r"condition 0: unknown class .*\(known: n, y\)"):
        task.predict([["y"]])


@pytest.mark.parametrize("name", ["seq2seq", "generator"])
def test_the_position_is_that_in_the_whole_list(name: str) -> None:
    make, raw = TASKS[name]
    task: Any = make()
    many = [raw[0]] * 100
    many[70] = ""
    for write in (task.predict, task.sample, task.sample_without_replacement):
        with pytest.raises(RnnzooError, match=r"^(input|condition) 70: "):
            write(many)


def test_the_position_of_an_image_or_text_that_is_looked_at() -> None:
    picture, bad = np.zeros((8, 8), dtype=np.uint8), np.zeros(8, dtype=np.uint8)
    captioner = Captioner({"height": 8, "width": 8, "channels": 1}, LETTERS, beam_size=1, max_length=2)
    with pytest.raises(RnnzooError, match=r"^image 2: "):
        captioner.attend([picture, picture, bad], ["a", "b", "c"])
    seq2seq: Any = TASKS["seq2seq"][0]()
    with pytest.raises(RnnzooError, match=r"^input 2: "):
        seq2seq.attend(["a", "b", ""], ["a", "b", "c"])
