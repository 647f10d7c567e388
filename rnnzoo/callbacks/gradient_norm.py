"""The size of the gradients, before and after they are clipped."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from rnnzoo.callbacks.gradient_clipping import GradientClipping, require_whole_gradients
from rnnzoo.callbacks.layer_names import parameter_layer
from rnnzoo.callbacks.logging_steps import logs_this_step
from rnnzoo.callbacks.manual_clipping import allow_manual_clipping, refuse_manual_clipping
from rnnzoo.errors import RnnzooError


class GradientNormMonitor(Callback):
    """Logs the norm of the gradients that an optimizer step sees.

    - ``grad/norm``: over all parameters, ``(Σ |g|^p)^(1/p)``, before any clipping;
    - ``grad/norm/<layer>``: the same over one layer. The layer of a parameter is the path of its module up to the first
      number, without the leading ``network``: ``stack.cells.0``, ``embedding``, ``head``;
    - ``grad/norm_clipped``: over all parameters as the optimizer used them, after every clipping, whoever did it. It is
      not logged for a step that was skipped.

    The gradients are those of a whole optimizer step: summed over accumulated batches, averaged over processes, free of
    the loss scale of 16-bit training; under automatic and manual optimization alike. With several optimizers the norms
    are over the parameters of all that stepped in the batch. Nothing is read from the device by this callback.

    Args:
        every_n_steps: measure in every n-th optimizer step; None: in the steps that the Trainer logs
            (``log_every_n_steps``; under manual optimization all), since the numbers of others reach no logger.
        norm_type: p; ``inf`` (in YAML ``.inf``) for the largest magnitude.

    Raises:
        RnnzooError: the callback comes after GradientClipping, or the module optimizes by hand and clips by its
            ``clip_gradients``, so that ``grad/norm`` would be the clipped norm; a strategy that cuts gradients into
            shards.
    """

    def __init__(self, every_n_steps: int | None = None, norm_type: float = 2.0) -> None:
        if every_n_steps is not None and every_n_steps < 1:
            raise RnnzooError(f"GradientNormMonitor(every_n_steps={every_n_steps}) must be at least 1, or None")
        self.every_n_steps = every_n_steps
        self.norm_type = norm_type
        self._before: dict[int, dict[str, Tensor]] = {}  # norms by layer, by the id of the optimizer that steps
        self._after: dict[int, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse the wrong order."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # assigned by a connector, unseen by mypy
            if callback is self:
                return
            if isinstance(callback, GradientClipping):
                raise RnnzooError(
                    "GradientNormMonitor comes after GradientClipping and would report the clipped norm as grad/norm: "
                    "put GradientNormMonitor before GradientClipping in trainer.callbacks"
                )

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hook into the optimizers: only they see the gradients after clipping and before a manual ``zero_grad``."""
        require_whole_gradients(trainer, "GradientNormMonitor")
        refuse_manual_clipping(pl_module, "GradientNormMonitor would report the clipped norm as grad/norm")
        self._handles = [
            optimizer.register_step_post_hook(self._measure_after_step) for optimizer in trainer.optimizers
        ]

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the optimizers and the module as they were."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        allow_manual_clipping(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the optimizers as they were."""
        self.teardown(trainer, pl_module, "fit")

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Measure the norms before clipping."""
        if not logs_this_step(trainer, pl_module, self.every_n_steps):
            return
        stepping = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        layers: dict[str, list[Tensor]] = {}
        for name, parameter in pl_module.named_parameters():
            if parameter.grad is not None and id(parameter) in stepping:
                layers.setdefault(parameter_layer(name), []).append(parameter.grad)
        self._before[id(optimizer)] = {
            layer: torch.nn.utils.get_total_norm(gradients, self.norm_type) for layer, gradients in layers.items()
        }

    def _measure_after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if id(optimizer) in self._before:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            if gradients:  # none are left of a step that was skipped
                self._after[id(optimizer)] = torch.nn.utils.get_total_norm(gradients, self.norm_type)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log what the steps of this batch measured; nothing while gradients accumulate."""
        layers: dict[str, list[Tensor]] = {}
        for norms in self._before.values():
            for layer, norm in norms.items():
                layers.setdefault(layer, []).append(norm)
        if layers:
            by_layer = {f"grad/norm/{layer}": self._join(norms) for layer, norms in layers.items()}
            numbers = {"grad/norm": self._join(list(by_layer.values())), **by_layer}
            if self._after:
                numbers["grad/norm_clipped"] = self._join(list(self._after.values()))
            pl_module.log_dict(numbers, on_step=True, on_epoch=False)
        self._before.clear()
        self._after.clear()

    def _join(self, norms: list[Tensor]) -> Tensor:
        """The norm of a whole from those of its parts."""
        norm: Tensor = torch.linalg.vector_norm(
            torch.stack([part.to(norms[0].device) for part in norms]), self.norm_type
        )
        return norm
