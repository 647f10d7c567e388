import gzip
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError


def test_plain_and_compressed_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\nt\xc3\xa4o\n")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("one\ntäo\n".encode()))
    assert read_text(tmp_path / "a.txt").text == read_text(tmp_path / "a.txt.gz").text == "one\ntäo\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n\n ", "is empty"),
        ("a.txt.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.txt", b"one\ntw\0o", r"is binary, not text: a NUL byte at byte 6 \(line 2\); give a text file"),
        ("a.txt", b"one\rtwo\r", r"its lines end in \\r alone, .*: convert it \(tr '\\r' '\\n'\)$"),
        ("a.txt", b"one\ntwo\nf\xfcr\n", r"is not UTF-8: byte 0xfc at byte 9 \(line 3\) .*iconv"),
        ("a.txt", b"\xef\xbb\xbfone\nf\xfcr\n", r"byte 0xfc at byte 8 \(line 2\)"),
        ("a.txt", "one".encode("utf-16"), "is UTF-16, not UTF-8: convert it"),
        ("a.txt", gzip.compress(b"one", mtime=0), "is gzip-compressed: let its name end in .gz"),
        ("a.txt.gz", b"one", "is not gzip, or damaged"),
        ("a.txt.gz", gzip.compress(b"one two three " * 99, mtime=0)[:-20], "is cut short or damaged"),
        ("a.txt.gz", gzip.compress(b"one", mtime=0)[:-8] + bytes(8), "is not gzip, or damaged"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RnnzooError, match=message) as raised:
        read_text(path)
    assert str(raised.value).startswith(str(path))


def test_what_is_not_a_file_is_named(tmp_path):
    (tmp_path / "train.txt").write_text("x")
    with pytest.raises(RnnzooError, match=r"no such file \(the folder has: train.txt\)"):
        read_text(tmp_path / "trian.txt")
    with pytest.raises(RnnzooError, match=r"the folder .*nowhere does not exist either"):
        read_text(tmp_path / "nowhere" / "a.txt")
    with pytest.raises(RnnzooError, match="is a folder, not a file"):
        read_text(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RnnzooError, match="is no regular file"):
        read_text(tmp_path / "pipe")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    content=st.one_of(st.binary(), st.text().map(str.encode), st.binary().map(gzip.compress)),
    name=st.sampled_from(["a.txt", "a.gz"]),
)
def test_any_bytes_are_read_or_refused_by_name(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    try:
        text = read_text(path).text
    except RnnzooError as error:
        assert str(path) in str(error)  # noqa: PT017  either outcome is right, no third
    else:
        plain = gzip.decompress(content) if name == "a.gz" else content
        assert text == plain.decode("utf-8-sig").replace("\r\n", "\n")
        assert text.strip()
