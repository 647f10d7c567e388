"""Labelled series: formats, splits, what is fitted on, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rnnzoo.data import LabelledSeriesDataModule
from rnnzoo.errors import RnnzooError

HEADER = "@problemName toy\n@timeStamps false\n@missing false\n@univariate false\n@classLabel true a b\n@data\n"


def _line(number: int) -> str:
    label = "ab"[number % 2]
    return f"{number},{number + 1}:{-number},{number * number}:{label}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "timeseries" / "Toy"
    folder.mkdir(parents=True)
    (folder / "Toy_TRAIN.ts").write_text(HEADER + "".join(map(_line, range(20))))
    (folder / "Toy_TEST.ts").write_text(HEADER + "".join(map(_line, range(20, 27))))
    return tmp_path


def test_the_test_file_is_the_test_and_the_training_file_is_shared_out(root: Path) -> None:
    data = LabelledSeriesDataModule("Toy", root=str(root), validation_fraction=0.3)
    parts = {split: data.examples(split) for split in ("train", "validation", "test")}
    numbers = {split: [int(example.inputs[0, 0]) for example in part] for split, part in parts.items()}
    assert [len(part) for part in numbers.values()] == [14, 6, 7]
    assert sorted(numbers["train"] + numbers["validation"]) == list(range(20))
    assert numbers["test"] == list(range(20, 27))
    for example in parts["train"]:
        number = int(example.inputs[0, 0])
        assert example.inputs.tolist() == [[number, -number], [number + 1, number * number]]
        assert example.target == "ab"[number % 2]
        assert example.place.endswith(f"Toy_TRAIN.ts:{7 + number}")
    steps = torch.cat([example.inputs for example in parts["train"]])
    assert data.encoding["mean"] == pytest.approx(steps.mean(0).tolist())
    assert data.encoding["scale"] == pytest.approx(steps.std(0, unbiased=False).tolist())
    assert data.answer == {"kind": "class", "labels": ["a", "b"]}


def test_the_formats_say_the_same(tmp_path: Path) -> None:
    values = np.arange(60.0).reshape(10, 3, 2) ** 1.5
    labels = ["x" if n % 3 else "y" for n in range(10)]
    np.savez(tmp_path / "s.npz", values=values, labels=np.array(labels))
    rows = [f"{n},{values[n, t, 0]!r},{values[n, t, 1]!r},{labels[n]}" for n in range(10) for t in range(3)]
    (tmp_path / "s.csv").write_text(
        "id,u,v,class\n" + "\n".join(rows).replace("np.float64(", "").replace(")", "") + "\n"
    )
    lines = [
        ":".join(",".join(f"{value!r}" for value in values[n, :, d].tolist()) for d in range(2)) + f":{labels[n]}"
        for n in range(10)
    ]
    (tmp_path / "s.ts").write_text(HEADER.replace("a b", "x y") + "\n".join(lines) + "\n")
    found = []
    for name, options in (("s.npz", {}), ("s.csv", {"series": "id", "label": "class"}), ("s.ts", {})):
        data = LabelledSeriesDataModule(
            train_files=[str(tmp_path / name)],
            fractions=[0.6, 0.2, 0.2],
            batch_size=10,
            **options,  # type: ignore[arg-type]
        )
        found.append([next(iter(loader)) for loader in (data.val_dataloader(), data.test_dataloader())])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            torch.testing.assert_close(one.inputs.values, same.inputs.values)
            assert torch.equal(one.targets, same.targets)


def test_aeon_is_where_it_looks_next(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "packages" / "aeon"
    (package / "datasets" / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('must not be imported')\n")
    (root / "timeseries" / "Toy").rename(package / "datasets" / "data" / "Toy")
    monkeypatch.syspath_prepend(str(package.parent))
    data = LabelledSeriesDataModule("Toy", root=str(root))
    assert len(data.examples("test")) == 7
    with pytest.raises(
        RnnzooError, match=r"Nothing_TRAIN.ts is in none of .*timeseries.Nothing, .*aeon.*: get it from"
    ):
        _ = LabelledSeriesDataModule("Nothing", root=str(root)).labels


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1,2:3,4:a\n1,2:b\n", r"bad.ts:8: has 1 dimensions before the label, the header or the first series 2"),
        ("1,2:3:a\n", r"bad.ts:7: its dimensions have different lengths"),
        ("1,2:3,?:a\n", r"bad.ts:7: step 1 has no finite value in dimension 1 .*'interpolate'"),
        ("1,2:3,4:c\n", r"bad.ts:7: unknown class 'c'"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "bad.ts"
    path.write_text(HEADER + lines)
    with pytest.raises(RnnzooError, match=message):
        LabelledSeriesDataModule(train_files=[str(path)], fractions=[0.5, 0.25, 0.25]).examples("train")


def test_a_test_file_of_another_width_or_with_a_new_label(root: Path, tmp_path: Path) -> None:
    train, wide, new = (tmp_path / name for name in ("train.csv", "wide.csv", "new.csv"))
    train.write_text("id,u,l\n1,1,a\n1,2,a\n2,5,b\n")
    wide.write_text("id,u,v,l\n1,1,1,a\n")
    new.write_text("id,u,l\n1,1,a\n2,1,c\n")
    options = {"series": "id", "label": "l"}

    def made(path: Path) -> LabelledSeriesDataModule:
        files = {"train_files": [str(train)], "validation_files": [str(path)]}
        return LabelledSeriesDataModule(**files, **options)  # type: ignore[arg-type]

    with pytest.raises(RnnzooError, match=r"wide.csv:1: has the columns u, v, where .*train.csv has u: name those to"):
        list(made(wide).val_dataloader())
    rows = tmp_path / "rows.npz"
    np.savez(rows, values=np.ones((2, 3, 2)), labels=np.array(["a", "b"]))
    narrow = tmp_path / "narrow.ts"
    narrow.write_text(HEADER + "1:a\n2:b\n")
    data = LabelledSeriesDataModule(train_files=[str(narrow)], validation_files=[str(rows)])
    with pytest.raises(RnnzooError, match=r"rows.npz: row 0: a series of 2 features, but the model reads 1"):
        list(data.val_dataloader())
    with pytest.raises(RnnzooError, match=r"new.csv:3: the label 'c' does not occur in the training data"):
        list(made(new).val_dataloader())
    with pytest.raises(RnnzooError, match=r"train.csv:2: has no label; in a CSV file data.label names its column"):
        LabelledSeriesDataModule(train_files=[str(train)], columns=["u"], fractions=[0.4, 0.3, 0.3]).examples("train")


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    train, other = tmp_path / "train.csv", tmp_path / "other.csv"
    train.write_text("id,x,y,l\n1,1,10,a\n2,2,20,b\n")
    other.write_text("y,l,x,id\n30,a,3,1\n")
    options = {"series": "id", "label": "l"}
    data = LabelledSeriesDataModule(train_files=[str(train)], validation_files=[str(other)], **options)  # type: ignore[arg-type]
    assert data.examples("validation")[0].inputs.tolist() == [[3, 30]]
    other.write_text("z,l,x,id\n30,a,3,1\n")
    data = LabelledSeriesDataModule(train_files=[str(train)], validation_files=[str(other)], **options)  # type: ignore[arg-type]
    with pytest.raises(RnnzooError, match=r"other.csv:1: has the columns z, x, where .*train.csv has x, y: name those"):
        data.examples("validation")


def test_numbers_to_be_predicted(tmp_path: Path) -> None:
    path = tmp_path / "v.ts"
    path.write_text("@targetLabel true\n@data\n1,2:0.5\n3,4:-1e2\n5,6:7\n7,8:9\n")
    data = LabelledSeriesDataModule(train_files=[str(path)], fractions=[0.5, 0.25, 0.25], answer_kind="value")
    assert data.answer == {"kind": "value", "size": 1}
    said = {0: 0.5, 2: -100.0, 4: 7.0, 6: 9.0}
    for split, count in (("train", 2), ("validation", 1), ("test", 1)):
        numbers = [said[int(example.inputs[0, 0]) - 1] for example in data.examples(split)]
        assert data.targets(split).tolist() == [[number] for number in numbers]
        assert len(numbers) == count
    for other, text in (("class", path.read_text()), ("value", HEADER + _line(1))):
        path.write_text(text)
        data = LabelledSeriesDataModule(train_files=[str(path)], validation_files=["v"], answer_kind=other)  # type: ignore[arg-type]
        kind = "value" if other == "class" else "class"
        with pytest.raises(RnnzooError, match=rf"v.ts:\d: its labels are .*: give data\.answer_kind {kind}"):
            data.examples("train")
    (tmp_path / "r.csv").write_text("label,t0,t1\n1.5,1,2\nx,3,4\n")
    wide = LabelledSeriesDataModule(
        train_files=[str(tmp_path / "r.csv")], validation_files=["v"], answer_kind="value", layout="rows", label="label"
    )
    with pytest.raises(RnnzooError, match=r"r.csv:3: 'x' is no number"):
        wide.examples("train")


def test_a_series_a_line_as_the_ucr_archive_has_them(tmp_path: Path) -> None:
    for name, text in (("a.tsv", "2\t1.5\t3\n1\t2\t4\n"), ("b.csv", "2,5,6\n")):
        (tmp_path / name).write_text(text)
    data = LabelledSeriesDataModule(
        train_files=[str(tmp_path / "a.tsv")], validation_files=[str(tmp_path / "b.csv")], layout="rows"
    )
    assert data.labels == ["1", "2"]
    assert [example.inputs.tolist() for example in data.examples("train")] == [[[1.5], [3]], [[2], [4]]]
    assert data.targets("validation").tolist() == [1]


def test_filled_gaps_are_told(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text(
        "id,u,l\n" + "".join(f"{n},{n},{'ab'[n % 2]}\n{n},NA,{'ab'[n % 2]}\n{n},4,{'ab'[n % 2]}\n" for n in range(8))
    )
    options = {"series": "id", "label": "l", "fractions": [0.5, 0.25, 0.25]}
    with pytest.raises(RnnzooError, match=r"gaps.csv:3: step 1 has no finite value in column 'u'"):
        LabelledSeriesDataModule(train_files=[str(path)], **options).examples("train")  # type: ignore[arg-type]
    data = LabelledSeriesDataModule(train_files=[str(path)], missing="interpolate", **options)  # type: ignore[arg-type]
    for example in data.examples("train"):
        assert example.inputs[1, 0] == (example.inputs[0, 0] + 4) / 2
    assert data.description == "gaps.csv (8 series: 1 missing of 3 values interpolated linearly in time)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give exactly one of data.dataset and data.train_files"),
        ({"dataset": "Toy", "train_files": ["a.ts"]}, "give exactly one"),
        ({"dataset": "Toy", "test_files": ["a.ts"]}, "data.dataset has its own training and test files"),
        ({"dataset": "Toy", "validation_fraction": 1.0}, "data.validation_fraction: 1.0 must be above 0 and below 1"),
        ({"train_files": ["a.ts"]}, "needs either data.validation_files"),
        ({"train_files": ["a.txt"], "fractions": [0.5, 0.2, 0.3]}, "a.txt: its name must end in .ts, .csv"),
        ({"dataset": "Toy", "label": "x"}, "data.columns and data.ignore are of CSV files"),
        ({"train_files": ["a.ts"], "root": "."}, "data.root is where published sets lie, but data.train_files"),
        ({"train_files": ["a.ts"], "validation_files": ["b"], "label": "x"}, "a.ts: data.series, data.label, data"),
        ({"train_files": ["a.tsv"], "validation_files": ["b"], "series": "x"}, "a.tsv: has a series a line: unset"),
        ({"dataset": "Toy", "answer_kind": "labels"}, "unknown data.answer_kind 'labels'"),
        ({"dataset": "Toy", "layout": "row"}, "unknown data.layout 'row': did you mean 'rows'"),
    ],
)
def test_mistakes(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        LabelledSeriesDataModule(**given).examples("train")  # type: ignore[arg-type]
    assert message in str(caught.value)
