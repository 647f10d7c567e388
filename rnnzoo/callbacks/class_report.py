"""What a test says of each class, printed and kept."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger

from rnnzoo.callbacks.run_folder import replacing, run_folder
from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.class_report import ClassReport


class ClassReporter(Callback):
    """Tells after a test which classes are found and which are confused.

    ``pl_module.class_report()`` is asked for a `ClassReport` (on all ranks; None: it has no classes). Rank 0 prints it,
    writes ``classes.csv`` (class, precision, recall, f1, support) and ``confusion.csv`` (row = true, column =
    predicted) to the run's folder, and logs both to W&B: the table ``test/classes`` and the panel ``test/confusion``.

    Args:
        folder: where to write; None: the folder of the first logger that has one, else ``default_root_dir``.

    Raises:
        RnnzooError: the module has no ``class_report``.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say at once what is missing."""
        if not callable(getattr(pl_module, "class_report", None)):
            raise RnnzooError(
                f"ClassReporter needs {type(pl_module).__name__}.class_report() -> rnnzoo.metrics.class_report."
                "ClassReport: write it, or remove the callback"
            )

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print, write, log."""
        report: ClassReport | None = pl_module.class_report()  # type: ignore[operator]  # seen to in setup
        if report is None or not trainer.is_global_zero:
            return
        print(report.plain(), flush=True)
        folder, classes, confusion = run_folder(trainer, self.folder), report.class_rows(), report.confusion_rows()
        columns = list(classes[0])
        rows = [list(row.values()) for row in classes]
        _write(folder / "classes.csv", [columns, *rows])
        if confusion:
            _write(folder / "confusion.csv", confusion)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_table("test/classes", columns=columns, data=rows)
                if confusion:
                    _log_confusion(logger, confusion)


def _write(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _log_confusion(logger: WandbLogger, confusion: Sequence[Sequence[Any]]) -> None:
    """W&B's own panel, from counts: its function for it would want every prediction."""
    import wandb

    (_, *labels), *rows = confusion
    fields = {"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"}
    cells = [[row[0], label, count] for row in rows for label, count in zip(labels, row[1:], strict=True)]
    panel = wandb.plot_table(
        "wandb/confusion_matrix/v1",
        wandb.Table(columns=list(fields), data=cells),
        fields,
        {"title": "test confusion"},
    )
    logger.experiment.log({"test/confusion": panel})
