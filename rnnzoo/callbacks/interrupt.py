"""Ctrl-C that loses nothing."""

import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher
from torch.multiprocessing.spawn import ProcessExitedException

from rnnzoo.callbacks.logging_steps import log_interval
from rnnzoo.callbacks.run_folder import run_folder

EXIT_CODE = 130  # of a process that Ctrl-C ended, as shells have it


class InterruptCheckpoint(Callback):
    """Ctrl-C during a fit saves ``interrupted.ckpt`` and says how to resume.

    The first Ctrl-C lets training go on to the next place where the whole state of the run is consistent, saves there
    and ends the program as Lightning ends it on Ctrl-C (exit code 1). Such places are the end of an optimizer step, of
    a validation and of an epoch; a step that validation or the epoch's end follows is not one, since Lightning would
    leave these out on resuming. A resume from there is exact (see `ExactResume`). A second Ctrl-C ends the program at
    once and saves nothing.

    A KeyboardInterrupt that no Ctrl-C caused, raised somewhere in a hook, saves where it struck: a batch or validation
    under way is not repeated on resuming.

    With several processes Ctrl-C reaches all of them (the terminal sends it to each), but at different steps: they
    agree every ``log_every_n_steps`` steps. It is enough that it reaches one that trains.

    Args:
        resume_command: what the message puts before ``--ckpt_path PATH``.
        folder: where to save; None: beside the checkpoints of ModelCheckpoint, else ``checkpoints`` in the run's
            folder.
    """

    def __init__(self, resume_command: str = "rnnzoo fit RECIPE", folder: str | None = None) -> None:
        self.resume_command = resume_command
        self.folder = folder
        self._fitting = False
        self._requested = False
        self._ends_here = False  # saved already, or told not to
        self._previous: Any = None
        self._end: BaseException = KeyboardInterrupt()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over Ctrl-C; before training starts there is nothing to save."""
        self._fitting, self._requested, self._ends_here = True, False, False
        # PyTorch takes a process that it started and that a KeyboardInterrupt ends for one that is done: the process
        # that started it, unless Ctrl-C reached that one too, would wait for its result for ever.
        started_by_another = isinstance(trainer.strategy.launcher, _MultiProcessingLauncher)
        self._end = SystemExit(EXIT_CODE) if started_by_another else KeyboardInterrupt()
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: Any) -> None:
        if self._ends_here:
            return  # saving, or on the way out
        if self._requested:
            self._ends_here = True
            raise self._end
        self._requested = True
        print("\nstopping after this step and saving; Ctrl-C again stops at once without saving", file=sys.stderr)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop here, unless gradients are being accumulated or something follows that would be left out on resuming."""
        loop = trainer.fit_loop.epoch_loop
        if loop._should_accumulate() or not self._is_requested(trainer):
            return
        fetcher = trainer.fit_loop._data_fetcher
        assert fetcher is not None
        if not loop._num_ready_batches_reached() and not loop._should_check_val_fx(fetcher):
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop after a validation, unless it came in the middle of a step."""
        if self._fitting and not trainer.fit_loop._should_accumulate() and self._is_requested(trainer):
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop after an epoch."""
        if self._is_requested(trainer):
            self._stop(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give Ctrl-C back."""
        self._release()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save where an interrupt struck, unless it came from here; end as the processes did that Ctrl-C ended."""
        if isinstance(exception, ProcessExitedException) and exception.exit_code == EXIT_CODE:
            raise SystemExit(1)  # what Lightning ends with on Ctrl-C
        if not isinstance(exception, KeyboardInterrupt):
            self._release()
        elif self._fitting:
            if not self._ends_here:
                self._save(trainer)
            self._fitting, self._previous = False, None  # Lightning ignores Ctrl-C while it shuts down, and restores it

    def _is_requested(self, trainer: Trainer) -> bool:
        if trainer.world_size == 1:
            return self._requested
        if trainer.global_step % max(log_interval(trainer), 1):
            return False
        return trainer.strategy.reduce_boolean_decision(self._requested, all=False)

    def _stop(self, trainer: Trainer) -> None:
        self._ends_here = True
        self._save(trainer)
        trainer.strategy.barrier()  # PyTorch ends the others as soon as one of the processes that it started has gone
        raise self._end

    def _save(self, trainer: Trainer) -> None:
        path = self._path(trainer)
        temporary = path.with_name(f".partial-{path.name}")
        trainer.save_checkpoint(temporary)  # every process takes part, one writes, all wait for it
        if trainer.is_global_zero:
            temporary.replace(path)
            where = shlex.quote(str(path))
            print(
                f"interrupted at step {trainer.global_step}; resume with: {self.resume_command} --ckpt_path {where}",
                file=sys.stderr,
            )

    def _path(self, trainer: Trainer) -> Path:
        checkpoint = trainer.checkpoint_callback
        beside = getattr(checkpoint, "dirpath", None)
        if self.folder is None and beside:
            return Path(beside) / "interrupted.ckpt"
        return run_folder(trainer, self.folder) / (
            "interrupted.ckpt" if self.folder else "checkpoints/interrupted.ckpt"
        )

    def _release(self) -> None:
        self._fitting = False
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None
