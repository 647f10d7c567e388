"""A trained reader is tuned layer by layer, from the top down."""

from lightning import Callback, LightningModule, Trainer

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.inputs import PretrainedInput, pretrained_input


class GradualUnfreezing(Callback):
    """Tunes one more part of a trained reader (`input.kind pretrained`) with each epoch, from the top down.

    Howard & Ruder 2018, section 3.3: first only what is new is trained; then the reader's top layer too, then the next,
    and last its input layer. Parts that are not tuned yet get no gradient and are left alone by the optimizer, weight
    decay included. What is tuned depends on the epoch alone, so a resumed run goes on as it was.

    Args:
        every: epochs from one part to the next.

    Raises:
        RnnzooError: no trained reader in the model, or a frozen one; several processes whose strategy expects a
            gradient of every parameter.
    """

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise RnnzooError(f"GradualUnfreezing(every): {every} must be at least 1")
        self.every = every

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, or go on in the middle of an epoch."""
        reader = _reader(pl_module)
        # A strategy with several processes notes at its start which parameters have gradients.
        if trainer.world_size > 1 and not getattr(trainer.strategy, "_ddp_kwargs", {}).get("find_unused_parameters"):
            raise RnnzooError(
                "GradualUnfreezing with several processes needs trainer.strategy ddp_find_unused_parameters_true"
            )
        self._apply(reader, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tune what this epoch tunes."""
        self._apply(_reader(pl_module), trainer.current_epoch)

    def _apply(self, reader: PretrainedInput, epoch: int) -> None:
        for depth, part in enumerate(reader.parts()):
            tuned = epoch // self.every > depth
            for parameter in part.parameters():
                parameter.requires_grad_(tuned)
                if not tuned:
                    parameter.grad = None


def _reader(module: LightningModule) -> PretrainedInput:
    found = pretrained_input(module)
    if found is None:
        raise RnnzooError(
            "GradualUnfreezing tunes a trained reader, and the model has none: give input.kind pretrained"
        )
    if found.freeze:
        raise RnnzooError("GradualUnfreezing tunes what input.freeze true freezes: give input.freeze false")
    return found
