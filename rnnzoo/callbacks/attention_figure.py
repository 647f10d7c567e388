"""Where a model looks while it writes, as a picture."""

from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from rnnzoo.callbacks.run_folder import replacing, run_folder
from rnnzoo.callbacks.undisturbed import undisturbed
from rnnzoo.errors import RnnzooError


class AttentionFigure(Callback):
    """Draws, at each validation of a fit, where the model looks while it writes from some sources.

    ``pl_module.attend(sources)`` gives for each the tokens that were read and written and the weights (T, S) of each
    step of writing; it is called on rank 0, in evaluation mode, and training stays as it was. The picture of source i
    is ``attention-i.png`` in the run's folder, that of the last validation, and goes to W&B as the image
    ``attention/i``. Needs matplotlib.

    Args:
        sources: raw sources, one picture for each.
        folder: where to write; None: the folder of the first logger that has one, else ``default_root_dir``.

    Raises:
        RnnzooError: there are no sources; the module has no ``attend``; matplotlib is absent.
    """

    def __init__(self, sources: list[str], folder: str | None = None) -> None:
        if not sources:
            raise RnnzooError("AttentionFigure(sources=[]) draws nothing: give at least one source")
        _require_matplotlib()
        self.sources = sources
        self.folder = folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say at once what is missing."""
        if stage == "fit" and not callable(getattr(pl_module, "attend", None)):
            raise RnnzooError(
                f"AttentionFigure needs {type(pl_module).__name__}.attend(sources), as rnnzoo.tasks.Seq2Seq has it: "
                "write it, or remove the callback"
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw and log."""
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING or not trainer.is_global_zero:
            return
        with undisturbed(pl_module):
            attended = pl_module.attend(self.sources)  # type: ignore[operator]  # see setup
        for number, (source, written, weights) in enumerate(attended):
            path = run_folder(trainer, self.folder) / f"attention-{number}.png"
            with replacing(path) as temporary:
                draw_attention(temporary, source, written, weights, f"step {trainer.global_step}")
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    logger.log_image(f"attention/{number}", images=[str(path)], step=trainer.global_step)


def draw_attention(path: str | Path, source: list[str], written: list[str], weights: Tensor, title: str = "") -> None:
    """Write a PNG: what was written down the side, what was read along the top, a darker field for a greater weight.

    Args:
        path: the file.
        source: S tokens.
        written: T tokens.
        weights: (T, S), from 0 to 1.
        title: above it.

    Raises:
        RnnzooError: weights of another shape; matplotlib is absent.
    """
    if weights.shape != (len(written), len(source)):
        raise RnnzooError(
            f"the weights are {tuple(weights.shape)}, but {len(written)} tokens were written from {len(source)}"
        )
    size = (1.6 + 0.3 * min(len(source), 60), 1.4 + 0.3 * min(len(written), 60))
    figure = _require_matplotlib().Figure(figsize=size, dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(weights.float().numpy(), cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
    for labels, set_ticks, limit in ((source, axes.set_xticks, 60), (written, axes.set_yticks, 60)):
        every = -(-len(labels) // limit)  # long sounds have no room for a label at each step
        at = range(0, len(labels), every)
        set_ticks(at, [_shown(labels[place]) for place in at], fontsize=8, parse_math=False)
    axes.tick_params(axis="x", rotation=90 if max(map(len, source)) > 2 else 0, top=True, labeltop=True)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.set_ylabel("written", fontsize=9)
    axes.set_title(title, fontsize=9)
    figure.savefig(path, metadata={"Software": None})


def _shown(token: str) -> str:
    return "␣" if token == " " else token


def _require_matplotlib() -> Any:
    """The module that draws without a display or a global figure."""
    try:
        from matplotlib import figure
    except ImportError:
        raise RnnzooError('AttentionFigure draws with matplotlib: pip install "rnnzoo[recipes]"') from None
    return figure
