"""What a checkpoint of a task holds beside weights, and finding the class that wrote it."""

import dataclasses
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rnnzoo.errors import RnnzooError

HYPER_PARAMETERS = "hyper_parameters"  # Lightning's keys
CLASS_PATH = "_class_path"


def class_path(cls: type) -> str:
    """Where a class is imported from."""
    return f"{cls.__module__}.{cls.__qualname__}"


def plain_data(value: Any, name: str) -> Any:
    """The value as str, int, float, bool, None, lists and dictionaries of these: what loads without running code.

    Raises:
        RnnzooError: something else, naming it.

    >>> plain_data({"sizes": (2, 3)}, "model")
    {'sizes': [2, 3]}
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain_data(dataclasses.asdict(value), name)
    if isinstance(value, Mapping):
        return {str(key): plain_data(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if type(item) is str else plain_data(item, f"{name}[{at}]") for at, item in enumerate(value)]
    raise RnnzooError(
        f"{name} is a {type(value).__name__}: a checkpoint holds only numbers, strings, lists and dictionaries, so "
        "arguments of a task must be made of these (make objects from them in build_network)"
    )


def read_checkpoint(path: str | Path, map_location: Any, weights_only: bool | None) -> dict[str, Any]:
    """A checkpoint's content.

    Raises:
        RnnzooError: no such file; it is cut short or no checkpoint; it holds more than plain data.
    """
    path = Path(path)
    if not path.is_file():
        raise RnnzooError(f"no such checkpoint: {path} (a run keeps its own in runs/RECIPE/TIME/checkpoints)")
    require_intact(path)
    try:
        content = torch.load(path, map_location=map_location, weights_only=weights_only is not False)
    except Exception as error:  # torch.load has no error of its own: RuntimeError, EOFError, UnpicklingError, ...
        if "weights_only" in str(error):
            reason = "it holds Python objects, which could run code, or is no checkpoint at all"
        else:
            reason = "it is cut short, or no checkpoint at all"
        raise RnnzooError(f"{path} cannot be read: {reason}. Use another checkpoint of the run") from error
    if not isinstance(content, dict) or "state_dict" not in content or HYPER_PARAMETERS not in content:
        raise RnnzooError(f"{path} is not a checkpoint of a task: it lacks state_dict or {HYPER_PARAMETERS}")
    return content


def require_intact(path: Path) -> None:
    """Refuse a file whose bytes are not those that were written: `torch.load` reads the checksums and ignores them.

    Raises:
        RnnzooError: naming the part.
    """
    if not zipfile.is_zipfile(path):  # cut short, or no checkpoint: `torch.load` says so
        return
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        part = str(error)
    if part is not None:
        raise RnnzooError(f"{path} is damaged (its checksums do not fit: {part}): use another checkpoint of the run")


def saved_class(content: dict[str, Any], path: str | Path, wanted: type) -> type:
    """The class that wrote a checkpoint.

    Raises:
        RnnzooError: it is not named, is neither rnnzoo's nor imported, or is not a `wanted`.
    """
    name = content[HYPER_PARAMETERS].get(CLASS_PATH)
    if not isinstance(name, str):
        raise RnnzooError(f"{path} does not name the class that wrote it: it is not a checkpoint of a task of rnnzoo")
    module, _, short = name.rpartition(".")
    found = vars(sys.modules[module]).get(short) if module in sys.modules else None  # nothing is imported for its name
    if not isinstance(found, type) and module.split(".")[0] == "rnnzoo":
        raise RnnzooError(f"{path} was written by {name}, which this version of rnnzoo does not have")
    if not isinstance(found, type):
        raise RnnzooError(
            f"{path} was written by {name}, which is not imported: import {module or name} first, if you trust it "
            f"(rnnzoo generate: --import {module or name})"
        )
    if not issubclass(found, wanted):
        raise RnnzooError(f"{path} is a checkpoint of {name}, not of {class_path(wanted)}: load it as {short}")
    return found
