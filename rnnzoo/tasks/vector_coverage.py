"""How much of the training text pretrained word vectors cover, told when training begins."""

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.networks.inputs import TokenInput
from rnnzoo.tasks.acceptor_baselines import whole


def tell_coverage(task: Any) -> None:
    """Print, on one process, the coverage of what a task's input layer has read; the vectors are let go then.

    What is counted are the words of the vocabulary in the training data of the trainer's DataModule; all that are read
    as `<unk>` count as that one word.

    Args:
        task: with a `network`, a `trainer` and, where it reads text, an `encoding`.
    """
    data = task.trainer.datamodule
    for layer in task.network.modules():
        if isinstance(layer, TokenInput) and layer.vectors is not None:
            if data is not None and task.trainer.is_global_zero:
                vocabulary = task.encoding.vocabulary
                counts = dict(zip(vocabulary.tokens, _count(data, len(vocabulary)).tolist(), strict=True))
                read = {token: n for token, n in counts.items() if n}
                print(f"input.vectors: {layer.coverage(read)}", file=sys.stderr, flush=True)
            layer.vectors = None


def _count(data: Any, size: int) -> Tensor:
    """How often each id is read in an epoch, (size,)."""
    counts = torch.zeros(size, dtype=torch.long)
    with whole(data):
        for batch in data.train_dataloader():
            for inputs in _read(batch):
                if inputs.tokens is not None:
                    counts += inputs.tokens[inputs.mask].bincount(minlength=size)
    return counts


def _read(batch: Any) -> Iterator[SequenceInputs]:
    """The sequences in a batch, at any depth."""
    if isinstance(batch, SequenceInputs):
        yield batch
    elif is_dataclass(batch):
        for part in fields(batch):
            yield from _read(getattr(batch, part.name))
