"""Image encoders by name, from plain data."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import Tensor, nn

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.layers.images import SmallResNet


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
        """Images (N, height, width, channels) to (N, D) or (N, places, D)."""
        seen: Tensor = self.module(images.permute(0, 3, 1, 2))
        return seen.flatten(2).transpose(1, 2) if seen.dim() == 4 else seen


def build_backbone(options: Mapping[str, Any], channels: int, grid: bool) -> tuple[nn.Module, int]:
    """The image encoder that `options` describe, and the width D of what it gives.

    - `{"width": 32, ...}`: the own `SmallResNet` with these options;
    - `{"class_path": "my_module.MyEncoder", "output_size": D, "init_args": {...}}`: any module from images with
      channels first, (N, channels, height, width), to vectors (N, D) or maps (N, D, rows, columns). A checkpoint
      that names it is only loaded where its module is imported already.

    Args:
        options: plain data.
        channels: of the images.
        grid: whether a vector for each place is asked for, not one of the whole image.

    Raises:
        RnnzooError: an unknown option, or a class that cannot be found.
    """
    given = dict(options)
    if "class_path" in given:
        return _own(given)
    known = [name for name in inspect.signature(SmallResNet).parameters if name not in ("channels", "output")]
    for key in given:
        if key not in known:
            raise RnnzooError(unknown("key of backbone", str(key), [*known, "class_path"]))
    network = SmallResNet(channels, output="grid" if grid else "vector", **given)
    return network, network.output_size


def _own(given: dict[str, Any]) -> tuple[nn.Module, int]:
    for key in given:
        if key not in ("class_path", "init_args", "output_size"):
            raise RnnzooError(unknown("key of backbone", str(key), ["class_path", "init_args", "output_size"]))
    if not isinstance(given.get("output_size"), int):
        raise RnnzooError("backbone.output_size is missing: how many numbers the encoder gives of an image or a place")
    module = _module_class(str(given["class_path"]))(**given.get("init_args", {}))
    return ChannelsFirst(module), given["output_size"]


def _module_class(path: str) -> type[nn.Module]:
    """The class of a dotted path. It must be a module: what else could be called would be any code at all."""
    module_name, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module_name), name, None) if module_name else None
    except ImportError as error:
        raise RnnzooError(
            f"backbone.class_path {path!r} cannot be imported: {error}; install its package, or put the folder of the "
            "file that defines it on PYTHONPATH"
        ) from error
    if not isinstance(found, type) or not issubclass(found, nn.Module):
        raise RnnzooError(f"backbone.class_path {path!r} is no class of torch.nn.Module: name one, as module.Class")
    return found
