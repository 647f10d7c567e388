"""What a checkpoint may name: a file of a stranger runs no code and fetches nothing.

A class of the user's own, a cell, a task or an image encoder, is used if its module is imported already. An image
encoder of an installed package takes any arguments, and its constructor can run a text or fetch a file that they name;
so it is used only if the user names it again, and so is every function.
"""

import importlib
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from torch import nn

from rnnzoo.cells.registry import require_imported
from rnnzoo.errors import RnnzooError

_SHOWN = 200  # characters of arguments in a message


def import_trusted(names: Collection[str], where: str = "trust") -> None:
    """Import the modules, and those of the classes and functions, that the user names.

    Args:
        names: dotted paths.
        where: they were named, for the message.

    Raises:
        RnnzooError: one that is not there.
    """
    for name in names:
        try:
            _import(name)
        except ImportError as error:
            raise RnnzooError(
                f"{where} {name}: {error}; give a module that lies here or is installed, or what is in it: module.Class"
            ) from None


def _import(name: str) -> None:
    module, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not module or not hasattr(importlib.import_module(module), last):
            raise error from None


def require_trusted(saved: Any, path: str | Path, trust: Collection[str] = (), where: str = "model") -> None:
    """Refuse a cell, class or function that plain data of a checkpoint name, at any depth, and nobody else does.

    Args:
        saved: the data.
        path: the checkpoint, for the message.
        trust: what the user names: classes, functions, or modules, which stand for their classes.
        where: the key of the data.

    Raises:
        RnnzooError: naming it and what to do.
    """
    for key, name, arguments in named(saved, where):
        if arguments is None:
            require_imported(name)
        elif not (_is_trusted(name, trust) or _is_own(name)):
            said = ", ".join(f"{item}={value!r}" for item, value in arguments.items())
            said = said if len(said) <= _SHOWN else f"{said[:_SHOWN]} ..."
            raise RnnzooError(
                f"{path} has {key} made by {name}({said}), which could run code or fetch files: if you trust it, name "
                f"it again: load_from_checkpoint(..., trust=[{name!r}]), or rnnzoo write --import {name}"
            )


def named(saved: Any, where: str = "model") -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    """What plain data name, at any depth: where, by which dotted path, and with which arguments; None: a cell.

    >>> list(named({"stack": {"cell": "gru"}, "backbone": {"class_path": "a.B", "init_args": {"c": 1}}}))
    [('model.stack', 'gru', None), ('model.backbone', 'a.B', {'c': 1})]
    """
    if isinstance(saved, Mapping):
        if isinstance(saved.get("cell"), str):
            yield where, saved["cell"], None
        if "class_path" in saved:
            arguments = saved.get("init_args")
            yield where, str(saved["class_path"]), arguments if isinstance(arguments, Mapping) else {}
        for key, value in saved.items():
            yield from named(value, f"{where}.{key}")
    elif isinstance(saved, (list, tuple)) and not all(isinstance(value, str) for value in saved):
        for at, value in enumerate(saved):
            yield from named(value, f"{where}[{at}]")


def _is_own(name: str) -> bool:
    """Whether it is a module class that the user imported from code of their own, which no package installed."""
    module, _, short = name.rpartition(".")
    found = vars(sys.modules[module]).get(short) if module in sys.modules else None  # `getattr` may import
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        return False
    written_in = {module.partition(".")[0], found.__module__.partition(".")[0]}  # it may be of a package, named again
    return not written_in & (packages_distributions().keys() | sys.stdlib_module_names - {"__main__"})


def _is_trusted(name: str, trust: Collection[str]) -> bool:
    if name in trust:
        return True
    module, _, short = name.rpartition(".")
    return module in trust and isinstance(vars(importlib.import_module(module)).get(short), type)
