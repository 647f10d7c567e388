"""The newest state of a run, whatever its score."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class LastCheckpoint(ModelCheckpoint):
    """Writes ``last.ckpt`` after each validation, or after each epoch where nothing is validated.

    Lightning's ``ModelCheckpoint(monitor=..., save_last=True)`` writes it only when the score is among the best (seen
    in 2.6): a run that is killed loses all since. Where the best is kept as well, put the callback behind that one, so
    that ``last.ckpt`` knows of it.

    Args:
        dirpath: as in ModelCheckpoint.
    """

    def __init__(self, dirpath: str | None = None) -> None:
        super().__init__(dirpath, filename=self.CHECKPOINT_NAME_LAST, enable_version_counter=False)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save a run that ended before it was validated."""
        if not self._last_checkpoint_saved and not self._should_skip_saving_checkpoint(trainer):
            candidates: dict[str, Any] = self._monitor_candidates(trainer)
            self._save_topk_checkpoint(trainer, candidates)
