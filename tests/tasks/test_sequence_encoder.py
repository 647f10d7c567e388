"""The sequence encoder: losses by hand, retrieval by brute force, use from a checkpoint alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch import Tensor

from rnnzoo.batches import PairBatch, SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.pair import ContrastiveHead, CosineHead, PairClassificationHead
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import SequenceEncoder, SequenceTask
from rnnzoo.testing.tasks import check_task

ENCODING = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a", "b", "c", "d"]}
FIRST = SequenceInputs(torch.tensor([3, 2, 1, 0]), tokens=torch.tensor([[1, 2, 3], [4, 4, 0], [2, 0, 0], [0, 0, 0]]))
SECOND = SequenceInputs(torch.tensor([1, 2, 2, 0]), tokens=torch.tensor([[4, 0], [3, 1], [1, 1], [0, 0]]))
ANSWERS: dict[str, tuple[dict[str, object], Tensor]] = {
    "class": ({"kind": "class", "labels": ["no", "yes", "maybe"]}, torch.tensor([0, 2, 1, 0])),
    "score": ({"kind": "score", "low": 0.0, "high": 5.0}, torch.tensor([5.0, 0.0, 2.5, 0.0])),
    "match": ({"kind": "match"}, torch.tensor([0, 1, 2, 0])),
}


def _task(kind: str, **given: object) -> SequenceEncoder:
    torch.manual_seed(0)
    stack = StackConfig(hidden_size=6, bidirectional=True)
    return SequenceEncoder(ENCODING, ANSWERS[kind][0], {"embedding_size": 5}, stack, **given)  # type: ignore[arg-type]


def _encoded(task: SequenceEncoder, raw: list[Any]) -> torch.Tensor:
    return torch.from_numpy(task.encode(raw))


@pytest.mark.parametrize("kind", list(ANSWERS))
def test_contract(kind: str) -> None:
    check_task(_task(kind, temperature=0.5), PairBatch(FIRST, SECOND, ANSWERS[kind][1]))


@pytest.mark.parametrize("kind", list(ANSWERS))
def test_loss_by_hand(kind: str) -> None:
    task, targets = _task(kind, temperature=0.5), ANSWERS[kind][1]
    u, v = (
        [_encoded(task, [[ENCODING["vocabulary"][i] for i in row[:n]]])[0].double() for row, n in _rows(inputs)]
        for inputs in (FIRST, SECOND)
    )
    cosine = [[float(a @ b / (a.norm() * b.norm())) for b in v] for a in u]
    if kind == "score":
        expected = sum((cosine[i][i] - float(targets[i]) / 5) ** 2 for i in range(3))
    elif kind == "match":
        expected = sum(math.log(sum(math.exp(c / 0.5) for c in cosine[i])) - cosine[i][i] / 0.5 for i in range(3))
    else:
        linear = task.network.head.classifier.linear.double()  # type: ignore[union-attr,operator]
        expected = 0.0
        for i in range(3):
            scores = linear(torch.cat((u[i], v[i], abs(u[i] - v[i]), u[i] * v[i])))
            expected -= float(torch.log_softmax(scores, -1)[targets[i]])
        linear.float()
    loss_sum, count = task.batch_loss(PairBatch(FIRST, SECOND, targets), "val")
    assert loss_sum.item() == pytest.approx(expected, rel=1e-5)
    assert count.item() == 3


def _rows(inputs: SequenceInputs) -> list[tuple[list[int], int]]:
    assert inputs.tokens is not None
    return [(row, n) for row, n in zip(inputs.tokens.tolist(), inputs.lengths.tolist(), strict=True) if n]


def test_equal_seconds_do_not_compete() -> None:
    u, v = torch.randn(3, 4), torch.randn(3, 4)
    v[1] = v[0]
    head, real = ContrastiveHead(1.0), torch.ones(3, dtype=torch.bool)
    loss, _ = head.loss(u, v, torch.tensor([7, 7, 3]), real)
    cosine = torch.nn.functional.cosine_similarity(u[:, None], v[None], dim=-1)
    apart = [cosine[0, [0, 2]], cosine[1, [1, 2]], cosine[2]]
    own = [cosine[0, 0], cosine[1, 1], cosine[2, 2]]
    expected = sum(torch.logsumexp(row, 0) - c for row, c in zip(apart, own, strict=True))
    torch.testing.assert_close(loss, expected)


def test_retrieval_is_over_the_whole_split() -> None:
    """Batches of one pair each: in-batch recall would be 1; over all it is that of a brute-force search."""
    task = _task("match")
    texts = [("a b c", "d"), ("d d", "c a"), ("b", "a a"), ("c c a", "b d"), ("d a", "c")]
    with task.evaluating():
        for key, (first, second) in enumerate(texts):
            batch = PairBatch(task.inputs_of([first]), task.inputs_of([second]), torch.tensor([key]))
            task.batch_loss(batch, "val")
    u, v = _encoded(task, [first for first, _ in texts]), _encoded(task, [second for _, second in texts])
    ranks = []
    for i in range(len(texts)):
        similar = torch.nn.functional.cosine_similarity(u[i], v)
        ranks.append(1 + int((similar > similar[i]).sum()))
    metrics = task.stage_metrics("val")
    assert metrics["recall@1"].compute().item() == sum(rank == 1 for rank in ranks) / 5
    assert metrics["mrr"].compute().item() == pytest.approx(sum(1 / rank for rank in ranks) / 5)
    assert metrics["recall@10"].compute().item() == 1


def test_encode_and_predict_from_a_checkpoint_alone(tmp_path: Path) -> None:
    task = _task("score")
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    trainer.strategy.connect(task)
    trainer.save_checkpoint(tmp_path / "x.ckpt", weights_only=True)
    again = SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt")
    assert isinstance(again, SequenceEncoder)
    vectors = again.encode(["a b c", "d", ["b", "what"]])
    for text, vector in zip(["a b c", "d", "b what"], vectors, strict=True):
        np.testing.assert_allclose(task.encode([text])[0], vector, rtol=1e-5, atol=1e-6)  # alone as among others
    told = again.predict([("a b c", "a b c"), ("a", "d")])
    assert told[0] == pytest.approx(5.0, rel=1e-5)
    assert told[1] == pytest.approx(
        5 * float(torch.nn.functional.cosine_similarity(*_encoded(task, ["a", "d"])[:, None]))
    )


@pytest.mark.parametrize(
    ("own", "told"), [(torch.float32, np.float32), (torch.float64, np.float64), (torch.bfloat16, np.float32)]
)
def test_vectors_are_an_array_in_a_precision_that_numpy_has(own: torch.dtype, told: Any) -> None:
    vectors = _task("match").to(own).encode(["a b c", "d"])
    assert (type(vectors), vectors.dtype) == (np.ndarray, told)
    expected = _task("match").encode(["a b c", "d"])
    np.testing.assert_allclose(vectors, expected, atol=0.02 if own == torch.bfloat16 else 1e-6)


def test_mistakes() -> None:
    with pytest.raises(RnnzooError, match="unknown kind of answer to a pair 'scores': did you mean 'score'"):
        SequenceEncoder(ENCODING, {"kind": "scores"})
    with pytest.raises(RnnzooError, match="temperature must be above 0"):
        ContrastiveHead(0.0)
    with pytest.raises(RnnzooError, match="from a low to a high one, not from 5 to 0"):
        CosineHead(5, 0)
    with pytest.raises(RnnzooError, match=r"a list of \(first, second\)"):
        _task("match").predict(["ab"])  # type: ignore[list-item]
    with pytest.raises(RnnzooError, match="input 1: there is no token"):
        _task("match").encode(["a", " "])
    assert PairClassificationHead.features(torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 4.0]])).tolist() == [
        [1, -2, 3, 4, 2, 6, 3, -8]
    ]


def test_many_texts_keep_their_order_and_are_read_in_parts() -> None:
    task, read = _task("match"), []
    task.network.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0].tokens.shape))
    texts = [" ".join("abcd"[at % 4] * (1 + at % 5)) for at in range(300)]
    found = task.encode(texts)
    assert max(rows for rows, _ in read) == 256
    expected = np.concatenate([task.encode([text]) for text in texts[:8]])
    np.testing.assert_allclose(found[:8], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[280:288], expected, rtol=1e-5, atol=1e-6)  # the same eight texts again
