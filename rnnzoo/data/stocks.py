"""Monthly share prices: buy, hold or sell."""

import csv
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from itertools import pairwise, takewhile
from math import inf, log, sqrt
from pathlib import Path
from statistics import pstdev

from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.tagger import TaggerDataModule
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError

DECISIONS = ("buy", "hold", "sell")


class StocksDataModule(TaggerDataModule):
    """At each month of a share's history: buy, hold or sell, by the trend of which half is still to come.

    With ``p_t`` the price of month t, ``r_t = log(p_t / p_{t-1})`` and ``s_t`` the standard deviation (about their own
    mean) of the last n = `recent` returns, read is ``r_t / s_t``, from the first month that has n returns on. With
    h = `horizon`

        d_t = log(p_{t+h} / p_{t-h}) / (s_t sqrt(2 h))

    is the trend about month t in units of how much the share has moved of late: ``log(p_{t+h} / p_{t-h}) / (2 h)`` is
    the slope there of the moving average of 2 h months (Hyndman & Athanasopoulos, section 3.3), and a price that goes
    up or down at random moves by about ``s sqrt(2 h)`` in that time. The decision is

    - `buy` where ``d_t >= threshold``;
    - `sell` where ``d_t <= -threshold``;
    - `hold` otherwise.

    So the months up to t say one half of a decision, and the other half is not to be known from prices: the lesson is
    to find the half that is there. It is no advice to an investor.

    The months are cut in time, the same for all shares: the first part to train on, the next to choose by, the last to
    report on. A month has a decision where month t+h lies in the same part, so that nothing later is learned from. Each
    example is a share from its first step to the end of the part; months before the part are read and have no decision.
    The model must read forwards only (`stack.bidirectional: false`), since a backward direction would read the answer;
    another is refused.

    Args:
        file: a CSV file with the column `Date` (year-month-day) and a column of prices for each share; lines that begin
            with `#` are left out. Of it the lines for the first day of a month count. A share may begin later than the
            file or end before it, and has no gap. None: `Stocks.csv`, which comes with matplotlib: ten shares and
            indices from 1990 to 2022.
        horizon: h, how many months before and after a month its trend is taken over; at most `recent`.
        threshold: above 0, how large a trend is.
        recent: n, at least 2, how many months the deviation is taken over.
        fractions: shares of training, validation and test months.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: a number outside its range; what is wrong with the file is said when it is first needed.
    """

    columns = ("decision",)

    def __init__(
        self,
        file: str | None = None,
        horizon: int = 3,
        threshold: float = 0.7,
        recent: int = 12,
        fractions: list[float] = [0.7, 0.1, 0.2],  # noqa: B006  # never changed
        batch_size: int = 10,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, None, seed, workers)
        check_fractions(fractions)
        if recent < 2:
            raise RnnzooError(f"data.recent: {recent} must be at least 2")
        if not 1 <= horizon <= recent:
            raise RnnzooError(f"data.horizon: {horizon} must be at least 1 and at most data.recent, {recent}")
        if not 0 < threshold < inf:
            raise RnnzooError(f"data.threshold: {threshold} must be above 0")
        self._file, self.horizon, self.threshold, self.recent = file, horizon, threshold, recent
        self.fractions = fractions

    def setup(self, stage: str) -> None:
        """Refuse a model that reads the months which decide.

        Raises:
            RnnzooError: its stack is bidirectional.
        """
        model = None if self.trainer is None else self.trainer.lightning_module
        stack = {} if model is None else model.hparams.get("stack", {})
        if stack.get("bidirectional"):
            raise RnnzooError(
                "model.stack.bidirectional must be false: a backward direction reads the months that decide"
            )

    @property
    def description(self) -> str:
        """Which shares, and the rule."""
        return (
            f"{len(self._prices)} shares of {Path(self._path).name}, trends of {2 * self.horizon} months beyond "
            f"{self.threshold:g} deviations"
        )

    def read(self, split: str) -> Sequence[Example]:
        """Each share from its first month that has a deviation to the end of a part.

        Raises:
            RnnzooError: a share whose price does not move.
        """
        start, end = self.part(split)
        found = []
        for name, prices in self._prices.items():
            months = [month for month in sorted(prices) if month < end]
            logs = [log(prices[month]) for month in months]
            returns = [later - before for before, later in pairwise(logs)]
            read: list[list[float]] = []
            decisions: list[str | None] = []
            for at in range(self.recent, len(months)):
                spread = pstdev(returns[at - self.recent : at])
                if spread == 0:
                    raise RnnzooError(
                        f"{self._path}: {name} moves alike in {self.recent} months on end, up to month {months[at] + 1}"
                        " of the file, so that its trend has no unit: raise data.recent, or remove the share"
                    )
                read.append([returns[at - 1] / spread])
                decided = start <= months[at] and at + self.horizon < len(months)
                if decided:
                    trend = logs[at + self.horizon] - logs[at - self.horizon]
                    decisions.append(decide(trend / (spread * sqrt(2 * self.horizon)), self.threshold))
                else:
                    decisions.append(None)
            if any(decisions):
                found.append(Example(read, [decisions], f"{self._path}, {name}"))
        return found

    def part(self, split: str) -> tuple[int, int]:
        """The first month of a split and the one after its last, numbered from the file's first."""
        count = 1 + max(month for prices in self._prices.values() for month in prices)
        first, second = (round(count * share) for share in (self.fractions[0], sum(self.fractions[:2])))
        return {"train": (0, first), "validation": (first, second), "test": (second, count)}[split]

    def fit_encoding(self, examples: Sequence[Example]) -> SeriesEncoding:
        """Mean and scale of what is read of the training months."""
        return SeriesEncoding.fit(example.inputs for example in examples)

    @property
    def _path(self) -> str:
        if self._file is not None:
            return self._file
        try:
            from matplotlib.cbook import get_sample_data
        except ImportError:
            raise RnnzooError(
                'Stocks.csv comes with matplotlib: pip install "rnnzoo[recipes]", or give data.file'
            ) from None
        return str(get_sample_data("Stocks.csv", asfileobj=False))

    @cached_property
    def _prices(self) -> dict[str, dict[int, float]]:
        return read_monthly_prices(self._path)


