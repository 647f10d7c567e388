"""What is wrong with a recipe that jsonargparse refused, in one line with the nearest valid names.

Its own messages run over ten lines, name types of Python, and do not know the file's line. So the given keys are
followed here, one by one, through the signatures of the classes they name, up to the first that leads nowhere.
"""

import dataclasses
import difflib
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import jsonargparse

from rnnzoo.cli.annotations import (
    CALLABLE,
    Fixed,
    Parameters,
    base_class,
    choices_of,
    element_of_list,
    is_plain_choice,
    signature,
    spell,
    subclasses,
    takes_null,
)
from rnnzoo.cli.keys import Given
from rnnzoo.errors import RnnzooError, unknown

OPTIONS = ("config", "ckpt_path", "wandb")  # of the command line, beside the keys


def diagnose(given: Sequence[Given], roots: Parameters, complaint: BaseException) -> RnnzooError:
    """The error to show: of the first key that is unknown or has an impossible value, else jsonargparse's own.

    Args:
        given: all keys, in the order of the merge.
        roots: the annotation of each key of the first level.
        complaint: what jsonargparse said.
    """
    mistake = first_mistake(given, roots)
    if mistake is not None:
        return mistake
    cause: BaseException | None = complaint
    while cause is not None:  # a constructor that refused its arguments, below jsonargparse's account of it
        if isinstance(cause, RnnzooError):
            return cause
        cause = cause.__cause__ or cause.__context__
    lines = [line.strip(" -") for line in str(complaint).splitlines()]
    noise = ("Does not validate", "Subtypes:", "Errors:", "Given value", "Expected a <class 'NoneType'>")
    return RnnzooError(" ".join(line for line in lines if line and not line.startswith(noise)))


def first_mistake(given: Sequence[Given], roots: Parameters) -> RnnzooError | None:
    """The error of the first key that is unknown or has an impossible value; None if there is none.

    Args:
        given: all keys, in the order of the merge.
        roots: the annotation of each key of the first level.
    """
    return next((error for _, error in _mistakes(given, roots)), None)


def unseen_mistake(given: Sequence[Given], roots: Parameters) -> RnnzooError | None:
    """The error of the first value that jsonargparse takes and says nothing of; None if there is none.

    It lets null stand for any type, and leaves out a whole trainer that is no mapping. What it takes beside, as keys
    that are handed on by ``**kwargs`` to what cannot be seen from here, is none of this function's business.

    Args:
        given: see `first_mistake`.
        roots: see there.
    """
    kept = _kept(given)
    found = (error for item, error in _mistakes(given, roots) if isinstance(error, _UnseenError) and item in kept)
    return next(found, None)


class _UnseenError(RnnzooError):
    """A null where none may stand, or no mapping where the keys of a trainer, model or data should."""


def _mistakes(given: Sequence[Given], roots: Parameters) -> Iterator[tuple[Given, RnnzooError]]:
    classes = _classes(given)
    for at, item in enumerate(given):
        try:
            if item.where.endswith("+"):  # a new entry of a list, which the flags behind it mean
                added = (*item.key, str(len(_entries(item.key, classes))))
                classes[added] = item
            options = dict.fromkeys(OPTIONS, Any) if item.where.startswith("--") else {}
            _follow(item, {**roots, **options}, classes)
        except RnnzooError as error:
            if not _is_replaced(item, given[at + 1 :], classes):
                yield item, error


def _kept(given: Sequence[Given]) -> list[Given]:
    """The keys whose value stands when all is merged."""
    classes = _classes(given)
    kept = []
    for at, item in enumerate(given):
        replaced = any(
            all(mine == other for mine, other in zip(item.key, later.key, strict=False)) for later in given[at + 1 :]
        )
        named = classes.get(item.key)
        # `init_args:` with nothing behind it is no null
        empty = _is_null(item) and named is not None and _file(named) == _file(item)
        if not replaced and not empty:
            kept.append(item)
    return kept


