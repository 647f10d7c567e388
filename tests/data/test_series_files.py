from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo.data.series_files import read_csv, read_npz, read_ts, read_wide
from rnnzoo.errors import RnnzooError

HEADER = """# a comment
@problemName Two
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength false
@classLabel true yes no

@data
"""
TS = HEADER + "1,2.5,-3e-1:4,5,6:yes\n7:8:no\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def data_folder() -> Path:
    root = os.environ.get("RNNZOO_DATA")
    if not root or not (Path(root) / "timeseries").is_dir():
        pytest.skip("the time series are not in RNNZOO_DATA")
    return Path(root) / "timeseries"


@pytest.mark.parametrize("content", [TS, TS.replace("\n", "\r\n"), TS.replace("class", "CLASS")])
def test_ts_by_hand(tmp_path, content):
    path = write(tmp_path / "a.ts", content)
    first, second = read_ts(path)
    assert first.values.dtype == torch.float64
    assert first.values.tolist() == [[1, 4], [2.5, 5], [-0.3, 6]]
    assert second.values.tolist() == [[7, 8]]
    assert (first.label, second.label) == ("yes", "no")
    assert (first.place, second.place) == (f"{path}:11", f"{path}:12")
    assert first.conversion == ""
    packed = read_ts(write(tmp_path / "a.ts.gz", gzip.compress(content.encode(), mtime=0)))
    assert torch.equal(packed[0].values, first.values)


def test_ts_with_values_to_predict_and_without_labels(tmp_path):
    found = read_ts(write(tmp_path / "a.ts", "@targetlabel true\n@univariate true\n@data\n1,2:0.5\n"))
    assert (found[0].values.tolist(), found[0].label, found[0].answer_kind) == ([[1], [2]], "0.5", "value")
    found = read_ts(write(tmp_path / "a.ts", "@targetlabel false\n@classlabel true a\n@data\n# no series\n1:a\n"))
    assert [(one.label, one.answer_kind, one.place[-5:]) for one in found] == [("a", "class", ".ts:5")]
    found = read_ts(write(tmp_path / "a.ts", "@classLabel false\n@data\n1,2:0.5,3\n"))
    assert (found[0].values.tolist(), found[0].label) == ([[1, 0.5], [2, 3]], None)


