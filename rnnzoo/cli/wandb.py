"""Weights & Biases: offline unless asked otherwise, and silent."""

import sys
from pathlib import Path

from lightning.pytorch.loggers import WandbLogger

from rnnzoo.errors import RnnzooError


def make_logger(run: Path, recipe: str, mode: str) -> WandbLogger:
    """The logger of a run.

    Training that goes on, or is measured, in its own folder is the same run of W&B: one dashboard shows all of it. A
    part that was logged offline later than another is added with ``wandb sync --append``.

    Args:
        run: its folder; W&B's files lie in ``wandb`` below it.
        recipe: the recipe's name; the runs of a recipe are a group.
        mode: ``online`` or ``offline`` (``dryrun`` is W&B's old word for it).

    Raises:
        RnnzooError: another mode, or online without an account.
    """
    if mode not in ("online", "offline", "dryrun"):
        raise RnnzooError(f"WANDB_MODE is {mode!r}: it must be online, offline or disabled")
    import wandb

    wandb.setup(wandb.Settings(silent=True, mode="online" if mode == "online" else "offline"))
    if mode == "online":
        try:
            wandb.login()
        except wandb.errors.Error as error:
            raise RnnzooError(
                f"--wandb online needs an account ({error}): run `wandb login` once, or use --wandb offline"
            ) from None
    return WandbLogger(
        name=f"{recipe} {run.name}",
        save_dir=str(run.resolve()),
        id=_known_id(run),
        resume="allow",
        project="rnnzoo",
        group=recipe,
        offline=mode != "online",
    )


def _known_id(run: Path) -> str | None:
    """The id under which W&B knows a run: ``id`` in ``wandb/offline-run-<time>-<id>``; None: it does not yet."""
    parts = sorted((run / "wandb").glob("*run-*-*"), key=lambda path: path.stat().st_mtime)
    return parts[0].name.rpartition("-")[2] if parts else None


def finish() -> None:
    """End W&B's run, if there is one: the next of this process would go on with it."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        wandb.finish()
