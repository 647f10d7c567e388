"""Rows of TSV, CSV and JSON lines: against the standard library's writers, and mistakes with their place."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.table_files import FORMATS, read_table
from rnnzoo.errors import RnnzooError

CELL = st.text(
    alphabet=st.one_of(st.sampled_from('ab ,;"\n\t|'), st.characters(codec="utf-8", exclude_characters="\r\0\ufeff"))
)
WORD = st.text(alphabet="abc é|", min_size=1).filter(str.strip)


def _read(
    path: Path, text: str | bytes, columns: list[str | int], header: bool = True
) -> list[tuple[list[object], str]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_table(path, columns, header))


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1))
def test_csv_is_read_as_the_standard_library_wrote_it(rows: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("left", "right"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        found = _read(path, text.getvalue(), ["right", "left"])
        lines = text.getvalue().split("\n")
    assert [tuple(reversed(row)) for row, _ in found] == rows
    for (row, place), (left, _) in zip(found, rows, strict=True):
        line = int(place.rpartition(":")[2])
        assert lines[line - 1].startswith('"' + left.replace('"', '""').split("\n")[0]), row


@given(rows=st.lists(st.tuples(WORD, WORD), min_size=1))
def test_json_lines_and_tsv(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        jsonl = "".join(json.dumps({"b": b, "c": None, "a": a}) + "\n" for a, b in rows)
        found = _read(Path(folder) / "x.jsonl", jsonl, ["a", "b"])
        assert found == [([a, b], f"{folder}/x.jsonl:{at}") for at, (a, b) in enumerate(rows, 1)]
        tsv = "b\tc\ta\n\n" + "".join(f"{b}\t\t{a}\n" for a, b in rows)
        by_name = _read(Path(folder) / "x.tsv", tsv, ["a", "b"])
        assert by_name == [([a, b], f"{folder}/x.tsv:{at}") for at, (a, b) in enumerate(rows, 3)]
        by_place = _read(Path(folder) / "y.tsv", tsv.partition("\n")[2], [2, 0], header=False)
        assert [row for row, _ in by_place] == [row for row, _ in by_name]


@pytest.mark.parametrize("ending", FORMATS)
@given(content=st.one_of(st.binary(max_size=60), st.text(alphabet='ab,"{}[]:1\t\n', max_size=60).map(str.encode)))
def test_any_file_gives_rows_or_an_error_with_its_place(ending: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for header in (True, False):
            path = Path(folder) / f"x{ending}"
            try:
                for row, place in _read(path, content, ["a"] if header or ending == ".jsonl" else [0], header):
                    assert len(row) == 1
                    assert re.fullmatch(re.escape(str(path)) + r":[1-9]\d*", place)
            except RnnzooError as error:
                said = str(error)
            else:
                said = str(path)
            assert said.startswith(str(path))


@pytest.mark.parametrize(
    ("name", "text", "columns", "message"),
    [
        ("x.csv", "text,label\na,b\nc\n", ["text"], ":3: 1 columns, where 2 are expected"),
        ("x.csv", 'text,label\n"a\nb",1\nc,d,e\n', ["text"], ":4: 3 columns, where 2 are expected"),
        ("x.csv", 'text,label\n"a"b,1\n', ["text"], ":2: not CSV"),
        ("x.csv", 'text,label\n"a,1\n', ["text"], ":2: not CSV"),
        ("x.csv", "text,label\na,b\n", ["txt"], ":1: unknown column 'txt': did you mean 'text'"),
        ("x.csv", "text,text\na,b\n", ["text"], ":1: two columns are named 'text'"),
        ("x.tsv", "text\tlabel\na\n", ["text"], ":2: 1 columns, where 2 are expected"),
        ("x.txt", "text\tlabel\na\n", ["text"], ":2: 1 columns, where 2 are expected"),
        ("x.json", '[\n{"text": 1}\n]\n', ["text"], ":1: not JSON: Expecting value"),
        ("x.tsv", "a\tb\n", [2], ": there is no column 2: the first is 0, and there are 2"),
        ("x.tsv", "a\tb\n", [-1], ": there is no column -1"),
        ("x.jsonl", '{"text": 1}\n{"text"\n', ["text"], ":2: not JSON"),
        ("x.jsonl", "[1]\n", ["text"], ":1: an object is expected"),
        ("x.jsonl", '{"txt": 1}\n', ["text"], ":1: unknown key 'text': did you mean 'txt'"),
        ("x.jsonl", "[" * 100_000 + "\n", ["text"], ":1: not JSON"),
        ("x.jsonl", '{"text": 1, "a": {"b": 1, "b": 2}}\n', ["text"], ":1: not JSON: the key 'b' stands twice"),
        ("x.jsonl", '{"text": NaN}\n', ["text"], ":1: not JSON: NaN is no number of JSON"),
        ("x.jsonl", '{"text": ' + "1" * 5000 + "}\n", ["text"], ":1: not JSON: Exceeds the limit"),
        ("x.dat", "{}", ["text"], ": of no known format"),
        ("x.csv", b"text,label\n\xe9,b\n", ["text"], ": is not UTF-8: byte 0xe9 at byte 11 (line 2)"),
        ("x.csv", b"\n\n", ["text"], ": is empty"),
    ],
)
def test_mistakes(tmp_path: Path, name: str, text: str | bytes, columns: list[str | int], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        _read(tmp_path / name, text, columns)
    assert str(caught.value).startswith(f"{tmp_path / name}{message}")


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    text = "word " * 50_000
    ((row, _),) = _read(tmp_path / "x.csv", f'text,label\n"{text}",b\n', ["text"])
    assert row == [text]


def test_a_name_without_a_header(tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match="the column 'text' is a name, but the file has no header"):
        _read(tmp_path / "x.tsv", "a\tb\n", ["text"], header=False)


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv.gz"
    assert _read(path, gzip.compress(b"text\tlabel\na\tb\n", mtime=0), ["label"]) == [(["b"], f"{path}:2")]
