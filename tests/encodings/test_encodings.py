"""Encodings: text and series to numbers and back to plain data, and what they refuse."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.encodings import SeriesEncoding, TextEncoding, build_encoding, known_characters
from rnnzoo.errors import RnnzooError

WORDS = ["<unk>", "a", "rose", "is", "Rose"]
TOKENS = st.lists(st.text(alphabet="aRrosei s", min_size=1), min_size=1, max_size=6)


@given(tokens=TOKENS, lowercase=st.booleans())
def test_tokens_and_characters_by_look_up(tokens: list[str], lowercase: bool) -> None:
    characters = ["a", "o", "r"]
    encoding = TextEncoding("whitespace", WORDS, characters, lowercase)
    found = encoding.encode(tokens)
    words = [token.lower() if lowercase else token for token in tokens]
    assert found["tokens"].tolist() == [WORDS.index(word) if word in WORDS else 0 for word in words]
    longest = max(map(len, tokens))
    expected = [
        [characters.index(c) + 2 if c in characters else 1 for c in t] + [0] * (longest - len(t)) for t in tokens
    ]
    assert found["characters"].tolist() == expected  # of the token as it is written


def test_a_text_is_split_and_a_list_is_not() -> None:
    encoding = TextEncoding("word", WORDS)
    assert encoding.encode("a rose, a Rose")["tokens"].tolist() == [1, 2, 0, 1, 4]
    assert encoding.encode(["a rose", "is"])["tokens"].tolist() == [0, 3]


@given(rows=st.lists(TOKENS, min_size=1, max_size=5))
def test_a_batch_is_each_input_padded(rows: list[list[str]]) -> None:
    encoding = TextEncoding("whitespace", WORDS, ["a", "s"])
    batch = encoding.batch(rows)
    assert batch.tokens is not None
    assert batch.characters is not None
    assert batch.lengths.tolist() == [len(row) for row in rows]
    assert batch.tokens.shape == (len(rows), max(map(len, rows)))
    for at, row in enumerate(rows):
        alone = encoding.encode(row)
        width = alone["characters"].shape[1]
        assert torch.equal(batch.tokens[at, : len(row)], alone["tokens"])
        assert torch.equal(batch.characters[at, : len(row), :width], alone["characters"])
        assert not batch.characters[at, : len(row), width:].any()
    assert not batch.tokens[~batch.mask].any()


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        (TextEncoding("word", WORDS, ["a", "é"], lowercase=True), "A rose is é"),
        (TextEncoding({"name": "character"}, ["<unk>", "a", " "]), "a b"),
        (SeriesEncoding([1.0, -2.0], [3.0, 0.5]), [[0.1, 0.2], [0.3, 0.4]]),
    ],
)
def test_plain_data_gives_the_encoding_again(encoding: Any, raw: Any) -> None:
    config = json.loads(json.dumps(encoding.config()))
    again = build_encoding(config)
    assert type(again) is type(encoding)
    assert again.config() == encoding.config()
    for name, value in encoding.encode(raw).items():
        assert torch.equal(again.encode(raw)[name], value)


def test_series_are_standardised_by_the_training_data_alone() -> None:
    train = [[[1.0, 5.0], [2.0, 5.0]], [[6.0, 5.0]]]
    encoding = SeriesEncoding.fit(train)
    mean, deviation = 3.0, math.sqrt((4 + 1 + 9) / 3)
    found = encoding.encode([[7.0, 6.0]])["values"]
    assert found.tolist() == [pytest.approx([(7 - mean) / deviation, 1.0])]  # what never changes keeps its scale
    values = torch.cat([encoding.encode(one)["values"] for one in train])[:, 0]
    assert values.mean().item() == pytest.approx(0, abs=1e-6)
    assert values.std(unbiased=False).item() == pytest.approx(1)


def test_one_axis_is_one_feature() -> None:
    assert SeriesEncoding([0.0], [2.0]).encode([1, 3])["values"].tolist() == [[0.5], [1.5]]


@pytest.mark.parametrize(
    ("encoding", "raw", "message"),
    [
        (TextEncoding("word", WORDS), "  ", "there is no token in '  '"),
        (TextEncoding("word", WORDS), [], "there is no token in []"),
        (
            TextEncoding("word", WORDS),
            "a \ud800",
            r"'\ud800' in 'a \ud800' is half of a character (a lone surrogate): leave",
        ),
        (TextEncoding("word", WORDS), 3, "a text or a list of tokens is expected, not 3"),
        (TextEncoding("word", WORDS), ["a", 3], "a text or a list of tokens is expected"),
        (SeriesEncoding([0.0], [1.0]), [[1.0, 2.0]], "a series of 2 features, but the model reads 1"),
        (SeriesEncoding([0.0], [1.0]), [1.0, math.nan], "the value at step 1, feature 0 is nan: fill gaps before"),
        (SeriesEncoding([0.0], [1.0]), [math.inf], "the value at step 0, feature 0 is inf"),
        (SeriesEncoding([0.0], [1.0]), [], "an array (T, D) with at least one step is expected"),
        (SeriesEncoding([0.0], [1.0]), [[[1.0]]], "an array (T, D) with at least one step is expected"),
        (SeriesEncoding([0.0], [1.0]), "12", "an array of numbers (T, D) is expected"),
        (SeriesEncoding([0.0], [1.0]), [[1.0], [1.0, 2.0]], "an array of numbers (T, D) is expected"),
    ],
)
def test_what_is_refused(encoding: Any, raw: Any, message: str) -> None:
    with pytest.raises(RnnzooError, match=re.escape(message)):
        encoding.encode(raw)


def test_the_position_of_a_bad_input_is_named() -> None:
    with pytest.raises(RnnzooError, match="input 1: there is no token"):
        TextEncoding("word", WORDS).batch(["a", ""])
    with pytest.raises(RnnzooError, match="there is no input: give a list of at least one"):
        TextEncoding("word", WORDS).batch([])
    with pytest.raises(RnnzooError, match="give a list of inputs"):
        TextEncoding("word", WORDS).batch("a")


def test_an_unknown_kind() -> None:
    with pytest.raises(RnnzooError, match=r"unknown .*'txt': did you mean 'text'"):
        build_encoding({"kind": "txt"})


def test_known_characters_are_in_the_order_of_their_code_points() -> None:
    assert known_characters(["ba", "éa"]) == ["a", "b", "é"]


def test_a_list_has_no_empty_token() -> None:
    encoding = TextEncoding("whitespace", WORDS, ["a"])
    with pytest.raises(RnnzooError, match=r"^input 1: token 1 of \['a', ''\] is empty: leave it out$"):
        encoding.batch([["a"], ["a", ""]])
