from collections import Counter

import pytest
import torchtext.vocab

from rnnzoo.errors import RnnzooError
from rnnzoo.text import Vocabulary
from rnnzoo.text.torchtext import from_torchtext, to_torchtext


def test_a_vocab_of_the_old_kind_keeps_its_ids():
    vocab = torchtext.vocab.Vocab(Counter(["a", "b", "b", "c"]), specials=["<unk>", "<pad>"])
    vocabulary = from_torchtext(vocab)
    words = ["c", "b", "never seen", "<pad>"]
    assert vocabulary.ids(words) == [vocab.stoi[word] for word in words] == [4, 2, 0, 1]


def test_a_vocab_of_the_later_kind_is_known_by_its_methods():
    class LaterVocab:  # what torchtext 0.10 to 0.18 has; its binary cannot be imported beside today's torch
        def get_itos(self):
            return ["a", "<oov>", "b"]

        def get_default_index(self):
            return 1

    vocabulary = from_torchtext(LaterVocab())
    assert vocabulary.ids(["b", "q"]) == [2, 1]
    assert vocabulary.unknown == "<oov>"


def test_to_torchtext_and_back():
    vocabulary = Vocabulary(["<unk>", "<eos>", "x", "y"])
    vocab = to_torchtext(vocabulary)
    assert [vocab.stoi[word] for word in ("y", "nothing", "<eos>")] == [3, 0, 1]
    assert from_torchtext(vocab) == vocabulary
    with pytest.raises(KeyError):
        to_torchtext(Vocabulary(["x"])).stoi["y"]


def test_other_objects_are_refused():
    with pytest.raises(RnnzooError, match="a dict is no torchtext vocabulary"):
        from_torchtext({"a": 1})
