"""The tagger (a transducer): each state answers for its step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.layers import ClassificationHead
from rnnzoo.layers.crf import CRFHead
from rnnzoo.networks.reading import SequenceReader

TagHead = ClassificationHead | CRFHead


class TaggerNetwork(nn.Module):
    """``tag_t`` from ``y_t``, one head for each column of tags over one shared reader.

    Goldberg 2017, section 14.3.2 (transducer); several columns: Collobert & Weston 2008, section 4.

    Args:
        reader: input layer and stack.
        dropout: of the stack's outputs.
        make_heads: for each column, makes its head for the width of the outputs: a softmax at each step
            (`ClassificationHead`), or a `CRFHead`.
    """

    def __init__(
        self, reader: SequenceReader, dropout: float = 0.0, *, make_heads: Sequence[Callable[[int], TagHead]]
    ) -> None:
        super().__init__()
        self.reader = reader
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(make(reader.output_size) for make in make_heads)

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Features (N, T, H) of N sequences."""
        features: Tensor = self.dropout(self.reader(inputs).outputs)
        return features

    def loss(self, features: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The losses of all columns, summed, and the number of real steps.

        Args:
            features: (N, T, H).
            targets: (N, T, K); a step whose tag is -1 counts for nothing in a softmax column.
            mask: (N, T) bool, true at real steps.

        Raises:
            RnnzooError: in a column with a CRF a step without a tag, since it scores whole sequences, or tags that its
                constraints forbid.
        """
        total = features.new_zeros(())
        for column, head in enumerate(self.heads):
            tags = targets[:, :, column]
            counted = mask & (tags >= 0)
            if isinstance(head, CRFHead):
                _check_complete(counted, mask, column)
                if head.constrained:
                    head.check_targets(tags.clamp(min=0), mask)
            total = total + head.loss(features, tags.clamp(min=0), counted)[0]  # type: ignore[operator]  # both have it
        return total, (mask & (targets >= 0).any(-1)).sum()

    def decode(self, features: Tensor, mask: Tensor) -> Tensor:
        """The likeliest tags (N, T, K) of each column: of each step, or with a CRF of each sequence as a whole."""
        return torch.stack([decode(head, features, mask) for head in self.heads], -1)  # type: ignore[arg-type]  # a ModuleList

    def k_best(self, features: Tensor, mask: Tensor, column: int, k: int) -> tuple[Tensor, Tensor]:
        """The k likeliest sequences of a column's tags (N, k, T), and log p of each (N, k); see `CRFHead.k_best`.

        Raises:
            RnnzooError: the column has no CRF, or k is below 1.
        """
        head = self.heads[column]
        if not isinstance(head, CRFHead):
            raise RnnzooError("the k best sequences of tags need model.head crf: a softmax scores each step by itself")
        return head.k_best(features, mask, k)

    def marginals(self, features: Tensor, mask: Tensor, column: int) -> Tensor:
        """p(tag_t | x) of each step and tag of a column, (N, T, K); without meaning past a row's end."""
        head: TagHead = self.heads[column]  # type: ignore[assignment]  # a ModuleList
        return head.marginals(features, mask) if isinstance(head, CRFHead) else head.log_probs(features).exp()


def _check_complete(tagged: Tensor, mask: Tensor, column: int) -> None:
    """Refuse steps without a tag. It waits for the device, as the CRF's own loss does."""
    if not torch.equal(tagged, mask):
        row, step = (tagged != mask).nonzero()[0].tolist()
        raise RnnzooError(
            f"column {column}: step {step} of row {row} has no tag, but a CRF scores whole sequences: give each step a "
            "tag, or take model.head softmax"
        )


def decode(head: TagHead, features: Tensor, mask: Tensor) -> Tensor:
    """The likeliest tags (N, T) by one head."""
    if isinstance(head, CRFHead):
        return head.decode(features, mask)
    return head.log_probs(features).argmax(-1)
