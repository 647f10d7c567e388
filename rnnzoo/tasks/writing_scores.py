"""How what was written is measured, by name."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torchmetrics import Metric

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.metrics.corpus_bleu import CHRF, CorpusBLEU
from rnnzoo.metrics.error_rate import ErrorRate, ExactMatch, SequenceErrorRate
from rnnzoo.metrics.rouge import RougeL


class Score(NamedTuple):
    """A metric, and whether it reads lists of tokens or texts."""

    metric: Metric
    of_tokens: bool


SCORES: dict[str, tuple[Callable[[], Metric], bool]] = {
    "bleu": (CorpusBLEU, False),
    "chrf": (CHRF, False),
    "rouge_l": (RougeL, False),
    "exact_match": (ExactMatch, True),
    "token_error_rate": (ErrorRate, True),
    "sequence_error_rate": (SequenceErrorRate, True),
}


def build_scores(names: Sequence[str]) -> dict[str, Score]:
    """New metrics for names of `SCORES`.

    Raises:
        RnnzooError: an unknown name.
    """
    for name in names:
        if name not in SCORES:
            raise RnnzooError(unknown("score in model.scores", name, list(SCORES)))
    return {name: Score(SCORES[name][0](), SCORES[name][1]) for name in names}
