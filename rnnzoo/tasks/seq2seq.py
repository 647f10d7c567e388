"""Sequence to sequence as a task."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn

from rnnzoo.encodings import InputEncoding, build_encoding
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.networks.seq2seq import Seq2SeqNetwork
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.writing import WritingTask


class Seq2Seq(WritingTask):
    """Reads a sequence and writes another: `rnnzoo.networks.Seq2SeqNetwork`, to be used as `WritingTask` says.

    Args:
        encoding: how raw sources become numbers; from the data.
        target_encoding: how written texts become tokens; from the data.
        input: the input layer of the encoder, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the encoder's recurrent layers; a dictionary with the keys of `StackConfig` will do.
        decoder: the decoder; a dictionary with the keys of `rnnzoo.networks.DecoderConfig` will do.
        scores: how what is written is measured; see `WritingTask`, and so the next five.
        label_smoothing: see there.
        scheduled_sampling: see there.
        beam_size: see there.
        max_length: see there.
        length_penalty: see there.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.
    """

    network: Seq2SeqNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        target_encoding: dict[str, Any],
        input: dict[str, Any] = {},  # noqa: B006  # the field's own name; never changed
        stack: StackConfig = StackConfig(bidirectional=True),  # noqa: B008  # frozen; jsonargparse shows its fields
        decoder: DecoderConfig = DecoderConfig(attention="additive"),  # noqa: B008  # as above
        scores: list[str] = ["exact_match", "token_error_rate"],  # noqa: B006  # never changed
        label_smoothing: float = 0.0,
        scheduled_sampling: dict[str, Any] | None = None,
        beam_size: int = 5,
        max_length: int = 100,
        length_penalty: Literal["none", "average", "wu"] = "average",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        self._encoding = build_encoding(encoding)
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
        given = self.hparams
        layer = build_input(self._encoding, given["input"])
        encoder = SequenceReader(layer, StackConfig.from_dict(given["stack"]))
        vocabulary = self._written.vocabulary
        decoder = DecoderConfig.from_dict(given["decoder"])
        return Seq2SeqNetwork(encoder, len(vocabulary), decoder, vocabulary.unknown_id if decoder.copy else None)

    @property
    def encoding(self) -> InputEncoding:
        """How raw sources become numbers."""
        return self._encoding

    def sources(self, raw: Sequence[Any]) -> Any:
        """Raw sources as a batch of sequences."""
        return self._encoding.batch(raw).to(self.device)
