"""What may be copied from the sources of a whole split."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.data.store import SequenceStore
from rnnzoo.encodings.copying import extend
from rnnzoo.networks.seq2seq import CopyInputs
from rnnzoo.text import Vocabulary


class CopyStore:
    """The sources' tokens in the extended vocabulary of what is written (`rnnzoo.encodings.copying.extend`).

    Args:
        sources: the tokens of each source.
        vocabulary: of what is written.
    """

    def __init__(self, sources: Sequence[Sequence[str]], vocabulary: Vocabulary) -> None:
        extended = [extend(tokens, vocabulary) for tokens in sources]
        self._ids = SequenceStore([{"tokens": torch.tensor(ids)} for ids, _ in extended])
        self._words = [tuple(words) for _, words in extended]

    def batch(self, inputs: SequenceInputs, rows: Tensor) -> CopyInputs:
        """The sequences `rows`, which are `inputs`, with what may be copied from them; -1 is a row of length 0."""
        ids = self._ids.batch(rows).tokens
        assert ids is not None  # a store of tokens
        words = [self._words[row] if row >= 0 else () for row in rows.tolist()]
        return CopyInputs(inputs, ids, max(map(len, words)), words)
