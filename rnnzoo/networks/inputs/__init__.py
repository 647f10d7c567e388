"""Input layers: a batch's sequences to vectors (N, T, D), one file a kind of data."""

from rnnzoo.networks.inputs.registry import INPUTS, build_input
from rnnzoo.networks.inputs.tokens import TokenInput
from rnnzoo.networks.inputs.values import ValueInput

__all__ = ["INPUTS", "TokenInput", "ValueInput", "build_input"]
