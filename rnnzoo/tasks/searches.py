"""How a model that writes looks for what to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from rnnzoo.decoding import Decoded, beam_search, greedy_search
from rnnzoo.decoding.beam import Beam
from rnnzoo.decoding.contract import Decodable
from rnnzoo.decoding.limits import Limits
from rnnzoo.decoding.penalties import Score
from rnnzoo.errors import RnnzooError, unknown


@dataclass(frozen=True)
class Search:
    """The options of a search; what they mean: `rnnzoo.decoding.beam_search`.

    Attributes:
        beam_size: hypotheses of each source; 1 is greedy.
        max_length: tokens of a text at most, its end included.
        length_penalty: `none`, `average` or `wu`.
        alpha: of `wu`.
        coverage_penalty: beta; above 0 only with attention.
        min_length: so many tokens come before the end.
        no_repeat_ngram_size: no n-gram of this size twice in a text; 0: no rule.
        groups: of hypotheses that avoid each other's tokens; the beam is split evenly among them.
        diversity: how much they do; only with `groups` above 1.

    Raises:
        RnnzooError: an option out of its range.

    Example:
        >>> Search().changed({"beam_size": 1, "max_length": None})
        Search(beam_size=1, max_length=100, length_penalty='average', alpha=0.6, coverage_penalty=0.0, ...)
    """

    beam_size: int = 5
    max_length: int = 100
    length_penalty: str = "average"
    alpha: float = 0.6
    coverage_penalty: float = 0.0
    min_length: int = 0
    no_repeat_ngram_size: int = 0
    groups: int = 1
    diversity: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what no search can be made of."""
        for item in fields(self):
            value, whole = getattr(self, item.name), isinstance(item.default, int)
            numbers = int if whole else (int, float)
            if not isinstance(item.default, str) and (isinstance(value, bool) or not isinstance(value, numbers)):
                raise RnnzooError(f"{item.name} must be a {'whole ' if whole else ''}number, not {value!r}")
        Beam(self.beam_size, groups=self.groups, diversity=self.diversity)
        Limits(self.max_length, None, self.min_length, None, None, self.no_repeat_ngram_size)
        Score(self.length_penalty, self.alpha, self.coverage_penalty)

    def changed(self, options: Mapping[str, Any]) -> Search:
        """The search with other options; one that is None stays as it is.

        Raises:
            RnnzooError: an unknown option, or one out of its range.
        """
        known = [item.name for item in fields(self)]
        for name in options:
            if name not in known:
                raise RnnzooError(unknown("option of the search", name, known))
        return replace(self, **{name: value for name, value in options.items() if value is not None})

    def find(
        self,
        network: Decodable,
        condition: Any,
        start: Tensor,
        end_id: int | None,
        num_return: int = 1,
        prefix: Tensor | None = None,
        prefix_lengths: Tensor | None = None,
        constraints: Sequence[Sequence[Sequence[int]]] | None = None,
    ) -> Decoded:
        """The best sequences, greedily where the beam is 1 and no option needs a beam.

        Raises:
            RnnzooError: what the network or the vocabulary does not allow; nothing was found that keeps all rules.
        """
        needs_beam = self.no_repeat_ngram_size or self.coverage_penalty or constraints or num_return > 1
        if self.beam_size == 1 and not needs_beam:
            return greedy_search(
                network,
                condition,
                start,
                max_length=self.max_length,
                end_id=end_id,
                min_length=self.min_length,
                prefix=prefix,
                prefix_lengths=prefix_lengths,
            )
        found = beam_search(
            network,
            condition,
            start,
            end_id=end_id,
            num_return=num_return,
            prefix=prefix,
            prefix_lengths=prefix_lengths,
            constraints=constraints,
            **{item.name: getattr(self, item.name) for item in fields(self)},
        )
        self._refuse_nothing(found)
        return found

    def _refuse_nothing(self, found: Decoded) -> None:
        empty = found.lengths[:, 0] == 0
        if bool(empty.any()):
            raise RnnzooError(
                f"no text was found for source {int(empty.nonzero()[0])} of the {len(empty)} that were searched "
                f"together with beam_size {self.beam_size} and max_length {self.max_length}: its prefix, its "
                f"constraints, min_length {self.min_length} and no_repeat_ngram_size {self.no_repeat_ngram_size} "
                "contradict each other, or need a larger beam or max_length"
            )