def _file(item: Given) -> str:
    return item.where.rpartition(":")[0]


def _shown(item: Given) -> str:
    return "null" if _is_null(item) else repr(item.value)


def _is_null(item: Given) -> bool:
    return item.value is None or (item.value == "null" and item.where.startswith("--"))


def _classes(given: Sequence[Given]) -> dict[tuple[str, ...], Given]:
    """What names the class at each key: its ``class_path``, or the key's own text (``--model rnnzoo.tasks.X``)."""
    found = {
        item.key[:-1] if item.key[-1] == "class_path" else item.key: item
        for item in given
        if isinstance(item.value, str) and not _is_null(item)
    }
    lists = ((item, enumerate(item.value)) for item in given if isinstance(item.value, list))
    bare = {(*item.key, str(at)): Given(item.key, name, item.where) for item, names in lists for at, name in names}
    return found | {key: item for key, item in bare.items() if isinstance(item.value, str)}


def _is_replaced(item: Given, later: Sequence[Given], classes: Mapping[tuple[str, ...], Given]) -> bool:
    """Whether a key of a file is of a class that something behind it replaces: it is dropped with that class."""
    named = [classes.get(item.key[:depth]) for depth in range(1, len(item.key))]
    return any(one in later and _file(one) != _file(item) for one in named if one is not None)


def _follow(item: Given, roots: Parameters, classes: Mapping[tuple[str, ...], Given]) -> None:
    names: Parameters | None = roots
    annotation: Any = None
    for depth, part in enumerate(item.key):
        here = item.key[: depth + 1]
        element = element_of_list(annotation)
        if element is not None:
            annotation = element
            entries = _entries(item.key[:depth], classes)
            if part.isdigit():
                names = _parameters(annotation, classes.get(here))
                if item.where.startswith("--"):
                    _refuse_number(item, depth, names, entries)
                continue
            names = _parameters(annotation, entries[-1]) if entries else None  # a flag means the last one
        if part.isdigit() and depth == 1 and not item.where.startswith("--"):
            raise _UnseenError(f"{item.place}{item.key[0]} must be a mapping of its keys, not a list")
        if part == "class_path":
            _find_class(item, base_class(annotation))
            return
        if names is None:  # a mapping whose keys are free, or a class that is not known from here
            return
        if part not in names:
            raise RnnzooError(f"{item.place}{_unknown_key('.'.join(item.key[:depth]), part, names)}")
        annotation = names[part]
        names = _parameters(annotation, classes.get(here))
    _check_value(item, annotation)


def _entries(key: tuple[str, ...], classes: Mapping[tuple[str, ...], Given]) -> list[Given]:
    """What names the class of each entry of the list at a key."""
    return [named for at, named in classes.items() if at[:-1] == key and at[-1].isdigit()]


def _refuse_number(item: Given, depth: int, names: Iterable[str] | None, entries: Sequence[Given]) -> None:
    """Refuse a flag that means an entry of a list by its number, which jsonargparse does not know."""
    parent, number, part = ".".join(item.key[:depth]), item.key[depth], item.key[depth + 1 : depth + 2]
    if int(number) >= len(entries) > 0:
        listed = ", ".join(f"{at} {entry.value}" for at, entry in enumerate(entries))
        raise RnnzooError(f"{item.where}: {parent} has no entry {number} (its entries: {listed})")
    key = ".".join((parent, *item.key[depth + 1 :]))
    if names is not None and part and part[0] not in names:
        raise RnnzooError(f"{_unknown_key(parent, part[0], names)} ({number} {entries[int(number)].value})")
    raise RnnzooError(
        f"{item.where}: on the command line an entry of a list has no number: {key} is a key of the last one; change "
        "another in a copy of the recipe (rnnzoo cp)"
    )


