"""The vocabulary of training texts: what is lower case, and what keeps its case."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.data.examples import Example
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import build_encoding

TOKENS = ["The", "cat", "THE"]


@pytest.mark.parametrize("given", ["The cat THE", TOKENS])
def test_characters_keep_their_case_whether_a_text_or_a_list_is_given(given: str | list[str]) -> None:
    learned = TextVocabulary("word", lowercase=True, characters=True).fit([Example(given, None, "line 1")])
    assert learned.vocabulary.tokens == ["<unk>", "the", "cat"]
    assert learned.characters == ["E", "H", "T", "a", "c", "e", "h", "t"]
    encoding = build_encoding({"kind": "text", **learned.options()})
    text, tokens = encoding.encode("The cat THE"), encoding.encode(TOKENS)
    assert text["tokens"].tolist() == tokens["tokens"].tolist() == [1, 2, 1]
    assert torch.equal(text["characters"], tokens["characters"])
    assert text["characters"].tolist() == [[4, 8, 7], [6, 5, 9], [4, 3, 2]]  # from 2 on, in that order


def test_a_tokenizer_that_has_learned_of_lower_case_texts_reads_lower_case() -> None:
    examples = [Example("The cat and THE CAT", None, "line 1")]
    learned = TextVocabulary({"name": "subword", "size": 300}, lowercase=True, characters=True).fit(examples)
    assert learned.split("CAT") == learned.split("cat")
    assert 0 not in learned.encode("THE CAT")["tokens"]
