"""Words from both sides: nothing of a word reaches its own prediction."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.data import ClozeDataModule, LanguageModelDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.networks import ClozeNetwork
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Cloze
from rnnzoo.testing.tasks import check_task

WORDS = ["<unk>", "<eos>", *"abcdef"]
END = 1


def _batch() -> LanguageModelBatch:
    """Four sentences of 4, 1 and no words, and a filling."""
    rows = [[2, 3, 4, 5, END], [6, END], [END], []]
    targets = torch.tensor([row + [0] * (5 - len(row)) for row in rows])
    inputs = torch.cat((torch.full((4, 1), END), targets[:, :-1]), 1)
    return LanguageModelBatch(inputs, targets, torch.tensor([len(row) for row in rows]), True)


def _task(**given: object) -> Cloze:
    torch.manual_seed(0)
    return Cloze(WORDS, stack=StackConfig(hidden_size=6, num_layers=2), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [{}, {"tied": True, "embedding_size": 5}, {"cutoffs": [3]}], ids=["plain", "tied", "adaptive"]
)
def test_contract(given: dict[str, object]) -> None:
    check_task(_task(**given), _batch())


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
def test_a_word_changes_all_predictions_but_its_own(cell: str) -> None:
    torch.manual_seed(1)
    network = ClozeNetwork(9, StackConfig(cell=cell, hidden_size=5, num_layers=2)).double()
    tokens = torch.randint(2, 9, (3, 7))
    lengths = torch.tensor([7, 7, 5])
    for step in range(1, 6):
        other = tokens.clone()
        other[:, step] = (other[:, step] - 1) % 7 + 2
        assert (other[:, step] != tokens[:, step]).all()
        changed = (network(tokens, lengths) != network(other, lengths)).any(-1)
        own = torch.arange(5) == step - 1
        real = torch.arange(5) < lengths[:, None] - 2
        within = (step < lengths)[:, None]
        assert torch.equal(changed & real, ~own & real & within)


def test_features_are_those_of_each_side_read_alone() -> None:
    torch.manual_seed(2)
    network = ClozeNetwork(9, StackConfig(hidden_size=4)).double()
    tokens = torch.randint(0, 9, (1, 6))
    found = network(torch.cat((tokens, torch.zeros(1, 2, dtype=torch.long)), 1), torch.tensor([6]))
    embedded = network.embedding(tokens)
    for at in range(1, 5):
        left = network.from_left(embedded[:, :at]).outputs[:, -1]
        right = network.from_right(embedded[:, at + 1 :].flip(1)).outputs[:, -1]
        torch.testing.assert_close(found[:, at - 1], torch.cat((left, right), -1))


def test_loss_counts_each_word_once_and_no_border() -> None:
    task, batch = _task(), _batch()
    loss_sum, count = task.batch_loss(batch, "val")
    assert count.item() == 5
    expected = 0.0
    for row in ([END, 2, 3, 4, 5, END], [END, 6, END]):
        features = task.network(torch.tensor([row]))[0]
        logits = F.linear(features, task.network.head.weight, task.network.head.bias)  # type: ignore[arg-type]
        expected += F.cross_entropy(logits, torch.tensor(row[1:-1]), reduction="sum").item()
    assert loss_sum.item() == pytest.approx(expected, rel=1e-5)
    perplexity = task.stage_metrics("val")["pseudo_perplexity"].compute().item()
    assert perplexity == pytest.approx(torch.tensor(expected / 5).exp().item(), rel=1e-5)
    log_probs = task.predict_step(batch, 0)
    assert [len(row) for row in log_probs] == [4, 1, 0]
    assert -torch.cat(log_probs).sum().item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("given", [{}, {"cutoffs": [3]}], ids=["plain", "adaptive"])
def test_a_batch_of_blank_lines_has_no_gradient_and_no_nan(given: dict[str, object]) -> None:
    task = _task(**given)
    blank = LanguageModelBatch(torch.tensor([[END]]), torch.tensor([[END]]), torch.tensor([1]), True)
    loss_sum, count = task.batch_loss(blank, "train")
    loss = task.scale_loss(loss_sum, count, blank)
    assert (loss.item(), count.item()) == (0.0, 0)
    torch.autograd.backward(loss)
    assert all(p.grad is None or not p.grad.any() for p in task.parameters())


def test_predictions_for_a_gap_are_those_of_the_loss() -> None:
    task = _task()
    found = task.predict([("a b", "d"), ("", "")], count=8)
    tokens = torch.tensor([[END, 2, 3, 4, 5, END]])
    expected = task.network.head.log_probs(task.network(tokens)[0, 2]).exp()
    assert {word: pytest.approx(p, rel=1e-5) for word, p in found[0]} == dict(
        zip(WORDS, expected.tolist(), strict=True)
    )
    assert [p for _, p in found[0]] == sorted((p for _, p in found[0]), reverse=True)
    assert sum(p for _, p in found[1]) == pytest.approx(1.0, rel=1e-5)
    with pytest.warns(UserWarning, match="read as <unk>: 'zebra'"):
        task.predict([("zebra", "")])


def test_mistakes() -> None:
    with pytest.raises(RnnzooError, match=r"stack\.bidirectional must be false"):
        Cloze(WORDS, stack=StackConfig(hidden_size=4, bidirectional=True))
    with pytest.raises(RnnzooError, match="cannot be tied"):
        _task(tied=True, cutoffs=[3])
    with pytest.raises(RnnzooError, match="no <eos>"):
        Cloze(["a", "b"])
    with pytest.raises(RnnzooError, match=r"data\.mode sentences"):
        _task().batch_loss(LanguageModelBatch(torch.zeros(1, 3).long(), torch.zeros(1, 3).long(), None, True), "train")
    with pytest.raises(RnnzooError, match="line's end"):
        _task().predict([("a\nb", "")])
    with pytest.raises(RnnzooError, match="count must be at least 1"):
        _task().predict([("a", "")], count=0)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, object]:
    for name, text in (("train", "\na b c\n\n\nc b a\n a\n\n"), ("valid", "a\n\nb\n"), ("test", "c b\n\n\na\n")):
        (tmp_path / f"{name}.txt").write_text(text)
    return {"folder": str(tmp_path), "tokenizer": "whitespace", "mode": "sentences", "batch_size": 2}


def test_blank_lines_are_left_out(files: dict[str, object]) -> None:
    data, plain = ClozeDataModule(**files), LanguageModelDataModule(**files)  # type: ignore[arg-type]
    words = data.vocabulary
    assert " ".join(words[at] for at in data.train_ids()) == "a b c <eos> c b a <eos> a <eos>"
    assert " ".join(words[at] for at in data.validation_ids()) == "a <eos> b <eos>"
    assert " ".join(words[at] for at in data.test_ids()) == "c b <eos> a <eos>"
    assert len(plain.test_ids()) == len(data.test_ids()) + 2
    assert all(int(batch.lengths.max()) > 1 for batch in data.train_dataloader())  # type: ignore[union-attr]


def test_the_table_counts_words(files: dict[str, object]) -> None:
    data = ClozeDataModule(**files)  # type: ignore[arg-type]
    torch.manual_seed(0)
    task = Cloze(data.vocabulary, data.tokenizer_config, stack=StackConfig(hidden_size=4))
    table = task.compare(data)
    assert "3 test words" in table.title
    # of 10 tokens and 5 types: a 3, b 2, c 2
    expected = ((15 / 3) * (15 / 3) * (15 / 4)) ** (1 / 3)
    assert table.rows["unigram, add-1 (neither side)"]["pseudo-perplexity"] == pytest.approx(expected)
    own = [task.predict([gap], count=5)[0] for gap in (("", "b"), ("c", ""), ("", ""))]
    p = [dict(found)[word] for found, word in zip(own, "cba", strict=True)]
    assert table.rows["Cloze"]["pseudo-perplexity"] == pytest.approx((p[0] * p[1] * p[2]) ** (-1 / 3), rel=1e-4)
    assert len(table.rows) == 3
