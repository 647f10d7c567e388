"""R and O, one family a file."""

from rnnzoo.cells.base import Gates, HiddenState, Noise, RecurrentCell, Stage, Weights
from rnnzoo.cells.elman import ElmanCell, ElmanState
from rnnzoo.cells.gru import GRUCell, GRUState, ResetBeforeGRUCell
from rnnzoo.cells.lstm import LSTMCell, LSTMState

__all__ = [
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "Gates",
    "HiddenState",
    "LSTMCell",
    "LSTMState",
    "Noise",
    "RecurrentCell",
    "ResetBeforeGRUCell",
    "Stage",
    "Weights",
]
