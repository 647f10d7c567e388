"""Caption scores as the COCO evaluation computes them: BLEU-1..4, ROUGE-L and CIDEr-D."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnzoo.metrics.alignment import common_subsequences
from rnnzoo.metrics.base import Float64Metric
from rnnzoo.metrics.cider import LONGEST, cider_d, ngrams
from rnnzoo.metrics.references import check_references
from rnnzoo.metrics.treebank_words import caption_words


class CaptionScores(Float64Metric):
    """BLEU-1..4, ROUGE-L and CIDEr-D of captions against several references an image (Chen et al. 2015, section 3).

    Over words as `caption_words` makes them of the texts, which are to be given as they are, not split:

    - `bleu_n` = ``BP (prod_{k<=n} p_k)^(1/n)``, p_k the clipped precision of k-grams over all captions, ``BP = min(1,
      exp(1 - r/c))``, r the closest reference lengths (Papineni et al. 2002); in 0..1, unlike `CorpusBLEU`;
    - `rouge_l` = mean over images of ``(1 + b^2) P R / (R + b^2 P)``, b = 1.2, P and R the largest longest common
      subsequence over the length of the caption and of a reference (Lin 2004);
    - `cider` = CIDEr-D (Vedantam et al. 2015, section 4 and equation 5): 10 times the mean over images, references and
      n = 1..4 of the cosine of clipped tf-idf vectors of n-grams, weighed by ``exp(-(l_c - l_s)^2 / (2 6^2))``. Its
      document frequencies are those of the references scored, so that it depends on the whole set; of one image
      it is 0.

    BLEU and ROUGE-L are sums that ranks add; CIDEr-D needs the captions themselves, so that ranks gather the texts.

    Args:
        kwargs: those of `torchmetrics.Metric`.

    >>> metric = CaptionScores()
    >>> metric.update(["A dog runs.", "Two men sit."], [["A dog is running.", "The dog runs."], ["Two men sit down."]])
    >>> {name: round(float(score), 3) for name, score in metric.compute().items()}
    {'bleu_1': 0.846, 'bleu_2': 0.846, 'bleu_3': 0.672, 'bleu_4': 0.023, 'rouge_l': 0.751, 'cider': 4.283}
    """

    higher_is_better = True

    matched: Tensor
    proposed: Tensor
    words: Tensor
    closest: Tensor
    rouge: Tensor
    images: Tensor
    texts: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sums("matched", "proposed", shape=(LONGEST,))
        self._sums("words", "closest", "rouge", "images")
        self._lists("texts", dtype=torch.uint8)

    def update(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds images.

        Args:
            predictions: a caption for each of N images.
            references: for each image its references, one at least.

        Raises:
            RnnzooError: as many lists of references as captions are needed, none of them empty.
        """
        check_references(predictions, references)
        if not predictions:
            return
        rows = [
            (caption_words(caption), [caption_words(one) for one in own])
            for caption, own in zip(predictions, references, strict=True)
        ]
        for caption, own in rows:
            self._add_bleu(caption, own)
        self.rouge += sum(rouge_l(rows))
        self.images += len(rows)
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        self.texts.append(torch.tensor(list(lines.encode()), dtype=torch.uint8, device=self.device))

    def _add_bleu(self, caption: list[str], references: list[list[str]]) -> None:
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= ngrams(reference)
        matched, proposed = [0] * LONGEST, [0] * LONGEST
        for gram, count in ngrams(caption).items():
            proposed[len(gram) - 1] += count
            matched[len(gram) - 1] += min(count, most[gram])
        self.matched += torch.tensor(matched, device=self.device)
        self.proposed += torch.tensor(proposed, device=self.device)
        self.words += len(caption)
        self.closest += min((abs(len(one) - len(caption)), len(one)) for one in references)[1]

    def compute(self) -> dict[str, Tensor]:
        """`bleu_1` to `bleu_4`, `rouge_l` and `cider` of all that was added, each without axes, float64."""
        words, closest = self.words.item(), self.closest.item()
        brevity = 1.0 if words >= closest else math.exp(1 - closest / words) if words else 0.0
        precisions = (self.matched + 1e-15) / (self.proposed + 1e-9)  # the evaluation's way around 0 / 0
        scores = {f"bleu_{n}": brevity * precisions[:n].prod() ** (1 / n) for n in range(1, LONGEST + 1)}
        lines = bytes(self._listed("texts").tolist()).decode().splitlines()
        rows = [(row[0], row[1]) for row in map(json.loads, lines)]
        cider = torch.tensor(cider_d(rows), dtype=torch.float64).mean()
        return {**scores, "rouge_l": self.rouge / self.images, "cider": cider}


def rouge_l(rows: Sequence[tuple[list[str], list[list[str]]]], beta: float = 1.2) -> list[float]:
    """ROUGE-L of each caption against its references; precision and recall are each the largest of any reference."""
    rows = [(caption or [""], [one or [""] for one in own]) for caption, own in rows]  # the evaluation's "".split(" ")
    pairs = [(caption, one) for caption, own in rows for one in own]
    common = iter(common_subsequences([a for a, _ in pairs], [b for _, b in pairs]).tolist())
    scores = []
    for caption, own in rows:
        found = [next(common) for _ in own]
        precision = max(found) / len(caption)
        recall = max(length / len(one) for length, one in zip(found, own, strict=True))
        total = recall + beta**2 * precision
        scores.append((1 + beta**2) * precision * recall / total if total else 0.0)
    return scores
