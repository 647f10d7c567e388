"""What every cell must do, checked by running one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from rnnzoo.cells import RecurrentCell
from rnnzoo.errors import RnnzooError
from rnnzoo.testing.sequences import SEQUENCES, check_engines
from rnnzoo.testing.steps import FORM, PROPERTIES, Checks


def check_cell(
    cell: RecurrentCell | type[RecurrentCell],
    input_size: int = 3,
    hidden_size: int = 4,
    *,
    engines: Sequence[str] = ("native", "scan", "compiled"),
    **options: Any,
) -> None:
    """Check that a cell keeps the contract of `RecurrentCell`, so that every engine and stack can run it.

    It runs the cell on small random sequences, in float32 and float64: shapes and types of states and outputs; no row
    of the batch sees another; nothing is changed in place, remembered or random; a sequence is its steps, and padding
    never counts; gradients are right (against finite differences) and reach every parameter; copies and saved weights
    give the same; the engines that can run it agree with the loop.

    Args:
        cell: a cell, which is copied and left as it is, or its class.
        input_size: D of the cell to make, where a class is given.
        hidden_size: H of it.
        engines: those that must agree with the loop where they can run the cell; compiling takes seconds.
        options: further arguments of its constructor.

    Raises:
        AssertionError: what the cell does wrong, all of it, and what to do.
        RnnzooError: what is given is no cell.

    Example:
        >>> import torch
        >>> from rnnzoo.cells import HiddenState, RecurrentCell
        >>> class CentredCell(RecurrentCell):
        ...     gates = ("g",)
        ...
        ...     def transition(self, gates, state):
        ...         return HiddenState(h=torch.tanh(gates.g - gates.g.mean(0)))
        >>> check_cell(CentredCell)
        Traceback (most recent call last):
            ...
        AssertionError: CentredCell(3, 4) breaks the contract of a cell:
        - rows: row 0 of the output changes by ... when only other rows of the batch change...
    """
    if not (isinstance(cell, RecurrentCell) or (isinstance(cell, type) and issubclass(cell, RecurrentCell))):
        raise RnnzooError(f"check_cell takes a cell or its class, not {cell!r}: rnnzoo.cells.CELLS has the named ones")
    made = copy.deepcopy(cell) if isinstance(cell, RecurrentCell) else cell(input_size, hidden_size, **options)
    torch.manual_seed(0)
    failures = _run(FORM, made.train())
    if not failures:  # what follows needs states and steps of the right form
        failures = _run(PROPERTIES, made)
    if not failures:  # of a wrong step, a sequence shows only more of the same
        failures = _run(SEQUENCES | {"engines": partial(check_engines, engines=engines)}, made)
    if failures:
        raise AssertionError("\n- ".join([f"{made!r} breaks the contract of a cell:", *failures]))


def _run(checks: Checks, cell: RecurrentCell) -> list[str]:
    """What the checks find; what is raised counts only where no check says what is behind it."""
    failures, errors = [], []
    for name, check in checks.items():
        try:
            failures += [f"{name}: {failure}" for failure in check(copy.deepcopy(cell))]
        except Exception as error:  # whatever a user's cell raises is a finding, not the end of the report
            errors.append(f"{name}: raises {type(error).__name__}: {error}")
    return failures or errors
