"""When a number is worth computing: at the steps whose logs reach a logger."""

from __future__ import annotations

from lightning import LightningModule, Trainer


def log_interval(trainer: Trainer) -> int:
    """``log_every_n_steps``; 0 where nothing is logged."""
    return int(trainer.log_every_n_steps)  # type: ignore[attr-defined]  # assigned by a connector, unseen by mypy


def logs_this_step(trainer: Trainer, pl_module: LightningModule, every_n_steps: int | None) -> bool:
    """Whether the optimizer step about to be made is one to log, asked in ``on_before_optimizer_step``.

    Lightning hands the logger what was logged in every ``log_every_n_steps``-th step and drops the rest, so ``None``
    means these steps. Under manual optimization several optimizers may step in a batch and ``global_step`` counts each,
    so that ``None`` means every step there.
    """
    if every_n_steps is None:
        if not pl_module.automatic_optimization:
            return True
        every_n_steps = log_interval(trainer)
    return every_n_steps > 0 and (trainer.global_step + 1) % every_n_steps == 0
