"""Labelled series of numbers, from files in the formats of the field."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.csv_files import read_csv, value_columns
from rnnzoo.data.examples import Example
from rnnzoo.data.labelled_text import numbers
from rnnzoo.data.npz_files import read_npz
from rnnzoo.data.roots import data_root
from rnnzoo.data.series import Series
from rnnzoo.data.split_files import SplitFiles, share_out
from rnnzoo.data.ts_files import read_ts
from rnnzoo.data.wide_files import read_wide
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError, unknown

_ARCHIVE = "https://www.timeseriesclassification.com"


class LabelledSeriesDataModule(AcceptorDataModule):
    """A series of real vectors, read step by step, and its class, or a number.

    Mean and scale of each dimension are those of the training series. The formats are told by the files' names: `.ts`
    of the UEA archive, `.npz` of NumPy, `.csv`, and `.tsv` of the UCR archive, all but NumPy's also gzip-compressed
    (`.gz`); see `rnnzoo.data.series_files`. Columns of CSV files are found by their names: in whatever order a file has
    them, they are read in that of the first training file.

    Args:
        dataset: a problem of the UEA and UCR archive (Bagnall et al. 2018), such as `JapaneseVowels`: the files
            `timeseries/<dataset>/<dataset>_TRAIN.ts` and `_TEST.ts` below the root, else the copies in the package
            aeon, where that is installed. None: the files that are given.
        train_files: of the user's own.
        validation_files: see there.
        test_files: see there.
        fractions: with `train_files` alone: shares of training, validation and test series drawn from them; with
            `test_files` two shares, of training and validation.
        validation_fraction: with `dataset`, which has no validation series: the share of its training series.
        split_seed: of these draws.
        answer_kind: `class`: the label is a class; `value`: a number, as `@targetLabel` of `.ts` says.
        layout: of CSV: `steps`: a line is a step, with a header and a column for each dimension; `rows`: a line is a
            series of one dimension, see `rnnzoo.data.series_files.read_wide`. Files in `.tsv` have rows always.
        series: of CSV with a step a line: the column that says which series a step belongs to.
        label: of CSV: the column of the label. With a series a line None says that there is no header and that the
            label is first.
        columns: of CSV with a step a line: the columns to read; None: all others but those of `ignore`.
        ignore: of such CSV: columns that are not read, such as the time, where `columns` chooses none.
        missing: `error`; `interpolate`: gaps are filled linearly in time; or `end`: a series ends before the gaps at
            its end, as short ones of the UCR archive do, and others are errors.
        root: where published sets lie; else the environment variable `RNNZOO_DATA`, else the user's cache.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: keys that do not go together; what is wrong with the files is said when they are first needed.
    """

    def __init__(
        self,
        dataset: str | None = None,
        train_files: list[str] = [],  # noqa: B006  # never changed
        validation_files: list[str] = [],  # noqa: B006
        test_files: list[str] = [],  # noqa: B006
        fractions: list[float] | None = None,
        validation_fraction: float = 0.1,
        split_seed: int = 0,
        answer_kind: Literal["class", "value"] = "class",
        layout: Literal["steps", "rows"] = "steps",
        series: str | None = None,
        label: str | None = None,
        columns: list[str] | None = None,
        ignore: list[str] = [],  # noqa: B006  # never changed
        missing: Literal["error", "interpolate", "end"] = "error",
        root: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        if (dataset is None) == (not train_files):
            raise RnnzooError(
                "give exactly one of data.dataset and data.train_files (--data.dataset null unsets a recipe's)"
            )
        if dataset is not None and (validation_files or test_files or fractions):
            raise RnnzooError(
                "data.dataset has its own training and test files: unset data.validation_files, data.test_files and "
                "data.fractions; data.validation_fraction says how many training series are for validation"
            )
        if answer_kind not in ("class", "value"):
            raise RnnzooError(unknown("data.answer_kind", str(answer_kind), ("class", "value")))
        if layout not in ("steps", "rows"):
            raise RnnzooError(unknown("data.layout", str(layout), ("steps", "rows")))
        if dataset is not None and (series or label or columns or ignore or layout != "steps"):
            raise RnnzooError(
                "data.layout, data.series, data.label, data.columns and data.ignore are of CSV files: unset them"
            )
        if columns and ignore:
            raise RnnzooError("data.columns chooses what is read, and data.ignore what is not: unset one")
        if dataset is None and root:
            raise RnnzooError("data.root is where published sets lie, but data.train_files is given: unset one")
        if not 0 < validation_fraction < 1:
            raise RnnzooError(f"data.validation_fraction: {validation_fraction} must be above 0 and below 1")
        self._dataset, self._root = dataset, root
        self._training_files = train_files
        self._files = None if dataset else SplitFiles(train_files, validation_files, test_files, fractions, split_seed)
        self._validation_fraction, self._split_seed = validation_fraction, split_seed
        self._done: Counter[str] = Counter()
        self.answer_kind = answer_kind
        self._layout, self._series, self._label, self._columns = layout, series, label, columns
        self._ignore = ignore
        self._missing = missing

    @property
    def description(self) -> str:
        """Which series, and what was done to those that were read."""
        name = str(self._dataset) if self._files is None else self._files.description
        kinds = self._done.most_common(3)
        done = [f"{count} series: {what}" for what, count in kinds]
        if others := self._done.total() - sum(count for _, count in kinds):
            done.append(f"and {others} more")
        return f"{name} ({'; '.join(done)})" if done else name

    def read(self, split: str) -> Sequence[Example]:
        """The series of a split.

        Raises:
            RnnzooError: a file is not there or not of its format, a series has a gap, no label, or another number of
                dimensions than the first; with file and line.
        """
        if self._files is not None:
            return self._files.read(split, self._read_file)
        if split == "test":
            return self._read_file(str(self._archive_file("TEST")))
        return self._training[split]

    def fit_encoding(self, examples: Sequence[Example]) -> SeriesEncoding:
        """Mean and scale of the training series."""
        return SeriesEncoding.fit(example.inputs for example in examples)

    @cached_property
    def _training(self) -> dict[str, list[Example]]:
        examples = self._read_file(str(self._archive_file("TRAIN")))
        shares = [1 - self._validation_fraction, self._validation_fraction, 0.0]
        return share_out(examples, shares, self._split_seed)

    def _archive_file(self, part: str) -> Path:
        name = f"{self._dataset}_{part}.ts"
        folders = [data_root(self._root) / "timeseries" / str(self._dataset)]
        found = find_spec("aeon")  # not imported: only its files are of interest
        if found is not None and found.submodule_search_locations:
            folders.append(Path(found.submodule_search_locations[0]) / "datasets" / "data" / str(self._dataset))
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
        raise RnnzooError(
            f"{name} is in none of {', '.join(map(str, folders))}: get it from {_ARCHIVE}, put it into the first, or "
            "point data.root or the environment variable RNNZOO_DATA at the folder that has timeseries"
        )

    def _read_file(self, path: str) -> list[Example]:
        found = self._read_series(path)
        size = found[0].values.shape[1]
        for one in found:
            _check(one, size, self.answer_kind)
            if one.conversion:
                self._done[one.conversion] += 1
        if self.answer_kind == "value":
            return [Example(one.values, numbers(one.label, one.place), one.place) for one in found]
        return [Example(one.values, one.label, one.place) for one in found]

    def _read_series(self, path: str) -> list[Series]:
        name = path.removesuffix(".gz")
        if name.endswith((".csv", ".tsv")):
            if self._layout == "rows" or name.endswith(".tsv"):
                if self._series or self._columns or self._ignore:
                    raise RnnzooError(f"{path}: has a series a line: unset data.series, data.columns and data.ignore")
                return read_wide(path, self._label, self._missing)
            columns = self._columns_of(path)
            return read_csv(path, columns, self._series, self._label, self._missing, ignore=self._ignore)
        if self._series or self._label or self._columns or self._ignore:
            raise RnnzooError(
                f"{path}: data.series, data.label, data.columns and data.ignore are of CSV files: unset them"
            )
        if name.endswith(".ts"):
            return read_ts(path, self._missing)
        if path.endswith(".npz"):
            return read_npz(path, self._missing)
        raise RnnzooError(f"{path}: its name must end in .ts, .csv, .tsv (these also with .gz) or .npz")

    def _columns_of(self, path: str) -> list[str] | None:
        """The columns to read of a file, in the order of the first training file; None: as the file has them."""
        first = next((file for file in self._training_files if file.removesuffix(".gz").endswith(".csv")), path)
        if self._columns is not None or path == first:
            return self._columns
        left_out = {self._series, self._label, *self._ignore}
        expected, own = (value_columns(file, left_out) for file in (first, path))
        if set(own) != set(expected):
            raise RnnzooError(
                f"{path}:1: has the columns {', '.join(own)}, where {first} has {', '.join(expected)}: name those to "
                "read in data.columns"
            )
        return expected


def _check(one: Series, size: int, answer_kind: str) -> None:
    if one.label is None:
        raise RnnzooError(f"{one.place}: has no label; in a CSV file data.label names its column")
    if one.answer_kind not in (None, answer_kind):
        says = "numbers (@targetLabel)" if one.answer_kind == "value" else "classes (@classLabel)"
        raise RnnzooError(f"{one.place}: its labels are {says}: give data.answer_kind {one.answer_kind}")
    if one.values.shape[1] != size:
        raise RnnzooError(f"{one.place}: has {one.values.shape[1]} dimensions, the first series of the file {size}")
