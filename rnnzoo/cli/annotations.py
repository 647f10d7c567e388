"""What may stand under a key: the annotations of the signatures that a recipe's classes have."""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Union

Parameters = dict[str, Any]
CALLABLE = typing.get_origin(Callable[..., int])


@dataclasses.dataclass(frozen=True)
class Fixed:
    """An annotation: the arguments of exactly this class, with no class_path (the Trainer)."""

    of: type


def roots(trainer: type, model: type, data: type, **others: Any) -> Parameters:
    """The first level of a recipe's keys."""
    return {"trainer": Fixed(trainer), "model": model, "data": data, **others}


def signature(of: Callable[..., Any]) -> Parameters:
    """Name -> annotation of a class's arguments; through ``**kwargs``, those of its bases."""
    found: Parameters = {}
    for cls in inspect.getmro(of) if isinstance(of, type) else (of,):
        function = vars(cls).get("__init__") if isinstance(cls, type) else cls
        if not callable(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        try:
            hints = typing.get_type_hints(function)
        except (NameError, TypeError):  # a name only known to type checkers
            hints = {}
        for parameter in parameters:
            if parameter.name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                hint = hints.get(parameter.name, Any)
                if parameter.default is None and hint is not Any:
                    hint = hint | None  # what many write and leave to the reader
                found.setdefault(parameter.name, hint)
        if not any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def choices_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, of nested ones too; of anything else, itself."""
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return tuple(choice for member in typing.get_args(annotation) for choice in choices_of(member))
    return (annotation,)


def element_of_list(annotation: Any) -> Any:
    """The annotation of a list's entries where a recipe names their classes; None elsewhere."""
    for choice in choices_of(annotation):
        if typing.get_origin(choice) in (list, typing.get_origin(Iterable[int]), typing.get_origin(Sequence[int])):
            (element,) = typing.get_args(choice)
            if base_class(element) is not None:
                return element
    return None


def base_class(annotation: Any) -> type | None:
    """The class whose subclasses are to be named under this annotation; None where text or a number will do as well."""
    choices = choices_of(annotation)
    if any(choice in (str, int, float, Any) for choice in choices):
        return None
    for choice in choices:
        if typing.get_origin(choice) is CALLABLE:
            choice = choices_of(typing.get_args(choice)[-1])[0]
        if isinstance(choice, type) and choice.__module__ != "builtins" and not dataclasses.is_dataclass(choice):
            return choice
    return None


def subclasses(base: type) -> list[type]:
    """A class and all classes below it that are imported by now."""
    direct: list[type] = base.__subclasses__()
    return [base, *(found for subclass in direct for found in subclasses(subclass))]


def is_plain_choice(value: Any, annotation: Any) -> bool:
    """Whether a number, a truth value or a list may stand where a class may: ``logger: false``, ``callbacks: []``."""
    if isinstance(value, list):
        return element_of_list(annotation) is not None
    return any(isinstance(choice, type) and isinstance(value, choice) for choice in choices_of(annotation))


def takes_null(annotation: Any, as_text: bool) -> bool:
    """Whether null may stand here, or, where it was written as a flag, the text ``null``; what is not known may.

    >>> takes_null(float | None, as_text=False), takes_null(str, as_text=False), takes_null(str, as_text=True)
    (True, False, True)
    """
    choices = choices_of(annotation)
    known = all(isinstance(choice, type) or typing.get_origin(choice) is not None for choice in choices)
    literals = [value for choice in choices for value in typing.get_args(choice) if choice is not value]
    return not known or type(None) in choices or None in literals or (as_text and str in choices)


def spell(annotation: Any) -> str:
    """An annotation in words.

    >>> spell(float | None)
    'a float or null'
    >>> spell(list[str])
    'a list, written [A, B]'
    """
    words = []
    for choice in choices_of(annotation):
        if choice is type(None):
            words.append("null")
        elif isinstance(choice, type) and typing.get_origin(choice) is None:
            words.append(
                {"int": "an int", "str": "text", "bool": "true or false"}.get(choice.__name__, f"a {choice.__name__}")
            )
        elif typing.get_origin(choice) is typing.Literal:
            words += map(str, typing.get_args(choice))
        elif typing.get_origin(choice) is list:
            words.append("a list, written [A, B]")
        elif typing.get_origin(choice) is CALLABLE:
            made = typing.get_args(choice)[-1]
            words.append(f"a class of {getattr(made, '__name__', made)}")
        else:
            words.append(f"a {str(choice).replace('typing.', '')}")
    return " or ".join(words)
