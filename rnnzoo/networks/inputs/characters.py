"""Words composed of their characters, instead of a word embedding or beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import InputEncoding, TextEncoding
from rnnzoo.encodings.text import FIRST_CHARACTER
from rnnzoo.errors import RnnzooError, require_count, require_probability, unknown
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
        filters: how many filters of each width (cnn), or the H of the two directions together (lstm).
        widths: the widths of the filters (cnn).
        dropout: of the composed vectors' components.

    Raises:
        RnnzooError: an encoding without characters; an unknown composition; no probability; a size below 1, or an odd
            number of `filters` for two directions.
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
        require_probability("input.dropout", dropout)
        require_count("input.character_size", character_size)
        require_count("input.filters", filters)
        if composition == "lstm" and filters % 2:
            raise RnnzooError(f"input.filters {filters} is odd: with composition lstm each direction has half of them")
        for width in widths:
            require_count("each of input.widths", width)
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
        embedding_size: E of the words; see `TokenInput`.
        composition: see `CharacterInput`, and so are the next three.
        character_size: see there.
        filters: see there.
        widths: see there.
        word_dropout: see `TokenInput`; the characters of a word stay.
        dropout: of the components of both vectors.
        locked_dropout: whether `dropout` draws one mask for all steps of a row.
        embedding_dropout: of the words; see `TokenInput`, and so are the last two.
        vectors: see there.
        freeze_vectors: see there; the characters are learned.
    """

    def __init__(
        self,
        encoding: InputEncoding,
        embedding_size: int | None = None,
        composition: str = "cnn",
        character_size: int = 25,
        filters: int = 50,
        widths: Sequence[int] = (3,),
        word_dropout: float = 0.0,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        embedding_dropout: float = 0.0,
        vectors: str | None = None,
        freeze_vectors: bool = False,
    ) -> None:
        super().__init__()
        require_probability("input.dropout", dropout)
        self.words = TokenInput(
            encoding, embedding_size, word_dropout, embedding_dropout, vectors=vectors, freeze_vectors=freeze_vectors
        )
        self.characters = CharacterInput(encoding, composition, character_size, filters, widths)
        self.dropout = LockedDropout(dropout) if locked_dropout else nn.Dropout(dropout)
        self.output_size = self.words.output_size + self.characters.output_size

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Vectors (N, T, D)."""
        vectors: Tensor = self.dropout(torch.cat((self.words(inputs), self.characters(inputs)), -1))
        return vectors
