"""The forecaster's roll-out against a loop over whole sequences in float64, and its loss by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rnnzoo.batches import ForecastBatch, SequenceInputs
from rnnzoo.encodings import SeriesEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.layers import GaussianHead, RegressionHead
from rnnzoo.networks.forecaster import ForecasterNetwork
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.recurrent import StackConfig


def _network(change: bool, head: type = RegressionHead, **stack: object) -> ForecasterNetwork:
    torch.manual_seed(0)
    layer = build_input(SeriesEncoding([0.0, 0.0], [1.0, 1.0]), {"projection_size": 3})
    reader = SequenceReader(layer, StackConfig(hidden_size=5, num_layers=2, **stack))  # type: ignore[arg-type]

    def make(width: int) -> RegressionHead | GaussianHead:
        return head(width, 2)  # type: ignore[no-any-return]

    return ForecasterNetwork(reader, make, change).double().eval()


def _inputs() -> SequenceInputs:
    torch.manual_seed(1)
    return SequenceInputs(torch.tensor([6, 3, 1]), values=torch.randn(3, 6, 2, dtype=torch.float64))


@pytest.mark.parametrize("change", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_roll_out_is_that_of_reading_the_longer_sequence_each_time(change: bool, cell: str) -> None:
    network, inputs = _network(change, cell=cell), _inputs()
    found = network.roll_out(inputs, 4)
    for row, length in enumerate(inputs.lengths.tolist()):
        known = inputs.values[row : row + 1, :length]  # type: ignore[index]
        for step in range(4):
            whole = SequenceInputs(torch.tensor([known.shape[1]]), values=known)
            following = network.head(network(whole)[:, -1])
            following = following + known[:, -1] if change else following
            torch.testing.assert_close(found[row, step], following[0])
            known = torch.cat((known, following[:, None]), 1)


def test_loss_counts_what_follows_the_history() -> None:
    network, inputs = _network(True), _inputs()
    targets = torch.randn(3, 6, 2, dtype=torch.float64)
    batch = ForecastBatch(inputs, targets, torch.tensor([2, 0, 1]))
    loss_sum, count = network.loss(network(inputs), batch)
    expected = 0.0
    for row, (first, length) in enumerate(((2, 6), (0, 3), (1, 1))):
        for step in range(first, length):
            said = network.head(network(inputs)[row, step]) + inputs.values[row, step]  # type: ignore[index]
            expected += ((said - targets[row, step]) ** 2).sum().item()
    assert loss_sum.item() == pytest.approx(expected)
    assert count.item() == (4 + 3 + 0) * 2


def test_drawn_roll_outs_have_the_distribution_of_the_head() -> None:
    network, inputs = _network(True, GaussianHead), _inputs()
    many = replace(inputs, lengths=inputs.lengths[:1].expand(4000), values=inputs.values[:1].expand(4000, -1, -1))  # type: ignore[index]
    drawn = network.roll_out(many, 1, torch.Generator().manual_seed(0))[:, 0]
    mean, deviation = network.head.distribution(network(inputs)[0, 5])  # type: ignore[union-attr]
    mean = mean + inputs.values[0, 5]  # type: ignore[index]
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