def test_gaps_are_errors_or_interpolated_and_said(tmp_path):
    path = write(tmp_path / "a.ts", HEADER + "1,?,NaN,4:?,5,6,?:yes\n7:8:no\n")
    with pytest.raises(RnnzooError, match=r"a.ts:11: step 0 has no finite value in dimension 1 \(4 of 8 values"):
        read_ts(path)
    first, second = read_ts(path, missing="interpolate")
    assert first.values.tolist() == [[1, 5], [2, 5], [3, 6], [4, 6]]
    assert (first.conversion, second.conversion) == ("4 missing of 8 values interpolated linearly in time", "")
    with pytest.raises(RnnzooError, match=r"a.ts:11: there is no value at all in dimension 1"):
        read_ts(write(path, HEADER + "1,2:?,?:yes\n"), missing="interpolate")
    with pytest.raises(RnnzooError, match=r"unknown value of missing 'interpolat': did you mean 'interpolate'"):
        read_ts(path, missing="interpolat")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2:yes\n", r"a.ts:1: '1,2:yes' stands before @data"),
        ("@dimension 2\n", r"a.ts: has no line @data"),
        ("@dimensoins 2\n@data\n", r"a.ts:1: unknown tag 'dimensoins': did you mean 'dimensions'"),
        ("@dimensions x\n@data\n", r"a.ts:1: @dimensions needs one whole number"),
        ("@univariate\n@data\n", r"a.ts:1: @univariate needs true or false"),
        ("@timestamps true\n@data\n", r"a.ts:1: series with time stamps are not supported"),
        ("@classLabel true\n@data\n", r"a.ts:1: @classLabel true needs the classes"),
        (HEADER, r"a.ts: has no series below @data"),
        (HEADER + "1,2:yes\n", r"a.ts:11: has 1 dimensions before the label, the header or the first series 2"),
        (HEADER + "1:2:yse\n", r"a.ts:11: unknown class 'yse': did you mean 'yes'"),
        (HEADER + "1:2:\n", r"a.ts:11: unknown class ''"),
        (HEADER + "1,2:2:yes\n", r"a.ts:11: its dimensions have different lengths, from 1 to 2"),
        (HEADER + "1:2:yes\n1:2x:yes\n", r"a.ts:12: '2x' is no number"),
        (HEADER + "1:1_0:yes\n", r"a.ts:11: '1_0' is no number"),
        (HEADER + "1:inf:yes\n", r"a.ts:11: 'inf' is no number"),
        (HEADER + "1:1e999:yes\n", r"a.ts:11: '1e999' is too large"),
        (HEADER + "1:2,:yes\n", r"a.ts:11: its dimensions have different lengths, from 1 to 2"),
        ("@targetlabel true\n@data\n1:2:\n", r"a.ts:3: has no label"),
        ("@targetlabel true\n@data\n1\n", r"a.ts:3: has no dimension before the label"),
        (HEADER + "1,2,3\n", r"a.ts:11: has no dimension before the label, or no label: .* expected, not '1,2,3'"),
        ("@serieslength 3\n@data\n1,2\n", r"a.ts:3: has 2 steps, the header or the first series 3"),
        ("@equallength true\n@data\n1,2\n1,2,3\n", r"a.ts:4: has 3 steps, the header or the first series 2"),
        ("@data\n1,2:3,4\n1,2\n", r"a.ts:3: has 1 dimensions, the header or the first series 2"),
        ("@univariate true\n@data\n1,2:3,4\n", r"a.ts:3: has 2 dimensions, the header or the first series 1"),
        (b"@data\n1,\xfc\n", r"a.ts: is not UTF-8: byte 0xfc at byte 8 \(line 2\)"),
    ],
    ids=range(25),
)
def test_what_is_no_ts_is_named(tmp_path, content, message):
    with pytest.raises(RnnzooError, match=message):
        read_ts(write(tmp_path / "a.ts", content))


