"""Scores, predictions and text from raw strings, against the network called by hand."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, WindowLanguageModel

WORDS = ["<unk>", "<eos>", "the", "cat", "sat", "."]


@pytest.fixture(params=[LanguageModel, WindowLanguageModel])
def task(request: pytest.FixtureRequest) -> LanguageModel:
    torch.manual_seed(0)
    made: LanguageModel = request.param(WORDS, "word")
    return made


def by_hand(task: LanguageModel, ids: list[int]) -> list[float]:
    """log p of each id after <eos> and those before it, one step at a time."""
    state, memory = task.network.init_state(1)
    previous, found = 1, []
    with torch.no_grad():
        for token in ids:
            log_probs, state = task.network.step(torch.tensor([previous]), state, memory)
            found.append(log_probs[0, token].item())
            previous = token
    return found


def test_score(task: LanguageModel) -> None:
    scores = task.score(["the cat sat.", "cat\n", "the\ncat"])
    for score, ids in zip(scores, [[2, 3, 4, 5, 1], [3, 1], [2, 1, 3, 1]], strict=True):
        expected = by_hand(task, ids)
        assert score.tokens == len(ids)
        assert score.log_prob == pytest.approx(sum(expected), rel=1e-5)
        assert score.perplexity == pytest.approx(math.exp(-sum(expected) / len(ids)), rel=1e-5)


def test_score_of_more_texts_than_a_batch_of_rows(task: LanguageModel) -> None:
    texts = ["the " * (1 + at % 9) for at in range(70)]
    scores = task.score(texts)
    assert [score.tokens for score in scores] == [2 + at % 9 for at in range(70)]
    for at in (0, 33, 69):
        assert scores[at].log_prob == pytest.approx(sum(by_hand(task, [2] * (1 + at % 9) + [1])), rel=1e-5)


def test_predict(task: LanguageModel) -> None:
    (best,) = task.predict(["the cat"], count=6)
    values = [by_hand(task, [2, 3, token])[-1] for token in range(6)]
    order = sorted(range(6), key=lambda token: -values[token])
    assert [word for word, _ in best] == [WORDS[token] for token in order]
    assert [p for _, p in best] == pytest.approx([math.exp(values[token]) for token in order], rel=1e-5)
    assert task.predict(["the cat"], count=9) == [best]
    assert task.predict(["the cat"], count=2) == [best[:2]]
    with pytest.raises(RnnzooError, match="count must be at least 1"):
        task.predict(["the"], count=0)


def test_greedy_generation(task: LanguageModel) -> None:
    ids = [2, 3]
    for _ in range(4):
        values = [by_hand(task, [*ids, token])[-1] for token in range(6)]
        ids.append(max(range(6), key=values.__getitem__))
        if ids[-1] == 1:
            break
    expected = [WORDS[token] for token in ids if token != 1]
    assert task.generate("the cat", max_length=4, temperature=0) == task._tokenizer.join(expected)


def test_generation_ends_at_the_end_of_the_line() -> None:
    task = LanguageModel(WORDS, "word", stack=StackConfig(hidden_size=4))
    torch.nn.init.zeros_(task.network.head.weight)
    task.network.head.bias.data.copy_(torch.tensor([-9.0, 9, -9, -9, -9, -9]))
    assert task.generate("the cat\nthe", 50) == "the cat\nthe"
    assert task.generate("", 50) == ""


def test_generation_is_that_of_its_seed_and_disturbs_nothing(task: LanguageModel) -> None:
    task.train()
    task.network.head.eval()
    before = torch.get_rng_state()
    texts = {seed: task.generate("the", 30, temperature=2.0, seed=seed) for seed in range(4)}
    assert torch.equal(torch.get_rng_state(), before)
    assert task.training
    assert not task.network.head.training
    assert task.network.embedding.training
    assert texts[1] == task.generate("the", 30, temperature=2.0, seed=1)
    assert len(set(texts.values())) > 1
    assert all(text.startswith("the") for text in texts.values())


def test_dropout_does_not_act_in_use() -> None:
    task = LanguageModel(WORDS, dropout=0.9, input_dropout=0.5, embedding_dropout=0.5)
    task.train()
    assert task.score(["the cat"]) == task.score(["the cat"])


def test_characters_need_no_line_end() -> None:
    task = LanguageModel(list("\n abc"), "character", stack=StackConfig(hidden_size=4))
    assert task.score(["abc"])[0].tokens == 3
    assert task.generate("ab", 5, temperature=0).startswith("ab")
    assert len(task.generate("ab", 5)) == 7


def test_unknown_words_are_named(task: LanguageModel) -> None:
    with pytest.warns(UserWarning, match=r"read as <unk>: 'dog', 'zebra'$"):
        (score,) = task.score(["the zebra dog cat"])
    assert score.log_prob == pytest.approx(sum(by_hand(task, [2, 0, 0, 3, 1])), rel=1e-5)
    with pytest.warns(UserWarning, match="'zebra'"):
        assert task.generate("zebra", 3, seed=0).startswith("zebra")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task.score(["the <unk> cat"])


def test_unknown_characters_of_a_closed_vocabulary_are_an_error() -> None:
    task = LanguageModel(list("abc"), "character")
    for use in (task.generate, lambda text: task.score([text]), lambda text: task.predict([text])):
        with pytest.raises(RnnzooError, match=r"no <unk>: 'y', 'z'\. Leave them out"):
            use("abzy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": 7}, "vocabulary's 6 tokens, not 7"),
        ({"top_k": 0}, "top_k must be from 1 to the vocabulary's 6 tokens, not 0"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_length": 0}, "max_length"),
    ],
)
def test_bad_options_of_generate(task: LanguageModel, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        task.generate("the", **options)


def test_texts_that_cannot_be_scored() -> None:
    task = LanguageModel(list("abc"), "character")
    with pytest.raises(RnnzooError, match="nothing to score"):
        task.score([""])
    with pytest.raises(RnnzooError, match="a list of texts"):
        task.score("abc")
    with pytest.raises(RnnzooError, match="give a list of texts: 3 is none"):
        task.score(["abc", 3])
    with pytest.raises(RnnzooError, match="the prompt is a text, not None"):
        task.generate(None)
    assert task.score([]) == []
    assert len(task.predict([""])) == 1


def test_the_probe_of_gradients_through_time() -> None:
    task = LanguageModel(WORDS, stack=StackConfig(hidden_size=4))
    inputs = torch.tensor([[2, 3, 4], [3, 3, 0], [4, 5, 2]])
    targets = torch.tensor([[3, 4, 5], [3, 1, 0], [5, 2, 1]])
    batch = LanguageModelBatch(inputs, targets, torch.tensor([3, 2, 3]), first=True)
    stack, vectors, loss = task.last_step_probe(batch)
    outputs, _ = stack(vectors)
    log_probs = task.network.head.log_probs(task.network(inputs[[0, 2]]).outputs[:, -1])
    torch.testing.assert_close(loss(outputs[:, -1]), -(log_probs[0, 5] + log_probs[1, 1]) / 2)
    assert vectors.shape == (2, 3, 4)
    assert not vectors.requires_grad
