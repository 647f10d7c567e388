"""What can be asked of a search, texts that are followed while they are written, and texts that all differ."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from rnnzoo.decoding import beam_search
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Seq2Seq

SOURCE = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "a", "b"]}
TARGET = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "x", "y"]}
END = 1


def _task(decoder: dict[str, Any] | None = None, max_length: int = 6, **given: Any) -> Seq2Seq:
    torch.manual_seed(1)
    config = {"stack": {"cell": "gru", "hidden_size": 4}, "attention": "dot"} | (decoder or {})
    stack = StackConfig(cell="gru", hidden_size=4)
    task = Seq2Seq(SOURCE, TARGET, stack=stack, decoder=config, beam_size=2, max_length=max_length, **given)  # type: ignore[arg-type]
    with torch.no_grad():  # so that the texts are several tokens long
        for parameter in task.network.parameters():
            parameter.mul_(3)
        task.network.decoder.head.bias[END] -= 1  # type: ignore[index, operator, union-attr]
    return task


@pytest.mark.parametrize(
    "options", [{}, {"beam_size": 1}, {"beam_size": 4, "length_penalty": "none"}, {"prefix": "yx"}]
)
def test_a_stream_is_what_predict_writes(options: dict[str, Any]) -> None:
    task = _task()
    for source in ("ab", "b", "aab"):
        texts = list(task.stream(source, **options))
        assert texts[-1] == task.predict([source], **options)[0]
        assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert len(list(task.stream("ab", beam_size=1))) > 2


def test_a_stream_leaves_the_reader_free_to_train() -> None:
    task = _task().train()
    for _ in task.stream("ab", beam_size=1):
        assert torch.is_grad_enabled()
        assert task.network.training


def test_a_stream_refuses_before_it_begins() -> None:
    with pytest.raises(RnnzooError, match="groups must be 1 to follow a text while it is written, not 2"):
        _task().stream("ab", groups=2)
    with pytest.raises(RnnzooError, match="the prefix 'q' has 'q'"):
        _task().stream("ab", prefix="q")


def test_a_stream_that_comes_to_no_text_says_so_as_predict_does() -> None:
    """Without repetition there are no 5 tokens before the end: what was told of such a text is no text."""
    given = {"beam_size": 2, "min_length": 5, "no_repeat_ngram_size": 1}
    with pytest.raises(RnnzooError, match="no text was found for source 0"):
        _task().predict(["ab"], **given)
    with pytest.raises(RnnzooError, match="no sequence was found for row 0 with beam_size 2 and max_length 6"):
        list(_task().stream("ab", **given))


def test_all_texts_are_drawn_once() -> None:
    """Of at most two tokens there are 1 + 3 * 4 texts, and their probabilities sum to 1."""
    task = _task(max_length=2)
    found = task.sample_without_replacement(["ab", "b"], num_return=20, seed=3)
    for own in found:
        assert len(own) == 13
        assert math.fsum(math.exp(one.log_prob) for one in own) == pytest.approx(1, rel=1e-5)
        scores = [one.score for one in own]
        assert scores == sorted(scores, reverse=True)
    assert task.sample_without_replacement(["ab", "b"], num_return=20, seed=3) == found
    assert task.sample_without_replacement(["ab", "b"], num_return=20, seed=4) != found
    begun = task.sample_without_replacement(["ab"], num_return=9, prefix="x")[0]
    assert sorted(one.text for one in begun) == ["x", "x<unk>", "xx", "xy"]


def test_groups_are_those_of_the_beam_search() -> None:
    task = _task()
    found = task.hypotheses(["ab", "b"], num_return=4, beam_size=4, groups=2, diversity=3.0)
    with task.evaluating():
        start = torch.full((2,), END)
        options = {"beam_size": 4, "groups": 2, "diversity": 3.0, "num_return": 4, "length_penalty": "average"}
        expected = beam_search(task.network, task.sources(["ab", "b"]), start, max_length=6, end_id=END, **options)  # type: ignore[arg-type]
    for own, log_probs in zip(found, expected.log_probs.tolist(), strict=True):
        assert [one.log_prob for one in own] == pytest.approx(log_probs)
    assert found != task.hypotheses(["ab", "b"], num_return=4, beam_size=4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 2.5}, "beam_size must be a whole number, not 2.5"),
        ({"max_length": "9"}, "max_length must be a whole number, not '9'"),
        ({"min_length": True}, "min_length must be a whole number, not True"),
        ({"alpha": "a"}, "alpha must be a number, not 'a'"),
        ({"beam_size": 4, "groups": 3}, "groups must divide beam_size = 4 evenly, and 3 does not"),
        (
            {"constraints": [["xxx"]], "no_repeat_ngram_size": 1},
            "no text was found for source 0 of the 1 that were searched together with beam_size 2 and max_length 6: "
            "its prefix, its constraints, min_length 0 and no_repeat_ngram_size 1 contradict each other",
        ),
    ],
)
def test_what_no_search_can_be_made_of(given: dict[str, Any], message: str) -> None:
    for ask in (_task().predict, _task().hypotheses):
        with pytest.raises(RnnzooError) as caught:
            ask(["ab"], **({"num_return": 1} if ask.__name__ == "hypotheses" else {}), **given)
        assert str(caught.value).startswith(message)


def test_copied_words_do_not_widen_a_beam() -> None:
    """The vocabulary has 4 tokens, and `b` and `q` could be copied: alone or beside others, a beam of 5 is too wide."""
    task = _task({"copy": True})
    for sources in (["a"], ["a", "bq"]):
        with pytest.raises(RnnzooError, match="beam_size 5 is larger than the vocabulary of 4"):
            task.predict(sources, beam_size=5)
    assert [len(own) for own in task.hypotheses(["a", "bq"], num_return=4, beam_size=4)] == [4, 4]


def test_an_empty_text_can_be_attended_for() -> None:
    attended = _task().attend(["ab"], [""])[0]
    assert (attended.source, attended.written) == (["a", "b"], ["<eos>"])
    assert attended.weights.sum(-1).tolist() == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schedule": "linear"}, "model.scheduled_sampling.rate is missing: give a number"),
        ({"schedule": "linear", "rate": "fast"}, "model.scheduled_sampling.rate must be a number, not 'fast'"),
        (
            {"schedule": "linear", "rat": 1.0},
            "unknown key of model.scheduled_sampling 'rat': did you mean 'rate'?",
        ),
    ],
)
def test_mistakes_of_scheduled_sampling(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        _task(scheduled_sampling=given)
    assert str(caught.value).startswith(message)
