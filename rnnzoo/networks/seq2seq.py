"""Sequence to sequence: an encoder's states start a decoder, which may attend to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.copy import CopySource
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderCondition
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.networks.writer import WriterNetwork


@dataclass(frozen=True)
class CopyInputs:
    """Sequences whose tokens may be copied.

    Attributes:
        inputs: N sequences of S steps, as the encoder reads them.
        ids: (N, S) int64, their tokens in the extended vocabulary of the decoder; see `rnnzoo.layers.CopySource`.
        extra: how many ids past the vocabulary there are, the most that a row needs.
        words: of each row the words that its ids past the vocabulary stand for, to be told what was written.
    """

    inputs: SequenceInputs
    ids: Tensor
    extra: int
    words: Sequence[Sequence[str]] = ()

    @property
    def num_tokens(self) -> int:
        """How many steps are real."""
        return self.inputs.num_tokens

    def to(self, device: torch.device | str, **kwargs: Any) -> CopyInputs:
        """The inputs on a device; further arguments are those of `Tensor.to`."""
        return replace(self, inputs=self.inputs.to(device, **kwargs), ids=self.ids.to(device, **kwargs))


class Seq2SeqNetwork(WriterNetwork):
    """``p(w_t | w_<t, x_1 .. x_S)`` (Sutskever et al. 2014; Cho et al. 2014; with attention Bahdanau et al. 2015).

    The encoder's final state becomes the decoder's s_0 (bridge); its outputs are attended to (attention); the output of
    its top layer after the last step, both directions side by side, is the vector that may stand at each step
    (`DecoderConfig.concatenate`; Cho et al. 2014, section 2.2: their c). With the attention ``aligned`` output t reads
    the encoder's output t: the naive many-to-many model. A sequence may be one of frames: a video captioner.

    Args:
        encoder: input layer and stack, in one direction or both.
        vocabulary_size: V, of what is written.
        decoder: the decoder.
        unknown_id: with copying, as which token a copied word is read that is not in the vocabulary.

    Raises:
        RnnzooError: nothing leads from the encoder to the decoder, or see `DecoderNetwork`.
    """

    def __init__(
        self, encoder: SequenceReader, vocabulary_size: int, decoder: DecoderConfig, unknown_id: int | None = None
    ) -> None:
        super().__init__()
        if decoder.bridge in ("learned", "zero") and decoder.attention is None and decoder.concatenate == "none":
            raise RnnzooError(
                f"the decoder would not know what was read: with the bridge {decoder.bridge!r} it needs attention or "
                "the vector at each step (decoder.concatenate)"
            )
        self.encoder = encoder
        self._top = encoder.stack.directions  # how many states the top layer has
        vector_size = sum(cell.output_size for cell in encoder.stack.layer(encoder.stack.config.num_layers - 1))
        self.decoder = DecoderNetwork(
            vocabulary_size, decoder, encoder.stack, encoder.output_size, vector_size, unknown_id
        )

    def encode(self, source: SequenceInputs | CopyInputs) -> DecoderCondition:
        """What the decoder writes from: N sequences, with copying a `CopyInputs`.

        Raises:
            RnnzooError: the ids to copy are not as many as the steps.
        """
        inputs, copied = (source.inputs, source) if isinstance(source, CopyInputs) else (source, None)
        outputs, state = self.encoder(inputs)
        top = self.encoder.stack.layer(self.encoder.stack.config.num_layers - 1)
        final = [cell.output(part) for cell, part in zip(top, state[-self._top :], strict=True)]
        vector = final[0] if len(final) == 1 else torch.cat(final, -1)
        if copied is not None and copied.ids.shape != outputs.shape[:2]:
            raise RnnzooError(
                f"the ids to copy must be {tuple(outputs.shape[:2])}, one for each step of the source, and are "
                f"{tuple(copied.ids.shape)}"
            )
        copy_source = None if copied is None else CopySource(copied.ids, copied.extra)
        return DecoderCondition(outputs.shape[0], state, vector, outputs, inputs.lengths, copy_source)
