"""The forecaster's roll-out against a loop over whole sequences in float64, and its loss by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rnnzoo.batches import ForecastBatch, SequenceInputs
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.layers import GaussianHead, RegressionHead
from rnnzoo.networks.forecaster import ForecasterNetwork
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.recurrent import StackConfig


def _network(differenced: bool, head: type = RegressionHead, horizon: int = 1, **stack: object) -> ForecasterNetwork:
    torch.manual_seed(0)
    layer = build_input(SeriesEncoding([0.0, 0.0], [1.0, 1.0]), {"projection_size": 3})
    reader = SequenceReader(layer, StackConfig(hidden_size=5, num_layers=2, **stack))  # type: ignore[arg-type]
    return ForecasterNetwork(reader, head, 2, horizon, differenced).double().eval()


def _inputs() -> SequenceInputs:
    torch.manual_seed(1)
    return SequenceInputs(torch.tensor([6, 3, 1]), values=torch.randn(3, 6, 2, dtype=torch.float64))


def _said(network: ForecasterNetwork, known: Tensor) -> Tensor:
    """What comes after one whole sequence (T, D), (horizon, D): differences are taken here, by hand."""
    read = torch.stack([row - before for row, before in zip(known, [known[0], *known], strict=False)])
    row = (read if network.differenced else known)[None]
    output = network.reader.stack(network.reader.inputs(SequenceInputs(torch.tensor([len(known)]), values=row)))
    numbers = network.head(output.outputs[0, -1])[: 2 * network.horizon]
    said = torch.stack([numbers[2 * k : 2 * k + 2] for k in range(network.horizon)])
    return said + known[-1] if network.differenced else said


@pytest.mark.parametrize("differenced", [False, True])
@pytest.mark.parametrize(("cell", "horizon"), [("lstm", 1), ("gru", 1), ("gru", 3), ("lstm", 7)])
def test_roll_out_is_that_of_reading_the_longer_sequence_each_time(differenced: bool, cell: str, horizon: int) -> None:
    network, inputs = _network(differenced, horizon=horizon, cell=cell), _inputs()
    found = network.roll_out(inputs, 7)
    assert found.shape == (3, 7, 2)
    for row, length in enumerate(inputs.lengths.tolist()):
        known = inputs.values[row, :length]  # type: ignore[index]
        while len(known) < length + 7:
            known = torch.cat((known, _said(network, known)))
        torch.testing.assert_close(found[row], known[length : length + 7])


def test_differences_do_not_see_the_level() -> None:
    inputs = _inputs()
    moved = replace(inputs, values=inputs.values + 100)  # type: ignore[operator]
    for horizon in (1, 3):
        network = _network(True, horizon=horizon)
        torch.testing.assert_close(network.roll_out(moved, 5), network.roll_out(inputs, 5) + 100)
    plain = _network(False)
    assert (plain.roll_out(moved, 5) - plain.roll_out(inputs, 5) - 100).abs().min() > 1


@pytest.mark.parametrize("differenced", [False, True])
@pytest.mark.parametrize("horizon", [1, 3])
def test_loss_counts_what_follows_the_history(differenced: bool, horizon: int) -> None:
    network, inputs = _network(differenced, horizon=horizon), _inputs()
    after = torch.randn(3, 2, dtype=torch.float64)  # the value after the last step of each row
    first = [2, 0, 1]
    series = [
        torch.cat((inputs.values[row, :length], after[row : row + 1]))  # type: ignore[index]
        for row, length in enumerate(inputs.lengths.tolist())
    ]
    targets = torch.full((3, 6, 2), 1e3, dtype=torch.float64)
    for row, values in enumerate(series):
        targets[row, : len(values) - 1] = values[1:]
    loss_sum, count = network.loss(network(inputs), ForecastBatch(inputs, targets, torch.tensor(first)))
    errors = [
        (_said(network, values[: step + 1])[k] - values[step + 1 + k]).square()
        for row, values in enumerate(series)
        for step in range(len(values) - 1)
        for k in range(horizon)
        if first[row] < step + 1 + k < len(values)
    ]
    assert loss_sum.item() == pytest.approx(torch.stack(errors).sum().item())
    assert count.item() == 2 * len(errors) == 2 * {1: 7, 3: 18}[horizon]


def test_drawn_roll_outs_have_the_distribution_of_the_head() -> None:
    network, inputs = _network(True, GaussianHead, horizon=2), _inputs()
    many = replace(inputs, lengths=inputs.lengths[:1].expand(4000), values=inputs.values[:1].expand(4000, -1, -1))  # type: ignore[index]
    drawn = network.roll_out(many, 2, torch.Generator().manual_seed(0)).flatten(1)
    mean, deviation = network.head.distribution(network(inputs)[0, 5])  # type: ignore[union-attr]
    mean = mean + inputs.values[0, 5].repeat(2)  # type: ignore[index]
    standard = (drawn - mean) / deviation
    assert standard.mean(0).abs().max() < 4 / 4000**0.5
    assert (standard.std(0) - 1).abs().max() < 4 / 8000**0.5


def test_mistakes() -> None:
    network = _network(False)
    with pytest.raises(RnnzooError, match="at least one step, not 0"):
        network.roll_out(_inputs(), 0)
    with pytest.raises(RnnzooError, match="take the gaussian one"):
        network.roll_out(_inputs(), 1, torch.Generator())
    with pytest.raises(RnnzooError, match=r"stack\.bidirectional must be false"):
        _network(False, bidirectional=True)
    with pytest.raises(RnnzooError, match=r"model\.horizon: 0 must be at least 1"):
        _network(False, horizon=0)
