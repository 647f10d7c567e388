"""The loop of `torch.export`: any cell, any sizes."""

import warnings

import pytest
import torch
from torch.export import Dim

from rnnzoo.cells import GRUCell
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.recurrent.state import tensors


class OwnForward(GRUCell):
    """Run step by step elsewhere."""

    def forward(self, inputs, state, noise=None):
        output, state = super().forward(inputs, state, noise)
        return 2 * output, state


class Flat(torch.nn.Module):
    def __init__(self, stacks):
        super().__init__()
        self.stacks = torch.nn.ModuleList(stacks)

    def forward(self, inputs, lengths):
        found = [stack(inputs, lengths) for stack in self.stacks[1:]]
        whole = self.stacks[0](inputs)
        return [part for each in (whole, *found) for part in (each.outputs, *tensors(each.state))]


@pytest.mark.filterwarnings("ignore:.*is run step by step")
def test_stacks_of_other_sizes_than_the_example():
    torch.manual_seed(0)
    common = {"hidden_size": 4}
    stacks = [
        StackConfig(cell="lstm", engine="native", **common),  # without lengths
        StackConfig(cell="gru_reset_before", bidirectional=True, zoneout=0.2, **common),  # two stages
        StackConfig(cell="indrnn", num_layers=2, connections="dense", normalize=True, **common),
        StackConfig(cell=f"{__name__}.OwnForward", **common),
    ]
    module = Flat(RecurrentStack(3, config) for config in stacks).eval().requires_grad_(False)
    rows, steps = Dim("N", min=1), Dim("T", min=1)
    shapes = ({0: rows, 1: steps}, {0: rows})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (torch.randn(3, 5, 3), torch.tensor([5, 2, 3])), dynamic_shapes=shapes)
    run = program.module()
    for lengths in ([7, 0, 1, 6], [1], [4], [1, 0]):
        inputs, lengths = torch.randn(len(lengths), max(lengths), 3), torch.tensor(lengths)
        for found, expected in zip(run(inputs, lengths), module(inputs, lengths), strict=True):
            torch.testing.assert_close(found, expected)
        real = torch.arange(inputs.shape[1]) < lengths[:, None]
        for found, expected in zip(
            run(inputs.masked_fill(~real[:, :, None], torch.nan), lengths)[3:], module(inputs, lengths)[3:], strict=True
        ):
            torch.testing.assert_close(found, expected)