def decide(trend: float, threshold: float) -> str:
    """The decision of a trend; see `StocksDataModule`.

    >>> [decide(trend, threshold=0.7) for trend in (0.7, 0.6, -0.6, -0.7)]
    ['buy', 'hold', 'hold', 'sell']
    """
    if trend >= threshold:
        return DECISIONS[0]
    return DECISIONS[2] if trend <= -threshold else DECISIONS[1]


def read_monthly_prices(path: str) -> dict[str, dict[int, float]]:
    """For each share of a file its price by month, numbered from the file's first month.

    Raises:
        RnnzooError: a line that is not of the format, months that are not one after the other, a price that is no
            number above 0, a gap; file and line are named.
    """
    lines = read_text(path).text.rstrip("\n").split("\n")
    skipped = len(list(takewhile(lambda line: line.startswith("#"), lines)))
    rows = csv.reader(lines[skipped:])
    header = next(rows, [])
    if header[:1] != ["Date"] or len(header) < 2:
        raise RnnzooError(f"{path}:{skipped + 1}: the header must begin with Date, and name at least one share")
    if len(set(header)) < len(header):
        raise RnnzooError(f"{path}:{skipped + 1}: a column stands twice")
    found: dict[str, dict[int, float]] = {name: {} for name in header[1:]}
    first = last = -1
    for number, row in enumerate(rows, skipped + 2):
        place = f"{path}:{number}"
        if len(row) != len(header):
            raise RnnzooError(f"{place}: has {len(row)} cells, the header {len(header)}")
        day = _day(row[0], place)
        if day.day != 1:
            continue  # dividends and the day of the download
        month = day.year * 12 + day.month
        first = month if first < 0 else first
        if last >= 0 and month != last + 1:
            raise RnnzooError(f"{place}: {row[0]} does not follow the month before it: give each month once, in order")
        last = month
        for name, cell in zip(header[1:], row[1:], strict=True):
            if cell:
                prices = found[name]
                if prices and max(prices) != month - first - 1:
                    raise RnnzooError(f"{place}: {name} has a price again after a gap: fill it, or remove the share")
                prices[month - first] = _price(cell, f"{place}: {name}")
    for name, prices in found.items():
        if not prices:
            raise RnnzooError(f"{path}: {name} has no price: remove the column")
    return found


def _day(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RnnzooError(f"{place}: {text!r} is no date like 1990-01-31") from None


def _price(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise RnnzooError(f"{place}: {text!r} is no price above 0")
    return value
