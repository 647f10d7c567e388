"""Image encoders by name, from plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from types import FunctionType
from typing import Any, get_type_hints

from torch import Tensor, nn

from rnnzoo.errors import RnnzooError, require_count, unknown
from rnnzoo.layers.images import SmallResNet

OWN_KEYS = ("class_path", "init_args", "output_size", "until")
FACTORIES = ("timm.create_model",)  # they give modules, though they do not say so
_RUN_CODE = ("torch", "lightning", "torchmetrics")  # `torch.fx.reduce_graph_module` runs a text that it is given


class ChannelsFirst(nn.Module):
    """A module that reads images with channels first, such as those of torchvision and timm, for ours, with them last.

    What it gives as (N, D, rows, columns) becomes a grid (N, places, D).

    Args:
        module: from (N, channels, height, width).
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, height, width, channels) to (N, D) or (N, places, D).

        Raises:
            RnnzooError: the module gives no tensor.
        """
        seen: Tensor = self.module(images.permute(0, 3, 1, 2))
        if not isinstance(seen, Tensor):
            raise RnnzooError(
                f"the image encoder {type(self.module).__name__} gave a {type(seen).__name__}, not one tensor (N, D) "
                "or (N, D, rows, columns): name a part of it that gives one (backbone.until), or a module around it"
            )
        return seen.flatten(2).transpose(1, 2) if seen.dim() == 4 else seen


def build_backbone(options: Mapping[str, Any], channels: int, grid: bool) -> tuple[nn.Module, int]:
    """The image encoder that `options` describe, and the width D of what it gives.

    - `{"width": 32, ...}`: the own `SmallResNet` with these options;
    - `{"class_path": "my_module.MyEncoder", "output_size": D, "init_args": {...}}`: any module from images with
      channels first, (N, channels, height, width), to vectors (N, D) or maps (N, D, rows, columns). Named is its class,
      or a function that makes it and says so (`-> nn.Module`), such as those of torchvision and timm, not of torch
      itself. `"until": "layer4"` leaves out what comes after this part of it: its parts up to there are run one after
      the other. A checkpoint that names a function, or a class of an installed package, is only loaded where the user
      names it again.

    Args:
        options: plain data.
        channels: of the images.
        grid: whether a vector for each place is asked for, not one of the whole image.

    Raises:
        RnnzooError: an unknown option, a value that cannot be, or a class or function that cannot be found or used.
    """
    given = dict(options)
    if "class_path" in given:
        return _own(given)
    known = [name for name in inspect.signature(SmallResNet).parameters if name not in ("channels", "output")]
    for key, value in given.items():
        if key not in known:
            raise RnnzooError(unknown("key of backbone", str(key), [*known, "class_path"]))
        require_count(f"backbone.{key}", value)
    network = SmallResNet(channels, output="grid" if grid else "vector", **given)
    return network, network.output_size


def _own(given: dict[str, Any]) -> tuple[nn.Module, int]:
    for key in given:
        if key not in OWN_KEYS:
            raise RnnzooError(unknown("key of backbone", str(key), OWN_KEYS))
    if "output_size" not in given:
        raise RnnzooError("backbone.output_size is missing: how many numbers the encoder gives of an image or a place")
    require_count("backbone.output_size", given["output_size"])
    path, arguments = str(given["class_path"]), given.get("init_args") or {}
    if not isinstance(arguments, Mapping):
        raise RnnzooError(f"backbone.init_args {arguments!r}: arguments by their names are expected")
    make = _found(path)
    parameters = inspect.signature(make).parameters
    for key in arguments:
        if key not in parameters and not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            raise RnnzooError(unknown("key of backbone.init_args", str(key), parameters))
    try:  # their types are not looked at: torchvision takes texts where its annotations have enumerations
        inspect.signature(make).bind(**arguments)
    except TypeError as error:
        raise RnnzooError(f"backbone.init_args: {path} is {error}") from None
    module = make(**arguments)
    if not isinstance(module, nn.Module):
        raise RnnzooError(f"backbone.class_path {path!r} made a {type(module).__name__}, no torch.nn.Module")
    if given.get("until") is not None:
        module = _until(module, str(given["until"]))
    return ChannelsFirst(module), given["output_size"]


def _until(module: nn.Module, last: str) -> nn.Module:
    names = [name for name, _ in module.named_children()]
    if last not in names:
        raise RnnzooError(unknown("backbone.until", last, names))
    return nn.Sequential(*list(module.children())[: names.index(last) + 1])


def _found(path: str) -> Callable[..., Any]:
    """The class or function of a dotted path. It must make modules: what else could be called would be any code."""
    module_name, _, name = path.rpartition(".")
    try:
        found: Any = getattr(import_module(module_name), name, None) if module_name else None
    except ImportError as error:
        raise RnnzooError(
            f"backbone.class_path {path!r} cannot be imported: {error}; install its package, or put the folder of the "
            "file that defines it on PYTHONPATH"
        ) from error
    if (isinstance(found, type) and issubclass(found, nn.Module)) or _makes_modules(found, path):
        made: Callable[..., Any] = found
        return made
    raise RnnzooError(
        f"backbone.class_path {path!r} is no class of torch.nn.Module, and no function that says that it gives one "
        "(def f(...) -> nn.Module) from outside of torch: name one, as module.Class"
    )


def _makes_modules(found: Any, path: str) -> bool:
    if not isinstance(found, FunctionType) or found.__module__.partition(".")[0] in _RUN_CODE:
        return False
    if path in FACTORIES:
        return True
    try:
        given = get_type_hints(found).get("return")
    except (NameError, TypeError):  # an annotation that names nothing
        return False
    return isinstance(given, type) and issubclass(given, nn.Module)
