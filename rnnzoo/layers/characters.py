"""Word vectors composed of characters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import RecurrentStack, StackConfig, lengths_mask


class CharacterComposer(nn.Module, ABC):
    """Makes a vector of the characters of each word.

    A word's characters are followed by as many zeros as are needed; id 0 is no character. A word of no character, such
    as the padding behind a sentence, becomes zeros.

    Each distinct word of a batch is composed once: frequent words are most of a text.

    Args:
        num_characters: ids are 0 to `num_characters` - 1.
        embedding_size: E, the width of a character's vector.

    Attributes:
        output_size: D', the width of a word's vector.

    Raises:
        RnnzooError: a size below 1.
    """

    output_size: int

    def __init__(self, num_characters: int, embedding_size: int) -> None:
        super().__init__()
        if num_characters < 1 or embedding_size < 1:
            raise RnnzooError(
                f"characters need ids and a width of at least 1: {num_characters} and {embedding_size} were given"
            )
        self.embedding = nn.Embedding(num_characters, embedding_size, padding_idx=0)

    @abstractmethod
    def compose(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Words (M, C) int64 of `lengths` (M,) characters, each at least 1, to vectors (M, D')."""

    def forward(self, characters: Tensor) -> Tensor:
        """Characters (..., C) int64 of each word to vectors (..., D').

        Raises:
            RnnzooError: not whole numbers with at least two axes.
        """
        if characters.dtype != torch.int64 or characters.dim() < 2:
            raise RnnzooError(f"characters must be int64 (..., C), not {tuple(characters.shape)} of {characters.dtype}")
        words = characters.flatten(0, -2)
        if not words.numel():  # no position, or no character at any
            words = words.new_zeros(len(words), 1)
        distinct, which = torch.unique(words, dim=0, return_inverse=True)
        lengths = (distinct != 0).sum(-1)
        composed = self.compose(distinct, lengths.clamp(min=1))
        vectors = composed.masked_fill((lengths == 0)[:, None], 0.0)[which]
        return vectors.view(*characters.shape[:-1], self.output_size)


class CharacterCNN(CharacterComposer):
    """Convolutions over a word's characters, and the largest value of each filter over the word.

    ``y_f = max_i tanh(b_f + sum_{j<w} W_fj . x_{i+j})``, x the vectors of the characters, for each filter f and its
    width w (Kim et al. 2016, section 3.2, eqs. 5 and 6; before it dos Santos & Zadrozny 2014, section 2.1.2, with one
    width and no tanh). The windows i are all that have a character of the word in them, with zeros on both sides of
    it ("wide"), so that words shorter than a filter have windows as well; a filter sees where a word begins and ends.
    Kim et al. mark that with symbols of its own.

    Args:
        num_characters: ids are 0 to `num_characters` - 1.
        embedding_size: E.
        widths: the widths of the filters.
        filters: how many filters of each width.

    Raises:
        RnnzooError: no widths, as many counts as widths, or one below 1.

    Example:
        >>> CharacterCNN(50, widths=[2, 3], filters=[10, 20])(torch.ones(4, 7, 12, dtype=torch.long)).shape
        torch.Size([4, 7, 30])
    """

    def __init__(
        self,
        num_characters: int,
        embedding_size: int = 25,
        widths: Sequence[int] = (3,),
        filters: Sequence[int] = (50,),
    ) -> None:
        super().__init__(num_characters, embedding_size)
        if not widths or len(widths) != len(filters) or min(*widths, *filters) < 1:
            raise RnnzooError(
                f"a character CNN needs a number of filters for each width, all at least 1: widths {list(widths)}, "
                f"filters {list(filters)}"
            )
        self.convolutions = nn.ModuleList(
            nn.Linear(width * embedding_size, count) for width, count in zip(widths, filters, strict=True)
        )
        self.widths = tuple(widths)
        self.output_size = sum(filters)

    def compose(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Words (M, C) to vectors (M, D')."""
        largest = []
        for convolution, width in zip(self.convolutions, self.widths, strict=True):
            # The windows of all words below each other and one matrix product: most words are much shorter than the
            # longest, so that a convolution over the padded words would spend most of its time on padding.
            windows = F.pad(characters, (width - 1, width - 1)).unfold(1, width, 1)
            counts = lengths + width - 1
            real = lengths_mask(counts, windows.shape[1])
            if torch.compiler.is_exporting():  # how many windows are real is not known before a program runs
                values = convolution(self.embedding(windows).flatten(2))
                largest.append(values.masked_fill(~real.unsqueeze(-1), -torch.inf).amax(1))
                continue
            vectors = self.embedding(windows[real])
            values = convolution(vectors.flatten(1))
            word = torch.repeat_interleave(counts)[:, None].expand_as(values)
            start = values.new_full((len(lengths), values.shape[1]), -torch.inf)
            largest.append(start.scatter_reduce(0, word, values, "amax"))
        return torch.tanh(torch.cat(largest, 1))  # tanh grows, so that it may come after the maximum


class CharacterLSTM(CharacterComposer):
    """The last states of an LSTM that reads a word forwards and one that reads it backwards.

    ``y = [h_fwd(last character); h_bwd(first character)]`` (Lample et al. 2016, section 4.1; Ling et al. 2015, section
    3, add a linear layer that mixes the two).

    Args:
        num_characters: ids are 0 to `num_characters` - 1.
        embedding_size: E.
        hidden_size: H of each direction; D' is twice as much.

    Raises:
        RnnzooError: a size below 1.

    Example:
        >>> CharacterLSTM(50, hidden_size=8)(torch.ones(4, 7, 12, dtype=torch.long)).shape
        torch.Size([4, 7, 16])
    """

    def __init__(self, num_characters: int, embedding_size: int = 25, hidden_size: int = 25) -> None:
        super().__init__(num_characters, embedding_size)
        self.stack = RecurrentStack(
            embedding_size, StackConfig(cell="lstm", hidden_size=hidden_size, bidirectional=True)
        )
        self.output_size = 2 * hidden_size

    def compose(self, characters: Tensor, lengths: Tensor) -> Tensor:
        """Words (M, C) to vectors (M, D')."""
        forward, backward = self.stack(self.embedding(characters), lengths).state
        return torch.cat((forward.h, backward.h), -1)
