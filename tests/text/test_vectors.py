from __future__ import annotations

import gzip
import ssl
import struct
from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo.errors import RnnzooError
from rnnzoo.text.vectors import PretrainedVectors, coverage, initialise, read_vectors
from rnnzoo.text.vocabulary import Vocabulary

WORDS = {"the": [0.25, -1.5, 3.0], "Straße": [1e-3, 2.0, -0.125], ". . .": [7.0, 8.0, 9.0]}


def glove(words=WORDS) -> bytes:
    return "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in words.items()).encode()


def word2vec_text(words=WORDS, end="") -> bytes:
    rows = "".join(f"{word} {' '.join(map(str, row))}{end}\n" for word, row in words.items())
    return f"{len(words)} {len(next(iter(words.values())))}\n{rows}".encode()


def word2vec_binary(words, newline=b"\n") -> bytes:
    body = b"".join(word.encode() + b" " + struct.pack(f"<{len(row)}f", *row) + newline for word, row in words.items())
    return f"{len(words)} {len(next(iter(words.values())))}\n".encode() + body


NO_SPACES = {"the": WORDS["the"], "Straße": WORDS["Straße"]}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (glove(), WORDS),
        (glove().rstrip(b"\n"), WORDS),
        (word2vec_text(), WORDS),
        (word2vec_text(end=" "), WORDS),
        (word2vec_text().replace(b"\n", b"\r\n"), WORDS),
        (b"\xef\xbb\xbf" + glove(), WORDS),
        (b"\xef\xbb\xbf" + word2vec_text(), WORDS),
        (word2vec_binary(NO_SPACES), NO_SPACES),
        (word2vec_binary(NO_SPACES, newline=b""), NO_SPACES),
    ],
    ids=[
        "glove",
        "no-last-newline",
        "word2vec-text",
        "fasttext",
        "crlf",
        "marked",
        "marked-header",
        "binary",
        "binary-without-newlines",
    ],
)
def test_every_format_gives_the_words_and_their_numbers(tmp_path, content, words, packed):
    path = tmp_path / ("v.gz" if packed else "v")
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    vectors = read_vectors(path)
    assert vectors.tokens == list(words)
    assert vectors.weight.dtype == torch.float32
    assert torch.equal(vectors.weight, torch.tensor(list(words.values())))
    kept = read_vectors(path, wanted=["THE", "absent"])  # by its lower case
    assert kept.tokens == ["the"]
    assert torch.equal(kept.weight, torch.tensor([WORDS["the"]]))
    assert len(read_vectors(path, wanted=["absent"])) == 0


def test_a_binary_file_longer_than_the_chunks_that_it_is_read_in(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnzoo.text.vector_files._CHUNK", 1)
    monkeypatch.setattr("rnnzoo.text.vector_files._LONGEST_WORD", 13)
    rows = torch.randn(200, 7, generator=torch.Generator().manual_seed(0))
    words = {f"w{i}" * (1 + i % 3): row.tolist() for i, row in enumerate(rows)}
    (tmp_path / "v.bin").write_bytes(word2vec_binary(words))
    vectors = read_vectors(tmp_path / "v.bin")
    assert vectors.tokens == list(words)
    assert torch.equal(vectors.weight, rows)


@pytest.mark.parametrize("first", [b"\n\n\n\n", b"ab\n?", b"\n1 2"])
def test_a_binary_vector_that_begins_like_text(tmp_path, first):
    numbers = struct.unpack("<4f", first + struct.pack("<3f", 1.0, 2.0, 3.0))
    (tmp_path / "v").write_bytes(word2vec_binary({"a": numbers, "b": numbers}))
    assert torch.equal(read_vectors(tmp_path / "v").weight, torch.tensor([numbers, numbers]))


def test_equal_to_what_torchtext_reads(tmp_path, monkeypatch):
    torchtext = pytest.importorskip("torchtext.vocab")
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_default_https_context)  # it is replaced
    rows = torch.randn(50, 20, generator=torch.Generator().manual_seed(1))
    (tmp_path / "v.txt").write_bytes(glove({f"wörd{i}": row.tolist() for i, row in enumerate(rows)}))
    theirs = torchtext.Vectors(str(tmp_path / "v.txt"), cache=str(tmp_path / "cache"))
    ours = read_vectors(tmp_path / "v.txt")
    assert ours.tokens == theirs.itos
    assert torch.equal(ours.weight, theirs.vectors)
    assert PretrainedVectors(theirs.itos, theirs.vectors).find("WÖRD3") == 3


