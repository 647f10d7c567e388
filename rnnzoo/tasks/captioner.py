"""The captioner as a task."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnnzoo.batches import WritingBatch
from rnnzoo.encodings.image import ImageEncoding
from rnnzoo.layers.coverage import doubly_stochastic_penalty
from rnnzoo.networks.captioner import CaptionerNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderOutput
from rnnzoo.networks.image_backbones import build_backbone
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.writing import WritingTask


class Captioner(WritingTask):
    """Says what an image shows: `rnnzoo.networks.CaptionerNetwork`, to be used as `WritingTask` says.

    A raw source is the path of an image, its bytes, or an array of pixels.

    Args:
        encoding: how images become numbers: the arguments of `rnnzoo.encodings.image.ImageEncoding`; from the data.
        target_encoding: how captions become tokens; from the data.
        backbone: the image encoder, as `rnnzoo.networks.image_backbones.build_backbone` takes it. Without attention it
            gives a vector, with attention a grid.
        frozen: whether the image encoder stays as it is.
        decoder: the decoder; a dictionary with the keys of `rnnzoo.networks.DecoderConfig` will do.
        doubly_stochastic: lambda of `rnnzoo.layers.doubly_stochastic_penalty`, with attention only.
        scores: how captions are measured; see `WritingTask`, and so the next five.
        label_smoothing: see there.
        scheduled_sampling: see there.
        beam_size: see there.
        max_length: see there.
        length_penalty: see there.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.
    """

    network: CaptionerNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        target_encoding: dict[str, Any],
        backbone: dict[str, Any] = {},  # noqa: B006  # never changed
        frozen: bool = False,
        decoder: DecoderConfig = DecoderConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        doubly_stochastic: float = 0.0,
        scores: list[str] = ["exact_match", "bleu"],  # noqa: B006  # never changed
        label_smoothing: float = 0.0,
        scheduled_sampling: dict[str, Any] | None = None,
        beam_size: int = 5,
        max_length: int = 30,
        length_penalty: Literal["none", "average", "wu"] = "average",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        self._image = ImageEncoding(**encoding)
        self._doubly_stochastic = doubly_stochastic
        super().__init__(
            target_encoding,
            scores,
            label_smoothing,
            scheduled_sampling,
            beam_size,
            max_length,
            length_penalty,
            optimizer,
            scheduler,
            scheduler_interval,
        )

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        decoder = DecoderConfig.from_dict(self.hparams["decoder"])
        encoder, width = build_backbone(self.hparams["backbone"], self._image.channels, decoder.attention is not None)
        return CaptionerNetwork(encoder, width, len(self._written.vocabulary), decoder, self.hparams["frozen"])

    def sources(self, raw: Sequence[Any]) -> Tensor:
        """Raw images as (N, height, width, channels)."""
        return self._image.batch(raw).to(self.device)

    def training_penalty(self, output: DecoderOutput, batch: WritingBatch) -> Tensor | None:
        """Xu et al. 2015, eq. 14, once for each row: so that each place is looked at about once in all."""
        if not self._doubly_stochastic or output.weights is None:
            return None
        return self._doubly_stochastic * doubly_stochastic_penalty(output.weights, batch.mask)
