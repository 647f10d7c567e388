"""A task that answers in several threads, and one whose weights are of another precision."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from rnnzoo.batches import LabelledBatch
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor, Captioner, Forecaster, Generator, SequenceTask

LETTERS = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "a", "b", "c"]}
CLASSES = {"kind": "class", "labels": ["n", "y"]}
SERIES = {"kind": "series", "mean": [1.0], "scale": [2.0]}
STACK = StackConfig(hidden_size=4)


def test_a_thread_that_ends_leaves_the_others_in_evaluation_mode() -> None:
    task = Acceptor(LETTERS, CLASSES, stack=STACK, dropout=0.5)
    both, first_is_out = Barrier(2, timeout=10), Barrier(2, timeout=10)
    modes: dict[str, bool] = {}

    def first() -> None:
        with task.evaluating():
            both.wait()
        first_is_out.wait()

    def second() -> None:
        with task.evaluating():
            both.wait()
            first_is_out.wait()
            modes["second, after the first is out"] = task.network.training

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert modes == {"second, after the first is out": False}
    assert all(module.training for module in task.modules())


def test_evaluation_within_evaluation_restores_each_part() -> None:
    task = Acceptor(LETTERS, CLASSES, stack=STACK)
    task.network.reader.eval()
    before = [module.training for module in task.modules()]
    with task.evaluating():
        with task.evaluating():
            assert not any(module.training for module in task.modules())
        assert not any(module.training for module in task.modules())
    assert [module.training for module in task.modules()] == before


PICTURES = [np.full((8, 8), shade, dtype=np.uint8) for shade in (0, 200)]
WITH_NUMBERS: dict[str, tuple[Callable[[], SequenceTask], list[Any]]] = {
    "acceptor of series": (lambda: Acceptor(SERIES, CLASSES, stack=STACK), [[1.0, 2.0], [3.0]]),
    "projected": (lambda: Acceptor(SERIES, CLASSES, {"projection_size": 3}, STACK), [[1.0, 2.0], [3.0]]),
    "images": (
        lambda: Acceptor({"kind": "images", "height": 8, "width": 8}, CLASSES, stack=STACK),
        [[PICTURES[0]], PICTURES],
    ),
    "forecaster": (lambda: Forecaster(SERIES, stack=STACK, horizon=2), [[1.0, 2.0], [3.0]]),
    "forecaster of differences": (
        lambda: Forecaster(SERIES, stack=STACK, horizon=2, head="gaussian", differenced=True),
        [[1.0, 2.0], [3.0]],
    ),
    "generator": (
        lambda: Generator({"kind": "vector", "mean": [0.0], "scale": [1.0]}, LETTERS, max_length=4),
        [[1.0], [2.0]],
    ),
    "captioner": (
        lambda: Captioner({"height": 8, "width": 8, "channels": 1}, LETTERS, beam_size=2, max_length=4),
        PICTURES,
    ),
}


def numbers(answers: Any) -> Any:
    return [getattr(one, "probabilities", one) for one in answers]


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_numbers_are_read_in_the_precision_of_the_weights(name: str) -> None:
    make, raw = WITH_NUMBERS[name]
    task: Any = make()
    options = {"steps": 5} if isinstance(task, Forecaster) else {}
    expected = numbers(task.predict(raw, **options))
    found = numbers(task.double().predict(raw, **options))
    if isinstance(task, Forecaster):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    elif isinstance(task, Acceptor):
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, abs=1e-5)
    else:
        assert found == expected


def test_a_task_of_double_precision_is_trained_on_series(make_trainer: Callable[..., Trainer]) -> None:
    task = Acceptor(SERIES, CLASSES, stack=STACK).double()
    batch = LabelledBatch(task.inputs_of([[1.0, 2.0], [3.0]]), torch.tensor([0, 1]))
    before = [parameter.clone() for parameter in task.parameters()]
    make_trainer(max_epochs=1).fit(task, DataLoader([batch], batch_size=None))
    assert all(
        p.dtype == torch.float64 and not torch.equal(p, b) for p, b in zip(task.parameters(), before, strict=True)
    )
