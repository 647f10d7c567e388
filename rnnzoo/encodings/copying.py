"""The extended vocabulary of a text whose words may be copied."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.text import Vocabulary


def extend(tokens: Sequence[str], vocabulary: Vocabulary) -> tuple[list[int], list[str]]:
    """The ids of a source's tokens in the vocabulary of what is written, and the words that these ids add to it.

    A word that the vocabulary lacks has an id from V on, in the order in which such words first stand in this source
    (See et al. 2017, section 2.2).

    >>> extend(["a", "rose", "and", "a", "thorn", "rose"], Vocabulary(["<unk>", "a", "and"]))
    ([1, 3, 2, 1, 4, 3], ['rose', 'thorn'])
    """
    words = list(dict.fromkeys(token for token in tokens if token not in vocabulary))
    return extended_ids(tokens, vocabulary, words), words


def extended_ids(tokens: Sequence[str], vocabulary: Vocabulary, words: Sequence[str]) -> list[int]:
    """The ids of tokens in a vocabulary that is followed by further words; others as the vocabulary has unknown ones.

    >>> extended_ids(["a", "thorn", "tree"], Vocabulary(["<unk>", "a"]), ["rose", "thorn"])
    [1, 3, 0]
    """
    added = {word: at for at, word in enumerate(words, len(vocabulary))}
    return [added[token] if token in added else vocabulary.id(token) for token in tokens]


def written_words(ids: Sequence[int], vocabulary: Vocabulary, words: Sequence[str]) -> list[str]:
    """The tokens of ids in a vocabulary that is followed by further words.

    >>> written_words([1, 3], Vocabulary(["<unk>", "a"]), ["rose", "thorn"])
    ['a', 'thorn']
    """
    size = len(vocabulary)
    return [words[at - size] if at >= size else vocabulary.lookup([at])[0] for at in ids]