def test_the_first_of_repeated_words_counts_and_the_report_says_so(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"a 1 2\nb 3 4\na 5 6\n")
    vectors = read_vectors(tmp_path / "v.txt")
    assert vectors.tokens == ["a", "b"]
    assert vectors.weight.tolist() == [[1, 2], [3, 4]]
    assert "more than once in the file, of which the first counts: 'a'" in str(coverage({"a": 1}, vectors))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"v:1: the first line is empty"),
        (b"\n", r"v:1: the first line is empty"),
        (b"word\n", r"v:1: 'word' is neither a word and its numbers nor a header"),
        (b"a 1 2\nb 3\n", r"v:2: 'b 3' has 1 numbers, the lines before 2"),
        (b"a 1 2\nb 3 4 5\n", r"v:2: 'b 3 4 5' has 3 numbers, the lines before 2"),
        (b"a 1 2\n\nb 3 4\n", r"v:2: '' has 0 numbers"),
        (b"a 1 2\nb 3 x\n", r"v:2: 'x' in the vector of 'b' is not a finite"),
        (b"a 1 2\nb 3 nan\n", r"v:2: 'nan' in the vector of 'b'"),
        (b"a 1 2\nb 3 1e39\n", r"v:2: '1e39' in the vector of 'b'"),
        (b"a 1 2\nb 3 1_0\n", r"v:2: '1_0' in the vector of 'b'"),
        (b"a 1 2\nb\xfc 3 4\n", r"v:2: the word b'b\\xfc' is not UTF-8"),
        (b"3 2\na 1 2\nb 3 4\n", r"v:3: the header says 3 vectors, there are 2"),
        (b"1 2\na 1 2\nb 3 4\n", r"v:3: the header says 1 vectors, there are 2"),
        (b"2 3\na 1 2\nb 3 4\n", r"v:2: 'a 1 2' has 2 numbers, the lines before 3"),
        (b"2 2\na 1 x\nb 3 4\n", r"v:2: 'x' in the vector of 'a'"),
        (b"0 2\n", r"v:1: the header says 0 vectors"),
        (b"2 99999999\na 1 2\n", r"v:1: the header says 2 vectors of width 99999999"),
        (word2vec_binary(NO_SPACES)[:-3], r"v: vector 2 of 2: the file is cut short"),
        (word2vec_binary(NO_SPACES) + b"more", r"v: there is more behind the 2 vectors"),
        (word2vec_binary({"a": [1.0, float("inf")]}), r"v: vector 1: the vector of 'a' has a number that is not"),
        (word2vec_binary({"a": [1.0]}).replace(b"a", b"\xfc"), r"v: vector 1: the word b'\\xfc' is not UTF-8"),
        (gzip.compress(b"a 1 2\n", mtime=0), "let the name of a gzip file end in .gz"),
        (struct.pack("<i", 793712314) + bytes(20), "give the .vec file beside it"),
        (b"x" * (1 << 21) + b"xxxxx", "v:1: no line ends in the first"),
    ],
    ids=range(24),
)
def test_what_cannot_be_used_is_named(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(RnnzooError, match=message):
        read_vectors(tmp_path / "v")


def test_files_that_are_not_there_or_damaged(tmp_path):
    with pytest.raises(RnnzooError, match="no such file"):
        read_vectors(tmp_path / "v.txt")
    with pytest.raises(RnnzooError, match="is a folder"):
        read_vectors(tmp_path)
    (tmp_path / "v.gz").write_bytes(b"a 1 2\n")
    with pytest.raises(RnnzooError, match="is not gzip"):
        read_vectors(tmp_path / "v.gz")
    (tmp_path / "v.gz").write_bytes(gzip.compress(glove() * 99, mtime=0)[:-20])
    with pytest.raises(RnnzooError, match="cut short"):
        read_vectors(tmp_path / "v.gz")
    (tmp_path / "v").write_bytes(glove())
    with pytest.raises(RnnzooError, match="no words are wanted"):
        read_vectors(tmp_path / "v", wanted=[])


def test_wanted_words_do_not_need_the_others_to_be_utf8(tmp_path):
    (tmp_path / "v").write_bytes(b"\xfc 1 2\na 3 4\n")
    assert read_vectors(tmp_path / "v", wanted=["a"]).weight.tolist() == [[3, 4]]
    (tmp_path / "v").write_bytes(b"\xfc 1\na 3 4\n")
    with pytest.raises(RnnzooError, match="v:1: "):
        read_vectors(tmp_path / "v", wanted=["a"])


def test_coverage_counts_types_and_tokens():
    vectors = PretrainedVectors(["the", "Cat", "sat"], torch.zeros(3, 2))
    counts = Counter(["the", "The", "THE", "Cat", "cat", "dog", "dog", "ox"])
    found = coverage(counts, vectors)
    # by hand: exact the, Cat; lower The, THE; missing cat (only "Cat" has a vector), dog, ox
    assert (found.types, found.tokens) == (7, 8)
    assert (found.exact_types, found.exact_tokens, found.lower_types, found.lower_tokens) == (2, 2, 2, 2)
    assert found.missing == (("dog", 2), ("cat", 1), ("ox", 1))
    assert (found.share_of_types, found.share_of_tokens) == (4 / 7, 0.5)
    with pytest.raises(RnnzooError, match="without words"):
        coverage({}, vectors)


def test_initialise_copies_what_is_there_and_leaves_the_rest():
    vocabulary = Vocabulary(["<unk>", "The", "sat", "Cat"])
    vectors = PretrainedVectors(["the", "The", "cat"], torch.tensor([[1.0, 2], [3, 4], [5, 6]]))
    weight = torch.nn.Parameter(torch.full((4, 2), 9.0))
    assert initialise(weight, vocabulary, vectors).tolist() == [False, True, False, True]
    assert weight.tolist() == [[9, 9], [3, 4], [9, 9], [5, 6]]
    with pytest.raises(RnnzooError, match="are 2 wide, the embedding 3: make it 2"):
        initialise(torch.zeros(4, 3), vocabulary, vectors)
    with pytest.raises(RnnzooError, match="5 rows, the vocabulary 4"):
        initialise(torch.zeros(5, 2), vocabulary, vectors)
    with pytest.raises(RnnzooError, match="none of the 1 tokens"):
        initialise(torch.zeros(1, 2), Vocabulary(["x"]), vectors)
    with pytest.raises(RnnzooError, match="2 words, 1 of them distinct"):
        PretrainedVectors(["a", "a"], torch.zeros(2, 1))


word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \n\r\t"), min_size=1, max_size=8)
number = st.floats(width=32, allow_nan=False, allow_infinity=False)
tables = st.integers(2, 5).flatmap(
    lambda size: st.dictionaries(word, st.lists(number, min_size=size, max_size=size), min_size=1, max_size=6)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(table=tables, encode=st.sampled_from([glove, word2vec_text, word2vec_binary]))
def test_round_trip(tmp_path, table, encode):
    (tmp_path / "v").write_bytes(encode(table))
    vectors = read_vectors(tmp_path / "v")
    assert vectors.tokens == list(table)
    assert torch.equal(vectors.weight, torch.tensor(list(table.values())))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda tail: b"2 2\na " + tail),
        st.tuples(tables, st.integers(0, 400)).map(lambda cut: word2vec_binary(cut[0])[: cut[1]]),
        st.from_regex(rb"\A([a-c0-9] ?[-0-9.e_]* ?[0-9]*\n){0,4}\Z"),
    ),
    name=st.sampled_from(["v", "v.gz"]),
)
def test_any_bytes_are_read_or_refused_by_name(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    try:
        vectors = read_vectors(path)
    except RnnzooError as error:
        assert str(path) in str(error)  # noqa: PT017  either outcome is right, no third
    else:
        assert vectors.weight.isfinite().all()
        assert vectors.weight.shape == (len(vectors.tokens), vectors.size)
