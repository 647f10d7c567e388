"""The most frequent tag of each word, by hand and on the English Web Treebank."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from rnnzoo.baselines.most_frequent_tag import MostFrequentTag
from rnnzoo.errors import RnnzooError


def test_words_get_their_own_tag_and_unseen_ones_the_commonest() -> None:
    sentences = [["can", "can", "rust"], ["can", "the", "can"], ["the", "run"]]
    tags = [["V", "N", "V"], ["V", "D", "N"], ["D", "V"]]
    model = MostFrequentTag().fit(sentences, tags)
    # can: V and N twice each; V is commoner over all words
    assert model.predict([["the", "can", "rust"], [], ["unseen"]]) == [["D", "V", "V"], [], ["V"]]


def test_equal_counts_are_settled_by_the_alphabet() -> None:
    assert MostFrequentTag().fit([["a", "a"]], [["Y", "X"]]).predict([["a", "b"]]) == [["X", "X"]]


def test_mistakes_of_tags_are_named() -> None:
    with pytest.raises(RnnzooError, match="sentence 1 has 2 words and 1 tags"):
        MostFrequentTag().fit([["a"], ["a", "b"]], [["X"], ["X"]])
    with pytest.raises(RnnzooError, match="2 sentences and 1 rows"):
        MostFrequentTag().fit([["a"], ["b"]], [["X"]])
    with pytest.raises(RnnzooError, match="no training words"):
        MostFrequentTag().fit([[]], [[]])
    with pytest.raises(RnnzooError, match="fit the most frequent"):
        MostFrequentTag().predict([["a"]])


def read_conllu(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    sentences: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        columns = line.split("\t")
        if not line:
            sentences.append([])
            tags.append([])
        elif columns[0].isdecimal():
            sentences[-1].append(columns[1])
            tags[-1].append(columns[3])
    return sentences, tags


def test_english_web_treebank() -> None:
    folder = Path(os.environ.get("RNNZOO_DATA", "")) / "ud_english_ewt"
    parts = sorted(folder.glob("*train.conllu.gz")), sorted(folder.glob("*test.conllu.gz"))
    if not all(parts):
        pytest.skip("the English Web Treebank is not under RNNZOO_DATA")
    (train,), (test,) = parts
    sentences, tags = read_conllu(test)
    found = MostFrequentTag().fit(*read_conllu(train)).predict(sentences)
    right = sum(a == b for x, y in zip(found, tags, strict=True) for a, b in zip(x, y, strict=True))
    assert right / sum(map(len, tags)) == pytest.approx(0.8616, abs=5e-5)