@pytest.mark.parametrize(
    ("name", "counts", "classes", "lengths"),
    [("JapaneseVowels", (270, 370), 9, (7, 29)), ("BasicMotions", (40, 40), 4, (100, 100))],
)
def test_the_archive_by_another_way(name, counts, classes, lengths):
    folder = data_folder() / name
    for split, count in zip(("TRAIN", "TEST"), counts, strict=True):
        path = folder / f"{name}_{split}.ts"
        found = read_ts(path)
        assert len(found) == count
        assert len({one.label for one in found}) == classes
        steps = {len(one.values) for one in found}
        assert lengths[0] <= min(steps)
        assert max(steps) <= lengths[1]
        for one in found[:: count // 10]:  # the whole line as one list of numbers, dimension after dimension
            line = path.read_text().splitlines()[int(one.place.rsplit(":")[1]) - 1]
            *numbers, label = line.replace(":", ",").split(",")
            assert one.label == label
            assert one.values.T.flatten().tolist() == list(map(float, numbers))


CSV = "date,a,b\n2020-01-01,1,2.5\n2020-01-02,-3,4e2\n"


def test_csv_by_hand(tmp_path):
    path = write(tmp_path / "a.csv", CSV)
    (one,) = read_csv(path, columns=["b", "a"])
    assert one.values.tolist() == [[2.5, 1], [400, -3]]
    assert (one.label, one.place, one.conversion) == (None, f"{path}:2", "")
    (same,) = read_csv(write(tmp_path / "b.csv", CSV.replace(",", ";").replace("b", '"b"')), ["b", "a"], delimiter=";")
    assert torch.equal(same.values, one.values)


def test_many_series_in_one_csv(tmp_path):
    path = write(tmp_path / "a.csv", "who,x,kind\nu,1,cat\nu,2,cat\nv,3,dog\n\n\n")
    found = read_csv(path, series="who", label="kind")
    assert [(one.values.tolist(), one.label, one.place) for one in found] == [
        ([[1], [2]], "cat", f"{path}:2"),
        ([[3]], "dog", f"{path}:4"),
    ]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (CSV, {}, r"a.csv:2: '2020-01-01' is no number, in the column 'date': choose the columns that have numbers"),
        (CSV, {"columns": ["A"]}, r"a.csv:1: unknown column 'A' \(known: a, b, date\)"),
        (CSV, {"columns": ["a"], "label": "bb"}, r"a.csv:1: unknown column 'bb'"),
        (CSV, {"columns": []}, "no column is chosen: it has date, a, b"),
        ("a,b\n1,2\n1\n", {}, r"a.csv:3: has 1 cells, the header 2"),
        ("a,b\n1,2\n1,2,3\n", {}, r"a.csv:3: has 3 cells, the header 2"),
        ("a,b\n1,2\n\n1,3\n", {}, r"a.csv:3: has 0 cells, the header 2"),
        ("a,b\n", {}, "has a header and no steps"),
        (
            "1,2.5\n3,4\n",
            {},
            r"a.csv:1: '1', '2.5' are numbers, where the columns' names are expected: put a line with",
        ),
        ("s,1,NA\nu,3,4\n", {"series": "s"}, r"a.csv:1: '1', 'NA' are numbers, where"),
        ("a,a\n1,2\n", {}, r"a.csv:1: a name stands twice among the columns a, a"),
        ("a,b\n1,2\n3,\n", {}, r"a.csv:3: step 1 has no finite value in column 'b' \(1 of 4"),
        ('a,b\n1,"2\n', {}, r"a.csv:2: is no CSV: unexpected end of data"),
        ("s,x\nu,1\nv,2\nu,3\n", {"series": "s"}, r"a.csv:4: the series 'u' goes on after another one: .* by s"),
        ("s,x\nu,1\nv,2\n", {"label": "s"}, r"a.csv:3: the label 'v' follows 'u' in the same series"),
        ("s,x\n,1\n", {"label": "s"}, r"a.csv:2: the label '' follows ''"),
    ],
    ids=range(16),
)
def test_what_is_no_csv_of_series_is_named(tmp_path, content, arguments, message):
    with pytest.raises(RnnzooError, match=message):
        read_csv(write(tmp_path / "a.csv", content), **arguments)


def test_columns_that_are_asked_for_may_have_numbers_as_names(tmp_path):
    (one,) = read_csv(write(tmp_path / "a.csv", "0,1\n5,6\n"), columns=["1"])
    assert one.values.tolist() == [[6]]


