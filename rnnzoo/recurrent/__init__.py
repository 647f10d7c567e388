"""How cells are run: over time, depth and direction."""

from rnnzoo.recurrent.config import StackConfig
from rnnzoo.recurrent.lengths import lengths_mask, reverse_sequences
from rnnzoo.recurrent.noise import StackNoise
from rnnzoo.recurrent.reference import run_reference
from rnnzoo.recurrent.stack import RecurrentOutput, RecurrentStack

__all__ = [
    "RecurrentOutput",
    "RecurrentStack",
    "StackConfig",
    "StackNoise",
    "lengths_mask",
    "reverse_sequences",
    "run_reference",
]
