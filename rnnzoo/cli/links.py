"""Which values flow from the data to the model: those that the data has and the model takes."""

import inspect
import pydoc
from collections.abc import Iterator, Sequence

from rnnzoo.cli import keys
from rnnzoo.cli.keys import LINKS, Given
from rnnzoo.errors import RnnzooError


def links(given: Sequence[Given]) -> Iterator[tuple[str, str]]:
    """The links, (source, target), of the model's and the data's class; all of them where a class cannot be found,
    which is said elsewhere.

    Raises:
        RnnzooError: the model needs what the data does not have.
    """
    model, data = (_class(given, group) for group in ("model", "data"))
    for target, source in LINKS.items():
        name, attribute = target.partition(".")[2], source.partition(".")[2]
        if model is not None and not _takes(model, name):
            continue
        if model is None or data is None or hasattr(data, attribute):
            yield source, target
        elif _required(model, name):
            raise RnnzooError(
                f"the model {model.__name__} needs {name}, which comes from {source}, but {data.__name__} has no "
                f"{attribute}: choose data of the model's kind, or a model of the data's"
            )


def _class(given: Sequence[Given], group: str) -> type | None:
    path = keys.last(given, group, f"{group}.class_path")
    try:
        found = pydoc.locate(str(path))
    except pydoc.ErrorDuringImport:
        return None
    return found if inspect.isclass(found) else None


def _takes(model: type, name: str) -> bool:
    """Whether its constructor has the argument, or one that it passes ``**kwargs`` on to."""
    for base in model.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            if name in parameters:
                return True
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                return False
    return False


def _required(model: type, name: str) -> bool:
    parameter = inspect.signature(model).parameters.get(name)
    return parameter is not None and parameter.default is parameter.empty
