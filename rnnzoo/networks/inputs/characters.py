"""Words composed of their characters, instead of a word embedding or beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import InputEncoding, TextEncoding
from rnnzoo.encodings.text import FIRST_CHARACTER
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers import LockedDropout
from rnnzoo.layers.characters import CharacterCNN, CharacterComposer, CharacterLSTM
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.networks.inputs.tokens import TokenInput

COMPOSITIONS = ("cnn", "lstm")


class CharacterInput(InputLayer):
    """Each token's vector composed of its characters.

    Args:
        encoding: of text, with characters.
        composition: `cnn` (`CharacterCNN`) or `lstm` (`CharacterLSTM`).
        character_size: the width of a character's vector.
        filters: how many filters of each width (cnn), or in all the two directions' H (lstm).
        widths: the widths of the filters (cnn).
        dropout: of the composed vectors' components.

    Raises:
        RnnzooError: an encoding without characters; an unknown composition; no probability.
    """

    def __init__(
        self,
        encoding: InputEncoding,
        composition: str = "cnn",
        character_size: int = 25,
        filters: int = 50,
        widths: Sequence[int] = (3,),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not isinstance(encoding, TextEncoding) or encoding.characters is None:
            raise RnnzooError("the input reads characters, but the data has none: give data.characters true")
        if composition not in COMPOSITIONS:
            raise RnnzooError(unknown("input.composition", str(composition), COMPOSITIONS))
        if not 0 <= dropout < 1:
            raise RnnzooError(f"input.dropout must be a probability of at least 0 and below 1, not {dropout}")
        count = FIRST_CHARACTER + len(encoding.characters)
        self.composer: CharacterComposer = (
            CharacterCNN(count, character_size, widths, [filters] * len(widths))
            if composition == "cnn"
            else CharacterLSTM(count, character_size, filters // 2)
        )
        self.dropout = nn.Dropout(dropout)
        self.output_size = self.composer.output_size

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, D) of `inputs.characters` (N, T, C)."""
        if inputs.characters is None:
            raise RnnzooError("the batch has no characters: its encoding is one without")
        vectors: Tensor = self.dropout(self.composer(inputs.characters))
        return vectors


class WordAndCharacterInput(InputLayer):
    """The embedded word and its composed characters, side by side (Lample et al. 2016, section 4.3).

    Args:
        encoding: of text, with characters.
        embedding_size: E of the words.
        composition: see `CharacterInput`, and so are the next three.
        character_size: see there.
        filters: see there.
        widths: see there.
        word_dropout: see `TokenInput`.
        dropout: of the components of both vectors.
        locked_dropout: whether `dropout` draws one mask for all steps of a row.
    """

    def __init__(
        self,
        encoding: InputEncoding,
        embedding_size: int = 100,
        composition: str = "cnn",
        character_size: int = 25,
        filters: int = 50,
        widths: Sequence[int] = (3,),
        word_dropout: float = 0.0,
        dropout: float = 0.0,
        locked_dropout: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise RnnzooError(f"input.dropout must be a probability of at least 0 and below 1, not {dropout}")
        self.words = TokenInput(encoding, embedding_size, word_dropout)
        self.characters = CharacterInput(encoding, composition, character_size, filters, widths)
        self.dropout = LockedDropout(dropout) if locked_dropout else nn.Dropout(dropout)
        self.output_size = self.words.output_size + self.characters.output_size

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, D)."""
        vectors: Tensor = self.dropout(torch.cat((self.words(inputs), self.characters(inputs)), -1))
        return vectors
