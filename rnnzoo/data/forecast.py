"""Series to be forecast: cut in time, windows of the first part to train on."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from rnnzoo.batches import ForecastBatch
from rnnzoo.data.csv_files import read_csv
from rnnzoo.data.examples import Example, ExampleDataModule
from rnnzoo.data.packaged_series import PACKAGED, packaged_series
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.series import Series
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.store import SequenceStore
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError, unknown

_ETT = "https://github.com/zhouhaoyi/ETDataset (its file {})"
_HOURLY, _QUARTERLY = 30 * 24, 30 * 24 * 4  # steps of a month, as Zhou et al. 2021 count
_MONTHS = {"ETTh1": _HOURLY, "ETTh2": _HOURLY, "ETTm1": _QUARTERLY, "ETTm2": _QUARTERLY}
_TRANSFORMERS = {name.lower(): name for name in _MONTHS}
SETS = (*PACKAGED, *_TRANSFORMERS)


class ForecastDataModule(ExampleDataModule):
    """One series, in windows, with the values that follow each step.

    The series is cut in time: the first part to train on, the next to choose by, the last to report on. Mean and scale
    are those of the first part. A window of validation or test begins as long before its part as `context` says, so
    that its first forecast is from as much history as any; only steps that lie in the part are targets there.

    Args:
        dataset: `sunspots` (yearly, 1700-2008) and `co2` (weekly, Mauna Loa) come with statsmodels; `etth1`,
            `etth2` (hourly), `ettm1`, `ettm2` (each quarter of an hour; Zhou et al. 2021) lie in the folder
            `timeseries` below the root and are cut into 12, 4 and 4 months, as published. None: the file given.
        file: a CSV file, a step a line; also `.gz`.
        header: whether the first line of the file names the columns; else their names are their positions, "0" and so
            on, as of `exchange_rate.txt` (Lai et al. 2018).
        columns: the columns to forecast; None: all but those of `ignore`.
        ignore: columns that are not read, such as the date, where `columns` chooses none.
        missing: `error`, or `interpolate`: gaps are filled linearly, and it is said how many.
        root: where published sets lie; else the environment variable `RNNZOO_DATA`, else the user's cache.
        fractions: shares of training, validation and test steps, in time.
        window: steps of a training window, targets of each; the last one may be shorter, so that no step is left out.
        stride: steps from the beginning of one training window to that of the next, at most `window`; None: a tenth
            of it.
        horizon: how many steps ahead is measured after a test.
        period: steps of a season, for the seasonal naive forecast; 1: there is none.
        batch_size: windows; as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: keys that do not go together, or a number below 1; what is wrong with the series itself is said
            when it is first needed.
    """

    def __init__(
        self,
        dataset: str | None = None,
        file: str | None = None,
        header: bool = True,
        columns: list[str] | None = None,
        ignore: list[str] = [],  # noqa: B006  # never changed
        missing: Literal["error", "interpolate"] = "error",
        root: str | None = None,
        fractions: list[float] = [0.7, 0.1, 0.2],  # noqa: B006  # never changed
        window: int = 100,
        stride: int | None = None,
        horizon: int = 10,
        period: int = 1,
        batch_size: int = 32,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, None, seed, workers)
        if (dataset is None) == (file is None):
            raise RnnzooError("give exactly one of data.dataset and data.file (--data.dataset null unsets a recipe's)")
        if dataset is not None and dataset not in SETS:
            raise RnnzooError(unknown("data.dataset", dataset, SETS))
        if dataset is not None and not header:
            raise RnnzooError("data.header is of data.file, but data.dataset is given: unset one")
        if columns and ignore:
            raise RnnzooError("data.columns chooses what is read, and data.ignore what is not: unset one")
        check_fractions(fractions)
        stride = max(1, window // 10) if stride is None else stride
        for key, value in (("window", window), ("stride", stride), ("horizon", horizon), ("period", period)):
            if value < 1:
                raise RnnzooError(f"data.{key}: {value} must be at least 1")
        if stride > window:
            raise RnnzooError(f"data.stride {stride} is above data.window {window}: steps between would not be read")
        self._dataset, self._file, self._columns, self._missing, self._root = dataset, file, columns, missing, root
        self._header, self._ignore, self._fractions = header, ignore, fractions
        self.window, self.stride, self.horizon, self.period = window, stride, horizon, period

    @property
    def description(self) -> str:
        """Which series, and how long it is."""
        done = f" ({self._series.conversion})" if self._series.conversion else ""
        return f"{self._dataset or self._file}, {len(self.series)} steps of {self.series.shape[1]} values{done}"

    @property
    def names(self) -> list[str] | None:
        """The columns, where they were chosen."""
        return [PACKAGED[self._dataset]] if self._dataset in PACKAGED else self._columns

    @property
    def series(self) -> Tensor:
        """(L, D) float64, the whole series in its own units."""
        return self._series.values

    @cached_property
    def cuts(self) -> tuple[int, int, int]:
        """Where the training, the validation and the test part end."""
        length = len(self.series)
        if self._dataset in _TRANSFORMERS:
            month = _MONTHS[_TRANSFORMERS[self._dataset]]
            return 12 * month, 16 * month, min(20 * month, length)
        shares = self._fractions
        return round(length * shares[0]), round(length * (shares[0] + shares[1])), length

    def part(self, split: str) -> tuple[int, int]:
        """The first step of a split and the one after its last."""
        ends = self.cuts
        return {"train": (0, ends[0]), "validation": (ends[0], ends[1]), "test": (ends[1], ends[2])}[split]

    def read(self, split: str) -> Sequence[Example]:
        """The windows of a split."""
        start, end = self.part(split)
        if split == "train":
            self._check_training_part(end)
            # To the last step that has a next one: the last window may be shorter.
            begins = range(0, end - 1 - self.window + self.stride, self.stride)
            return [self._window(begin, min(begin + self.window, end - 1), begin) for begin in begins]
        # Each step of the part is a target once.
        begins = range(start, end, self.window)
        return [self._window(max(0, b - 1 - self.window), min(b + self.window, end) - 1, b - 1) for b in begins]

    def _check_training_part(self, end: int) -> None:
        """Refuse a part that is too short, or has no error of the naive forecast, which MASE divides by."""
        if self.window > end - 1:
            raise RnnzooError(
                f"the training part of {self.description} has {end} steps, {max(end - 1, 0)} of them with a next one: "
                f"data.window {self.window} is longer; lower it, or give a longer series"
            )
        if self.period >= end:
            raise RnnzooError(
                f"the training part of {self.description} has {end} steps, no more than data.period {self.period}: "
                "lower it, or give a longer series"
            )
        errors = (self.series[self.period : end] - self.series[: end - self.period]).abs().sum(0)
        if not errors.all():
            value = int((errors == 0).nonzero()[0])
            raise RnnzooError(
                f"value {value} of {self.description} is the same every {self.period} steps of the training part: MASE "
                "divides by the error of that forecast, which is 0; give another data.period, or leave the column out"
            )

    def fit_encoding(self, examples: Sequence[Example]) -> SeriesEncoding:
        """Mean and scale of the training part."""
        return SeriesEncoding.fit([self.series[: self.cuts[0]]])

    def make_batch(self, split: str, rows: Tensor) -> ForecastBatch:
        """The windows `rows` of a split."""
        inputs, (begins, counted) = self.stored(split).batch(rows), self._targets[split]
        assert inputs.values is not None  # a series encoding makes values
        places = begins[rows, None] + torch.arange(inputs.values.shape[1])
        following = self._standardised[(places + 1).clamp(max=len(self._standardised) - 1)]
        return ForecastBatch(inputs, following, (counted - begins)[rows])

    def stored(self, split: str) -> SequenceStore:
        """The encoded series, of which the windows are parts."""
        if split not in self._stored:
            examples = self.examples(split)
            begins, counted = torch.tensor([example.target for example in examples]).unbind(1)
            lengths = torch.tensor([len(example.inputs) for example in examples])
            self._targets[split] = begins, counted
            self._stored[split] = SequenceStore.of_windows({"values": self._standardised}, begins, lengths)
        return self._stored[split]

    def _window(self, begin: int, end: int, counted: int) -> Example:
        return Example(self.series[begin:end], (begin, counted), f"{self._series.place}, step {begin}")

    @cached_property
    def _targets(self) -> dict[str, tuple[Tensor, Tensor]]:
        return {}

    @cached_property
    def _standardised(self) -> Tensor:
        return self.input_encoding.encode(self.series)["values"]

    @cached_property
    def _series(self) -> Series:
        if self._dataset in PACKAGED:
            return packaged_series(self._dataset, self._missing)
        path = self._file
        if self._dataset in _TRANSFORMERS:
            name = f"{_TRANSFORMERS[self._dataset]}.csv"
            plain = dataset_folder("timeseries", _ETT.format(name), self._root) / name
            path = str(plain if plain.exists() else plain.with_name(f"{name}.gz"))
        assert path is not None  # the constructor asks for one
        return read_csv(path, self._columns, missing=self._missing, ignore=self._ignore, header=self._header)[0]