def test_a_csv_of_a_series_a_row(tmp_path):
    path = write(tmp_path / "a.tsv", "1\t0.5\t-2e0\t3\n2\t4\t5\t6\n")
    found = read_wide(path)
    assert [(one.values.tolist(), one.label, one.place) for one in found] == [
        ([[0.5], [-2], [3]], "1", f"{path}:1"),
        ([[4], [5], [6]], "2", f"{path}:2"),
    ]
    path = write(tmp_path / "a.csv.gz", gzip.compress(b't0,kind,t1\n1,"a, b",NaN\n7,c,8\n', mtime=0))
    found = read_wide(path, "kind", missing="interpolate")
    assert [(one.values.tolist(), one.label, one.place) for one in found] == [
        ([[1], [1]], "a, b", f"{path}:2"),
        ([[7], [8]], "c", f"{path}:3"),
    ]
    assert found[0].conversion == "1 missing of 2 values interpolated linearly in time"


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("1,2,3\n1,2\n", {}, r"a.csv:2: has 2 cells, the first line 3"),
        ("1\n2\n", {}, r"a.csv:1: a label and at least one value are expected, but there is 1 cell"),
        ("1,2,NaN\n", {}, r"a.csv:1: step 1 has no finite value in dimension 0"),
        ("1,2\n ,2\n", {}, r"a.csv:2: has no label"),
        ("1,2,x\n", {}, r"a.csv:1: 'x' is no number, in the cell 2: .* data.label"),
        ("label,t0\n1,2\n", {}, r"a.csv:1: 't0' is no number, in the cell 1: .* data.label"),
        ("label,t0\n1,2\n", {"label": "lable"}, r"a.csv:1: unknown column 'lable': did you mean 'label'"),
        ("label,t0\n", {"label": "label"}, r"a.csv: has a header and no series"),
        ("a,a,b\n1,2,3\n", {"label": "a"}, r"a.csv:1: a name stands twice among the columns"),
    ],
    ids=range(9),
)
def test_what_is_no_csv_of_a_series_a_row_is_named(tmp_path, content, arguments, message):
    with pytest.raises(RnnzooError, match=message):
        read_wide(write(tmp_path / "a.csv", content), **arguments)


def test_csv_gaps_are_interpolated_and_said(tmp_path):
    (one,) = read_csv(write(tmp_path / "a.csv", "x\n1\nNA\n\n4\n".replace("\n\n", '\n""\n')), missing="interpolate")
    assert one.values.tolist() == [[1], [2], [3], [4]]
    assert one.conversion == "2 missing of 4 values interpolated linearly in time"


def test_published_csv_files_read_as_pandas_reads_them():
    pandas = pytest.importorskip("pandas")
    folder = data_folder()
    (hours,) = read_csv(folder / "ETTh1.csv.gz", columns=["OT", "HUFL"])
    assert np.array_equal(hours.values.numpy(), pandas.read_csv(folder / "ETTh1.csv.gz")[["OT", "HUFL"]].to_numpy())
    with pytest.raises(RnnzooError, match=r"co2.csv:8: step 6 has no finite value in column 'co2' \(59 of 2284 values"):
        read_csv(folder / "co2.csv", columns=["co2"])
    (co2,) = read_csv(folder / "co2.csv", columns=["co2"], missing="interpolate")
    expected = pandas.read_csv(folder / "co2.csv")["co2"].interpolate().to_numpy()
    np.testing.assert_allclose(co2.values[:, 0].numpy(), expected, rtol=0, atol=1e-9)


def npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_npz_by_hand(tmp_path):
    values = np.arange(12.0).reshape(2, 3, 2)
    values[1, 2] = np.nan  # behind the end
    path = write(tmp_path / "a.npz", npz(values=values, lengths=np.array([3, 2]), labels=np.array(["x", "y"])))
    first, second = read_npz(path)
    assert first.values.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert second.values.tolist() == [[6, 7], [8, 9]]
    assert [(one.label, one.place) for one in (first, second)] == [("x", f"{path}: row 0"), ("y", f"{path}: row 1")]
    (one,) = read_npz(write(path, npz(values=np.array([[1, 2]], dtype=np.int16), labels=np.array([7]))))
    assert (one.values.tolist(), one.label) == ([[1], [2]], "7")
    gap = npz(values=np.array([[1.0, np.nan, 3.0]]))
    with pytest.raises(RnnzooError, match=r"a.npz: row 0: step 1 has no finite value"):
        read_npz(write(path, gap))
    assert read_npz(path, missing="interpolate")[0].values.tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a.npz: is no .npz file"),
        (npz(values=np.ones((2, 3)))[:-30], r"a.npz: is no .npz file without pickles, or damaged"),
        (npz(values=np.array([object()], dtype=object)), r"a.npz: is no .npz file without pickles"),
        (npz(value=np.ones((2, 3))), r"a.npz: unknown array 'value': did you mean 'values'"),
        (npz(labels=np.ones(3)), r"a.npz: has no array 'values'"),
        (npz(values=np.ones(3)), r"a.npz: values must be numbers \(N, T, D\) or \(N, T\), not \(3,\) of float64"),
        (npz(values=np.ones((0, 3))), r"a.npz: values must be"),
        (npz(values=np.array([["a"]])), r"not \(1, 1\) of <U1"),
        (npz(values=np.ones((2, 3)), lengths=np.ones(3, int)), r"a.npz: lengths must be whole numbers \(2,\)"),
        (npz(values=np.ones((2, 3)), lengths=np.ones(2)), r"of float64"),
        (npz(values=np.ones((2, 3)), lengths=np.array([3, 4])), r"row 1: has the length 4, .* within 1 and 3"),
        (npz(values=np.ones((2, 3)), lengths=np.array([0, 3])), r"row 0: has the length 0"),
        (npz(values=np.ones((2, 3)), labels=np.ones((2, 1))), r"labels must be \(2,\)"),
        (npz(values=np.full((2, 3), np.inf)), r"row 0: step 0 has no finite value in dimension 0"),
    ],
    ids=range(14),
)
def test_what_is_no_npz_of_series_is_named(tmp_path, content, message):
    with pytest.raises(RnnzooError, match=message):
        read_npz(write(tmp_path / "a.npz", content))


def test_a_plain_array_and_nothing_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(RnnzooError, match=r"is no .npz file"):
        read_npz(tmp_path / "a.npy")
    with pytest.raises(RnnzooError, match=r"no such .npz file"):
        read_npz(tmp_path / "b.npz")


number = st.floats(allow_nan=False, allow_infinity=False)
table = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(number, min_size=width, max_size=width), min_size=1, max_size=5)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(tables=st.lists(table, min_size=1, max_size=3), data=st.data())
def test_round_trips(tmp_path, tables, data):
    width = len(tables[0][0])
    tables = [one for one in tables if len(one[0]) == width]
    rows = [":".join(",".join(map(repr, column)) for column in zip(*one, strict=True)) + ":k" for one in tables]
    found = read_ts(write(tmp_path / "a.ts", "@classLabel true k\n@data\n" + "\n".join(rows)))
    assert [one.values.tolist() for one in found] == tables

    lines = [f"{at},{','.join(map(repr, step))}" for at, one in enumerate(tables) for step in one]
    header = ",".join(["id", *map("x{}".format, range(width))])
    found = read_csv(write(tmp_path / "a.csv", "\n".join([header, *lines])), series="id")
    assert [one.values.tolist() for one in found] == tables


WHOLE = npz(values=np.ones((2, 3)), labels=np.array(["a", "b"]))


def edited(changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(WHOLE)
    for at, byte in changes:
        data[at] = byte
    return bytes(data)


text = st.text("@datclsslabel truefsnx:,.\"'\n0123456789e-?", max_size=80).map(str.encode)
changes = st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=3)
like_ts = text.map(b"@classLabel true a b\n@data\n".__add__)
like_csv = text.map(b"a,b\n".__add__)
like_npz = changes.map(edited) | st.integers(0, len(WHOLE)).map(lambda end: WHOLE[:end])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(content=st.one_of(st.binary(max_size=60), text, like_ts, like_csv, like_npz))
def test_any_bytes_are_series_or_refused_by_name(tmp_path, content):
    for name, read in (("a.ts", read_ts), ("a.csv", read_csv), ("b.csv", read_wide), ("a.npz", read_npz)):
        path = write(tmp_path / name, content)
        try:
            found = read(path)
        except RnnzooError as error:
            assert str(error).startswith(str(path))  # noqa: PT017  either outcome is right, no third
        else:
            assert found
            assert all(one.values.isfinite().all() and one.values.dim() == 2 for one in found)
