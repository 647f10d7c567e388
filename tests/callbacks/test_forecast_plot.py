"""The picture of forecasts: what is forecast, from where, and that the picture shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning import Trainer

import rnnzoo.callbacks.forecast_plot as forecast_plot
from rnnzoo.callbacks import ForecastPlot
from rnnzoo.data import ForecastDataModule, SurnamesDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Forecaster


def _data(tmp_path: Path, horizon: int = 4) -> ForecastDataModule:
    path = tmp_path / "series.csv"
    path.write_text("a,b\n" + "".join(f"{i * i % 17},{i % 5}\n" for i in range(100)))
    return ForecastDataModule(
        file=str(path), columns=["a", "b"], fractions=[0.6, 0.2, 0.2], window=12, stride=5, horizon=horizon
    )


def _test(tmp_path: Path, data: ForecastDataModule, head: str, **options: object) -> Forecaster:
    torch.manual_seed(0)
    task = Forecaster(data.encoding, stack=StackConfig(hidden_size=4), head=head)  # type: ignore[arg-type]
    trainer = Trainer(
        logger=False, default_root_dir=tmp_path, callbacks=[ForecastPlot(**options)], enable_progress_bar=False,  # type: ignore[arg-type]
        accelerator="cpu",
    )  # fmt: skip
    trainer.test(task, datamodule=data, verbose=False)
    return task


@pytest.mark.parametrize("head", ["point", "gaussian"])
def test_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    """Three forecasts over the 20 test steps, each the model's own from the window before it."""
    drawn = []
    real = forecast_plot.draw_forecasts
    monkeypatch.setattr(forecast_plot, "draw_forecasts", lambda *given: (drawn.append(given), real(*given)))
    data = _data(tmp_path)
    task = _test(tmp_path, data, head, forecasts=3)
    ((_, first, truth, forecasts, names, title, level),) = drawn
    assert [forecast.origin for forecast in forecasts] == [80, 88, 96]
    assert (first, names, level) == (68, ["a", "b"], 0.9)
    assert title.endswith("4 steps ahead")
    expected = torch.tensor([[i * i % 17, i % 5] for i in range(68, 100)], dtype=torch.float64)
    assert torch.equal(truth, expected)
    for origin, mean, band in forecasts:
        history = expected[origin - 12 - 68 : origin - 68]
        torch.testing.assert_close(mean, task.predict([history], 4)[0])
        assert (band is None) == (head == "point")
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_a_part_of_the_test_and_forecasts_that_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(
        forecast_plot, "draw_forecasts", lambda path, *given: (path.write_bytes(b"x"), drawn.append(given))
    )
    _test(tmp_path, _data(tmp_path), "point", forecasts=10, steps=13)
    first, truth, forecasts = drawn[0][:3]
    assert first + len(truth) == 93
    assert [forecast.origin for forecast in forecasts] == [80, 84, 89]


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match="forecasts and steps must be at least 1"):
        ForecastPlot(forecasts=0)
    data = _data(tmp_path)
    task = Forecaster(data.encoding, stack=StackConfig(hidden_size=4))
    trainer = Trainer(logger=False, enable_progress_bar=False, accelerator="cpu")
    trainer.datamodule = SurnamesDataModule()  # type: ignore[attr-defined]
    with pytest.raises(RnnzooError, match="Forecaster with SurnamesDataModule: remove the callback"):
        ForecastPlot().setup(trainer, task, "fit")
    with pytest.raises(RnnzooError, match=r"5 test steps are fewer than data.horizon 8"):
        _test(tmp_path, _data(tmp_path, horizon=8), "point", steps=5)
