"""The captioner as a task."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from rnnzoo.batches import WritingBatch
from rnnzoo.encodings.image import ImageEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.coverage import doubly_stochastic_penalty
from rnnzoo.networks.captioner import CaptionerNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderOutput
from rnnzoo.networks.image_backbones import build_backbone
from rnnzoo.tasks.live_writing import LiveWritingTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.writing import as_sources


class Seen(NamedTuple):
    """An image, what was written of it, and where the model looked.

    Attributes:
        picture: (height, width, channels) bytes: the image as the model sees it.
        caption: what was written, as text.
        written: the T tokens that were written, the end among them.
        weights: (T, rows, columns), of each token the weights of the places, which sum to 1; None without attention.
    """

    picture: Tensor
    caption: str
    written: list[str]
    weights: Tensor | None


class Captioner(LiveWritingTask):
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
        optimizer: as in `SequenceTask`, and so are the next two.
        scheduler: see there.
        scheduler_interval: see there.
        validation_scores: see `WritingTask`.
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
        validation_scores: list[str] = [],  # noqa: B006  # never changed
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
            validation_scores,
        )

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        decoder = DecoderConfig.from_dict(self.hparams["decoder"])
        encoder, width = build_backbone(self.hparams["backbone"], self._image.channels, decoder.attention is not None)
        return CaptionerNetwork(encoder, width, len(self._written.vocabulary), decoder, self.hparams["frozen"])

    def sources(self, raw: Sequence[Any]) -> Tensor:
        """Raw images as (N, height, width, channels)."""
        return self._image.batch(raw).to(self.device)

    def attend(self, raw: Sequence[Any], written: Sequence[str] | None = None) -> list[Seen]:
        """Each raw image as the model sees it, with a caption and, where there is attention, where the model looks.

        Args:
            raw: the images.
            written: the captions; None: those that the model itself writes.

        Raises:
            RnnzooError: not as many captions as images, or an empty one; its position is named.
        """
        raw = as_sources(raw)
        if written is not None and len(written) != len(raw):
            raise RnnzooError(f"{len(written)} captions for {len(raw)} images: give one for each")
        texts = self.write(raw) if written is None else [self._split(*one) for one in enumerate(written)]
        vocabulary, join, found = self._written.vocabulary, self._written.tokenizer.join, []
        end = vocabulary.tokens[vocabulary.end_id or 0]
        with self.evaluating():
            for position, tokens in enumerate(texts):
                source = self.read_sources(raw, position, 1)
                ids = torch.tensor([[vocabulary.start_id, *vocabulary.ids(tokens)]], device=self.device)
                weights = self.network(source, ids).weights
                if weights is not None:
                    sides = grid_sides(weights.shape[-1], self._image.height, self._image.width)
                    weights = weights[0].unflatten(-1, sides).cpu()
                found.append(Seen(self._image.picture(source[0]), join(tokens), [*tokens, end], weights))
        return found

    def _split(self, position: int, text: str) -> list[str]:
        try:
            return self._written.split(text)
        except RnnzooError as error:
            raise RnnzooError(f"caption {position}: {error}") from None

    def training_penalty(self, output: DecoderOutput, batch: WritingBatch) -> Tensor | None:
        """Xu et al. 2015, eq. 14, once for each row: so that each place is looked at about once in all."""
        if not self._doubly_stochastic or output.weights is None:
            return None
        return self._doubly_stochastic * doubly_stochastic_penalty(output.weights, batch.mask)


def grid_sides(places: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a grid of so many places, in shape as near as can be to an image of this size.

    >>> grid_sides(16, 32, 32), grid_sides(6, 20, 30)
    ((4, 4), (2, 3))
    """
    fitting = [rows for rows in range(1, places + 1) if places % rows == 0]
    rows = min(fitting, key=lambda rows: abs(math.log(rows / (places // rows) * width / height)))
    return rows, places // rows
