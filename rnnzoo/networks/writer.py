"""What the networks that write have in common: something is encoded, and a decoder writes from it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_parts import DecoderCondition, DecoderMemory, DecoderOutput, DecoderState


class WriterNetwork(nn.Module):
    """``p(w_t | w_<t, source)``: a subclass says what of the source the decoder begins with and looks at.

    It has the decoding contract of `rnnzoo.decoding`, with the source as the condition.
    """

    decoder: DecoderNetwork

    def encode(self, source: Any) -> DecoderCondition:
        """What the decoder writes from."""
        raise NotImplementedError(f"{type(self).__name__} must define encode(source)")

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return self.decoder.vocabulary_size

    def forward(
        self, source: Any, inputs: Tensor, lengths: Tensor | None = None, gold_probability: float = 1.0
    ) -> DecoderOutput:
        """What is written for N sources, given the tokens before.

        Args:
            source: what `encode` takes.
            inputs: (N, T) int64, the written tokens one step late, the first the start token.
            lengths: (N,), how many of a row are real; None: all.
            gold_probability: see `DecoderNetwork.forward`.

        Returns:
            What `loss` and `DecoderNetwork.log_probs` read.
        """
        state, memory = self.init_state(source)
        output: DecoderOutput = self.decoder(inputs, memory, state, lengths, gold_probability)
        return output

    def loss(
        self, output: DecoderOutput, targets: Tensor, mask: Tensor | None = None, label_smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """The summed loss of the real tokens, and their number; see `DecoderNetwork.loss`."""
        return self.decoder.loss(output, targets, mask, label_smoothing)

    def init_state(self, condition: Any) -> tuple[DecoderState, DecoderMemory]:
        """The state before the first token, and what all steps look at, of N sources."""
        return self.decoder.init_state(self.encode(condition))

    def step(self, tokens: Tensor, state: DecoderState, memory: DecoderMemory) -> tuple[Tensor, DecoderState]:
        """Read one token a row, (M,) int64: log p(next token), (M, V), and the new state."""
        return self.decoder.step(tokens, state, memory)

    def reorder(self, state: DecoderState, index: Tensor) -> DecoderState:
        """The rows `index` of a state."""
        return self.decoder.reorder(state, index)

    def select_memory(self, memory: DecoderMemory, index: Tensor) -> DecoderMemory:
        """The rows `index` of a memory."""
        return self.decoder.select_memory(memory, index)

    def coverage(self, state: DecoderState, memory: DecoderMemory) -> Tensor:
        """See `DecoderNetwork.coverage`."""
        return self.decoder.coverage(state, memory)
