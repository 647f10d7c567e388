"""What is said while training: a bar on a terminal, a line for each epoch elsewhere, and little else."""

import logging
import sys
import time
import warnings
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

NOISE = (
    r".*does not have many workers.*",  # texts are tensors in memory: there is nothing for workers to do
    r".*`trainer.fit` call.*checkpoint directory.*exists and is not empty.*",
    r"Checkpoint directory .* exists and is not empty.*",
    r".*logs directory .* exists and is not empty.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*anonymous? setting has no effect.*",
    r".*isinstance\(treespec, LeafSpec\).*",
    r".*is a wandb run already in progress.*",
    r"Found .* module\(s\) in eval mode at the start of training.*",  # a frozen encoder, which is meant to be
)


def _one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return f"warning: {' '.join(str(message).split())}\n"


def terminal() -> bool:
    """Whether someone watches: progress bars and colours go to a terminal only."""
    return sys.stderr.isatty()


def quiet(measuring: bool = False) -> None:
    """Silence what Lightning says about itself; its warnings stay, but for those known to be noise.

    Args:
        measuring: a checkpoint is measured, so that it does not matter which callbacks it was trained with.
    """
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (*NOISE, *([r"Be aware that when using `ckpt_path`, callbacks used.*"] if measuring else [])):
        warnings.filterwarnings("ignore", message=message)
    warnings.formatwarning = _one_line  # where in the source it was raised tells a user of the command line nothing


def say(message: str) -> None:
    """A line on stderr, where progress goes; results go to stdout."""
    print(message, file=sys.stderr, flush=True)


class EpochLines(Callback):
    """One line on stderr for each epoch, with every metric of its end but those of gradients and time."""

    def __init__(self) -> None:
        self._start = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock also of an epoch that is resumed in its middle, of which Lightning tells no start."""
        self._start = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's clock."""
        self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        if trainer.is_global_zero:
            of = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
            metrics = metric_words(trainer.callback_metrics)
            seconds = time.monotonic() - self._start
            say(f"epoch {trainer.current_epoch + 1}{of}  step {trainer.global_step}  {metrics}  ({seconds:.0f} s)")


def metric_words(metrics: Any) -> str:
    """The metrics that say how good a model is, in a line.

    >>> metric_words({"val/loss": 4.25, "train/loss": 4.0, "grad/norm": 2.0, "train/loss_step": 3.0})
    'train/loss 4  val/loss 4.25'
    """
    shown = {name: float(value) for name, value in metrics.items() if name.startswith(("train/", "val/", "test/"))}
    return "  ".join(
        f"{name} {value:.5g}" for name, value in sorted(shown.items()) if not name.endswith(("_step", "_epoch"))
    )


def print_table(title: str, columns: list[list[str]]) -> None:
    """A table on stdout, from its columns, each with its heading first: drawn on a terminal, aligned text elsewhere."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        for position, column in enumerate(columns):
            table.add_column(column[0], justify="right" if position else "left")
        for row in zip(*(column[1:] for column in columns), strict=True):
            table.add_row(*row)
        Console().print(table)
        return
    print(title)
    widths = [max(map(len, column)) for column in columns]
    for first, *others in zip(*columns, strict=True):
        numbers = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *numbers]).rstrip())
