"""Watch gradients vanish or explode over time."""

import csv
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor

from rnnzoo.callbacks.layer_names import layer_name
from rnnzoo.callbacks.probe_batch import probe_of
from rnnzoo.callbacks.run_folder import replacing, run_folder
from rnnzoo.callbacks.spectral_radius import spectral_radii
from rnnzoo.callbacks.temporal_gradient import temporal_gradient_norms
from rnnzoo.callbacks.temporal_gradient_figure import draw_temporal_gradients, require_matplotlib
from rnnzoo.callbacks.undisturbed import undisturbed
from rnnzoo.errors import RnnzooError


class TemporalGradientMonitor(Callback):
    """Draws ``‖∂L_T/∂h_{T-k}‖`` against the lag k, for a loss at the last step only.

    The picture by which Bengio, Simard & Frasconi 1994 and Pascanu et al. 2013 explain why simple recurrent networks do
    not learn long dependencies: a line that falls is a gradient that vanishes over time, a line that rises one that
    explodes; h is the first field of a layer's state. It is measured before the first update and then after every
    `every_n_epochs` epochs or `every_n_steps` optimizer steps, in evaluation mode (no dropout), always on the same
    batch: the first training batch of the run (of the resumed run, after a resume), cut to `rows` and `steps`.
    Training is not touched: no ``.grad``, no random number, no module's mode.

    Each measurement writes ``temporal_gradient/step-<step>.png`` (dotted: the first measurement) and ``.csv`` (columns
    layer, lag, norm) into the run's folder, and hands the loggers, W&B the figure too (``grad/temporal``):

    - ``grad/temporal/<layer>/ratio``: the norm at the largest lag divided by the one at lag 0;
    - ``spectral_radius/<layer>/<gate>``: of each square recurrent matrix (`rnnzoo.callbacks.spectral_radii`).

    The module must have ``last_step_probe(batch) -> (stack, inputs, loss)``, as `LanguageModel` and `Acceptor` have: a
    `RecurrentStack` of one direction, its inputs (N, T, D), and a function of the last step's outputs (N, D') that
    returns the loss.

    Args:
        every_n_epochs: measure after every n-th epoch; None and no `every_n_steps`: after each.
        every_n_steps: measure after every n-th optimizer step instead.
        rows: at most so many rows of the batch.
        steps: at most so many time steps, which is one more than the largest lag.
        folder: where to write; None: the folder of the first logger that has one, else ``default_root_dir``.

    Raises:
        RnnzooError: both intervals are given, or a number is below 1; the module has no ``last_step_probe``; matplotlib
            is not installed.
    """

    def __init__(
        self,
        every_n_epochs: int | None = None,
        every_n_steps: int | None = None,
        rows: int = 8,
        steps: int = 100,
        folder: str | None = None,
    ) -> None:
        if every_n_epochs is not None and every_n_steps is not None:
            raise RnnzooError("TemporalGradientMonitor: give every_n_epochs or every_n_steps, not both")
        for name, number in (("every_n_epochs", every_n_epochs), ("every_n_steps", every_n_steps), ("rows", rows)):
            if number is not None and number < 1:
                raise RnnzooError(f"TemporalGradientMonitor({name}={number}) must be at least 1")
        if steps < 2:
            raise RnnzooError(f"TemporalGradientMonitor(steps={steps}) must be at least 2: one step has no lag")
        self.every_n_epochs = every_n_epochs if every_n_epochs or every_n_steps else 1
        self.every_n_steps = every_n_steps
        self.rows = rows
        self.steps = steps
        self.folder = folder
        self._probe: Any = None
        self._first: tuple[int, Tensor] | None = None
        self._measured_at = -1

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say at once what is missing."""
        if stage != "fit":
            return
        if not callable(getattr(pl_module, "last_step_probe", None)):
            raise RnnzooError(
                f"TemporalGradientMonitor needs {type(pl_module).__name__}.last_step_probe(batch) -> "
                "(stack, inputs (N, T, D), loss of the last outputs (N, D')): write it, or remove the callback"
            )
        require_matplotlib()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Keep the first batch, and measure before the first update."""
        if self._probe is None and trainer.is_global_zero:
            self._probe = probe_of(batch, self.rows, self.steps)
            self._measure(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Measure after every n-th step."""
        if self.every_n_steps and trainer.global_step % self.every_n_steps == 0:
            self._measure(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure after every n-th epoch."""
        if self.every_n_epochs and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._measure(trainer, pl_module)

    def _measure(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure once per step; one process is enough, since all hold the same weights."""
        step = trainer.global_step
        if not trainer.is_global_zero or step == self._measured_at:
            return
        self._measured_at = step
        with undisturbed(pl_module):
            batch = pl_module.transfer_batch_to_device(self._probe, pl_module.device, 0)
            stack, inputs, loss = pl_module.last_step_probe(batch)  # type: ignore[operator]  # setup checked that it exists
            norms = temporal_gradient_norms(stack, inputs, loss)
        path = next((name for name, part in pl_module.named_modules() if part is stack), "stack")
        layers = [layer_name(f"{path}.cells.{index}") for index in range(len(norms))]
        self._first = self._first or (step, norms)
        self._write(trainer, norms, layers, step)
        ratios = {
            f"grad/temporal/{layer}/ratio": float(line[-1] / line[0]) for layer, line in zip(layers, norms, strict=True)
        }
        radii = {f"spectral_radius/{name}": radius for name, radius in spectral_radii(pl_module).items()}
        for logger in trainer.loggers:
            logger.log_metrics(ratios | radii, step)

    def _write(self, trainer: Trainer, norms: Tensor, layers: list[str], step: int) -> None:
        name = run_folder(trainer, self.folder) / "temporal_gradient" / f"step-{step:06d}"
        with (
            replacing(name.with_suffix(".csv")) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["layer", "lag", "norm"])
            for layer, line in zip(layers, norms.tolist(), strict=True):
                writer.writerows([layer, lag, repr(norm)] for lag, norm in enumerate(line))
        earlier = self._first if self._first and self._first[0] < step else None
        with replacing(name.with_suffix(".png")) as temporary:
            title = f"Loss at the last step, gradient with respect to earlier states (step {step})"
            draw_temporal_gradients(temporary, norms, layers, title, earlier)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image("grad/temporal", [str(name.with_suffix(".png"))], step=step)
