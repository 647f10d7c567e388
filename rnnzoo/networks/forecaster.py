"""The forecaster (a transducer): each state says what comes next, and what it said can be read as what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnzoo.batches import ForecastBatch, SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.layers import GaussianHead, RegressionHead
from rnnzoo.networks.reading import SequenceReader


class ForecasterNetwork(nn.Module):
    """``x_{t+1}, ..., x_{t+h} ~ head(y_t)`` with ``y_t, s_t = stack(x_t, s_{t-1})`` and h the `horizon`.

    With a horizon above 1, each state says several values at once, each for itself, so that no error of the first is
    carried on to the others: the MIMO strategy of Ben Taieb et al. 2012, trained at each step as by Wen et al. 2017
    ("forking sequences"). Of forecasts longer than h, the next h values are said once the first h are read as what
    came; with h = 1 that is the recursive strategy.

    With `differenced`, the stack reads differences and the head says them: ``y_t, s_t = stack(x_t - x_{t-1}, s_{t-1})``
    and ``x_{t+k} - x_t ~ head(y_t)_k``, where a row's first difference is 0. The network does not see the level of a
    series: forecasts of ``x + c`` are those of x, plus c. One that knows nothing gives the naive forecast
    (differencing: Hyndman & Athanasopoulos, section 9.1).

    Args:
        reader: input layer and stack, of one direction.
        make_head: makes the head for the width of the outputs: `RegressionHead` or `GaussianHead` of h D numbers.
        size: D, the values of a step.
        horizon: h.
        differenced: whether differences are read and said.
        dropout: of the stack's outputs.

    Raises:
        RnnzooError: a stack of both directions, which would see what it predicts; a horizon below 1.
    """

    head: RegressionHead | GaussianHead

    def __init__(
        self,
        reader: SequenceReader,
        make_head: Callable[[int, int], RegressionHead | GaussianHead],
        size: int,
        horizon: int = 1,
        differenced: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if reader.bidirectional:
            raise RnnzooError("a forecaster must not see what it predicts: stack.bidirectional must be false")
        if horizon < 1:
            raise RnnzooError(f"model.horizon: {horizon} must be at least 1")
        self.reader = reader
        self.dropout = nn.Dropout(dropout)
        self.head = make_head(reader.output_size, horizon * size)
        self.size, self.horizon, self.differenced = size, horizon, differenced

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Features (N, T, H) for the head after each step."""
        features: Tensor = self.dropout(self.reader(self._read(inputs)).outputs)
        return features

    def loss(self, features: Tensor, batch: ForecastBatch) -> tuple[Tensor, Tensor]:
        """The summed loss of the next values that count, and how many numbers they are."""
        targets, mask = next_targets(batch, self.horizon)
        if self.differenced:
            targets = targets - _values(batch.inputs).unsqueeze(2)
        return self.head.loss(features, targets.flatten(2), mask.repeat_interleave(self.size, 2))

    def next_values(self, features: Tensor, values: Tensor) -> Tensor:
        """The expected next values (..., h, D), of features (..., H) at values (..., D)."""
        return self._at(self.head(features), values)

    def distribution(self, features: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the next values, (..., h, D) each.

        Raises:
            RnnzooError: the head gives points.
        """
        if not isinstance(self.head, GaussianHead):
            raise RnnzooError("a head that gives points has nothing to draw: take the gaussian one")
        mean, deviation = self.head.distribution(features)
        return self._at(mean, values), deviation.reshape(*deviation.shape[:-1], self.horizon, self.size)

    def roll_out(self, inputs: SequenceInputs, steps: int, generator: torch.Generator | None = None) -> Tensor:
        """What comes after N windows: (N, steps, D), h values at a time, each h from those before, its own among them.

        Args:
            inputs: the windows; a window of length 0 is continued from zeros.
            steps: at least 1.
            generator: None: each step gives its expected value. Else a Gaussian head's values are drawn with it, those
                of the same state independently of each other.

        Raises:
            RnnzooError: no steps, or draws without a Gaussian head.
        """
        if steps < 1:
            raise RnnzooError(f"a forecast needs at least one step, not {steps}")
        inputs = self.reader.in_own_precision(inputs)
        outputs, state = self.reader(self._read(inputs))
        last = (inputs.lengths - 1).clamp(min=0)[:, None, None]
        features = outputs.gather(1, last.expand(-1, 1, outputs.shape[2])).squeeze(1)
        known = _values(inputs)
        values = known.gather(1, last.expand(-1, 1, known.shape[2])).squeeze(1)
        values = values.masked_fill(~inputs.real[:, None], 0.0)
        one = replace(inputs, lengths=torch.ones_like(inputs.lengths), values=None, _num_tokens=len(known))
        found = [self._said(features, values, generator)]
        while len(found) * self.horizon < steps:
            for following in found[-1].unbind(1):
                read = following - values if self.differenced else following
                vectors = self.reader.inputs(replace(one, values=read.unsqueeze(1)))
                features, state = self.reader.stack.step(vectors.squeeze(1), state)
                values = following
            found.append(self._said(features, values, generator))
        return torch.cat(found, 1)[:, :steps]

    def _said(self, features: Tensor, values: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None:
            return self.next_values(features, values)
        mean, deviation = self.distribution(features, values)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + deviation * noise

    def _at(self, said: Tensor, values: Tensor) -> Tensor:
        said = said.reshape(*said.shape[:-1], self.horizon, self.size)
        return said + values.unsqueeze(-2) if self.differenced else said

    def _read(self, inputs: SequenceInputs) -> SequenceInputs:
        if not self.differenced:
            return inputs
        values = _values(inputs)
        return replace(inputs, values=torch.diff(values, dim=1, prepend=values[:, :1]))


def next_targets(batch: ForecastBatch, horizon: int) -> tuple[Tensor, Tensor]:
    """What comes 1 to h steps after each step, (N, T, h, D), and where it is known and counts, (N, T, h).

    It counts where the value itself does, from whichever step of the window it is forecast.
    """
    targets = F.pad(batch.targets, (0, 0, 0, horizon - 1)).unfold(1, horizon, 1).transpose(2, 3)
    return targets, F.pad(batch.mask, (0, horizon - 1)).unfold(1, horizon, 1)


def _values(inputs: SequenceInputs) -> Tensor:
    if inputs.values is None:
        raise RnnzooError("a forecaster reads series, and the batch has no values")
    return inputs.values
