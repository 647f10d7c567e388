"""Generated text, validation after validation."""

import csv
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from rnnzoo.callbacks.run_folder import replacing, run_folder
from rnnzoo.callbacks.undisturbed import undisturbed
from rnnzoo.errors import RnnzooError

COLUMNS = ["step", "prompt", "text"]


class SampleLogger(Callback):
    """Lets the model write at each validation of a fit, from the same prompts and the same random numbers.

    ``pl_module.generate(prompt, max_length=..., temperature=..., top_k=..., top_p=..., seed=...)`` is called for each
    prompt, on rank 0, in evaluation mode; the random states and modes of training stay as they were. The rows (step,
    prompt, text) are added to ``samples.csv`` in the run's folder, and go to W&B as the table ``samples``.

    Args:
        prompts: one text is generated for each; ``""`` begins from nothing.
        max_length: of each text, in the model's tokens.
        temperature: as in ``generate``.
        top_k: as in ``generate``.
        top_p: as in ``generate``.
        seed: of each text.
        folder: where to write; None: the folder of the first logger that has one, else ``default_root_dir``.

    Raises:
        RnnzooError: there are no prompts; the module has no ``generate``.
    """

    def __init__(
        self,
        prompts: list[str],
        max_length: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        folder: str | None = None,
    ) -> None:
        if not prompts:
            raise RnnzooError('SampleLogger(prompts=[]) generates nothing: give at least one, such as ""')
        self.prompts = prompts
        self.options: dict[str, Any] = {
            "max_length": max_length,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
        }
        self.folder = folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say at once what is missing."""
        if stage == "fit" and not callable(getattr(pl_module, "generate", None)):
            raise RnnzooError(
                f"SampleLogger needs {type(pl_module).__name__}.generate(prompt, max_length, temperature, top_k, "
                "top_p, seed) -> str: write it, or remove the callback"
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Generate, write, log."""
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING or not trainer.is_global_zero:
            return
        with undisturbed(pl_module), torch.no_grad():
            texts = [pl_module.generate(prompt, **self.options) for prompt in self.prompts]  # type: ignore[operator]
        rows = [[trainer.global_step, prompt, text] for prompt, text in zip(self.prompts, texts, strict=True)]
        self._append(trainer, rows)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_table("samples", columns=COLUMNS, data=rows, step=trainer.global_step)

    def _append(self, trainer: Trainer, rows: list[list[Any]]) -> None:
        path = run_folder(trainer, self.folder) / "samples.csv"
        before = path.read_bytes() if path.exists() else b""
        with replacing(path) as temporary:
            temporary.write_bytes(before)
            with temporary.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows if before else [COLUMNS, *rows])
