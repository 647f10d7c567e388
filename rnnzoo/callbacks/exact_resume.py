"""Random numbers go on where they were, so that a resumed run is the run that was not interrupted."""

import random
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn


class ExactResume(Callback):
    """Keeps the random states of PyTorch, Python and NumPy in each checkpoint, per process, and restores them.

    Lightning does not, so that a resumed run draws other dropout masks than the run would have drawn. With this
    callback and a loader that resumes where it stopped, as rnnzoo's do, a killed run that resumes ends with
    bit-identical weights. What validation steps within a fit draw is undone, so that it does not matter to training how
    often they ran. The states are plain tensors and lists, which load with ``weights_only=True``.

    A checkpoint of an epoch's end is refused as one from within an epoch is where the data is read otherwise now:
    Lightning restores no loader there, so rnnzoo's loaders are asked by this callback.

    Two things it cannot mend. A `torch.utils.data.DataLoader` draws a seed from PyTorch's global state whenever it is
    iterated, and Lightning iterates a validation loader on some resumes only to skip it: give it a ``generator`` of its
    own. And a checkpoint in the middle of a window of accumulated batches does not hold the gradients so far: a warning
    says so when one is saved there (``val_check_interval`` should be a multiple of ``accumulate_grad_batches``).

    On a resume with another number of processes the states cannot be handed out: a warning says so, and training goes
    on with the numbers of ``seed_everything``.

    Raises:
        RnnzooError: a loader of `rnnzoo.data` has other settings (lanes, processes, window, text, seed) than the one
            that the checkpoint was trained with.
    """

    def __init__(self) -> None:
        self._restored: list[dict[str, Any]] | None = None
        self._loaders: list[dict[str, Any]] = []  # the states of the checkpoint's training loaders
        self._in_epoch = False
        self._outside_validation: dict[str, Any] | None = None

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Gather the states of all processes: each of them gets here."""
        if trainer.state.fn == TrainerFn.FITTING and trainer.fit_loop._should_accumulate():
            rank_zero_warn(
                "a checkpoint is saved between two accumulated batches: a resume from it loses their gradients. Make "
                "val_check_interval a multiple of accumulate_grad_batches"
            )
        own = self._outside_validation or random_state(pl_module.device)
        states: list[dict[str, Any]] = [own]
        if trainer.world_size > 1:
            states = [{} for _ in range(trainer.world_size)]
            torch.distributed.all_gather_object(states, own)
        checkpoint["random_state"] = {"processes": states, "in_epoch": self._in_epoch}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remember the states until training starts."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        fit_loop = checkpoint.get("loops", {}).get("fit_loop", {})
        self._loaders = fit_loop.get("state_dict", {}).get("combined_loader", [])
        saved = checkpoint.get("random_state")
        if saved is None:
            return
        if len(saved["processes"]) != trainer.world_size:
            rank_zero_warn(
                f"the checkpoint holds the random states of {len(saved['processes'])} processes and this run has "
                f"{trainer.world_size}: random numbers (dropout) will not be those of the interrupted run"
            )
            return
        self._restored = saved["processes"]
        self._in_epoch = saved["in_epoch"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore before loaders are made, which draw the seeds of an epoch that begins."""
        if self._restored is not None:
            set_random_state(self._restored[trainer.global_rank], pl_module.device)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See that the data is the checkpoint's; in the middle of an epoch, restore again.

        There the loaders have drawn seeds by now that this epoch has drawn before.
        """
        loaders = trainer.fit_loop._combined_loader
        assert loaders is not None
        for loader, state in zip(loaders.flattened, self._loaders, strict=False):
            if hasattr(loader, "require_settings"):
                loader.require_settings(state)
        self._loaders = []
        if self._restored is not None and self._in_epoch:
            set_random_state(self._restored[trainer.global_rank], pl_module.device)
        self._restored = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch is under way."""
        self._in_epoch = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """It is over; checkpoints of this epoch's end are saved after this."""
        self._in_epoch = False

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put training's random state aside."""
        if trainer.state.fn == TrainerFn.FITTING:
            self._outside_validation = random_state(pl_module.device)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """And take it up again."""
        if self._outside_validation is not None:
            set_random_state(self._outside_validation, pl_module.device)
            self._outside_validation = None


def random_state(device: torch.device) -> dict[str, Any]:
    """The global random states as tensors and lists: PyTorch's for the CPU and `device`, Python's, NumPy's."""
    import numpy as np

    version, numbers, gauss = random.getstate()
    name, keys, *rest = np.random.get_state(legacy=True)
    state = {
        "torch": torch.get_rng_state(),
        "python": [version, list(numbers), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype("int64")), *rest],
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Set what `random_state` returned."""
    import numpy as np

    torch.set_rng_state(state["torch"].cpu())
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype("uint32"), *rest))
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
