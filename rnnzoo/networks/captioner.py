"""The captioner: what is seen in an image starts a decoder, which may look at its parts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderCondition
from rnnzoo.networks.writer import WriterNetwork


class CaptionerNetwork(WriterNetwork):
    """``p(w_t | w_<t, image)`` from a vector of the image, or with attention to a grid of them.

    - A vector v (N, D) becomes s_0 by the bridge (Vinyals et al. 2015 let the stack read W v once, before the first
      token; here s_0 = tanh(W v + b)), and may stand at each step.
    - A grid (N, P, D) of P places: v is its mean, and with attention each step looks at the places (Xu et al. 2015,
      section 3.1.2: s_0 from the mean, ``attention_order: before``, ``context_gate: true``, ``deep_output: true``, and
      in training `rnnzoo.layers.coverage.doubly_stochastic_penalty`).

    Args:
        encoder: any module from images to (N, D) or (N, P, D).
        encoder_size: D.
        vocabulary_size: V.
        decoder: the decoder.
        frozen: whether the encoder stays as it is: no gradients, and in evaluation mode also in training.

    Raises:
        RnnzooError: nothing leads from the image to the decoder, or see `DecoderNetwork`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        encoder_size: int,
        vocabulary_size: int,
        decoder: DecoderConfig,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        if decoder.copy:
            raise RnnzooError("an image has no words to copy: decoder.copy must be false")
        if decoder.bridge in ("learned", "zero") and decoder.attention is None and decoder.concatenate == "none":
            raise RnnzooError(
                f"the decoder would not see the image: with the bridge {decoder.bridge!r} it needs attention or the "
                "vector at each step (decoder.concatenate)"
            )
        self.encoder = encoder
        self.encoder_size = encoder_size
        self.frozen = frozen
        if frozen:
            encoder.requires_grad_(False)
            encoder.eval()
        self.decoder = DecoderNetwork(vocabulary_size, decoder, encoder_size, encoder_size, encoder_size)

    def train(self, mode: bool = True) -> CaptionerNetwork:
        """Set the mode of all but a frozen encoder, whose batch normalisation keeps its statistics."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def encode(self, source: Tensor) -> DecoderCondition:
        """What the decoder writes from: images, as the encoder takes them.

        Raises:
            RnnzooError: the encoder gives another shape than it was said to, or a vector where attention needs a grid.
        """
        own = next(self.encoder.parameters(), source).dtype  # another one after `double()`
        source = source.to(own) if source.is_floating_point() else source
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            seen: Tensor = self.encoder(source)
        if seen.dim() not in (2, 3) or seen.shape[-1] != self.encoder_size:
            raise RnnzooError(
                f"the image encoder must give (N, {self.encoder_size}) or (N, P, {self.encoder_size}), and gave "
                f"{tuple(seen.shape)}"
            )
        if seen.dim() == 2:
            if self.decoder.attention is not None:
                raise RnnzooError(
                    f"attention looks at a grid (N, P, {self.encoder_size}), and the image encoder gave one vector an "
                    "image: make it give a grid, or leave attention out"
                )
            return DecoderCondition(seen.shape[0], seen, seen)
        mean = seen.mean(1)
        return DecoderCondition(seen.shape[0], mean, mean, seen)
