"""The picture of forecasts against what came, after a test."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger

from rnnzoo.callbacks.forecast_figure import Forecast, draw_forecasts, require_matplotlib
from rnnzoo.callbacks.run_folder import replacing, run_folder
from rnnzoo.callbacks.undisturbed import undisturbed
from rnnzoo.errors import RnnzooError


class ForecastPlot(Callback):
    """Draws forecasts of `data.horizon` steps against the test part of a series, one panel a column.

    Forecasts are made at `forecasts` steps, evenly over the test part, each from the `data.window` steps before it;
    a module that can draw (`Forecaster` with the Gaussian head) adds the interval. Rank 0 writes ``forecast.png`` to
    the run's folder and logs it to W&B as ``test/forecast``.

    The module must have ``predict(series, steps)`` and may have ``intervals(series, steps, level)``, the data
    ``series``, ``part(split)``, ``window`` and ``horizon``, as `Forecaster` and `ForecastDataModule` have.

    Args:
        forecasts: at most how many; fewer where they would overlap.
        level: the probability of the interval; None: no interval.
        steps: at most so many steps of the test part are drawn, from its beginning; None: all.
        folder: where to write; None: the folder of the first logger that has one, else ``default_root_dir``.

    Raises:
        RnnzooError: a number out of its range; the module or the data has not what is needed; matplotlib is not
            installed.
    """

    def __init__(
        self, forecasts: int = 6, level: float | None = 0.9, steps: int | None = 400, folder: str | None = None
    ) -> None:
        if forecasts < 1 or (steps is not None and steps < 1) or (level is not None and not 0 < level < 1):
            raise RnnzooError(
                f"ForecastPlot(forecasts={forecasts}, level={level}, steps={steps}): forecasts and steps must be at "
                "least 1, level above 0 and below 1"
            )
        self.forecasts, self.level, self.steps, self.folder = forecasts, level, steps, folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say at once what is missing."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it, None without one
        # Of the class: the series itself is not read before it is needed.
        known = all(hasattr(type(data), name) for name in ("series", "part"))
        if not known or not callable(getattr(pl_module, "predict", None)):
            raise RnnzooError(
                f"ForecastPlot needs a forecaster, such as rnnzoo.tasks.Forecaster, with a ForecastDataModule, not "
                f"{type(pl_module).__name__} with {type(data).__name__}: remove the callback"
            )
        require_matplotlib()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forecast, draw, log."""
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]  # seen to in setup
        start, end = data.part("test")
        if self.steps is not None:
            end = min(end, start + self.steps)
        with undisturbed(pl_module):
            found = self._forecasts(pl_module, data, start, end)
        path = run_folder(trainer, self.folder) / "forecast.png"
        first = max(0, start - min(data.window, end - start))
        with replacing(path) as temporary:
            draw_forecasts(
                temporary,
                first,
                data.series[first:end],
                found,
                getattr(data, "names", None),
                f"{getattr(data, 'description', type(data).__name__)}: {data.horizon} steps ahead",
                self.level,
            )
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image("test/forecast", [str(path)])

    def _forecasts(self, module: Any, data: Any, start: int, end: int) -> list[Forecast]:
        horizon = data.horizon
        count = min(self.forecasts, (end - start) // horizon)
        if count < 1:
            raise RnnzooError(f"ForecastPlot: {end - start} test steps are fewer than data.horizon {horizon}")
        origins = torch.linspace(start, end - horizon, count).long().tolist()
        history = [data.series[max(0, origin - data.window) : origin] for origin in origins]
        means = [mean.cpu() for mean in module.predict(history, horizon)]
        bands: list[Any] = [None] * count
        if self.level is not None and getattr(module, "draws_values", False):
            bands = module.intervals(history, horizon, self.level)
        return [Forecast(origin, mean, band) for origin, mean, band in zip(origins, means, bands, strict=True)]
