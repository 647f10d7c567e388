import os
import platform
import subprocess
import sys

import pytest

from rnnzoo.data import LanguageModelDataModule
from rnnzoo.data.corpora import corpus_splits
from rnnzoo.data.pydoc_corpus import passages
from rnnzoo.data.roots import data_root
from rnnzoo.errors import RnnzooError
from rnnzoo.text import build_tokenizer

ROOT = os.environ.get("RNNZOO_DATA")
needs_data = pytest.mark.skipif(not ROOT, reason="RNNZOO_DATA names no folder of published data sets")


def lines(texts):
    return [line for text in texts for line in text.text.splitlines()]


def windows(texts, size):
    tokens = [build_tokenizer("word").split(line) for line in lines(texts)]
    return [tuple(line[i : i + size]) for line in tokens for i in range(len(line) - size + 1)]


def test_no_pydoc_passage_is_held_out_and_trained_on():
    splits = corpus_splits("pydoc")
    parts = [splits.train, splits.validation, splits.test]
    letters = [{"".join(c for c in line.lower() if c.isalnum() or c == "_") for line in lines(part)} for part in parts]
    for one in range(3):
        for other in range(one):
            # what has no letters at all can stand once
            assert not (letters[one] & letters[other]) - {""}
    topics = [{text.source for text in part} for part in parts]
    assert sum(map(len, topics)) == len(set.union(*topics))
    total = [line for part in parts for line in lines(part)]
    assert len(total) == len(set(total))


def test_hardly_any_long_run_of_pydoc_words_is_shared():
    splits = corpus_splits("pydoc")
    trained = set(windows(splits.train, 12))
    for part in (splits.validation, splits.test):
        held_out = windows(part, 12)
        assert sum(window in trained for window in held_out) < 0.02 * len(held_out)


def test_pydoc_splits_are_a_tenth_each_and_say_the_version():
    splits = corpus_splits("pydoc")
    sizes = [sum(len(text.text) for text in part) for part in (splits.train, splits.validation, splits.test)]
    assert 0.78 < sizes[0] / sum(sizes) < 0.84
    assert min(sizes[1:]) > 0.08 * sum(sizes)
    assert splits.description == f"pydoc topics of Python {platform.python_version()}"


def test_pydoc_splits_do_not_depend_on_the_process():
    program = "from rnnzoo.data.pydoc_corpus import *; print([t.source for t in pydoc_splits().test])"
    environment = {**os.environ, "PYTHONHASHSEED": "17"}
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert other.stdout.strip() == str([text.source for text in corpus_splits("pydoc").test])


def test_passages_are_lines_of_prose():
    text = "A title\n*******\n\n* one\n  item:\n\n     code  here\n\n+--+\n| a |\n\n...\n\n======\n"
    assert passages(text) == ["A title", "* one item:", "code here"]


def test_data_root_prefers_the_argument_then_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("RNNZOO_DATA", "/variable")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(data_root("/argument")) == "/argument"
    assert str(data_root()) == "/variable"
    monkeypatch.delenv("RNNZOO_DATA")
    assert data_root() == tmp_path / "rnnzoo"


@pytest.mark.parametrize(("name", "published"), [("wikitext-2", "huggingface.co"), ("tinyshakespeare", "karpathy")])
def test_an_absent_corpus_says_where_it_is_published(tmp_path, name, published):
    with pytest.raises(RnnzooError, match=f"{name} is not at {tmp_path}/{name}: get it from https://.*{published}"):
        corpus_splits(name, str(tmp_path))
    (tmp_path / name).mkdir()
    with pytest.raises(RnnzooError, match=f"{tmp_path}/{name}"):
        corpus_splits(name, str(tmp_path))


def test_an_unknown_corpus_names_the_nearest():
    with pytest.raises(RnnzooError, match="unknown corpus 'wikitext2': did you mean 'wikitext-2'"):
        corpus_splits("wikitext2")


@needs_data
def test_wikitext_2_has_the_published_counts():
    data = LanguageModelDataModule(corpus="wikitext-2", tokenizer="whitespace")
    assert len(data.vocabulary) == 33_278
    assert (len(data.train_ids()), len(data.validation_ids()), len(data.test_ids())) == (2_088_628, 217_646, 245_569)
    counted = sum(batch.num_tokens for batch in data.test_dataloader())
    assert counted == 245_569
    assert data.train_ids().bincount().argmax() < 12  # ids are in order of frequency


@needs_data
def test_tiny_shakespeare_has_the_published_counts():
    data = LanguageModelDataModule(corpus="tinyshakespeare", tokenizer="character", unknown=False)
    streams = [data.train_ids(), data.validation_ids(), data.test_ids()]
    assert sum(map(len, streams)) == 1_115_394
    assert len(data.vocabulary) == 65
    assert [round(len(stream) / 1_115_394, 2) for stream in streams] == [0.9, 0.05, 0.05]
    assert "".join(data.vocabulary[i] for i in streams[0][:14]) == "First Citizen:"
