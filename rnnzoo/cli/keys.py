"""The keys that were given, in a recipe's file and on the command line, each with the place where it stands.

LightningCLI merges all of them and forgets where each came from; what is said to a user about a key needs the place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rnnzoo.errors import RnnzooError

LINKS = {
    # key: where its value comes from. The sizes of a model flow once, from the data.
    "model.vocabulary": "data.vocabulary",
    "model.tokenizer": "data.tokenizer_config",
    "model.encoding": "data.encoding",
    "model.answer": "data.answer",
    "model.tags": "data.tags",
    "model.target_encoding": "data.target_encoding",
    "model.condition": "data.condition",
}
OF_TRAINING = (
    # what a trained model does not depend on, and what measures it does not look at
    *("model.optimizer", "model.scheduler", "model.scheduler_interval", "model.label_smoothing"),
    *("model.scheduled_sampling", "model.coverage_weight", "model.doubly_stochastic", "model.decoder_from"),
    *("trainer.max_epochs", "trainer.min_epochs", "trainer.max_steps", "trainer.min_steps", "trainer.max_time"),
    *("trainer.limit_train_batches", "trainer.val_check_interval", "trainer.check_val_every_n_epoch"),
    *("trainer.num_sanity_val_steps", "trainer.accumulate_grad_batches", "trainer.gradient_clip_val"),
    "trainer.gradient_clip_algorithm",
)
WRAPPERS = ("init_args", "dict_kwargs")


@dataclass(frozen=True)
class Given:
    """One key and its value as given.

    Attributes:
        key: the dotted key's parts, without ``init_args``; a list's positions are parts too.
        value: the text of a scalar (None for null), or the list or mapping that the file has.
        where: ``my.yaml:12`` or ``--model.dropout``.
    """

    key: tuple[str, ...]
    value: Any
    where: str

    @property
    def place(self) -> str:
        """What a message about the key starts with; a flag is told by the key itself."""
        return "" if self.where.startswith("--") else f"{self.where}: "

    @property
    def name(self) -> str:
        """The key as it is written on the command line.

        >>> Given(("model", "stack", "cell"), "gru", "my.yaml:3").name
        'model.stack.cell'
        """
        return ".".join(self.key)


def read_recipe(path: Path) -> list[Given]:
    """The keys of a YAML file, in its order.

    Raises:
        RnnzooError: it is not YAML, not a mapping, or gives a key twice (YAML would keep the last without a word).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RnnzooError(f"{path} is not UTF-8 text (byte {error.start}): not a recipe") from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise RnnzooError(f"{path} is not a recipe: a mapping with the keys model, data and trainer is expected")
        return list(_walk(node, (), path, loader))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RnnzooError(f"{path}{line}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        raise RnnzooError(f"{path}: not YAML: {error.reason} at position {error.position}") from None


def _walk(node: yaml.Node, key: tuple[str, ...], path: Path, loader: yaml.SafeLoader) -> Iterator[Given]:
    where = f"{path}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode) and node.value:
        seen: set[str] = set()
        for name_node, child in node.value:
            name = str(name_node.value)
            if name in seen:
                raise RnnzooError(
                    f"{path}:{name_node.start_mark.line + 1}: the key {'.'.join((*key, name))} stands twice; remove one"
                )
            seen.add(name)
            yield from _walk(child, key if name in (*WRAPPERS, "<<") else (*key, name), path, loader)
    elif isinstance(node, yaml.SequenceNode) and any(isinstance(child, yaml.MappingNode) for child in node.value):
        for position, child in enumerate(node.value):
            yield from _walk(child, (*key, str(position)), path, loader)
    elif isinstance(node, yaml.ScalarNode):
        yield Given(key, None if node.tag.endswith(":null") else node.value, where)
    else:
        yield Given(key, loader.construct_object(node, deep=True), where)


def read_flags(flags: Sequence[str]) -> list[Given]:
    """The keys among the command line's ``--key value`` or ``--key=value``; for ``--config FILE``, the file's.

    >>> [(given.name, given.value) for given in read_flags(["--model.stack.cell", "gru", "--trainer.max_epochs=3"])]
    [('model.stack.cell', 'gru'), ('trainer.max_epochs', '3')]

    Raises:
        RnnzooError: something that is neither a key nor a key's value, or a key without a value.
    """
    given: list[Given] = []
    rest = list(flags)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if not flag.startswith("--"):
            raise RnnzooError(f"unexpected argument {flag!r}: after the recipe come keys, as in --model.stack.cell gru")
        if flag == "--print_config" or flag.endswith(".help"):
            continue
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise RnnzooError(f"{flag} has no value: write {flag} VALUE")
            value = rest.pop(0)
        if flag == "--config":
            if not Path(value).is_file():
                raise RnnzooError(f"--config: no such file: {value}")
            given += read_recipe(Path(value))
        else:
            parts = (part for part in flag[2:].rstrip("+").split(".") if part not in WRAPPERS)
            given.append(Given(tuple(parts), value, flag))
    return given


def refuse_linked(given: Sequence[Given]) -> None:
    """Refuse a value for a key that the data decides: LightningCLI would drop it without a word."""
    for item in given:
        source = LINKS.get(".".join(item.key[:2]))
        if source:
            key = ".".join(item.key[:2])
            raise RnnzooError(
                f"{item.place}{key} cannot be given: its value comes from {source}, the data that the model is "
                f"trained on. Remove it; to change it, change the keys of data"
            )


def refuse_training(given: Sequence[Given], command: str) -> list[str]:
    """Refuse flags that say how to train where nothing is trained; notes of such keys in further files."""
    notes = []
    for item in given:
        if f"{item.name}.".startswith(tuple(f"{key}." for key in OF_TRAINING)):
            if item.where.startswith("--"):
                raise RnnzooError(f"{item.name} says how to train, and {command} trains nothing: leave it out")
            notes.append(f"{item.place}{item.name} says how to train: {command} does without it")
    return notes


def refuse_other_package(given: Sequence[Given]) -> None:
    """Refuse classes of `pytorch_lightning`: its Trainer and this library's modules do not know each other."""
    for item in given:
        if isinstance(item.value, str) and item.value.split(".")[0] == "pytorch_lightning":
            instead = item.value.replace("pytorch_lightning", "lightning.pytorch", 1)
            raise RnnzooError(
                f"{item.where}: {item.value} is of the package pytorch_lightning; rnnzoo runs on the package "
                f"lightning: write {instead}"
            )


def last(given: Sequence[Given], *names: str) -> Any:
    """The value given last under one of these names, as the merge keeps it; None if there is none."""
    values = [item.value for item in given if item.name in names]
    return values[-1] if values else None
