"""The state that truncated backpropagation through time carries from one window to the next."""

import warnings
from typing import Any

from lightning import LightningModule
from torch import Tensor

from rnnzoo.recurrent.state import detach, rebuild, tensors

KEY = "carried_state"  # in the checkpoint


class CarriedStates:
    """One detached state per stage, so that a validation inside an epoch leaves the training's alone.

    A checkpoint holds the training state of all ranks, as plain tensors (ranks, N, F).
    """

    def __init__(self) -> None:
        self._states: dict[str, Any] = {}
        self._saved: list[Tensor] = []

    def get(self, stage: str, first: bool, rows: int) -> Any:
        """The state before a window of `rows` rows: None, meaning s_0, where a stream starts."""
        if first:
            self._states.pop(stage, None)
            return None
        state = self._states.get(stage)
        known = 0 if state is None else len(next(tensors(state)))
        if known == rows:
            return state
        warnings.warn(
            f"the {stage} stream goes on, but the state before it is "
            f"{f'that of {known} rows, not {rows}' if known else 'not known'}: going on from s_0, so the first windows "
            "see no context. Resume with the batch size and the number of processes of the checkpoint",
            stacklevel=3,
        )
        return None

    def set(self, stage: str, state: Any) -> None:
        """Keep the state after a window, without its history."""
        self._states[stage] = detach(state)

    def save(self, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Put the training state of all ranks into a checkpoint; all ranks must call this."""
        if "train" not in self._states:
            return
        many = module.trainer.world_size > 1
        values = [value if many else value.unsqueeze(0) for value in tensors(self._states["train"])]
        checkpoint[KEY] = [module.all_gather(value) if many else value for value in values]

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Take the training state from a checkpoint; `restore` puts it to use."""
        self._saved = checkpoint.get(KEY, [])

    def restore(self, module: LightningModule, network: Any) -> None:
        """Make this rank's share of the loaded state the state of training."""
        saved, self._saved = self._saved, []
        if not saved:
            return
        world, rows = saved[0].shape[:2]
        if world != module.trainer.world_size:
            warnings.warn(
                f"the checkpoint holds the state of {world} processes and this run has {module.trainer.world_size}: "
                "its streams begin from s_0. Resume with as many processes for the same result",
                stacklevel=2,
            )
            return
        own = [value[module.global_rank].to(module.device) for value in saved]
        self._states["train"] = rebuild(network.init_state(rows)[0], own)
