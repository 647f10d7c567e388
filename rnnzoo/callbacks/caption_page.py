"""A page of images with what was written of them, as HTML and as a table of W&B."""

from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from rnnzoo.callbacks.caption_html import Captioned, caption_page, require_pillow, strip
from rnnzoo.callbacks.run_folder import replacing, run_folder
from rnnzoo.callbacks.undisturbed import undisturbed
from rnnzoo.errors import RnnzooError


class CaptionPage(Callback):
    """Writes ``captions.html``: images with their captions, their references, and where the model looked.

    At each validation of a fit the page of the first validation images, which replaces the last one; after a test that
    of the first test images. It is one file with all in it, in the run's folder. W&B gets the table ``captions`` (a
    column each for image, caption, references and, with attention, where the model looked: the image lit for each
    token, side by side). Done on rank 0, in evaluation mode; training stays as it was.

    The module must have ``attend(images)``, the data ``references(split)``, as `Captioner` and `CaptionDataModule`
    have. Needs Pillow.

    Args:
        images: how many; fewer where there are fewer.
        folder: where to write; None: the folder of the first logger that has one, else ``default_root_dir``.

    Raises:
        RnnzooError: no images are asked for; the module or the data has not what is needed; Pillow is not installed.
    """

    def __init__(self, images: int = 16, folder: str | None = None) -> None:
        if images < 1:
            raise RnnzooError(f"CaptionPage(images={images}) shows nothing: give at least 1")
        require_pillow()
        self.images, self.folder = images, folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say at once what is missing."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it, None without one
        if not callable(getattr(pl_module, "attend", None)) or not callable(getattr(data, "references", None)):
            raise RnnzooError(
                f"CaptionPage needs rnnzoo.tasks.Captioner with a CaptionDataModule, not {type(pl_module).__name__} "
                f"with {type(data).__name__}: remove the callback"
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the page of validation images."""
        if not trainer.sanity_checking and trainer.state.fn == TrainerFn.FITTING:
            self._write(trainer, pl_module, "validation")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the page of test images."""
        self._write(trainer, pl_module, "test")

    def _write(self, trainer: Trainer, pl_module: LightningModule, split: str) -> None:
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]  # seen to in setup
        pairs = data.references(split)[: self.images]
        with undisturbed(pl_module):
            seen = pl_module.attend([image for image, _ in pairs])  # type: ignore[operator]  # see setup
        shown = [
            Captioned(one.picture, one.caption, one.written, one.weights, references)
            for one, (_, references) in zip(seen, pairs, strict=True)
        ]
        title = f"{getattr(data, 'description', type(data).__name__)}: {split}, step {trainer.global_step}"
        path = run_folder(trainer, self.folder) / "captions.html"
        with replacing(path) as temporary:
            Path(temporary).write_text(caption_page(shown, title), encoding="utf-8")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                _log_table(logger, shown, trainer.global_step)


def _log_table(logger: WandbLogger, shown: list[Captioned], step: int) -> None:
    import wandb

    columns = ["image", "caption", "references"]
    rows = [[wandb.Image(_pixels(one.picture)), one.caption, "\n".join(one.references)] for one in shown]
    if shown and shown[0].weights is not None:  # a model looks for all captions or for none
        columns.append("attention")
        for row, one in zip(rows, shown, strict=True):
            assert one.weights is not None
            row.append(wandb.Image(_pixels(strip(one.picture, one.weights)), caption=" | ".join(one.written)))
    logger.log_table("captions", columns=columns, data=rows, step=step)


def _pixels(picture: Tensor) -> Any:
    return picture.squeeze(-1).numpy()
