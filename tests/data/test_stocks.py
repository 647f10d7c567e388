"""The rule for buy, hold and sell, by hand, and the cuts in time."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Trainer

from rnnzoo.data import StocksDataModule
from rnnzoo.data.stocks import read_monthly_prices
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Tagger

# months 0 to 11; UP begins in month 6
PRICES = [100, 104, 110, 108, 104, 100, 100, 105, 99, 95, 100, 104]
RULE = {"horizon": 2, "threshold": 0.7, "recent": 3, "fractions": [0.5, 0.25, 0.25]}


def _file(folder: Path, lines: list[str] | None = None) -> str:
    rows = [
        f"{2000 + m // 12}-{m % 12 + 1:02}-01,{price},{2**m + m if m >= 6 else ''}" for m, price in enumerate(PRICES)
    ]
    rows.insert(4, "2000-04-17,,")
    path = folder / "prices.csv"
    path.write_text("\n".join(["# from somewhere", "Date,FLAT,UP", *rows] if lines is None else lines) + "\n")
    return str(path)


def _spread(month: int) -> float:
    """Of the three returns up to a month of FLAT, by numpy."""
    return float(np.std(np.diff(np.log(PRICES))[month - 3 : month]))


def test_decisions_by_hand(tmp_path: Path) -> None:
    data = StocksDataModule(_file(tmp_path), **RULE)  # type: ignore[arg-type]
    assert [data.part(split) for split in ("train", "validation", "test")] == [(0, 6), (6, 9), (9, 12)]
    (train,) = data.examples("train")  # UP begins later
    # steps are months 3 to 5, the first with three returns on; month 3: 100 / 104 over four months; months 4 and 5 are
    # decided by prices of the next part
    assert math.log(100 / 104) / (_spread(3) * 2) == pytest.approx(-0.615, abs=1e-3)
    assert train.target == [["hold", None, None]]
    expected = [math.log(PRICES[m] / PRICES[m - 1]) / _spread(m) for m in (3, 4, 5)]
    assert [value for (value,) in train.inputs] == pytest.approx(expected)
    # month 6: 99 / 104, its spread 0.018; UP has no three returns before month 9
    assert math.log(99 / 104) / (_spread(6) * 2) < -0.7
    assert [example.target for example in data.examples("validation")] == [[[None] * 3 + ["sell", None, None]]]
    test = data.examples("test")
    assert math.log(104 / 105) / (_spread(9) * 2) == pytest.approx(-0.101, abs=1e-3)  # month 9
    assert test[0].target == [[None] * 6 + ["hold", None, None]]
    assert test[1].target == [["buy", None, None]]


def test_encoding_is_of_the_training_part(tmp_path: Path) -> None:
    data = StocksDataModule(_file(tmp_path), **{**RULE, "horizon": 1})  # type: ignore[arg-type]
    read = torch.tensor([math.log(PRICES[m] / PRICES[m - 1]) / _spread(m) for m in (3, 4, 5)], dtype=torch.float64)
    assert data.encoding["mean"] == pytest.approx([read.mean().item()])
    assert data.encoding["scale"] == pytest.approx([read.std(unbiased=False).item()])
    values = data.stored("train").batch(torch.tensor([0])).values
    assert values is not None
    torch.testing.assert_close(values[0, :, 0], ((read - read.mean()) / read.std(unbiased=False)).float())


def test_a_price_changes_no_step_before_it_and_no_decision_further_back_than_the_horizon(tmp_path: Path) -> None:
    lines = Path(_file(tmp_path)).read_text().split("\n")
    first = StocksDataModule(_file(tmp_path), **RULE).examples("test")[0]  # type: ignore[arg-type]
    lines[-2] = lines[-2].replace(",104,", ",500,")  # the last month, 11
    last = StocksDataModule(_file(tmp_path, lines[:-1]), **RULE).examples("test")[0]  # type: ignore[arg-type]
    assert last.inputs[:-1] == first.inputs[:-1]
    assert last.inputs[-1] != first.inputs[-1]
    assert last.target == [[None] * 6 + ["buy", None, None]]


def test_a_share_that_does_not_move_is_refused(tmp_path: Path) -> None:
    lines = ["Date,A", *(f"2000-{m:02}-01,{5 if m < 9 else m}" for m in range(1, 13))]
    with pytest.raises(RnnzooError, match=r"prices\.csv: A moves alike in 3 months on end, up to month 4 of the file"):
        StocksDataModule(_file(tmp_path, lines), **RULE).examples("train")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Day,A", "2000-01-01,1"], r"prices\.csv:1: the header must begin with Date"),
        (["Date,A,A", "2000-01-01,1,1"], r":1: a column stands twice"),
        (["Date,A", "2000-01-01,1,2"], r":2: has 3 cells, the header 2"),
        (["Date,A", "01.01.2000,1"], r":2: '01\.01\.2000' is no date"),
        (["# x", "Date,A", "2000-01-01,1", "2000-03-01,1"], r":4: 2000-03-01 does not follow"),
        (["Date,A", "2000-01-01,0"], r":2: A: '0' is no price above 0"),
        (["Date,A", "2000-01-01,nan"], r":2: A: 'nan' is no price above 0"),
        (["Date,A", "2000-01-01,1", "2000-02-01,", "2000-03-01,1"], r":4: A has a price again after a gap"),
        (["Date,A,B", "2000-01-01,1,"], r"B has no price"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        StocksDataModule(_file(tmp_path, lines)).examples("train")


@pytest.mark.parametrize(("key", "value"), [("horizon", 0), ("horizon", 13), ("threshold", 0.0), ("recent", 1)])
def test_numbers_outside_their_range(key: str, value: float) -> None:
    with pytest.raises(RnnzooError, match=f"data.{key}"):
        StocksDataModule(**{key: value})  # type: ignore[arg-type]


def test_a_model_that_reads_the_future_is_refused(tmp_path: Path) -> None:
    for bidirectional in (True, False):
        data = StocksDataModule(_file(tmp_path), **{**RULE, "horizon": 1, "recent": 2, "threshold": 0.1})  # type: ignore[arg-type]
        task = Tagger(data.encoding, data.tags, stack=StackConfig(hidden_size=4, bidirectional=bidirectional))
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        if bidirectional:
            with pytest.raises(RnnzooError, match=r"model\.stack\.bidirectional must be false"):
                trainer.fit(task, data)
        else:
            trainer.fit(task, data)
            assert "val/accuracy" in trainer.callback_metrics


def test_the_shares_of_matplotlib() -> None:
    pytest.importorskip("matplotlib", reason="Stocks.csv comes with matplotlib")
    data = StocksDataModule()
    assert data.tags == {"decision": ["buy", "hold", "sell"]}
    ibm = data.examples("test")[0]
    prices = list(read_monthly_prices(data._path)["IBM"].values())[:13]  # January 1990 to January 1991
    returns = np.diff(np.log(prices))
    assert prices[:2] == [10.970438003540039, 11.554415702819824]  # the file's own lines
    assert ibm.inputs[0] == pytest.approx([returns[11] / returns.std()])
    # the last decision is by June 2022, and is of March; after it come April, May and June
    assert ibm.target[0][-4] is not None
    assert ibm.target[0][-3:] == [None] * 3
    assert "10 shares of Stocks.csv, trends of 6 months beyond 0.7 deviations" in data.description
