"""Cells by name, as a recipe names them."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from importlib import import_module
from typing import Any

from rnnzoo.cells.base import RecurrentCell
from rnnzoo.cells.coupled_lstm import CoupledLSTMCell
from rnnzoo.cells.elman import ElmanCell
from rnnzoo.cells.gru import GRUCell, ResetBeforeGRUCell
from rnnzoo.cells.indrnn import IndRNNCell
from rnnzoo.cells.initialization import forget_bias, initialize
from rnnzoo.cells.layer_norm_lstm import LayerNormLSTMCell
from rnnzoo.cells.lstm import BlockLSTMCell, LSTMCell, ProjectedLSTMCell
from rnnzoo.cells.minimal import MinGRUCell, MinLSTMCell
from rnnzoo.cells.peephole_lstm import PeepholeLSTMCell
from rnnzoo.errors import RnnzooError, unknown

CELLS: dict[str, type[RecurrentCell]] = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "projected_lstm": ProjectedLSTMCell,
    "block_lstm": BlockLSTMCell,
    "peephole_lstm": PeepholeLSTMCell,
    "coupled_lstm": CoupledLSTMCell,
    "layer_norm_lstm": LayerNormLSTMCell,
    "gru": GRUCell,
    "gru_reset_before": ResetBeforeGRUCell,
    "indrnn": IndRNNCell,
    "min_gru": MinGRUCell,
    "min_lstm": MinLSTMCell,
}


def build_cell(name: str, input_size: int, hidden_size: int, **options: Any) -> RecurrentCell:
    """A cell from its name and options.

    Args:
        name: one of `CELLS`, or the dotted path of a class of your own, ``package.module.Class``.
        input_size: D.
        hidden_size: H.
        options: keyword arguments of the cell's constructor; and ``init``, a mapping of initialisations, see
            `rnnzoo.cells.initialization`.

    Raises:
        RnnzooError: an unknown name or option, an option of the wrong type, a path that cannot be imported or is no
            cell.

    Example:
        >>> build_cell("lstm", 3, 5, forget_bias=1.0, init={"orthogonal": 1.0})
        LSTMCell(3, 5)
        >>> build_cell("lstm", 3, 5, forgetbias=1.0)
        Traceback (most recent call last):
            ...
        rnnzoo.errors.RnnzooError: unknown option of cell 'lstm' 'forgetbias': did you mean 'forget_bias', ...
    """
    cell_type = cell_class(name)
    init = options.pop("init", None)
    _check_options(name, cell_type, options)
    cell = cell_type(input_size, hidden_size, **options)
    if init:
        initialize(cell, init)
        if options.get("forget_bias") is not None:
            if "chrono" in init:
                raise RnnzooError("forget_bias and init 'chrono' both set the bias of gate f: give one of them")
            forget_bias(cell, options["forget_bias"])  # 'uniform' has just drawn it with all others
    return cell


def cell_class(name: str) -> type[RecurrentCell]:
    """The class of a short name or a dotted path; its module is imported where it is not yet.

    Raises:
        RnnzooError: see `build_cell`.
    """
    if name in CELLS:
        return CELLS[name]
    module_name, _, class_name = name.rpartition(".")
    if not module_name:
        raise RnnzooError(unknown("cell", name, CELLS) + "; a cell of your own is named by its path, module.Class")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise RnnzooError(
            f"cell {name!r} cannot be imported: {error}; install its package, or put the folder of the file that "
            "defines it on PYTHONPATH"
        ) from error
    if not hasattr(module, class_name):
        classes = [item for item, value in vars(module).items() if _is_cell(value)]
        raise RnnzooError(unknown(f"cell in module {module_name}", class_name, classes))
    found = getattr(module, class_name)
    if not _is_cell(found):
        raise RnnzooError(f"{name} is no cell: it must be a subclass of rnnzoo.cells.RecurrentCell")
    return typing.cast("type[RecurrentCell]", found)


def require_imported(name: str) -> None:
    """Refuse a dotted path that leads to no cell of an imported module: a checkpoint names a class, but imports none.

    Raises:
        RnnzooError: the module is not imported yet, or has no such cell.
    """
    if name in CELLS:
        return
    module_name, _, class_name = name.rpartition(".")
    if module_name not in sys.modules:
        module_name = module_name or name
        raise RnnzooError(
            f"the checkpoint names the cell {name!r}: import {module_name} first if you trust it "
            f"(rnnzoo generate: --import {module_name})"
        )
    if not _is_cell(vars(sys.modules[module_name]).get(class_name)):  # `getattr` may import what a package loads late
        raise RnnzooError(f"the checkpoint names the cell {name!r}, and the module {module_name} has no cell of it")


def _is_cell(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, RecurrentCell) and value is not RecurrentCell


def _check_options(name: str, cell_type: type[RecurrentCell], options: dict[str, Any]) -> None:
    parameters = list(inspect.signature(cell_type).parameters.values())[2:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    if cell_type.__init__ is RecurrentCell.__init__:
        known = ["bias"]  # the widths of gates and fields are for the author of a cell, not for who uses it
    try:
        hints = typing.get_type_hints(cell_type.__init__)
    except (NameError, TypeError):  # a user's annotations may need names that exist for a type checker only
        hints = {}
    for option, value in options.items():
        if option not in known:
            raise RnnzooError(unknown(f"option of cell {name!r}", option, [*known, "init"]))
        if option in hints and not _fits(value, hints[option]):
            raise RnnzooError(f"option {option} of cell {name!r} must be {_spelled(hints[option])}, not {value!r}")


def _fits(value: object, hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def _spelled(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
