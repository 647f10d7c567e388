"""metrics.csv of a run, which goes on where a resumed run goes on."""

import csv
import io
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

NAME = ExperimentWriter.NAME_METRICS_FILE


def make_logger(run: Path, before: int) -> CSVLogger:
    """The logger that writes ``metrics.csv`` in a run's folder.

    Lightning's deletes the file that is there. What was logged before the step that training goes on from stays; later
    rows belong to steps that are made again.

    Args:
        run: the folder.
        before: the step that training goes on from; 0: it is new.
    """
    file = run / NAME
    kept: list[dict[str, str]] = []
    if before and file.is_file():
        with file.open(encoding="utf-8", newline="") as lines:
            kept = [row for row in csv.DictReader(lines) if int(row["step"]) < before]
    logger = CSVLogger(run, name="", version="", flush_logs_every_n_steps=20)
    writer = logger.experiment
    if kept and isinstance(writer, ExperimentWriter):  # on other ranks it is a dummy
        text = io.StringIO()
        rows = csv.DictWriter(text, list(kept[0]), lineterminator="\r\n")
        rows.writeheader()
        rows.writerows(kept)
        file.write_text(text.getvalue(), encoding="utf-8", newline="")
        writer.metrics_keys = list(kept[0])
    return logger