def _unknown_key(parent: str, part: str, names: Iterable[str]) -> str:
    """As `rnnzoo.errors.unknown`, with the full path of each near name."""
    dot = f"{parent}." if parent else ""
    near = difflib.get_close_matches(part, sorted(names), n=3, cutoff=0.5)
    hint = f": did you mean {', '.join(dot + name for name in near)}?" if near else ""
    listed = "" if near else f" (keys of {parent or 'a recipe'}: {', '.join(sorted(names)) or 'none'})"
    return f"unknown key {dot}{part}{hint}{listed}"


def _parameters(annotation: Any, named: Given | None) -> Parameters | None:
    """What can stand below a key of this annotation: name -> annotation; None if that is not known."""
    for choice in choices_of(annotation):
        if dataclasses.is_dataclass(choice) and isinstance(choice, type):
            return typing.get_type_hints(choice)
        if isinstance(choice, Fixed):
            return signature(choice.of)
    base = base_class(annotation)
    if base is None or named is None:
        return None
    found = signature(_find_class(named, base))
    if any(typing.get_origin(choice) is CALLABLE for choice in choices_of(annotation)):
        del found[next(iter(found))]  # what the caller gives: an optimizer's parameters, a scheduler's optimizer
    return found


def _find_class(named: Given, base: type | None) -> Callable[..., Any]:
    """The class (or function that makes one) that a recipe names."""
    module_name, dot, name = str(named.value).rpartition(".")
    if not dot:
        known = {cls.__name__: cls for cls in subclasses(base or object)}
        if name not in known:
            raise RnnzooError(f"{named.where}: {unknown('class', name, [known for known in known if known[0] != '_'])}")
        return known[name]
    try:
        if not module_name:
            raise ModuleNotFoundError(name=module_name)
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise RnnzooError(
            f"{named.where}: {named.value}: there is no module {error.name!r} (one of your own must be in the current "
            f"folder, or installed)"
        ) from None
    found = getattr(module, name, None)
    if found is None:
        package = module_name.split(".")[0]
        members = [
            member
            for member, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, base or object) and value.__module__.startswith(package)
        ]
        raise RnnzooError(f"{named.where}: {unknown(f'class in {module_name}', name, members)}")
    if base is not None and isinstance(found, type) and not issubclass(found, base):
        raise RnnzooError(f"{named.where}: {named.value} is not a {base.__module__}.{base.__name__}")
    return typing.cast(Callable[..., Any], found)


def _check_value(item: Given, annotation: Any) -> None:
    """Refuse a value that does not fit the annotation; a class's name and what cannot be judged alone pass."""
    if annotation is Any:
        return
    if isinstance(annotation, Fixed):
        if isinstance(item.value, dict):
            return
        as_text = item.where.startswith("--") and not _is_null(item)  # jsonargparse reads the text and judges it
        raise (RnnzooError if as_text else _UnseenError)(
            f"{item.place}{item.name} must be a mapping of its keys, not {_shown(item)}"
        )
    if isinstance(item.value, list) and all(dataclasses.is_dataclass(choice) for choice in choices_of(annotation)):
        raise RnnzooError(f"{item.place}{item.name} must be {spell(annotation)}, not {item.value!r}")
    if _is_null(item):
        if not takes_null(annotation, as_text=item.value is not None):
            raise _UnseenError(f"{item.place}{item.name} must be {spell(annotation)}, not null")
        return
    base = base_class(annotation)
    if base is not None:
        if isinstance(item.value, str) and item.value.replace(".", "").isidentifier():
            _find_class(item, base)
        elif not isinstance(item.value, (str, dict)) and not is_plain_choice(item.value, annotation):
            raise RnnzooError(
                f"{item.place}{item.name} must be a {base.__name__} (class_path and init_args), not {item.value!r}"
            )
        return
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=annotation)
    try:
        if isinstance(item.value, str):
            parser.parse_args([f"--value={item.value}"])
        else:
            parser.parse_object({"value": item.value})
    except (jsonargparse.ArgumentError, TypeError, ValueError):
        raise RnnzooError(f"{item.place}{item.name} must be {spell(annotation)}, not {item.value!r}") from None
