"""Trained tasks as files of `torch.export`, which run without rnnzoo."""

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.programs import Tensors
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.checkpoints import class_path
from rnnzoo.tasks.programs import EXAMPLES, Program, programs_of
from rnnzoo.text import Vocabulary

#: The arguments of a task that say what its numbers mean.
OF_USE = (
    *("encoding", "target_encoding", "vocabulary", "tokenizer", "condition", "answer", "tags", "scheme"),
    *("horizon", "differenced", "max_length"),
)
TOLERANCE = 1e-4


def export(task: SequenceTask, path: str | Path) -> list[Path]:
    """Write the programs of a task, and a JSON file that says what they take and give.

    A task that reads becomes one program, `path`. One that writes becomes two, ``init_state`` and ``step`` (see
    `rnnzoo.networks.programs`), and a `SequenceEncoder` has a second, ``pair``, for what it tells of two vectors: the
    name of each stands in its file's, ``model.step.pt2`` for ``model.pt2``. Each is run on other sizes than those of
    its example, and must give what the task gives. The programs are of the CPU and have no gradients.

    Args:
        task: a trained task.
        path: the file, ending in ``.pt2``. Files that are there are replaced, all at the end.

    Returns:
        The files.

    Raises:
        RnnzooError: another ending, a task that cannot be exported, or a program that gives something else.
    """
    path = Path(path)
    if path.suffix != ".pt2":
        raise RnnzooError(f"{path}: a program's file ends in .pt2, as in {path.with_suffix('.pt2').name}")
    if task.device.type != "cpu":
        raise RnnzooError(f"the task is on {task.device}, and programs are made on the CPU: task.cpu()")
    described: dict[str, Any] = {}
    with _files() as files, _quiet(), task.evaluating(), _without_gradients(task), torch.random.fork_rng([]):
        torch.manual_seed(0)
        for program in programs_of(task):
            alone = program.name == "model"
            target = path if alone else path.with_name(f"{path.stem}.{program.name}.pt2")
            inputs = [program.inputs(sizes) for sizes in EXAMPLES]
            outputs = [program.module(each) for each in inputs]
            made = _made(program, *inputs)
            _check(program, made, inputs[1], outputs[1])
            torch.export.save(made, files.beside(target))
            described[program.name] = {
                "file": target.name,
                "inputs": _described(*inputs),
                "outputs": _described(*outputs),
                "least": {letter: program.least[letter] for letter in _letters(*inputs)},
            }
        about = {
            "task": class_path(type(task)),
            "programs": described,
            **{name: task.hparams[name] for name in OF_USE if name in task.hparams},
            **_borders(task),
        }
        text = json.dumps(about, indent=1, ensure_ascii=False)
        files.beside(path.with_suffix(".json")).write_text(f"{text}\n", encoding="utf-8")
        return files.keep()


class _Files:
    """Files that take their names together, when all are whole."""

    def __init__(self) -> None:
        self._temporary: dict[Path, Path] = {}

    def beside(self, target: Path) -> Path:
        """Where to write what is to become `target`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        return self._temporary.setdefault(target, target.with_name(f".{os.getpid()}.{target.name}"))

    def keep(self) -> list[Path]:
        """Give them their names."""
        for target, temporary in self._temporary.items():
            os.replace(temporary, target)
        return list(self._temporary)

    def drop(self) -> None:
        """Remove those that have not got their names."""
        for temporary in self._temporary.values():
            temporary.unlink(missing_ok=True)


@contextmanager
def _files() -> Iterator[_Files]:
    files = _Files()
    try:
        yield files
    finally:
        files.drop()


@contextmanager
def _without_gradients(task: SequenceTask) -> Iterator[None]:
    """So that a program asks for none either, and runs without `torch.no_grad`."""
    learned = [parameter for parameter in task.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch says of its own inner parts."""
    logger = logging.getLogger("torch._export.serde.serialize")  # that it takes an empty list for one of tensors
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):  # on which it prints what it could not export
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled


def _made(program: Program, inputs: Tensors, larger: Tensors) -> ExportedProgram:
    """The program, free in the axes in which two examples differ."""
    dims = {letter: Dim(letter, min=least) for letter, least in program.least.items()}
    free = {
        name: {
            axis: dims[letter] for axis, letter in enumerate(_shape(tensor, larger[name])) if isinstance(letter, str)
        }
        for name, tensor in inputs.items()
    }
    try:
        made = torch.export.export(program.module, (inputs,), dynamic_shapes=(free,))
    except Exception as error:  # PyTorch has no error of its own for it
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise RnnzooError(
            f"the program {program.name} cannot be exported: {reason} (a cell or an image encoder of your own must be "
            "made of PyTorch's operations alone, and must not look at values)"
        ) from error
    for module in made.graph_module.modules():
        for node in module.graph.nodes:
            node.meta.pop("stack_trace", None)  # the places of rnnzoo's files on this machine
    return made


def _check(program: Program, made: ExportedProgram, inputs: Tensors, expected: Tensors) -> None:
    """Refuse a program that gives something else than the task."""
    found: Tensors = made.module()(inputs)
    for name, value in expected.items():
        same = found[name].shape == value.shape
        if same and value.is_floating_point():
            same = torch.allclose(found[name], value, TOLERANCE, TOLERANCE, equal_nan=True)
        if not same:
            raise RnnzooError(f"the exported program {program.name} gives other {name} than the task: it is not kept")


def _shape(tensor: Tensor, larger: Tensor) -> list[int | str]:
    """The shape, with letters for sizes that differ between the two `EXAMPLES`.

    >>> _shape(torch.zeros(3, 3, 2), torch.zeros(4, 7, 2))
    ['N', 'T-2', 2]
    """
    small, large = (vars(sizes) for sizes in EXAMPLES)
    letters = {large[letter] - small[letter]: letter for letter in small}
    shape: list[int | str] = []
    for size, size_of_larger in zip(tensor.shape, larger.shape, strict=True):
        if size == size_of_larger:
            shape.append(size)
        else:
            letter = letters[size_of_larger - size]
            more = size - small[letter]
            shape.append(f"{letter}{more:+}" if more else letter)
    return shape


def _borders(task: SequenceTask) -> dict[str, int | None]:
    """Where what is written starts and ends."""
    tokens = task.hparams.get("vocabulary") or task.hparams.get("target_encoding", {}).get("vocabulary")
    if tokens is None:
        return {}
    vocabulary = Vocabulary(tokens)
    return {"start_id": vocabulary.start_id, "end_id": vocabulary.end_id}


def _letters(inputs: Tensors, larger: Tensors) -> list[str]:
    """The free axes."""
    shapes = [_shape(tensor, larger[name]) for name, tensor in inputs.items()]
    return sorted({size for shape in shapes for size in shape if isinstance(size, str)})


def _described(tensors: Tensors, larger: Tensors) -> list[dict[str, Any]]:
    return [
        {"name": name, "dtype": str(one.dtype).removeprefix("torch."), "shape": _shape(one, larger[name])}
        for name, one in tensors.items()
    ]
