"""Tokens per second."""

import time
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from rnnzoo.callbacks.logging_steps import log_interval
from rnnzoo.errors import RnnzooError


class ThroughputMonitor(Callback):
    """Logs ``time/tokens_per_second``: target tokens trained on, of all processes, per second of training.

    A number is the average since the last one, over the ``log_every_n_steps`` steps between two logged ones; loading
    data and saving checkpoints count, validation and the first `warm_up` steps do not. A GPU, which runs behind the
    program, is waited for once per number, never per step.

    Args:
        warm_up: how many optimizer steps, of each run, to let pass first: they allocate, compile and fill caches.

    Raises:
        RnnzooError: a batch has no ``num_tokens``.
    """

    def __init__(self, warm_up: int = 5) -> None:
        if warm_up < 0:
            raise RnnzooError(f"ThroughputMonitor(warm_up={warm_up}) must not be negative")
        self.warm_up = warm_up
        self._steps_to_wait = 0
        self._last_step = 0
        self._tokens = 0
        self._start: float | None = None
        self._validation_start = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start over: a resumed run warms up again."""
        self._steps_to_wait = self.warm_up
        self._last_step = trainer.global_step
        self._start = None if self.warm_up else time.perf_counter()
        self._tokens = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count; log at the steps that the Trainer logs."""
        if not hasattr(batch, "num_tokens"):
            raise RnnzooError(
                f"ThroughputMonitor counts batch.num_tokens, which {type(batch).__name__} has not: "
                "add the property to the batch, or remove the callback"
            )
        stepped = trainer.global_step != self._last_step
        self._last_step = trainer.global_step
        if self._start is None:
            self._steps_to_wait -= stepped
            if self._steps_to_wait <= 0:
                self._restart(pl_module)
            return
        self._tokens += batch.num_tokens
        every = log_interval(trainer)
        if not stepped or not every or trainer.global_step % every:
            return
        _wait_for(pl_module.device)
        seconds = time.perf_counter() - self._start
        tokens = torch.tensor(float(self._tokens), device=pl_module.device)
        total = trainer.strategy.reduce(tokens, reduce_op="sum")
        pl_module.log("time/tokens_per_second", float(total) / seconds, on_step=True, on_epoch=False)
        self._restart(pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        _wait_for(pl_module.device)
        self._validation_start = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on from where it stopped."""
        if self._start is not None:
            self._start += time.perf_counter() - self._validation_start

    def _restart(self, pl_module: LightningModule) -> None:
        _wait_for(pl_module.device)
        self._start = time.perf_counter()
        self._tokens = 0


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
