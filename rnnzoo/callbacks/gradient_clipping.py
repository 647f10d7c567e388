"""Limits on gradients, and what happens to steps whose gradients are not finite."""

import math
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn
from torch.optim import Optimizer

from rnnzoo.callbacks.adaptive_clipping import clip_adaptively, excluded_parameters
from rnnzoo.callbacks.logging_steps import logs_this_step
from rnnzoo.callbacks.manual_clipping import allow_manual_clipping, refuse_manual_clipping
from rnnzoo.errors import RnnzooError, unknown


def require_whole_gradients(trainer: Trainer, callback: str) -> None:
    """Refuse a Trainer in which ``parameter.grad`` is a shard, or still multiplied by the loss scale."""
    if isinstance(trainer.strategy, (FSDPStrategy, ModelParallelStrategy, DeepSpeedStrategy)):
        raise RnnzooError(
            f"{callback} needs whole gradients, which {type(trainer.strategy).__name__} cuts into shards: "
            "use strategy 'ddp', or remove the callback and set Trainer(gradient_clip_val=...)"
        )
    if getattr(trainer.precision_plugin, "scaler", None) is None:
        return
    for optimizer in trainer.optimizers:
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            raise RnnzooError(
                f"{callback} would see gradients that are still multiplied by the loss scale: "
                f"{type(optimizer).__name__} removes it in its own step. Build it with fused=False, or train with "
                "precision 'bf16-mixed'"
            )


