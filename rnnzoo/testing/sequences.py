"""What a cell must do over a sequence, however it is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rnnzoo.cells import RecurrentCell
from rnnzoo.recurrent.engine import ENGINES, why_not
from rnnzoo.recurrent.reference import run_reference
from rnnzoo.recurrent.state import select
from rnnzoo.testing.steps import Checks, T, sample


def _check_sequence(cell: RecurrentCell) -> Iterator[str]:
    """A sequence is its steps."""
    cell = cell.double()
    inputs, state = sample(cell)
    outputs, last = run_reference(cell, inputs, None, state)
    for t in range(T):
        output, state = cell(inputs[t], state)
        if not _close(outputs[t], output):
            yield f"step {t} alone gives another output than in a sequence: forward, project and transition must agree"
            return
    if not all(map(_close, last, state)):
        yield "the last state of a sequence is not that of its last step"


def _check_padding(cell: RecurrentCell) -> Iterator[str]:
    """What stands after a row's end changes nothing."""
    cell = cell.double()
    inputs, state = sample(cell)
    lengths = torch.tensor([T, 2, 0, 1, 3])
    padded = torch.where((torch.arange(T).unsqueeze(-1) < lengths).unsqueeze(-1), inputs, torch.tensor(1e3).double())
    for reverse in (False, True):
        outputs, last = run_reference(cell, padded, lengths, state, None, reverse)
        for row, length in enumerate(lengths.tolist()):
            at = torch.tensor([row])
            alone, alone_last = run_reference(cell, inputs[:length, at], None, select(state, at), None, reverse)
            same = _close(outputs[:length, row], alone[:, 0]) and not outputs[length:, row].any()
            if not (same and all(_close(a[row], b[0]) for a, b in zip(last, alone_last, strict=True))):
                where = "backward" if reverse else "forward"
                yield f"a row of {length} steps depends on its padding up to {T} steps (run {where}), or on other rows"
                return


def check_engines(cell: RecurrentCell, engines: Sequence[str]) -> Iterator[str]:
    """Every way to run the cell gives what the loop gives."""
    cell = cell.double()
    inputs, state = sample(cell)
    lengths = torch.tensor([T, 2, 0, 1, 3])
    leaves = [inputs, *state, *cell.parameters()]
    for leaf in leaves:
        leaf.requires_grad_()
    for name in engines:
        if why_not(name, cell, inputs) is not None:
            continue
        for reverse in (False, True):
            found = []
            for run in (run_reference, ENGINES[name]):
                outputs, last = run(cell, inputs, lengths, state, None, reverse)
                values = [outputs, *last]
                gradients = torch.autograd.grad([value.sin().sum() for value in values], leaves, allow_unused=True)
                found.append([*values, *(torch.zeros(()) if one is None else one for one in gradients)])
            names = ["outputs", *cell.state_type._fields, "gradients of the inputs"]
            names += [f"gradients of s_0's {field}" for field in cell.state_type._fields]
            names += [f"gradients of {parameter}" for parameter, _ in cell.named_parameters()]
            for what, one, other in zip(names, *found, strict=True):
                if not torch.allclose(one, other, rtol=1e-7, atol=1e-9):
                    yield (
                        f"{name} gives other {what} than the loop; is there anything in the step but the row-wise "
                        "function of its gates and state? (until it is clear why: StackConfig(engine='reference'))"
                    )


SEQUENCES: Checks = {"sequence": _check_sequence, "padding": _check_padding}


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-9, atol=1e-9)
