"""Which layer a parameter belongs to, in the words of the logged names."""

from __future__ import annotations


def layer_name(module_path: str) -> str:
    """The layer that a module path belongs to: the path up to its first number.

    What is the same for every parameter of a task says nothing and is left out: the leading ``network`` (a task's plain
    module) and the ``_orig_mod`` of `torch.compile`. Sub-modules of a numbered layer belong to it.

    >>> layer_name("network.stack.cells.0.norm")
    'stack.cells.0'
    >>> layer_name("network.embedding")
    'embedding'
    >>> layer_name("decoder.projection")
    'decoder.projection'
    """
    parts = [part for part in module_path.split(".") if part != "_orig_mod"]
    if len(parts) > 1 and parts[0] == "network":
        parts = parts[1:]
    numbers = [place for place, part in enumerate(parts) if part.isdecimal()]
    return ".".join(parts[: numbers[0] + 1] if numbers else parts)


def parameter_layer(parameter_name: str) -> str:
    """The layer of a parameter, from its name in ``named_parameters()``; its own name where no module holds it.

    >>> parameter_layer("network.stack.cells.0.weight_hh")
    'stack.cells.0'
    >>> parameter_layer("temperature")
    'temperature'
    """
    path, _, name = parameter_name.rpartition(".")
    return layer_name(path) if path and path != "network" else name
