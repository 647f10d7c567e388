"""A generator beside n-gram models of the same texts, and beside itself with other conditions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rnnzoo.baselines import AddDelta, KneserNey, Table
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks.writing import WritingTask

ORDER = 6  # of the n-gram model of characters; of words 5, as for language models


def compare_generator(task: WritingTask, data: Any) -> Table:
    """Test perplexity of the task, of the task with the conditions of other texts, of Kneser-Ney and unigrams.

    The conditions are moved on by one example within a batch; where they do nothing, nothing gets worse.

    Args:
        task: a generator.
        data: with `test_dataloader()`, `written(split)` and `written_encoding`.
    """
    vocabulary = data.written_encoding.vocabulary
    own, exchanged, count = 0.0, 0.0, 0
    with task.evaluating():
        for batch in data.test_dataloader():
            batch = batch.to(task.device)
            loss_sum, tokens = task.batch_loss(batch, "compare")
            own, count = own + float(loss_sum), count + int(tokens)
            if isinstance(batch.source, Tensor):
                other = replace(batch, source=batch.source.roll(1, 0))
                exchanged += float(task.batch_loss(other, "compare")[0])
    order = ORDER if data.written_encoding.tokenizer.level == "character" else 5
    train, test = (_stream(data, split) for split in ("train", "test"))
    if len(test) != count:
        raise RnnzooError(f"the model scored {count} tokens of the test texts, which have {len(test)}")
    name = type(task).__name__
    rows = {name: own}
    if exchanged:
        rows[f"{name}, conditions exchanged"] = exchanged
    for ngram in (
        KneserNey(order, len(vocabulary), sentence_end=vocabulary.end_id),
        AddDelta(1, len(vocabulary)),
    ):
        rows[f"{ngram.name}, no condition"] = -float(ngram.fit(train).token_log_probs(test).sum())
    return Table(
        f"{data.description}: {count:,} test tokens, vocabulary {len(vocabulary):,}",
        {name: {"perplexity": math.exp(nats / count)} for name, nats in rows.items()},
    )


def _stream(data: Any, split: str) -> Tensor:
    """The texts of a split, each with its end, one after the other."""
    stored = data.written(split)
    tokens = stored.batch(torch.arange(len(stored)))
    ids: Tensor = tokens.tokens[tokens.mask]
    return ids
