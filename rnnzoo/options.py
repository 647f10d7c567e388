"""Whether options that stand as plain data, in a recipe or a checkpoint, are those that a function takes."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from rnnzoo.errors import RnnzooError, unknown


def check_options(options: Any, of: Callable[..., Any], where: str, given: Collection[str] = ()) -> None:
    """Refuse options by which `of` cannot be called: an unknown one, one of another type, one that is missing.

    Args:
        options: the mapping to be checked.
        of: a class or function with annotated arguments; one without an annotation takes anything.
        where: the key that the mapping stands under.
        given: arguments that come from elsewhere, and so are no options.

    Raises:
        RnnzooError: naming the key.

    Example:
        >>> def layer(width: int, dropout: float = 0.0) -> None: ...
        >>> check_options({"width": 3, "dropout": 0}, layer, "model.layer")
        >>> check_options({"width": "abc"}, layer, "model.layer")
        Traceback (most recent call last):
        rnnzoo.errors.RnnzooError: model.layer.width must be a whole number, not 'abc'
        >>> check_options({"widht": 3}, layer, "model.layer")
        Traceback (most recent call last):
        rnnzoo.errors.RnnzooError: unknown key of model.layer 'widht': did you mean 'width'? (known: dropout, width)
        >>> check_options({}, layer, "model.layer")
        Traceback (most recent call last):
        rnnzoo.errors.RnnzooError: model.layer.width is missing: give a whole number
    """
    if not isinstance(options, Mapping):
        raise RnnzooError(f"{where} must be a mapping of options, not {options!r}")
    parameters = {name: one for name, one in inspect.signature(of).parameters.items() if name not in given}
    try:
        hints = typing.get_type_hints(inspect.getattr_static(of, "__init__") if isinstance(of, type) else of)
    except (NameError, TypeError):  # a user's annotations may need names that exist for a type checker only
        hints = {}
    free = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name, value in options.items():
        if not parameters:
            raise RnnzooError(f"{where} has no options here, and {name!r} is given: leave it out")
        if name not in parameters and not free:
            raise RnnzooError(unknown(f"key of {where}", str(name), parameters))
        if name in hints and not _fits(value, hints[name]):
            raise RnnzooError(f"{where}.{name} must be {_spelled(hints[name])}, not {value!r}")
    for name, one in parameters.items():
        if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and name not in options:
            raise RnnzooError(f"{where}.{name} is missing: give {_spelled(hints.get(name, Any))}")


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin in (list, tuple, Sequence):
        element = next(iter(typing.get_args(hint)), Any)
        return isinstance(value, (list, tuple)) and all(_fits(one, element) for one in value)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return not isinstance(origin or hint, type) or isinstance(value, origin or hint)


def _spelled(hint: Any) -> str:
    """A type in words.

    >>> _spelled(float | None), _spelled(Sequence[int])
    ('a number or null', 'a list, each a whole number')
    """
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_spelled, parts))
    if origin is typing.Literal:
        return " or ".join(map(str, parts))
    if origin in (list, tuple, Sequence):
        return f"a list, each {_spelled(parts[0])}" if parts else "a list"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    words = {
        int: "a whole number",
        float: "a number",
        str: "text",
        bool: "true or false",
        type(None): "null",
        Any: "a value",
    }
    return words[hint] if hint in words else f"a {getattr(hint, '__name__', hint)}"
