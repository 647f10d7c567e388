"""What a user runs on an own task."""

from __future__ import annotations

import copy
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor

from rnnzoo.batches import LabelledBatch, TaggedBatch, WritingBatch
from rnnzoo.tasks import SequenceTask
from rnnzoo.tasks.trust import named

STEPS = 40


class _OneBatch:
    """A loader; Lightning takes a list for several loaders."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        yield self.batch


def check_task(task: SequenceTask, batch: Any) -> None:
    """Try on one batch what every task must do.

    - The training loss is finite, and forty steps of Adam on the batch bring it down by a tenth at least.
    - A Trainer fits and validates it, and what it logs begins with the stage: `train/loss`, `val/loss`, `val/...`.
    - A checkpoint gives the task back, by `weights_only` loading, from the file alone: same class, weights and loss.
    - Padding changes nothing: longer padding of a dataclass batch leaves sum and count as they were.

    The task itself is left as it was: copies are tried.

    Args:
        task: a new one.
        batch: as its loader gives it, on the CPU.

    Raises:
        AssertionError: saying what failed.
    """
    _check_that_it_learns(copy.deepcopy(task), batch)
    _check_trainer_and_checkpoint(copy.deepcopy(task), batch)
    if dataclasses.is_dataclass(batch):
        _check_padding(copy.deepcopy(task), batch)


def _check_that_it_learns(task: SequenceTask, batch: Any) -> None:
    before = _mean_loss(task, batch)
    assert torch.isfinite(before), f"the loss of a new task is {before.item()}"
    assert before > 0, f"the loss of a new task is {before.item()}: there is nothing to learn from this batch"
    optimizer = torch.optim.Adam(task.parameters(), lr=0.01)
    task.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_sum, count = task.batch_loss(batch, "train")
        torch.autograd.backward(loss_sum / count)
        without = [name for name, p in task.named_parameters() if p.requires_grad and p.grad is None]
        assert not without, f"parameters without a gradient: {', '.join(without)} (DDP would refuse them)"
        optimizer.step()
    after = _mean_loss(task, batch)
    assert after < 0.9 * before, (
        f"{STEPS} steps on one batch brought the loss from {before.item()} to {after.item()} only"
    )


def _check_trainer_and_checkpoint(task: SequenceTask, batch: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        )
        trainer.fit(task, _OneBatch(batch), _OneBatch(batch))
        logged = set(trainer.callback_metrics)
        assert {"train/loss", "val/loss"} <= logged, f"train/loss and val/loss must be logged, not {sorted(logged)}"
        other = [name for name in logged if name.split("/")[0] not in ("train", "val", "grad", "time")]
        assert not other, f"logged names begin with train/ or val/, unlike {', '.join(other)}"
        path = Path(folder) / "task.ckpt"
        trainer.save_checkpoint(path)
        classes = [name for _, name, arguments in named(task.hparams) if arguments is not None]
        again = SequenceTask.load_from_checkpoint(path, trust=classes)
    assert type(again) is type(task), f"the checkpoint of a {type(task).__name__} gave a {type(again).__name__}"
    for name, value in task.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), f"{name} is not what was saved"
    expected, found = _mean_loss(task, batch), _mean_loss(again, batch)
    assert torch.equal(expected, found), f"the loss after loading is {found.item()}, before it was {expected.item()}"


def _check_padding(task: SequenceTask, batch: Any) -> None:
    with task.evaluating():
        expected = task.batch_loss(batch, "val")
        found = task.batch_loss(_padded(batch), "val")
    torch.testing.assert_close(
        found, expected, check_dtype=False, msg=lambda text: f"three more steps of padding changed the loss: {text}"
    )


def _padded(batch: Any) -> Any:
    """The batch with three more steps behind the last, which hold what the first step holds."""
    values = {item.name: getattr(batch, item.name) for item in dataclasses.fields(batch) if item.init}
    parts = {name: _padded(value) for name, value in values.items() if dataclasses.is_dataclass(value)}
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor) and value.dim() > 1}
    if isinstance(batch, LabelledBatch):
        tensors = {}  # its targets are answers, not steps
    if isinstance(batch, WritingBatch):
        tensors.pop("source", None)  # a vector or an image, not steps
    steps = (
        batch.inputs.num_steps
        if isinstance(batch, TaggedBatch)
        else max((v.shape[1] for v in tensors.values()), default=0)
    )
    for name, value in tensors.items():
        if value.shape[1] == steps:
            parts[name] = torch.cat((value, value[:, :1].expand(-1, 3, *value.shape[2:])), 1)
    if "lengths" in values and values["lengths"] is None:
        parts["lengths"] = torch.full((len(next(iter(tensors.values()))),), steps)
    return dataclasses.replace(batch, **parts)


def _mean_loss(task: SequenceTask, batch: Any) -> Tensor:
    with task.evaluating():
        loss_sum, count = task.batch_loss(batch, "val")
        return loss_sum / count
