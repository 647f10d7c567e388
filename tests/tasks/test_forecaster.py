"""The forecaster as a task: the contract, units, and the cuts in time."""

from __future__ import annotations

import pytest
import torch

from rnnzoo.batches import ForecastBatch, SequenceInputs
from rnnzoo.data import ForecastDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Forecaster
from rnnzoo.testing.tasks import check_task

SERIES = {"kind": "series", "mean": [10.0], "scale": [4.0]}


@pytest.mark.parametrize("head", ["point", "gaussian"])
@pytest.mark.parametrize(("differenced", "horizon"), [(False, 1), (True, 1), (True, 3)])
def test_contract(head: str, differenced: bool, horizon: int) -> None:
    torch.manual_seed(2)
    inputs = SequenceInputs(torch.tensor([5, 2, 0]), values=torch.randn(3, 5, 1))
    batch = ForecastBatch(inputs, 2 + torch.randn(3, 5, 1), torch.tensor([0, 1, 0]))
    stack = StackConfig(hidden_size=6)
    check_task(Forecaster(SERIES, stack=stack, head=head, horizon=horizon, differenced=differenced), batch)  # type: ignore[arg-type]


def test_a_forecast_that_knows_nothing_is_the_naive_one_in_the_units_of_the_series() -> None:
    task = Forecaster(SERIES, stack=StackConfig(hidden_size=6), horizon=2, differenced=True)
    for parameter in task.network.head.parameters():
        torch.nn.init.zeros_(parameter)
    found = task.predict([[7.0, 9.0, 30.0], [1.5]], steps=3)
    torch.testing.assert_close(found[0], torch.full((3, 1), 30.0, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found[1], torch.full((3, 1), 1.5, dtype=torch.float64), rtol=1e-6, atol=1e-6)


def _data(tmp_path, **given: object) -> ForecastDataModule:  # type: ignore[no-untyped-def]
    path = tmp_path / "series.csv"
    path.write_text("time,a\n" + "".join(f"t{i},{i * i % 17}\n" for i in range(100)))
    options = {"columns": ["a"], "fractions": [0.6, 0.2, 0.2], "window": 12, "stride": 5, "horizon": 4, "period": 3}
    return ForecastDataModule(file=str(path), **{**options, **given})  # type: ignore[arg-type]


def test_mean_and_scale_are_those_of_the_training_part(tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = _data(tmp_path)
    train = torch.tensor([i * i % 17 for i in range(60)], dtype=torch.float64)
    assert data.encoding["mean"] == pytest.approx([train.mean().item()])
    assert data.encoding["scale"] == pytest.approx([train.std(unbiased=False).item()])


def test_each_step_of_a_part_is_a_target_once_and_training_sees_none_of_them(tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = _data(tmp_path, batch_size=3)
    encoding = data.input_encoding
    values = encoding.encode(data.series)["values"][:, 0]
    for split, loader in (("validation", data.val_dataloader()), ("test", data.test_dataloader())):
        start, end = data.part(split)
        found = []
        for batch in loader:
            found += batch.targets[..., 0][batch.mask].tolist()
            for row in range(len(batch.first)):  # what follows each input is its target
                length = int(batch.inputs.lengths[row])
                torch.testing.assert_close(batch.inputs.values[row, 1:length], batch.targets[row, : length - 1])
        assert sorted(found) == pytest.approx(sorted(values[start:end].tolist()))
    for batch in data.train_dataloader():
        last = batch.targets[..., 0][batch.mask]
        assert set(last.tolist()) <= set(values[:60].tolist())


@pytest.mark.parametrize(("window", "stride"), [(12, 12), (12, 5), (12, 1), (59, 7), (1, 1), (58, 58)])
def test_every_step_of_the_training_part_is_read(tmp_path, window: int, stride: int) -> None:  # type: ignore[no-untyped-def]
    data = _data(tmp_path, window=window, stride=stride)
    windows = [(example.target[0], len(example.inputs)) for example in data.examples("train")]
    assert [begin for begin, _ in windows] == [at * stride for at in range(len(windows))]
    assert {length for _, length in windows[:-1]} <= {window}
    assert sum(windows[-1]) == 59  # the last of the 60 steps is a target only
    assert len(windows) < 2 or sum(windows[-2]) < 59


def test_compare_scores_the_naive_forecasts_as_by_hand(tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = _data(tmp_path)
    table = Forecaster(data.encoding, stack=StackConfig(hidden_size=4)).compare(data)
    series = [i * i % 17 for i in range(100)]
    errors = [series[t + h] - series[t - 1] for t in range(80, 97) for h in range(4)]
    assert table.rows["naive"]["RMSE"] == pytest.approx((sum(e * e for e in errors) / len(errors)) ** 0.5)
    assert "17 test steps" in table.title
    seasonal = _data(tmp_path, period=1)
    q = sum(abs(series[t] - series[t - 1]) for t in range(1, 60)) / 59
    table = Forecaster(data.encoding, stack=StackConfig(hidden_size=4)).compare(seasonal)
    assert table.rows["naive"]["MASE"] == pytest.approx(sum(map(abs, errors)) / len(errors) / q)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": 0}, "data.window: 0 must be at least 1"),
        ({"fractions": [0.5, 0.5]}, "data.fractions must be three shares"),
        ({"columns": ["b"]}, "unknown column 'b'"),
        ({"horizon": 50}, "data.horizon 50 and data.window 12 do not fit"),
        ({"window": 60}, "has 60 steps, 59 of them with a next one: data.window 60 is longer; lower it, or give a"),
        ({"period": 60}, "has 60 steps, no more than data.period 60: lower it, or give a longer series"),
        ({"period": 17}, "is the same every 17 steps of the training part: MASE divides by the error of that"),
        ({"stride": 13}, "data.stride 13 is above data.window 12: steps between would not be read"),
        ({"dataset": "sunspots"}, "give exactly one of data.dataset and data.file"),
    ],
)
def test_mistakes(tmp_path, given: dict[str, object], message: str) -> None:  # type: ignore[no-untyped-def]
    def run() -> None:
        data = _data(tmp_path, **given)
        Forecaster(data.encoding, stack=StackConfig(hidden_size=4)).compare(data)

    with pytest.raises(RnnzooError) as caught:
        run()
    assert message in str(caught.value)


def test_gaps_are_named_by_line(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "gaps.csv"
    path.write_text("a\n1\n2\nNA\n4\n")
    with pytest.raises(RnnzooError, match=r"gaps.csv:4: .*interpolate"):
        _ = ForecastDataModule(file=str(path), window=2, fractions=[0.5, 0.25, 0.25]).encoding


def test_intervals_of_the_next_step_are_those_of_the_normal_distribution() -> None:
    torch.manual_seed(1)
    task = Forecaster(SERIES, stack=StackConfig(hidden_size=6), head="gaussian", differenced=True)
    series = [5.0, 9.0, 30.0]
    inputs = task.inputs_of([series])
    mean, deviation = task.network.head.distribution(task.network(inputs)[0, -1])  # type: ignore[union-attr]
    centre, spread = 30.0 + 4.0 * mean.item(), 4.0 * deviation.item()
    ((low, high),) = task.intervals([series], level=0.8, draws=4000)
    for found, expected in ((low, centre - 1.28155 * spread), (high, centre + 1.28155 * spread)):
        assert found.item() == pytest.approx(expected, abs=5 * 1.43 * spread / 4000**0.5)  # 1.43: of this quantile
    assert torch.equal(task.intervals([series], level=0.8, draws=4000)[0][0], low)


def test_intervals_widen_as_the_steps_of_a_random_walk() -> None:
    """A network that knows nothing, of changes, is a random walk: its deviation grows as the root of the steps."""
    task = Forecaster(SERIES, stack=StackConfig(hidden_size=6), head="gaussian", differenced=True)
    for parameter in task.network.head.parameters():
        torch.nn.init.zeros_(parameter)
    ((low, high),) = task.intervals([[1.0, 2.0]], steps=9, draws=4000)
    width = (high - low).squeeze(1)
    torch.testing.assert_close(width / width[0], torch.arange(1, 10.0, dtype=torch.float64).sqrt(), rtol=0.08, atol=0)


def test_intervals_refuse() -> None:
    with pytest.raises(RnnzooError, match=r"a level above 0 and below 1 and two draws, not 1\.0 and 200"):
        Forecaster(SERIES, head="gaussian").intervals([[1.0]], level=1.0)
    with pytest.raises(RnnzooError, match="take the gaussian one"):
        Forecaster(SERIES).intervals([[1.0]])


def test_filled_gaps_are_told_in_the_title(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "gaps.csv"
    path.write_text("a\n" + "\n".join("NA" if i in (3, 4) else str(i) for i in range(40)) + "\n")
    data = ForecastDataModule(file=str(path), missing="interpolate", window=4, horizon=2)
    assert data.series[3:5, 0].tolist() == [3.0, 4.0]
    assert data.description.endswith("40 steps of 1 values (2 missing of 40 values interpolated linearly in time)")


def test_co2_has_gaps_that_are_named() -> None:
    pytest.importorskip("statsmodels")
    with pytest.raises(RnnzooError, match=r"statsmodels.datasets.co2:8: step 6 .*column 'co2' \(59 of 2284 values"):
        _ = ForecastDataModule("co2").encoding
    data = ForecastDataModule("co2", missing="interpolate")
    assert "59 missing of 2284 values interpolated" in data.description
