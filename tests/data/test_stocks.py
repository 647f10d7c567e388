"""The rule for buy, hold and sell, by hand, and the cuts in time."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from lightning import Trainer

from rnnzoo.data import StocksDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Tagger

# months 0 to 11; UP begins in month 6
PRICES = [100, 104, 110, 108, 104, 100, 100, 105, 99, 95, 100, 104]


def _file(folder: Path, lines: list[str] | None = None) -> str:
    rows = [f"{2000 + m // 12}-{m % 12 + 1:02}-01,{price},{2**m if m >= 6 else ''}" for m, price in enumerate(PRICES)]
    rows.insert(4, "2000-04-17,,")
    path = folder / "prices.csv"
    path.write_text("\n".join(["# from somewhere", "Date,FLAT,UP", *rows] if lines is None else lines) + "\n")
    return str(path)


def test_decisions_by_hand(tmp_path: Path) -> None:
    data = StocksDataModule(_file(tmp_path), horizon=2, threshold=0.05, fractions=[0.5, 0.25, 0.25])
    assert [data.part(split) for split in ("train", "validation", "test")] == [(0, 6), (6, 9), (9, 12)]
    (train,) = data.examples("train")  # UP begins later
    # steps are months 1 to 5; 108 / 104 = 1.038, 104 / 110 = 0.945, 100 / 108 = 0.926; months 4 and 5 are decided by
    # prices of the next part
    assert train.target == [["hold", "sell", "sell", None, None]]
    assert [value for (value,) in train.inputs] == pytest.approx([math.log(b / a) for a, b in pairwise(PRICES[:6])])
    validation = data.examples("validation")
    # month 6: 99 / 100; UP's first step is month 7, which is decided by month 9
    assert [example.target for example in validation] == [[[None] * 5 + ["hold", None, None]]]
    test = data.examples("test")
    assert test[0].target == [[None] * 8 + ["buy", None, None]]  # 104 / 95
    assert test[1].target == [[None, None, "buy", None, None]]


def test_encoding_is_of_the_training_part_and_a_price_more_changes_nothing_before(tmp_path: Path) -> None:
    path = _file(tmp_path)
    data = StocksDataModule(path, horizon=1, threshold=0.03, fractions=[0.5, 0.25, 0.25])
    returns = torch.tensor([math.log(b / a) for a, b in pairwise(PRICES[:6])], dtype=torch.float64)
    assert data.encoding["mean"] == pytest.approx([returns.mean().item()])
    assert data.encoding["scale"] == pytest.approx([returns.std(unbiased=False).item()])
    batch = data.make_batch("train", torch.tensor([0]))
    assert batch.inputs.values is not None
    expected = (returns - returns.mean()) / returns.std(unbiased=False)
    torch.testing.assert_close(batch.inputs.values[0, :, 0], expected.float())
    # 110/104 +5.8 %, 108/110 -1.8 %, 104/108 -3.7 %, 100/104 -3.8 %
    assert [data.tags["decision"][tag] if tag >= 0 else None for tag in batch.targets[0, :, 0].tolist()] == [
        "buy",
        "hold",
        "sell",
        "sell",
        None,
    ]


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


@pytest.mark.parametrize(("key", "value"), [("horizon", 0), ("threshold", 0.0), ("threshold", 5.0)])
def test_numbers_outside_their_range(key: str, value: float) -> None:
    with pytest.raises(RnnzooError, match=f"data.{key}"):
        StocksDataModule(**{key: value})  # type: ignore[arg-type]


def test_a_model_that_reads_the_future_is_refused(tmp_path: Path) -> None:
    for bidirectional in (True, False):
        data = StocksDataModule(_file(tmp_path), horizon=1, threshold=0.03, fractions=[0.5, 0.25, 0.25])
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
    # January to February 1990, from the file's own lines
    assert ibm.inputs[0] == pytest.approx([math.log(11.554415702819824 / 10.970438003540039)])
    # the last decision is by June 2022, and is of March; after it come April, May and June
    assert ibm.target[0][-4] is not None
    assert ibm.target[0][-3:] == [None] * 3
    assert "10 shares of Stocks.csv, 5% within 3 months" in data.description
