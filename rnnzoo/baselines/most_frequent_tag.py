"""The tag that each word mostly has: what a tagger must beat by reading the context."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rnnzoo.errors import RnnzooError


class MostFrequentTag:
    """Gives each word the tag that it most often has in training; an unseen word the most frequent tag of all.

    Of equally frequent tags the one that is more frequent over all words, then the first in alphabetical order.

    >>> model = MostFrequentTag().fit([["the", "run"], ["they", "run", "run"]], [["D", "N"], ["P", "V", "V"]])
    >>> model.predict([["the", "run", "ends"]])
    [['D', 'V', 'V']]
    """

    name = "most frequent tag"

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}
        self._default: str | None = None

    def fit(self, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> MostFrequentTag:
        """Counts the tags of each word; the model itself.

        Raises:
            RnnzooError: not a tag for each word, or no word at all.
        """
        overall: Counter[str] = Counter()
        by_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
        if len(sentences) != len(tags):
            raise RnnzooError(f"{len(sentences)} sentences and {len(tags)} rows of tags: give one for each")
        for row, (words, own) in enumerate(zip(sentences, tags, strict=True)):
            if len(words) != len(own):
                raise RnnzooError(
                    f"sentence {row} has {len(words)} words and {len(own)} tags: give a tag for each word"
                )
            overall.update(own)
            for word, tag in zip(words, own, strict=True):
                by_word[word][tag] += 1
        if not overall:
            raise RnnzooError("there are no training words to count")

        def best(counts: Counter[str]) -> str:
            return min(counts, key=lambda tag: (-counts[tag], -overall[tag], tag))

        self._tags = {word: best(counts) for word, counts in by_word.items()}
        self._default = best(overall)
        return self

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """A tag for each word.

        Raises:
            RnnzooError: before `fit`.
        """
        if self._default is None:
            raise RnnzooError("fit the most frequent tags before asking for them")
        default = self._default
        return [[self._tags.get(word, default) for word in words] for words in sentences]
