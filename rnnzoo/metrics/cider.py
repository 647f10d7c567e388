"""CIDEr-D: how far a caption's n-grams are those of its references, the rare ones counting most."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

LONGEST = 4  # words of the longest n-grams of BLEU and CIDEr


def ngrams(words: Sequence[str], longest: int = LONGEST) -> Counter[tuple[str, ...]]:
    """How often each n-gram occurs, n = 1..`longest`."""
    return Counter(tuple(words[i : i + n]) for n in range(1, longest + 1) for i in range(len(words) - n + 1))


def cider_d(rows: Sequence[tuple[list[str], list[list[str]]]], sigma: float = 6.0) -> list[float]:
    """CIDEr-D of each caption against its references, the document frequencies being those of all references."""
    counted = [(ngrams(caption), [ngrams(one) for one in own]) for caption, own in rows]
    documents = Counter(gram for _, own in counted for gram in set().union(*own))
    images = math.log(len(rows)) if rows else 0.0
    scores = []
    for caption, own in counted:
        found = _weights(caption, documents, images)
        against = [_similarity(found, _weights(one, documents, images), sigma) for one in own]
        scores.append(10 * sum(against) / len(against))
    return scores


_Vector = tuple[list[dict[tuple[str, ...], float]], list[float], int]


def _weights(counts: Mapping[tuple[str, ...], int], documents: Mapping[tuple[str, ...], int], images: float) -> _Vector:
    """The tf-idf vector of each n, its norm, and the length in bigrams, which is what the evaluation compares."""
    vectors: list[dict[tuple[str, ...], float]] = [{} for _ in range(LONGEST)]
    for gram, count in counts.items():
        vectors[len(gram) - 1][gram] = count * (images - math.log(max(documents.get(gram, 0), 1)))
    norms = [math.sqrt(sum(weight**2 for weight in vector.values())) for vector in vectors]
    return vectors, norms, sum(count for gram, count in counts.items() if len(gram) == 2)


def _similarity(caption: _Vector, reference: _Vector, sigma: float) -> float:
    total = 0.0
    for found, wanted, norm, norm_wanted in zip(caption[0], reference[0], caption[1], reference[1], strict=True):
        if norm and norm_wanted:
            clipped = sum(min(weight, wanted[gram]) * wanted[gram] for gram, weight in found.items() if gram in wanted)
            total += clipped / (norm * norm_wanted)
    return total / LONGEST * math.exp(-((caption[2] - reference[2]) ** 2) / (2 * sigma**2))
