"""BLEU and chrF with the numbers of sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.metrics.base import Float64Metric
from rnnzoo.metrics.references import check_references

MANY = 1 << 30


class _SacreBleu(Float64Metric):
    """Sums of sacrebleu's statistics of a segment, from which sacrebleu itself makes the score of the corpus."""

    higher_is_better = True

    statistics: Tensor
    fewest: Tensor
    most: Tensor

    def __init__(self, name: str, options: dict[str, Any], statistics: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._scorer = _scorer(name, options)
        self._sums("statistics", shape=(statistics,), dtype=torch.int64)
        self.add_state("fewest", torch.tensor(MANY), dist_reduce_fx="min")
        self.add_state("most", torch.tensor(0), dist_reduce_fx="max")

    def update(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds segments.

        Args:
            predictions: N texts, detokenised: sacrebleu tokenises.
            references: for each of them its references, one at least; their number may differ between segments.

        Raises:
            RnnzooError: as many lists of references as predictions are needed, none of them empty.
        """
        check_references(predictions, references)
        if not predictions:
            return
        streams = list(zip_longest(*references))  # one stream for each first, second ... reference; None: there is none
        segments = self._scorer._extract_corpus_statistics(list(predictions), streams)
        self.statistics += torch.tensor(segments, device=self.device).sum(0)
        counts = [len(own) for own in references]
        self.fewest = self.fewest.clamp(max=min(counts))
        self.most = self.most.clamp(min=max(counts))

    def compute(self) -> Tensor:
        """The score of the corpus, 0..100: a tensor without axes, float64."""
        score = self._scorer._compute_score_from_stats(self.statistics.tolist())
        return torch.tensor(score.score, dtype=torch.float64)

    def signature(self) -> str:
        """What sacrebleu calls this computation; to be given with every published number.

        Of this rank's segments, where their number of references is the same on all.

        Raises:
            RnnzooError: nothing was added yet, so that the number of references is not known.
        """
        if not self.most:
            raise RnnzooError("the signature names the number of references: add segments before you ask for it")
        self._scorer.num_refs = int(self.most) if self.fewest == self.most else -1
        return str(self._scorer.get_signature())


class CorpusBLEU(_SacreBleu):
    """BLEU of a corpus (Papineni et al. 2002) as sacrebleu computes it (Post 2018), 0..100.

    ``BP * exp(mean_{n=1..4} log p_n)``, p_n the clipped n-gram precision over all segments and
    ``BP = min(1, exp(1 - r/c))``, c the length of the predictions and r that of the closest references. The statistics
    of segments are added, over batches and ranks, and sacrebleu makes the score of the sum: exactly its number. That
    needs the extra `recipes`.

    Args:
        tokenize: a tokenizer of sacrebleu: `13a` (that of WMT), `intl`, `char`, `zh`, `none`.
        lowercase: whether case is ignored.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: an unknown tokenizer, or sacrebleu is absent.

    >>> metric = CorpusBLEU()
    >>> metric.update(["The cat sat on the mat."], [["The cat sat on a mat."]])
    >>> metric.compute()
    tensor(48.8923, dtype=torch.float64)
    >>> metric.signature().partition("|version")[0]
    'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp'
    """

    def __init__(self, tokenize: str = "13a", lowercase: bool = False, **kwargs: Any) -> None:
        super().__init__("BLEU", {"tokenize": tokenize, "lowercase": lowercase, "force": True}, 2 + 2 * 4, **kwargs)


class CHRF(_SacreBleu):
    """ChrF of a corpus (Popović 2015), with `word_order` 2 chrF++ (Popović 2017), as sacrebleu computes it, 0..100.

    ``(1 + b^2) P R / (b^2 P + R)``, b = 2, P and R the mean precision and recall of character n-grams up to
    `char_order` and word n-grams up to `word_order`; of several references the best counts, segment by segment. That
    needs the extra `recipes`.

    Args:
        char_order: longest character n-gram.
        word_order: longest word n-gram; 0: none.
        lowercase: whether case is ignored.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        RnnzooError: sacrebleu is absent.

    >>> metric = CHRF()
    >>> metric.update(["The cat sat on the mat."], [["The cat sat on a mat."]])
    >>> metric.compute()
    tensor(71.4225, dtype=torch.float64)
    """

    def __init__(self, char_order: int = 6, word_order: int = 0, lowercase: bool = False, **kwargs: Any) -> None:
        options = {"char_order": char_order, "word_order": word_order, "lowercase": lowercase}
        super().__init__("CHRF", options, 3 * (char_order + word_order), **kwargs)


def _scorer(name: str, options: dict[str, Any]) -> Any:
    try:
        from sacrebleu.metrics import bleu, chrf
    except ModuleNotFoundError as error:
        raise RnnzooError('BLEU and chrF need the package sacrebleu: pip install "rnnzoo[recipes]"') from error
    if "tokenize" in options and options["tokenize"] not in bleu.BLEU.TOKENIZERS:
        raise RnnzooError(unknown("tokenizer of sacrebleu", options["tokenize"], bleu.BLEU.TOKENIZERS))
    return {"BLEU": bleu.BLEU, "CHRF": chrf.CHRF}[name](**options)
