"""A loader that knows where it is: resuming in the middle of an epoch continues with the next batch, exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from rnnzoo.errors import RnnzooError

Batch = TypeVar("Batch")


class StatefulLoader(ABC, Generic[Batch]):
    """An iterable of batches held in memory, with a state that Lightning saves and restores.

    Lightning's own DataLoader begins a resumed epoch anew and says nothing. This is a plain iterable instead: nothing
    is prefetched, so the position that is saved is that of the batch just trained on; `set_epoch` arrives through
    `sampler`; a pass that is abandoned, as by the sanity check, leaves no trace, since only a restored position is
    started from, once.

    A subclass names all that fixes the order of its batches in `settings`; a state from other settings is refused.

    Attributes:
        epoch: The number of the epoch, from which an order is drawn.
        limit: After how many batches the trainer ends an epoch (`limit_train_batches`); None means after all.
        repeats: Whether each epoch is the first one again (`overfit_batches`).
    """

    # Lightning asks every loader that has a sampler for it. One that has a `dataset` too, it would make anew.
    batch_sampler = None

    def __init__(self) -> None:
        self.epoch = 0
        self.limit: int | None = None
        self.repeats = False
        self._position = 0
        self._resume_at = 0
        self._announced: int | None = None

    @abstractmethod
    def __len__(self) -> int:
        """The number of batches in a whole epoch, the same in each and on every rank."""

    @abstractmethod
    def batch(self, index: int) -> Batch:
        """The batch at a position of the current epoch."""

    def train_by(self, trainer: Any) -> None:
        """Take over what a Trainer says of its training batches: `limit_train_batches` and `overfit_batches`."""
        limit = trainer.limit_train_batches
        self.limit = limit if isinstance(limit, int) else int(limit * len(self))
        self.repeats = trainer.overfit_batches > 0

    @abstractmethod
    def settings(self) -> dict[str, int | str | bool]:
        """What a position depends on, by the keys that the user knows; the same on every rank."""

    def arrange(self) -> None:
        """Draw what is particular to the current epoch; called as the epoch begins."""

    def __iter__(self) -> Iterator[Batch]:
        self.arrange()
        start, self._resume_at, self._announced = self._resume_at, 0, None
        end = len(self) if self.limit is None else min(self.limit, len(self))
        for index, batch in enumerate(self.batches(start, end), start):
            self._position = (index + 1) % end  # before the yield: a checkpoint is written while we wait in it
            yield batch

    def batches(self, start: int, end: int) -> Iterator[Batch]:
        """The batches of the current epoch from one position to another; a subclass may make them ahead."""
        return map(self.batch, range(start, end))

    @property
    def sampler(self) -> StatefulLoader[Batch]:
        """The loader itself: where Lightning looks for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """The number of the epoch that comes, from which its order is drawn.

        A restored epoch is finished under its own number: Lightning counts an epoch that `max_steps` cut short as
        done and announces its rest under the next number. Only a second, different announcement means a new epoch.
        """
        if self._resume_at and self._announced in (None, epoch):
            self._announced = epoch
            return
        self._resume_at = 0
        self.epoch = 0 if self.repeats else epoch

    def state_dict(self) -> dict[str, Any]:
        """Position, epoch and settings, the same on every rank, since Lightning keeps only the first rank's."""
        return {"pos": self._position, "epoch": self.epoch, "settings": self.settings()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue at a saved position.

        Raises:
            RnnzooError: If the state was saved with other settings, naming each.
        """
        self.require_settings(state)
        self.epoch, self._position, self._resume_at = state["epoch"], state["pos"], state["pos"]
        self._announced = None

    def require_settings(self, state: dict[str, Any]) -> None:
        """Refuse a saved state of other settings, also where its position is not gone back to.

        Lightning restores no loader from a checkpoint of an epoch's end; `rnnzoo.callbacks.ExactResume` asks then.

        Raises:
            RnnzooError: Naming each setting that differs.
        """
        saved, own = state["settings"], self.settings()
        changed = [key for key in own if saved.get(key) != own[key]]
        if changed:
            said = "; ".join(f"{key} was {saved.get(key)}, is {own[key]}" for key in changed)
            raise RnnzooError(
                f"the checkpoint's position in the data means nothing here: {said}. Resume with the settings of the "
                "checkpoint, or start a new run"
            )
