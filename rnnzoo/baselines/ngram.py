"""What every n-gram model offers: fit, per-token log-probabilities, the distribution after a context, samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from rnnzoo.baselines.counts import Lookup, NGramCounts
from rnnzoo.errors import RnnzooError

Model = TypeVar("Model", bound="NGram")


class NGram:
    """A language model of order n: p(w_t | w_{t-n+1} ... w_{t-1}) from counts, over a closed vocabulary of V ids.

    A subclass is one smoothing: `KneserNey`, `ModifiedKneserNey`, `AddDelta`, `StupidBackoff`. All of them give every
    id of the vocabulary a probability above zero, after any context, and these sum to one; `<eos>` is an id like the
    others, predicted and counted, as in the literature's perplexities.

    How far the history reaches: without `sentence_end` the stream is continuous, so a context runs through `<eos>` into
    the line before (as a recurrent model that carries its state does); only the first tokens have a shorter one. With
    `sentence_end` each sentence stands alone, as in SRILM and in published n-gram figures: the history of the first
    token, and of one after `<eos>`, is a begin symbol, which is never predicted and which no context crosses.

    Args:
        order: n, the length of the longest grams; 1 predicts from frequencies alone.
        vocabulary_size: V; ids are in [0, V).
        sentence_end: id after which the history is cut; None: one continuous stream.

    Raises:
        RnnzooError: order or vocabulary size below 1, `sentence_end` outside the vocabulary.
    """

    def __init__(self, order: int, vocabulary_size: int, sentence_end: int | None = None) -> None:
        if order < 1:
            raise RnnzooError(f"order of an n-gram model must be at least 1, not {order}")
        if vocabulary_size < 1:
            raise RnnzooError(f"vocabulary_size of an n-gram model must be at least 1, not {vocabulary_size}")
        if sentence_end is not None and not 0 <= sentence_end < vocabulary_size:
            raise RnnzooError(f"sentence_end {sentence_end} is outside the vocabulary of {vocabulary_size} ids")
        self.order = order
        self.vocabulary_size = vocabulary_size
        self.sentence_end = sentence_end
        self._counts: NGramCounts | None = None

    @property
    def name(self) -> str:
        """What a table of results calls this model."""
        raise NotImplementedError

    def fit(self: Model, ids: Tensor) -> Model:
        """Counts a stream of ids (L,) and estimates the model; what an earlier call learned is dropped.

        Raises:
            RnnzooError: an empty stream, not one axis of whole numbers, or an id outside the vocabulary.
        """
        counts = NGramCounts(self._checked(ids), self.order, self.vocabulary_size, self.sentence_end)
        self._estimate(counts)
        self._counts = counts
        return self

    def token_log_probs(self, ids: Tensor) -> Tensor:
        """Natural log of p(w_t | history) for every token of a stream: ids (L,) to (L,) float64.

        Raises:
            RnnzooError: as `fit`, and if nothing was fitted.
        """
        return self._probabilities(self._fitted().find(self._checked(ids))).log()

    def distribution(self, context: Sequence[int] = ()) -> Tensor:
        """p(. | context): (V,) float64; of the context the last n-1 ids count.

        The empty context is that of a stream's first token: the begin symbol with `sentence_end`, else no history.

        Raises:
            RnnzooError: an id outside the vocabulary, or nothing was fitted.
        """
        counts = self._fitted()
        if len(context):
            self._checked(torch.tensor(context))
        return self._probabilities(counts.find_after(context))

    def sample(self, length: int, seed: int, context: Sequence[int] = (), temperature: float = 1.0) -> list[int]:
        """Draws `length` ids, each from ``p(. | context and what was drawn)^(1/temperature)``, normalised.

        Args:
            length: how many ids; drawing goes on after `<eos>`.
            seed: of the draw; the same seed gives the same ids.
            context: ids that stand before the first drawn one.
            temperature: above zero; below 1 prefers the probable, above 1 evens out.

        Raises:
            RnnzooError: a temperature not above zero, a negative length, and as `distribution`.
        """
        if not temperature > 0:
            raise RnnzooError(f"temperature must be above 0, not {temperature}")
        if length < 0:
            raise RnnzooError(f"length of a sample must not be negative, as {length} is")
        generator = torch.Generator().manual_seed(seed)
        history = list(context)
        for _ in range(length):
            weights = (self.distribution(history).log() / temperature).softmax(0)
            history.append(int(torch.multinomial(weights, 1, generator=generator)))
        return history[len(context) :]

    def _estimate(self, counts: NGramCounts) -> None:
        """Turns counts into what `_probabilities` needs; given by each smoothing."""
        raise NotImplementedError

    def _probabilities(self, lookups: list[Lookup]) -> Tensor:
        """Probabilities (M,) of M predictions from one lookup a level, k = 1..n; given by each smoothing."""
        raise NotImplementedError

    def _fitted(self) -> NGramCounts:
        if self._counts is None:
            raise RnnzooError(
                f"this {type(self).__name__} has no counts yet: call fit(ids) with a training stream first"
            )
        return self._counts

    def _checked(self, ids: Tensor) -> Tensor:
        if ids.dim() != 1 or ids.dtype.is_floating_point or ids.dtype.is_complex or ids.dtype == torch.bool:
            raise RnnzooError(
                f"a stream of ids has one axis of whole numbers, not shape {tuple(ids.shape)} of {ids.dtype}"
            )
        if len(ids) == 0:
            raise RnnzooError("the stream of ids is empty: an n-gram model needs at least one token")
        ids = ids.detach().to(device="cpu", dtype=torch.int64)
        outside = ((ids < 0) | (ids >= self.vocabulary_size)).nonzero()
        if len(outside):
            place = int(outside[0])
            raise RnnzooError(
                f"id {int(ids[place])} at position {place} is outside the vocabulary of {self.vocabulary_size} ids "
                f"(valid: 0 to {self.vocabulary_size - 1})"
            )
        return ids


def table(values: Tensor, absent: float) -> Tensor:
    """Values by node with one more at the end, so that the node `ABSENT` (-1) reads `absent`."""
    return torch.cat([values.to(torch.float64), torch.tensor([absent], dtype=torch.float64)])


def per_context(values: Tensor, contexts: Tensor, num_contexts: int) -> Tensor:
    """Sums over the grams of each context: values (G,) and context nodes (G,) to (num_contexts,) float64."""
    return torch.zeros(num_contexts, dtype=torch.float64).index_add_(0, contexts, values.to(torch.float64))
