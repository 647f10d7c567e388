"""The programs that a trained task is exported as: which networks they are of, and examples of what they take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.encodings import AudioEncoding, ImageSequenceEncoding, InputEncoding, SeriesEncoding, TextEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.networks import programs
from rnnzoo.networks.inputs import InputLayer, PretrainedInput
from rnnzoo.networks.inputs.characters import CharacterInput, WordAndCharacterInput
from rnnzoo.networks.programs import InitStateProgram, PairProgram, ReadingProgram, StepProgram, Tensors
from rnnzoo.tasks.acceptor import Acceptor
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.captioner import Captioner
from rnnzoo.tasks.cloze import Cloze
from rnnzoo.tasks.forecaster import Forecaster
from rnnzoo.tasks.generator import Generator
from rnnzoo.tasks.next_token import NextTokenTask
from rnnzoo.tasks.seq2seq import Seq2Seq
from rnnzoo.tasks.sequence_encoder import SequenceEncoder
from rnnzoo.tasks.tagger import Tagger


@dataclass(frozen=True)
class Sizes:
    """The sizes of an example: rows, steps, and characters of a word."""

    N: int
    T: int
    C: int


#: Two examples. By how much a size grows from the one to the other tells which of the three it is.
EXAMPLES = Sizes(N=3, T=5, C=7), Sizes(N=4, T=9, C=9)
LEAST = {"N": 1, "T": 1, "C": 1}


@dataclass(frozen=True)
class Program:
    """One program of a task.

    Attributes:
        name: what its file is named after.
        module: takes a dictionary of tensors and gives one.
        inputs: makes an example of what it takes; axes that differ between two examples are free.
        least: the least size of each free axis.
    """

    name: str
    module: nn.Module
    inputs: Callable[[Sizes], Tensors]
    least: dict[str, int]


def programs_of(task: SequenceTask) -> list[Program]:
    """The programs of a task.

    Raises:
        RnnzooError: the task is of another kind, or writes words that stand in its source only.
    """
    network = task.network
    if isinstance(task, NextTokenTask):
        of_rows = partial(_of_text, vocabulary_size=len(task.hparams["vocabulary"]), names=("tokens",), rank=1)
        return _writing(network, of_rows, lambda parts: parts["tokens"].shape[0])
    if isinstance(task, Generator):
        return _writing(network, partial(_condition, task), partial(_conditioned, task))
    if isinstance(task, Seq2Seq):
        if task.network.decoder.config.copy:
            raise RnnzooError(
                "a decoder that copies (decoder.copy) cannot be exported: how many words it can write differs from "
                "source to source; export one without, or use rnnzoo write"
            )
        inputs = partial(_sequences, task.encoding, task.network.encoder.inputs)
        # With one step torch.export takes the axis of the steps for one that can be left out.
        return _writing(network, inputs, programs.sequences, {"T": 2})
    if isinstance(task, Captioner):
        return _writing(network, partial(_images, task.hparams["encoding"]), lambda parts: parts["images"])
    if isinstance(task, Cloze):
        size = len(task.hparams["vocabulary"])
        return [_reading(network, partial(_of_text, vocabulary_size=size), programs.fill, {"T": 4})]
    if isinstance(task, Acceptor | Tagger | Forecaster | SequenceEncoder):
        inputs = partial(_sequences, task.encoding, task.network.reader.inputs)
        if isinstance(task, Acceptor):
            return [_reading(network, inputs, programs.accept)]
        if isinstance(task, Tagger):
            return [_reading(network, inputs, partial(programs.tag, columns=list(task.hparams["tags"])))]
        if isinstance(task, Forecaster):
            return [_reading(network, inputs, programs.forecast)]
        pair = Program("pair", PairProgram(task.network), partial(_vectors, task.network.output_size), LEAST)
        return [_reading(network, inputs, programs.encode), pair]
    raise RnnzooError(
        f"rnnzoo does not know what a {type(task).__name__} takes and gives: export its network yourself, "
        "torch.export.export(task.network, ...)"
    )


def _reading(
    network: nn.Module,
    inputs: Callable[[Sizes], Tensors],
    answer: Callable[[Any, SequenceInputs], Tensors],
    least: dict[str, int] | None = None,
) -> Program:
    return Program("model", ReadingProgram(network, answer), inputs, LEAST | (least or {}))


def _writing(
    network: Any,
    inputs: Callable[[Sizes], Tensors],
    condition: Callable[[Tensors], Any],
    least: dict[str, int] | None = None,
) -> list[Program]:
    """The decoding contract."""

    def begun(sizes: Sizes) -> Tensors:
        tokens = torch.randint(network.vocabulary_size, (sizes.N,))
        known: Tensors = start(inputs(sizes))
        return {"tokens": tokens, **known}

    start = InitStateProgram(network, condition)
    structure = network.init_state(condition(inputs(EXAMPLES[0])))
    step = StepProgram(network, *structure)
    least = LEAST | (least or {})
    return [Program("init_state", start, inputs, least), Program("step", step, begun, least)]


def _lengths(sizes: Sizes) -> Tensor:
    """(N,), from T down to 1."""
    return torch.linspace(sizes.T, 1, sizes.N).long()


def _of_text(
    sizes: Sizes,
    vocabulary_size: int,
    characters: int = 0,
    names: tuple[str, ...] = ("tokens", "lengths"),
    rank: int = 2,
) -> Tensors:
    shape = (sizes.N, sizes.T, sizes.C)
    parts = {
        "tokens": torch.randint(vocabulary_size, shape[:rank]),
        "characters": torch.randint(1, 2 + characters, shape),
        "lengths": _lengths(sizes),
    }
    return {name: parts[name] for name in names}


def _sequences(encoding: InputEncoding, layer: InputLayer, sizes: Sizes) -> Tensors:
    """What an input layer reads of a batch of an encoding."""
    while isinstance(layer, PretrainedInput):
        layer = layer.inputs
    if isinstance(encoding, TextEncoding):
        read = {CharacterInput: ("characters",), WordAndCharacterInput: ("tokens", "characters")}
        names = read.get(type(layer), ("tokens",))
        return _of_text(sizes, len(encoding.vocabulary), len(encoding.characters or ()), (*names, "lengths"))
    if isinstance(encoding, ImageSequenceEncoding):
        width: tuple[int, ...] = (encoding.height, encoding.width, encoding.channels)
    else:
        assert isinstance(encoding, SeriesEncoding | AudioEncoding)  # there are no others
        width = (encoding.size,)
    return {"values": torch.randn(sizes.N, sizes.T, *width), "lengths": _lengths(sizes)}


def _condition(task: Generator, sizes: Sizes) -> Tensors:
    network = task.network
    if network.embedding is not None:
        return {"condition": torch.randint(network.embedding.num_embeddings, (sizes.N,))}
    if network.vector_size is not None:
        return {"condition": torch.randn(sizes.N, network.vector_size)}
    return {"tokens": torch.zeros(sizes.N, dtype=torch.int64)}  # nothing but the number of rows


def _conditioned(task: Generator, parts: Tensors) -> Any:
    return parts["condition"] if "condition" in parts else parts["tokens"].shape[0]


def _images(encoding: dict[str, Any], sizes: Sizes) -> Tensors:
    channels = encoding.get("channels", 3)
    return {"images": torch.randn(sizes.N, encoding["height"], encoding["width"], channels)}


def _vectors(width: int, sizes: Sizes) -> Tensors:
    return {"first": torch.randn(sizes.N, width), "second": torch.randn(sizes.N, width)}
