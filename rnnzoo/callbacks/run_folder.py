"""Where a callback's files go, and how they are written so that nothing half-written is ever left under their name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning import Trainer


def run_folder(trainer: Trainer, folder: str | None = None) -> Path:
    """The folder of this run's files: `folder`, else that of the first logger that has one (CSV, TensorBoard).

    Without such a logger it is the Trainer's ``default_root_dir``. To be asked on rank 0 only: unlike
    ``trainer.log_dir`` it needs no other rank.
    """
    if folder is not None:
        return Path(folder)
    for logger in trainer.loggers:
        if directory := getattr(logger, "log_dir", None):
            return Path(directory)
    return Path(trainer.default_root_dir)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` when the block ends without an error.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "new" / "text.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("whole", encoding="utf-8")
    ...     target.exists()
    False
    >>> target.read_text(encoding="utf-8")
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")  # the suffix stays: it tells writers the format
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
