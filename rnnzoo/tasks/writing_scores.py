"""How what was written is measured, by name."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torchmetrics import Metric

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.metrics.captions import CaptionScores
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
    "captions": (CaptionScores, False),  # several: BLEU-1..4, ROUGE-L and CIDEr-D as the COCO evaluation has them
    "exact_match": (ExactMatch, True),
    "token_error_rate": (ErrorRate, True),
    "sequence_error_rate": (SequenceErrorRate, True),
}


def build_scores(names: Sequence[str]) -> dict[str, Score]:
    """New metrics for names of `SCORES`.

    Raises:
        RnnzooError: an unknown name, or two that give a score of the same name.
    """
    if {"captions", "rouge_l"} <= set(names):
        raise RnnzooError("model.scores: captions has a rouge_l of its own kind: leave the other out")
    for name in names:
        if name not in SCORES:
            raise RnnzooError(unknown("score in model.scores", name, list(SCORES)))
    return {name: Score(SCORES[name][0](), SCORES[name][1]) for name in names}


def score_texts(
    names: Sequence[str],
    written: Sequence[list[str]],
    references: Sequence[Sequence[list[str]]],
    join: Callable[[Sequence[str]], str],
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The scores of what was written, and what has to be told with them: the signatures of sacrebleu.

    Args:
        names: of `SCORES`.
        written: the tokens of each text.
        references: of each of them its references, one at least.
        join: makes a text of tokens.
    """
    found: dict[str, float] = {}
    notes = []
    for name, (metric, of_tokens) in build_scores(names).items():
        if of_tokens:
            metric.update(list(written), [list(own) for own in references])
        else:
            metric.update([join(one) for one in written], [[join(one) for one in own] for own in references])
        scores = metric.compute()
        found |= {one: float(value) for one, value in (scores if isinstance(scores, dict) else {name: scores}).items()}
        if isinstance(metric, (CorpusBLEU, CHRF)):
            notes.append(f"{name}: sacrebleu {metric.signature()}")
    return found, tuple(notes)
