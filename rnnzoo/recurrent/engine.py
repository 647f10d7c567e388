"""Which way a cell is run: one formula, several ways that give the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.cells import LinearCell, Noise, RecurrentCell
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import compiled, native, scan
from rnnzoo.recurrent.exported import run_exported
from rnnzoo.recurrent.reference import run_reference

#: T * N * H from which on `auto` lets a cell be compiled: below, the seconds that compiling takes are not won back.
WORTH_COMPILING = 1 << 15

#: Reasons that were given already: each is said once in a process.
_said: set[str] = set()


class Choice(NamedTuple):
    """The way a cell is run, ``reference``, ``native``, ``compiled`` or ``scan``, and why."""

    name: str
    reason: str


def choose(cell: RecurrentCell, inputs: Tensor, noise: Noise | None = None) -> Choice:
    """What ``engine: auto`` does with these inputs (T, N, D): their values do not count, nor what was run before.

    In this order: PyTorch's own kernel where it has one; a scan where the cell is linear in its state; compiled where
    gradients are recorded (without them it gains little), there are at least `WORTH_COMPILING` components of states
    to compute, and the cell and machine can; else the loop.
    """
    if _own_forward(cell):
        return Choice("reference", f"{type(cell).__name__} has a forward of its own")
    no_kernel = native.supports(cell, noise)
    if no_kernel is None:
        return Choice("native", "PyTorch has a kernel for this cell")
    if isinstance(cell, LinearCell) and scan.supports(cell, noise) is None:
        return Choice("scan", "the cell is linear in its state")
    if not torch.is_grad_enabled():
        return Choice("reference", f"{no_kernel}, and without gradients the loop is as fast as compiled code")
    work = inputs.shape[0] * inputs.shape[1] * cell.hidden_size
    if work < WORTH_COMPILING:
        return Choice("reference", f"{no_kernel}, and T * N * H = {work} is too little to compile for")
    impossible = compiled.supports(cell, inputs, noise=noise)
    if impossible is None:
        return Choice("compiled", no_kernel)
    return Choice("reference", f"{no_kernel}, and it cannot be compiled: {impossible}")


def run(
    cell: RecurrentCell,
    inputs: Tensor,
    lengths: Tensor | None,
    state: Any,
    noise: Noise | None = None,
    reverse: bool = False,
    engine: str = "auto",
) -> tuple[Tensor, Any]:
    """Run a cell over time; the other arguments and the results are those of `run_reference`.

    `engine` is ``auto``, see `choose`, or the name of one of `ENGINES`. In `torch.export` it does not count: there is
    one way to keep a loop in a program (`run_exported`).

    Raises:
        RnnzooError: the engine that was asked for cannot run this cell; the message says why.
    """
    if torch.compiler.is_exporting():
        return run_exported(cell, inputs, lengths, state, noise, reverse)
    if engine == "auto":
        choice = choose(cell, inputs, noise)
        if choice.name == "reference" and "cannot be compiled" in choice.reason:
            _say_once(f"{type(cell).__name__} is run step by step, which is slow: {choice.reason}")
        engine = choice.name
    else:
        reason = why_not(engine, cell, inputs, noise)
        if reason is not None:
            raise RnnzooError(f"engine {engine!r} cannot run this cell: {reason}; engine 'auto' finds one that can")
    return ENGINES[engine](cell, inputs, lengths, state, noise, reverse)


def reads_padding(cell: RecurrentCell, inputs: Tensor, noise: Noise | None, engine: str) -> bool:
    """Whether `run` with lengths reads the padding of the inputs, so that it must hold zeros, not NaN."""
    return (choose(cell, inputs, noise).name if engine == "auto" else engine) != "native"


def why_not(engine: str, cell: RecurrentCell, inputs: Tensor, noise: Noise | None = None) -> str | None:
    """None where this engine can run the cell on these inputs (T, N, D), else the reason why not."""
    if engine == "reference":
        return None
    if _own_forward(cell):
        return f"{type(cell).__name__} has a forward of its own, which only the reference calls"
    if engine == "native":
        return native.supports(cell, noise)
    if engine == "scan":
        return scan.supports(cell, noise)
    return compiled.supports(cell, inputs, noise=noise)


ENGINES: dict[str, Callable[..., tuple[Tensor, Any]]] = {
    "reference": run_reference,
    "native": native.run_native,
    "compiled": compiled.run_compiled,
    "scan": scan.run_scan,
}


def _own_forward(cell: RecurrentCell) -> bool:
    return type(cell).forward is not RecurrentCell.forward


def _say_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        warnings.warn(message, stacklevel=2)
