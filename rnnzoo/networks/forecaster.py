"""The forecaster (a transducer): each state says what comes next, and what it said can be read as what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from rnnzoo.batches import ForecastBatch, SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.layers import GaussianHead, RegressionHead
from rnnzoo.networks.reading import SequenceReader


class ForecasterNetwork(nn.Module):
    """``x_{t+1} ~ head(y_t)`` with ``y_t, s_t = stack(x_t, s_{t-1})``.

    With `change`, the head says by how much the next value differs from this one: ``x_{t+1} - x_t ~ head(y_t)``, so
    that a network that knows nothing gives the naive forecast (differencing: Hyndman & Athanasopoulos, section 9.1).

    Args:
        reader: input layer and stack, of one direction.
        make_head: makes the head for the width of the outputs: `RegressionHead` or `GaussianHead`.
        change: whether the head says the change.
        dropout: of the stack's outputs.

    Raises:
        RnnzooError: a stack of both directions, which would see what it predicts.
    """

    head: RegressionHead | GaussianHead

    def __init__(
        self,
        reader: SequenceReader,
        make_head: Callable[[int], RegressionHead | GaussianHead],
        change: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if reader.bidirectional:
            raise RnnzooError("a forecaster must not see what it predicts: stack.bidirectional must be false")
        self.reader = reader
        self.dropout = nn.Dropout(dropout)
        self.head = make_head(reader.output_size)
        self.change = change

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Features (N, T, H) for the head after each step."""
        features: Tensor = self.dropout(self.reader(inputs).outputs)
        return features

    def loss(self, features: Tensor, batch: ForecastBatch) -> tuple[Tensor, Tensor]:
        """The summed loss of the next values that count, and how many numbers they are."""
        targets = batch.targets - _values(batch.inputs) if self.change else batch.targets
        return self.head.loss(features, targets, batch.mask)

    def next_values(self, features: Tensor, values: Tensor) -> Tensor:
        """The expected next values (..., D), of features (..., H) at values (..., D)."""
        found: Tensor = self.head(features)
        return found + values if self.change else found

    def roll_out(self, inputs: SequenceInputs, steps: int, generator: torch.Generator | None = None) -> Tensor:
        """What comes after N windows: (N, steps, D), each value from those before it, its own among them.

        Args:
            inputs: the windows; a window of length 0 is continued from zeros.
            steps: at least 1.
            generator: None: each step gives its expected value. Else a Gaussian head's values are drawn with it.

        Raises:
            RnnzooError: no steps, or draws without a Gaussian head.
        """
        if steps < 1:
            raise RnnzooError(f"a forecast needs at least one step, not {steps}")
        if generator is not None and not isinstance(self.head, GaussianHead):
            raise RnnzooError("a head that gives points has nothing to draw: take the gaussian one")
        outputs, state = self.reader(inputs)
        last = (inputs.lengths - 1).clamp(min=0)[:, None, None]
        features = outputs.gather(1, last.expand(-1, 1, outputs.shape[2])).squeeze(1)
        known = _values(inputs)
        values = known.gather(1, last.expand(-1, 1, known.shape[2])).squeeze(1)
        one = replace(inputs, lengths=torch.ones_like(inputs.lengths), values=None, _num_tokens=len(known))
        found = []
        for _ in range(steps):
            values = self._drawn(features, values, generator)
            found.append(values)
            vectors = self.reader.inputs(replace(one, values=values.unsqueeze(1)))
            features, state = self.reader.stack.step(vectors.squeeze(1), state)
        return torch.stack(found, 1)

    def _drawn(self, features: Tensor, values: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None or not isinstance(self.head, GaussianHead):
            return self.next_values(features, values)
        mean, deviation = self.head.distribution(features)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        drawn: Tensor = mean + deviation * noise
        return drawn + values if self.change else drawn


def _values(inputs: SequenceInputs) -> Tensor:
    if inputs.values is None:
        raise RnnzooError("a forecaster reads series, and the batch has no values")
    return inputs.values
