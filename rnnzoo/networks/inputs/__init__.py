"""Input layers: a batch's sequences to vectors (N, T, D), one file a kind of data."""

from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.networks.inputs.characters import CharacterInput, WordAndCharacterInput
from rnnzoo.networks.inputs.frames import FrameInput
from rnnzoo.networks.inputs.ngrams import TokenAndNgramInput
from rnnzoo.networks.inputs.pretrained import PretrainedInput, pretrained_input
from rnnzoo.networks.inputs.registry import INPUTS, build_input
from rnnzoo.networks.inputs.tokens import TokenInput
from rnnzoo.networks.inputs.values import ValueInput

__all__ = [
    "INPUTS",
    "CharacterInput",
    "FrameInput",
    "InputLayer",
    "PretrainedInput",
    "TokenAndNgramInput",
    "TokenInput",
    "ValueInput",
    "WordAndCharacterInput",
    "build_input",
    "pretrained_input",
]