class GradientClipping(Callback):
    """Limits gradients before each optimizer step, and skips steps whose gradients are not finite.

    The limits given are applied in this order, each to what the one before has left:

    - ``adaptive`` = λ, per unit, a row W_i of a weight with gradient G_i (Brock et al. 2021, *High-Performance
      Large-Scale Image Recognition Without Normalization*, eq. 3; ε = 1e-3):
      ``G_i ← λ max(‖W_i‖, ε) / ‖G_i‖ · G_i`` where ``‖G_i‖ > λ max(‖W_i‖, ε)``. Left out are parameters of one
      dimension (biases, gains) and those under `adaptive_exclude`, the output layer: the paper leaves that one out too.
    - ``max_value`` = v: each element ``g ← min(max(g, −v), v)``.
    - ``per_group``: the norm of all gradients of one parameter group, as ``max_norm``, each group having its own limit.
    - ``max_norm`` = θ, over all parameters of the optimizer: ``g ← θ/‖g‖ · g`` where ``‖g‖ > θ`` (Pascanu, Mikolov &
      Bengio 2013, *On the difficulty of training recurrent neural networks*, algorithm 1). PyTorch's function is used,
      whose factor is ``θ / (‖g‖ + 1e-6)``: bit for bit what ``Trainer(gradient_clip_val=θ)`` does.

    It works on the gradients of a whole optimizer step: summed over accumulated batches, averaged over processes, free
    of the loss scale of 16-bit training; under automatic and manual optimization alike.

    A step whose gradient norm is nan or infinite is skipped: the gradients are removed, so that neither weights nor
    moments nor weight decay move; ``global_step`` and step-wise learning-rate schedules go on. All processes hold the
    same averaged gradient and so skip together. Knowing that costs reading one number from the device per step, on a
    GPU a short wait. `max_skipped` skips in a row end the training with an error. Under a GradScaler the first steps
    overflow by design until the loss scale is found; these skips count in the log but not towards `max_skipped`.

    Logs ``grad/clipped_fraction``, the share of the steps made so far in which some limit was exceeded, and
    ``grad/skipped_steps``, the number of steps skipped so far. Both go on after a resume.

    Args:
        max_norm: θ.
        max_value: v.
        per_group: limit by the ``name`` of a parameter group of the optimizer.
        adaptive: λ; the paper uses 0.01 to 0.16.
        adaptive_exclude: module paths whose parameters ``adaptive`` leaves alone: a path's last names are enough. None:
            ``head``, the rnnzoo name of what turns features into scores, where the module has one.
        norm_type: p of the p-norm in ``max_norm`` and ``per_group``; ``inf`` (in YAML ``.inf``): the largest magnitude.
        skip_nonfinite: skip such steps; otherwise the first one ends the training with an error.
        max_skipped: how many skips in a row end the training.

    Raises:
        RnnzooError: no limit is given, or one that is not positive; gradients would be clipped twice (by
            ``Trainer(gradient_clip_val)``, by the module's ``configure_gradient_clipping`` or, optimized by hand, its
            ``clip_gradients``, by a second GradientClipping); a parameter group or module that does not exist; a
            strategy that cuts gradients into shards; not-finite gradients, as said above.
    """

    def __init__(
        self,
        max_norm: float | None = None,
        max_value: float | None = None,
        per_group: dict[str, float] | None = None,
        adaptive: float | None = None,
        adaptive_exclude: list[str] | None = None,
        norm_type: float = 2.0,
        skip_nonfinite: bool = True,
        max_skipped: int = 10,
    ) -> None:
        limits = {"max_norm": max_norm, "max_value": max_value, "adaptive": adaptive}
        limits |= {f"per_group[{name!r}]": limit for name, limit in (per_group or {}).items()}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if not given:
            raise RnnzooError("GradientClipping has no limit: give max_norm, max_value, per_group or adaptive")
        for name, limit in (given | {"max_skipped": max_skipped, "norm_type": norm_type}).items():
            if not limit > 0:
                raise RnnzooError(f"GradientClipping({name}={limit}) must be greater than 0")
        if adaptive_exclude is not None and adaptive is None:
            raise RnnzooError("GradientClipping(adaptive_exclude=...) needs adaptive=...: nothing else reads it")
        self.max_norm = max_norm
        self.max_value = max_value
        self.per_group = per_group or {}
        self.adaptive = adaptive
        self.adaptive_exclude = adaptive_exclude
        self.norm_type = norm_type
        self.skip_nonfinite = skip_nonfinite
        self.max_skipped = max_skipped
        self.steps = 0
        self.skipped = 0
        self._skipped_in_a_row = 0
        self._clipped: Tensor | int = 0  # counted on the device, so that no step waits for the answer
        self._excluded: set[int] = set()

    @property
    def clipped(self) -> int:
        """In how many of `steps` some limit was exceeded."""
        return int(self._clipped)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse to clip twice."""
        if stage != "fit":
            return
        if trainer.gradient_clip_val:
            raise RnnzooError(
                f"Trainer(gradient_clip_val={trainer.gradient_clip_val}) would clip again after GradientClipping: "
                "remove one of them (trainer.gradient_clip_val, or the callback)"
            )
        if is_overridden("configure_gradient_clipping", pl_module):
            raise RnnzooError(
                f"{type(pl_module).__name__}.configure_gradient_clipping would clip again after GradientClipping: "
                "remove the method or the callback"
            )
        # Callback.state_dict would let Lightning refuse two of a kind first, with a message about state keys
        if sum(isinstance(callback, GradientClipping) for callback in trainer.callbacks) > 1:  # type: ignore[attr-defined]
            raise RnnzooError(
                "two GradientClipping callbacks would clip twice: keep one and give it all limits "
                "(max_norm, max_value, per_group, adaptive)"
            )

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check names against the optimizers and the module, which exist by now."""
        require_whole_gradients(trainer, "GradientClipping")
        refuse_manual_clipping(pl_module, "GradientClipping would clip again")
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        names = {str(group["name"]) for group in groups if "name" in group}
        for name in self.per_group:
            if name not in names:
                remedy = "" if names else "; name them in configure_optimizers: {'params': ..., 'name': ...}"
                raise RnnzooError(f"GradientClipping(per_group): {unknown('parameter group', name, names)}{remedy}")
        if self.adaptive is not None:
            self._excluded = excluded_parameters(pl_module, self.adaptive_exclude)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the module as it was."""
        allow_manual_clipping(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the module as it was."""
        allow_manual_clipping(pl_module)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Clip, or skip."""
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not parameters:
            return
        norm = self._norm(parameters)
        if not math.isfinite(norm.item()):
            self._refuse_step(trainer, pl_module, parameters)
            pl_module.log("grad/skipped_steps", float(self.skipped), on_step=True, on_epoch=False)
            return
        self._skipped_in_a_row = 0
        self.steps += 1
        self._clipped = self._clip(optimizer, parameters, norm).long() + self._clipped
        if logs_this_step(trainer, pl_module, None):
            pl_module.log("grad/clipped_fraction", self._clipped / self.steps, on_step=True, on_epoch=False)
            pl_module.log("grad/skipped_steps", float(self.skipped), on_step=True, on_epoch=False)

    def _norm(self, parameters: list[nn.Parameter]) -> Tensor:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        return torch.nn.utils.get_total_norm(gradients, self.norm_type)

    def _clip(self, optimizer: Optimizer, parameters: list[nn.Parameter], norm: Tensor) -> Tensor:
        """Apply the limits to gradients of this norm; whether any was exceeded, a bool on the device."""
        exceeded = []
        if self.adaptive is not None:
            weights = [p for p in parameters if p.ndim > 1 and id(p) not in self._excluded]
            exceeded += [clip_adaptively(weight, self.adaptive) for weight in weights]
        if self.max_value is not None:
            largest = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None], math.inf)
            exceeded.append(largest > self.max_value)
            torch.nn.utils.clip_grad_value_(parameters, self.max_value)
        for group in optimizer.param_groups:
            limit = self.per_group.get(str(group.get("name")))
            members = [p for p in group["params"] if p.grad is not None]
            if limit is not None and members:
                exceeded.append(self._clip_norm(members, limit, self._norm(members)))
        if self.max_norm is not None:
            unchanged = not exceeded
            exceeded.append(self._clip_norm(parameters, self.max_norm, norm if unchanged else self._norm(parameters)))
        return torch.stack([flag.to(norm.device) for flag in exceeded]).any() if exceeded else norm.new_zeros(()).bool()

    def _clip_norm(self, parameters: list[nn.Parameter], limit: float, norm: Tensor) -> Tensor:
        torch.nn.utils.clip_grads_with_norm_(parameters, limit, norm)
        return norm > limit

    def _refuse_step(self, trainer: Trainer, pl_module: LightningModule, parameters: list[nn.Parameter]) -> None:
        """Remove the gradients and count it, or raise."""
        self.skipped += 1
        self._skipped_in_a_row += 1
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None and scaler.get_scale() > 1:
            self._skipped_in_a_row = 0  # the scaler is still looking for its scale, which it halves now
        if self.skip_nonfinite and self._skipped_in_a_row < self.max_skipped:
            for parameter in parameters:
                parameter.grad = None  # optimizers pass over such parameters: no update, no moment, no decay
            return
        names = {id(parameter): name for name, parameter in pl_module.named_parameters()}
        bad = [names.get(id(p), "a parameter of no module") for p in parameters if not self._norm([p]).isfinite()]
        where = f"{', '.join(bad[:3])}{', ...' if len(bad) > 3 else ''} ({len(bad)} of {len(parameters)} parameters)"
        step = f"the gradient is not finite at step {trainer.global_step}, epoch {trainer.current_epoch}, in {where}"
        if self.skip_nonfinite:
            step += f", for {self._skipped_in_a_row} steps in a row, each of which was skipped"
        raise RnnzooError(
            f"{step}: lower the learning rate or the gradient limit, look for nan or infinite values in the data, "
            "or train with precision 32-true"
        )

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the counters."""
        checkpoint["gradient_clipping"] = {
            "steps": self.steps,
            "clipped": self.clipped,
            "skipped": self.skipped,
            "skipped_in_a_row": self._skipped_in_a_row,
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on counting, if the checkpoint's run had this callback."""
        if saved := checkpoint.get("gradient_clipping"):
            self.steps, self._clipped, self.skipped = saved["steps"], saved["clipped"], saved["skipped"]
            self._skipped_in_a_row = saved["skipped_in_a_row"]
