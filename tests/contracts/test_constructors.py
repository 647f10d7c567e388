"""Every exported task and DataModule can be named in a recipe: a new one is found here without a new test."""

import inspect
import re

import pytest
from lightning import LightningDataModule

import rnnzoo.data
import rnnzoo.tasks
from rnnzoo.tasks import SequenceTask


def exported(package, base):
    found = (getattr(package, name) for name in package.__all__)
    return [value for value in found if inspect.isclass(value) and issubclass(value, base) and value is not base]


TASKS = exported(rnnzoo.tasks, SequenceTask)
DATA = exported(rnnzoo.data, LightningDataModule)


def plain(value):
    """What a recipe can hold, or a frozen description of it."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and plain(list(value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(plain, value))
    return value is None or isinstance(value, (bool, int, float, str)) or hasattr(value, "__dataclass_fields__")


@pytest.mark.parametrize("cls", [*TASKS, *DATA])
def test_a_recipe_can_give_each_argument(cls):
    parameters = list(inspect.signature(cls).parameters.values())
    for parameter in parameters:
        assert parameter.annotation is not parameter.empty, parameter.name
        assert not isinstance(parameter.annotation, str), f"{parameter.name}: jsonargparse reads the annotation"
        if parameter.default is not parameter.empty and parameter.name not in ("optimizer", "scheduler"):
            assert plain(parameter.default), parameter.name


@pytest.mark.parametrize("cls", [*TASKS, *DATA])
def test_each_argument_is_explained(cls):
    text = "".join(inspect.cleandoc(base.__doc__ or "").partition("Args:")[2] for base in cls.__mro__)
    arguments = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    missing = [name for name in arguments if not re.search(rf"^    {name}: \S", text, re.MULTILINE)]
    assert missing == []


@pytest.mark.parametrize("cls", [cls for cls in TASKS if not inspect.isabstract(cls)])
def test_a_task_is_trained_by_the_same_three_arguments(cls):
    parameters = inspect.signature(cls).parameters
    for name in ("optimizer", "scheduler", "scheduler_interval"):
        theirs, ours = parameters[name], inspect.signature(SequenceTask).parameters[name]
        assert theirs.default == ours.default, name


@pytest.mark.parametrize("cls", DATA)
def test_printing_a_datamodule_reads_nothing(cls):
    module = cls.__new__(cls)  # nothing was given, so whatever is read would be missing
    if not issubclass(cls, rnnzoo.data.LanguageModelDataModule):  # these name their source
        assert str(module) == f"{cls.__name__}()"
