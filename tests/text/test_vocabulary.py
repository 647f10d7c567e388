import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.errors import RnnzooError
from rnnzoo.text import UnknownTokenError, Vocabulary


def test_ids_are_positions_and_unknown_tokens_are_unk():
    vocabulary = Vocabulary(["<unk>", "<eos>", "b", "a"])
    assert vocabulary.ids(["a", "b", "zebra", "<eos>"]) == [3, 2, 0, 1]
    assert (vocabulary.unknown_id, vocabulary.end_id, vocabulary.start_id, len(vocabulary)) == (0, 1, 1, 4)
    assert vocabulary.id("a") == 3
    assert vocabulary.lookup([3, 0]) == ["a", "<unk>"]


def test_closed_vocabulary_names_the_unknown_token():
    vocabulary = Vocabulary(["a", "\n"])
    assert (vocabulary.unknown_id, vocabulary.end_id, vocabulary.start_id) == (None, None, 1)
    with pytest.raises(UnknownTokenError, match="the token 'q' is not in the vocabulary") as raised:
        vocabulary.ids(["a", "q"])
    assert raised.value.token == "q"
    assert Vocabulary(["<unk>", "a"], unknown=None).unknown_id is None


def test_from_counts_orders_by_frequency_then_alphabet_behind_the_specials():
    counts = {"the": 5, "<unk>": 9, "b": 2, "a": 2, "rare": 1}
    assert Vocabulary.from_counts(counts).tokens == ["<unk>", "<eos>", "the", "a", "b", "rare"]
    assert Vocabulary.from_counts(counts, min_frequency=2).tokens == ["<unk>", "<eos>", "the", "a", "b"]
    assert Vocabulary.from_counts(counts, max_size=4).tokens == ["<unk>", "<eos>", "the", "a"]
    assert Vocabulary.from_counts(counts, specials=()).tokens == ["<unk>", "the", "a", "b", "rare"]


def test_errors_name_the_fault():
    with pytest.raises(RnnzooError, match="'a' twice"):
        Vocabulary(["a", "b", "a"])
    with pytest.raises(RnnzooError, match="at least one token"):
        Vocabulary([])
    with pytest.raises(RnnzooError, match="at most 2 tokens has no room beside <unk>, <eos>"):
        Vocabulary.from_counts({"a": 1}, max_size=2)
    with pytest.raises(RnnzooError, match="no token has the id 2: the vocabulary has the ids 0 to 1"):
        Vocabulary(["a", "b"]).lookup([2])
    with pytest.raises(RnnzooError, match="no token has the id -1"):
        Vocabulary(["a", "b"]).lookup([-1])


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 9), min_size=1))
def test_lookup_inverts_ids(counts):
    vocabulary = Vocabulary.from_counts(counts)
    tokens = list(counts)
    assert vocabulary.lookup(vocabulary.ids(tokens)) == tokens
    assert Vocabulary(vocabulary.tokens) == vocabulary
