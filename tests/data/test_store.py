"""Encoded sequences one behind the other: characters as in their words, in no more memory than they need."""

from __future__ import annotations

import io

import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.store import SequenceStore
from rnnzoo.encodings import TextEncoding

ENCODING = TextEncoding("whitespace", ["<unk>", "a"], characters=["a", "b"])
SENTENCE = st.lists(st.text(alphabet="abc", min_size=1, max_size=6), min_size=1, max_size=5)


@given(sentences=st.lists(SENTENCE, min_size=1, max_size=5), data=st.data())
def test_a_batch_has_the_characters_of_each_word(sentences: list[list[str]], data: st.DataObject) -> None:
    store = SequenceStore([ENCODING.encode(words) for words in sentences])
    rows = data.draw(st.lists(st.integers(-1, len(sentences) - 1), min_size=1, max_size=4))
    batch = store.batch(torch.tensor(rows))
    chosen = [sentences[row] if row >= 0 else [] for row in rows]
    longest = max((len(word) for words in chosen for word in words), default=0)
    steps = max(1, *map(len, chosen)) if len(chosen) > 1 else max(1, len(chosen[0]))
    ids = {"a": 2, "b": 3, "c": 1}
    expected = [
        [[ids[letter] for letter in word] + [0] * (longest - len(word)) for word in words]
        + [[0] * longest] * (steps - len(words))
        for words in chosen
    ]
    assert batch.characters is not None
    assert batch.characters.dtype == torch.int64
    assert batch.characters.shape == (len(rows), steps, longest)
    assert batch.characters.tolist() == expected


def test_a_long_word_makes_no_other_longer() -> None:
    sentences = [["ab"] * 100 for _ in range(100)] + [["a" * 5000]]
    buffer = io.BytesIO()
    torch.save(vars(SequenceStore([ENCODING.encode(words) for words in sentences])), buffer)
    assert buffer.tell() < 1_000_000  # 10,001 words of 5,000 characters would be 200 MB
