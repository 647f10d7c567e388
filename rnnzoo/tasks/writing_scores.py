"""How what was written is measured, by name."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torchmetrics import Metric

from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.metrics.captions import CaptionScores
from rnnzoo.metrics.corpus_bleu import CHRF, CorpusBLEU
from rnnzoo.metrics.error_rate import ErrorRate, ExactMatch, SequenceErrorRate
from rnnzoo.metrics.rouge import RougeL


class Measure(NamedTuple):
    """A kind of metric, and whether it reads lists of tokens or texts."""

    kind: type[Metric]
    of_tokens: bool


SCORES = {
    "bleu": Measure(CorpusBLEU, False),
    "chrf": Measure(CHRF, False),
    "rouge_l": Measure(RougeL, False),
    "captions": Measure(CaptionScores, False),  # several: BLEU-1..4, ROUGE-L and CIDEr-D, as COCO's evaluation has
    "exact_match": Measure(ExactMatch, True),
    "token_error_rate": Measure(ErrorRate, True),
    "sequence_error_rate": Measure(SequenceErrorRate, True),
}


def check_scores(names: Sequence[str], key: str) -> None:
    """Refuse what is no list of scores.

    Args:
        names: of `SCORES`.
        key: where they stand, for the message.

    Raises:
        RnnzooError: an unknown name, or two that give a score of the same name.
    """
    if {"captions", "rouge_l"} <= set(names):
        raise RnnzooError(f"{key}: captions has a rouge_l of its own kind: leave the other out")
    for name in names:
        if name not in SCORES:
            raise RnnzooError(unknown(f"score in {key}", name, list(SCORES)))


class WritingScores:
    """Scores of what was written against references, over all that `update` was given.

    Scores of texts (`bleu`, `chrf`, `rouge_l`, `captions`) compare a text with the references as the data give them.
    The tokens that a model wrote are joined to a text by the tokenizer; a space that it cannot place (`e - mail` of the
    tokenizer `word`) and an `<unk>` are errors of the model, as they are to a reader. Where what is written is
    lower-cased, `bleu` and `chrf` ignore case: sacrebleu's `lowercase`, `case:lc` in the signature. (`rouge_l` and
    `captions` always do.) The signature is that by which sacrebleu gives the same number of the same texts.

    Scores of tokens (`exact_match`, `token_error_rate`, `sequence_error_rate`) compare tokens with the tokens that the
    tokenizer splits a reference into, whatever the vocabulary knows of them.

    Args:
        names: of `SCORES`.
        encoding: how written texts are tokens.
        kwargs: those of `torchmetrics.Metric`.

    Example:
        >>> encoding = TextEncoding({"name": "word", "lowercase": True}, ["<unk>", "mail"])
        >>> scores = WritingScores(["exact_match", "bleu"], encoding)
        >>> scores.update([["an", "e", "-", "mail", "for", "you"]], [["An e-mail for you"]])
        >>> {name: round(float(score), 2) for name, score in scores.compute().items()}
        {'exact_match': 1.0, 'bleu': 17.97}
        >>> scores.notes()[0].partition("|eff")[0]
        'bleu: sacrebleu nrefs:1|case:lc'
    """

    def __init__(self, names: Sequence[str], encoding: TextEncoding, **kwargs: Any) -> None:
        lowercase = encoding.lowercase or encoding.tokenizer.lowercase
        self._encoding = encoding
        self._metrics: dict[str, Metric] = {}
        for name in names:
            kind = SCORES[name].kind
            case = {"lowercase": lowercase} if kind in (CorpusBLEU, CHRF) else {}
            self._metrics[name] = kind(**case, **kwargs)

    def to(self, device: torch.device) -> "WritingScores":
        """These scores, summed on a device: where processes exchange tensors."""
        for metric in self._metrics.values():
            metric.to(device)
        return self

    def update(
        self, written: Sequence[str | Sequence[str]], references: Sequence[Sequence[str | Sequence[str]]]
    ) -> None:
        """Adds what was written, texts or lists of tokens, and for each of it its references, one at least."""
        for name, metric in self._metrics.items():
            form = self._tokens if SCORES[name].of_tokens else self._text
            metric.update([form(one) for one in written], [[form(one) for one in own] for own in references])

    def compute(self) -> dict[str, torch.Tensor]:
        """The scores by name, each without axes, float64."""
        found: dict[str, torch.Tensor] = {}
        for name, metric in self._metrics.items():
            scores = metric.compute()
            found |= scores if isinstance(scores, dict) else {name: scores}
        return found

    def notes(self) -> tuple[str, ...]:
        """What has to be told with them: the signatures of sacrebleu."""
        pairs = self._metrics.items()
        return tuple(
            f"{name}: sacrebleu {one.signature()}" for name, one in pairs if isinstance(one, CorpusBLEU | CHRF)
        )

    def _text(self, one: str | Sequence[str]) -> str:
        return one if isinstance(one, str) else self._encoding.tokenizer.join(one)

    def _tokens(self, one: str | Sequence[str]) -> list[str]:
        tokens = self._encoding.tokenizer.split(one) if isinstance(one, str) else list(one)
        return [token.lower() for token in tokens] if self._encoding.lowercase else tokens
