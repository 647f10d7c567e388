"""R and O, one family a file."""

from rnnzoo.cells.base import Gates, HiddenState, Noise, RecurrentCell, Stage, Weights
from rnnzoo.cells.coupled_lstm import CoupledLSTMCell
from rnnzoo.cells.elman import ElmanCell, ElmanState
from rnnzoo.cells.gru import GRUCell, GRUState, ResetBeforeGRUCell
from rnnzoo.cells.indrnn import IndRNNCell
from rnnzoo.cells.layer_norm_lstm import LayerNormLSTMCell
from rnnzoo.cells.linear import LinearCell
from rnnzoo.cells.lstm import BlockLSTMCell, LSTMCell, LSTMState, ProjectedLSTMCell
from rnnzoo.cells.minimal import MinGRUCell, MinLSTMCell
from rnnzoo.cells.peephole_lstm import PeepholeLSTMCell
from rnnzoo.cells.registry import CELLS, build_cell

__all__ = [
    "CELLS",
    "BlockLSTMCell",
    "CoupledLSTMCell",
    "ElmanCell",
    "ElmanState",
    "GRUCell",
    "GRUState",
    "Gates",
    "HiddenState",
    "IndRNNCell",
    "LSTMCell",
    "LSTMState",
    "LayerNormLSTMCell",
    "LinearCell",
    "MinGRUCell",
    "MinLSTMCell",
    "Noise",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
    "RecurrentCell",
    "ResetBeforeGRUCell",
    "Stage",
    "Weights",
    "build_cell",
]
