"""The generator: a state given at the start is unrolled into a sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderCondition
from rnnzoo.networks.writer import WriterNetwork


class GeneratorNetwork(WriterNetwork):
    """``p(w_t | w_<t, v)`` with v a vector, the embedding of a class, or nothing (Goldberg 2017, chapter 17).

    v becomes s_0 by the decoder's bridge, and may also stand at each step (`DecoderConfig.concatenate`). With neither
    `num_classes` nor `vector_size` this is a language model of whole sequences.

    Args:
        vocabulary_size: V.
        decoder: the decoder, without attention.
        num_classes: of the condition, if it is a class.
        vector_size: D of the condition, if it is a vector; with `num_classes` the width of a class's embedding, the
            decoder's hidden size by default.

    Raises:
        RnnzooError: the decoder has attention, or does nothing with the condition.

    Example:
        >>> import torch
        >>> from rnnzoo.recurrent import StackConfig
        >>> network = GeneratorNetwork(7, DecoderConfig(StackConfig(hidden_size=4)), num_classes=2)
        >>> state, memory = network.init_state(torch.tensor([0, 1, 1]))
        >>> log_probs, state = network.step(torch.tensor([3, 3, 3]), state, memory)
        >>> log_probs.shape, torch.equal(log_probs[1], log_probs[2])
        (torch.Size([3, 7]), True)
    """

    def __init__(
        self,
        vocabulary_size: int,
        decoder: DecoderConfig,
        num_classes: int | None = None,
        vector_size: int | None = None,
    ) -> None:
        super().__init__()
        if decoder.attention is not None:
            raise RnnzooError("a generator begins with one vector and has nothing to attend to: leave attention out")
        for name, size in (("num_classes", num_classes), ("vector_size", vector_size)):
            if size is not None and size < 1:
                raise RnnzooError(f"{name} must be at least 1, not {size}")
        self.embedding: nn.Embedding | None = None
        if num_classes is not None:
            vector_size = vector_size or decoder.stack.hidden_size
            self.embedding = nn.Embedding(num_classes, vector_size)
        self.vector_size = vector_size
        if vector_size is not None and decoder.bridge in ("learned", "zero") and decoder.concatenate == "none":
            raise RnnzooError(
                f"the condition would do nothing: with the bridge {decoder.bridge!r} it must be concatenated "
                "(decoder.concatenate), or take the bridge 'projected'"
            )
        self.decoder = DecoderNetwork(vocabulary_size, decoder, bridge_source=vector_size, vector_size=vector_size)

    def encode(self, source: Any) -> DecoderCondition:
        """What the decoder writes from.

        Args:
            source: classes (N,) int64, vectors (N, D), or, where nothing is given, the number of rows N.

        Raises:
            RnnzooError: another kind of condition than the network was made for.
        """
        if self.vector_size is None:
            if not isinstance(source, (int, torch.SymInt)):  # torch.export leaves a number of rows open
                raise RnnzooError("this generator has no condition: give the number of rows")
            return DecoderCondition(rows=source)  # type: ignore[arg-type]  # it is used as an int is
        expected = "classes (N,) int64" if self.embedding is not None else f"vectors (N, {self.vector_size})"
        if not isinstance(source, Tensor):
            raise RnnzooError(f"the condition must be {expected}, and is of type {type(source).__name__}")
        rows = source.shape[0]  # not len(source), a fixed number in torch.export
        shape = (rows,) if self.embedding is not None else (rows, self.vector_size)
        if source.shape != shape or (self.embedding is not None) == source.is_floating_point():
            raise RnnzooError(f"the condition must be {expected}, and is {source.dtype} {tuple(source.shape)}")
        own = next(self.decoder.parameters()).dtype  # another one after `double()`
        vector = source.to(own) if self.embedding is None else self.embedding(source)
        return DecoderCondition(rows=rows, state=vector, vector=vector)

    def forward(self, source: Any, inputs: Tensor, lengths: Tensor | None = None, gold_probability: float = 1.0) -> Any:
        """As `WriterNetwork.forward`; the source may be None where nothing is given."""
        return super().forward(len(inputs) if source is None else source, inputs, lengths, gold_probability)
