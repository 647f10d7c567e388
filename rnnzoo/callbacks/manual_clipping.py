"""Clipping by hand in a training step, which a callback at the optimizer's step would come too late for."""

from __future__ import annotations

from typing import Any

from lightning import LightningModule

from rnnzoo.errors import RnnzooError


def refuse_manual_clipping(module: LightningModule, consequence: str) -> None:
    """Let ``self.clip_gradients`` of a module that is optimized by hand end in an error, until `allow_manual_clipping`.

    What else clips by hand, such as `torch.nn.utils.clip_grad_norm_`, cannot be seen.

    Args:
        module: the user's.
        consequence: what would come of it, for the message.
    """

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RnnzooError(
            f"{type(module).__name__} calls clip_gradients in its training step, and {consequence}: leave the call "
            "out and give the limit to rnnzoo.callbacks.GradientClipping, or remove the callback"
        )

    if not module.automatic_optimization:
        vars(module)["clip_gradients"] = refuse


def allow_manual_clipping(module: LightningModule) -> None:
    """Undo `refuse_manual_clipping`."""
    vars(module).pop("clip_gradients", None)
