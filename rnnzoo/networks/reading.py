"""What every network that reads a sequence begins with, and what is reused of a trained one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.recurrent import RecurrentOutput, RecurrentStack, StackConfig


class SequenceReader(nn.Module):
    """An input layer and a stack: ``y_t, s_t = stack(input layer(x_t), s_t-1)``.

    Args:
        inputs: the input layer.
        stack: the recurrent part.
    """

    def __init__(self, inputs: InputLayer, stack: StackConfig) -> None:
        super().__init__()
        self.inputs = inputs
        self.stack = RecurrentStack(inputs.output_size, stack)
        self.output_size = self.stack.output_size
        self.bidirectional = stack.bidirectional

    def forward(self, inputs: SequenceInputs, state: Any = None) -> RecurrentOutput:
        """Outputs (N, T, D'), zero in padding, and the state after each row's last step."""
        output: RecurrentOutput = self.stack(self.inputs(self.in_own_precision(inputs)), inputs.lengths, state)
        return output

    def in_own_precision(self, inputs: SequenceInputs) -> SequenceInputs:
        """The inputs with numbers of the stack's dtype, which is another one after `double()`."""
        dtype = next(self.stack.parameters()).dtype
        if inputs.values is None or inputs.values.dtype == dtype:
            return inputs
        return replace(inputs, values=inputs.values.to(dtype))
