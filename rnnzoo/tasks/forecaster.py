"""The forecaster as a task."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from rnnzoo.baselines import Table, naive_forecast, seasonal_naive_forecast
from rnnzoo.batches import ForecastBatch
from rnnzoo.decoding.sampling import seeded
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers import GaussianHead, RegressionHead
from rnnzoo.metrics import MASE, RMSE, SMAPE, Coverage, naive_scale
from rnnzoo.networks.forecaster import ForecasterNetwork, next_targets
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask
from rnnzoo.tasks.transducer import Transducer

HEADS: dict[str, type[RegressionHead] | type[GaussianHead]] = {"point": RegressionHead, "gaussian": GaussianHead}
ROWS = 256  # windows that are rolled out at once


class Forecaster(ReadingTask, Transducer):
    """Predicts the next values of a series from those before, and, from its own predictions, those after.

    Trained on the next `horizon` steps of every step. Beside the loss (standardised: squared error, or nats, a number):
    `val/rmse` and `test/rmse` of those steps, standardised. After a test `compare` rolls out `data.horizon` steps from
    every step of the test part and holds RMSE, MASE and sMAPE in the series's own units against the naive forecasts.

    Args:
        encoding: how raw series become numbers; from the data.
        input: the input layer, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the recurrent layers, of one direction; a dictionary with the keys of `StackConfig` will do.
        head: `point`: the next values; `gaussian`: a normal distribution of each.
        horizon: how many next values are said at once at each step. With `data.horizon` no forecast is made from
            forecasts; with 1 all but the first are. See `ForecasterNetwork`.
        differenced: whether the network reads by how much each value differs from the one before, and says by how much
            the next ones differ from this one: it is then blind to the level of the series.
        dropout: of the stack's outputs.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.

    Example:
        >>> task = Forecaster({"kind": "series", "mean": [5.0], "scale": [2.0]}, stack=StackConfig(hidden_size=8))
        >>> task.predict([[1.0, 2.0, 4.0]], steps=3)[0].shape
        torch.Size([3, 1])
    """

    network: ForecasterNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        input: dict[str, Any] = {},  # noqa: B006  # the field's own name; never changed
        stack: StackConfig = StackConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        head: Literal["point", "gaussian"] = "point",
        horizon: int = 1,
        differenced: bool = False,
        dropout: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        if head not in HEADS:
            raise RnnzooError(unknown("model.head", str(head), list(HEADS)))
        super().__init__(encoding, optimizer, scheduler, scheduler_interval)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        return ForecasterNetwork(
            self.build_reader(),
            HEADS[given["head"]],
            self.series_encoding.size,
            given["horizon"],
            given["differenced"],
            given["dropout"],
        )

    @property
    def series_encoding(self) -> SeriesEncoding:
        """How series become numbers.

        Raises:
            RnnzooError: the data is no series.
        """
        if not isinstance(self.encoding, SeriesEncoding):
            raise RnnzooError(f"a forecaster reads series, but the data is of the kind {self.encoding.kind}")
        return self.encoding

    @property
    def draws_values(self) -> bool:
        """Whether the head gives distributions, from which `draw` and `intervals` draw."""
        return isinstance(self.network.head, GaussianHead)

    def build_metrics(self) -> dict[str, Metric]:
        """The error of the next steps."""
        return {"rmse": RMSE()}

    def batch_loss(self, batch: ForecastBatch, stage: str) -> tuple[Tensor, Tensor]:
        """The summed loss of a batch's next values, and how many numbers they are."""
        features = self.network(batch.inputs)
        for metric in self.stage_metrics(stage).values():
            assert batch.inputs.values is not None  # the network has read them
            metric.update(
                self.network.next_values(features, batch.inputs.values), *next_targets(batch, self.network.horizon)
            )
        return self.network.loss(features, batch)

    def predict(self, series: Sequence[Any], steps: int = 1) -> list[Tensor]:
        """What comes after each series: (steps, D), in the series's own units.

        Args:
            series: arrays (T, D), or (T,) where D is 1.
            steps: how many.

        Raises:
            RnnzooError: a series of another width, or with gaps; its position is named.
        """
        return self._continued(series, steps)

    def draw(self, series: Sequence[Any], steps: int = 1, seed: int | None = None) -> list[Tensor]:
        """As `predict`, but drawn from the Gaussian head's distributions: one of the ways it may go on.

        Raises:
            RnnzooError: the head gives points; as `predict`.
        """
        return self._continued(series, steps, seeded(seed, self.device))

    def intervals(
        self, series: Sequence[Any], steps: int = 1, level: float = 0.9, draws: int = 200, seed: int = 0
    ) -> list[tuple[Tensor, Tensor]]:
        """Between which two values what comes lies with a probability: (steps, D) each, in the series's own units.

        The quantiles ``(1 - level) / 2`` and ``(1 + level) / 2`` of drawn continuations, each step by itself. A
        continuation reads what was drawn, so that uncertainty is carried on beyond the model's `horizon`.

        Args:
            series: as `predict`.
            steps: how many.
            level: the probability, above 0 and below 1.
            draws: continuations of each series, at least 2.
            seed: of the draws.

        Raises:
            RnnzooError: a level or a number of draws out of its range; the head gives points; as `predict`.
        """
        if not 0 < level < 1 or draws < 2:
            raise RnnzooError(f"an interval needs a level above 0 and below 1 and two draws, not {level} and {draws}")
        chances = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
        found = []
        for number, one in enumerate(series):
            low, high = torch.stack(self.draw([one] * draws, steps, seed + number)).quantile(chances, 0)
            found.append((low, high))
        return found

    def predict_step(self, batch: ForecastBatch, batch_idx: int) -> Tensor:
        """The next values after each step, (N, T, horizon, D), in the series's own units."""
        assert batch.inputs.values is not None  # a forecaster's batch has them
        return self._in_units(self.network.next_values(self.network(batch.inputs), batch.inputs.values))

    def compare(self, data: Any) -> Table:
        """Forecasts of `data.horizon` steps from every step of the test part, against naive and seasonal naive ones."""
        forecasts, truth, history = self.test_forecasts(data)
        period, horizon = data.period, data.horizon
        start = data.part("train")[1]
        rows = {type(self).__name__: forecasts, "naive": naive_forecast(history, horizon)}
        if period > 1:
            rows[f"seasonal naive, period {period}"] = seasonal_naive_forecast(history, horizon, period)
        scale = naive_scale(data.series[:start], period)
        found = {}
        for name, forecast in rows.items():
            measures = {"RMSE": RMSE(), "MASE": MASE(scale), "sMAPE": SMAPE()}
            for metric in measures.values():
                metric.update(forecast, truth)
            found[name] = {measure: float(metric.compute()) for measure, metric in measures.items()}
        title = f"{data.description}: {horizon} steps ahead from each of {len(truth):,} test steps"
        return Table(title, found, self._notes(data))

    def test_forecasts(self, data: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Forecasts, what came, and what was known: (N, horizon, D) twice and (N, window, D), in the series's units.

        The n-th forecast is made at the n-th step of the test part, from the `data.window` steps before it.

        Raises:
            RnnzooError: the test part is shorter than the horizon, or there is not as much history.
        """
        (start, end), horizon, window = data.part("test"), data.horizon, max(data.window, data.period)
        if end - start < horizon or start < window:
            raise RnnzooError(
                f"the test part of {data.description} has {end - start} steps after {start}: data.horizon {horizon} "
                f"and data.window {window} do not fit; lower them, or give a longer series"
            )
        origins = torch.arange(start, end - horizon + 1)
        history = data.series[origins[:, None] + torch.arange(-window, 0)]
        truth = data.series[origins[:, None] + torch.arange(horizon)]
        forecasts = [torch.stack(self.predict(list(some), horizon)) for some in torch.split(history, ROWS)]
        return torch.cat(forecasts).cpu(), truth, history

    def _notes(self, data: Any) -> tuple[str, ...]:
        """With a Gaussian head: how often the next values lie in their intervals."""
        if not self.draws_values:
            return ()
        coverage = Coverage(0.9)
        with self.evaluating():
            for batch in data.test_dataloader():
                batch = batch.to(self.device)
                said = self.network.distribution(self.network(batch.inputs), batch.inputs.values)
                coverage.update(*said, *next_targets(batch, self.network.horizon))
        ahead = "the next value lies" if self.network.horizon == 1 else f"the next {self.network.horizon} values lie"
        return (f"{ahead} in the 90 % interval in {float(coverage.compute()):.1%} of the test steps",)

    def _continued(self, series: Sequence[Any], steps: int, generator: torch.Generator | None = None) -> list[Tensor]:
        series = self.encoding.listed(series)
        if not series:
            return []
        inputs = self.inputs_of(series)
        with self.evaluating():
            return list(self._in_units(self.network.roll_out(inputs, steps, generator)).cpu())

    def _in_units(self, values: Tensor) -> Tensor:
        encoding = self.series_encoding
        return values.double() * encoding.scale.to(values.device) + encoding.mean.to(values.device)
