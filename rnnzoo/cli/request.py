"""What was asked for: the command, its recipe, the keys, the checkpoint. Read before anything heavy is imported."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.cli import keys, runs
from rnnzoo.cli.keys import Given
from rnnzoo.cli.recipes import Recipe, find
from rnnzoo.errors import RnnzooError, unknown

ABOUT = {
    "run": "Train, test the best checkpoint, and show the table of the model and its baselines, and a sample.",
    "fit": "Train. The run is kept in runs/RECIPE/TIME/: checkpoints, metrics.csv, config.yaml, an offline W&B run.",
    "validate": "Measure a checkpoint on the validation data.",
    "test": "Measure a checkpoint on the test data, and show it beside its baselines.",
    "predict": "Write a checkpoint's predictions on the test data to predictions.pt beside it.",
}
HELP = """usage: rnnzoo {command} RECIPE [--ckpt_path CHECKPOINT] [--wandb offline|online|off] [--KEY VALUE ...]

{about}

  RECIPE       a name that rnnzoo ls shows, or a YAML file; a run's own config.yaml for that run
  --ckpt_path  {checkpoint}
  --wandb      where W&B keeps the metrics; default: {wandb}
  --config     another YAML file, whose keys replace the recipe's
  --KEY VALUE  any key of the recipe, as in --trainer.max_epochs 3 --data.batch_size 10

  the recipe's keys, explained   rnnzoo cat {name}
  all keys and their values      rnnzoo {command} {name} --print_config
  what the model's keys mean     rnnzoo {command} {name} --model.help
  what the data's keys mean      rnnzoo {command} {name} --data.help
  what the trainer's mean        https://lightning.ai/docs/pytorch/stable/common/trainer.html"""
TRAINING = ("fit", "run")
WANDB_MODES = ("offline", "online", "off")
TEXTS = ("data.corpus", "data.folder", "data.train_files")
PACKAGED = ("data.corpus", "data.dataset", "data.treebank")
FILES = ("data.folder", "data.train_files", "data.file")


@dataclass(frozen=True)
class Request:
    """A command line, read.

    Attributes:
        command: ``fit``, ``run``, ``validate``, ``test`` or ``predict``.
        recipe: what to run.
        flags: the keys after it, for LightningCLI.
        given: the keys of both, with their places.
        checkpoint: the file to go on from or to measure; None: a new model.
        wandb: a mode, or None for the command's default.
        notes: what to tell the user before anything starts.
    """

    command: str
    recipe: Recipe
    flags: list[str]
    given: list[Given]
    checkpoint: Path | None
    wandb: str | None
    notes: list[str]

    @property
    def trains(self) -> bool:
        """Whether the model learns."""
        return self.command in TRAINING

    @property
    def runs_root(self) -> Path:
        """The folder of all runs."""
        return runs_root(self.given)


def runs_root(given: Sequence[Given]) -> Path:
    """``trainer.default_root_dir`` where it is given, else ``runs`` under the current folder."""
    return Path(keys.last(given, "trainer.default_root_dir") or "runs")


def read(command: str, argv: Sequence[str]) -> Request | None:
    """Read a command line; None where help was asked for, which is printed.

    Raises:
        RnnzooError: no such recipe, checkpoint or mode; a key that stands twice, that the data decides, or without a
            value.
    """
    arguments = list(argv)
    asked = [argument for argument in arguments if argument in ("-h", "--help")]
    if arguments and not arguments[0].startswith("-"):
        recipe = find(arguments.pop(0))
    elif asked:
        print(_help(command, "RECIPE"))
        return None
    else:
        raise RnnzooError(f"{command}: name a recipe first, then its keys: rnnzoo {command} RECIPE [--KEY VALUE ...]")
    if asked:
        print(_help(command, recipe.argument))
        return None
    checkpoint = _take(arguments, "--ckpt_path")
    wandb = _take(arguments, "--wandb")
    if wandb is not None and wandb not in WANDB_MODES:
        raise RnnzooError(f"--wandb: {unknown('mode', wandb, WANDB_MODES)}")
    of_recipe, of_flags = keys.read_recipe(recipe.path), keys.read_flags(arguments)
    given = [*of_recipe, *of_flags]
    keys.refuse_linked(given)
    keys.refuse_other_package(given)
    unset, notes = _one_source(of_recipe, of_flags)
    if command not in TRAINING:
        notes += keys.refuse_training(of_flags, command)
    if checkpoint is None and command not in TRAINING:
        checkpoint = "best"
    return Request(
        command,
        recipe,
        _with_class_for_help([*unset, *_as_in_a_file(arguments, given)], given),
        given,
        _find_checkpoint(checkpoint, recipe, runs_root(given)),
        wandb,
        notes,
    )


def _help(command: str, name: str) -> str:
    trains = command in TRAINING
    return HELP.format(
        command=command,
        name=name,
        about=ABOUT[command],
        checkpoint="resume from this file, or from `last` or `best` of the newest run; default: a new model"
        if trains
        else "a file, or `last` or `best` of the newest run; default: best",
        wandb="offline" if trains else "off",
    )


def _take(arguments: list[str], option: str) -> str | None:
    """Remove the option from the arguments and return its value."""
    values = []
    for position in reversed(range(len(arguments))):
        name, equals, value = arguments[position].partition("=")
        if name != option:
            continue
        if not equals:
            if position + 1 == len(arguments) or arguments[position + 1].startswith("--"):
                raise RnnzooError(f"{option} has no value: write {option} VALUE")
            value = arguments.pop(position + 1)
        del arguments[position]
        values.append(value)
    if len(values) > 1:
        raise RnnzooError(f"{option} is given {len(values)} times: give it once")
    return values[0] if values else None


def _find_checkpoint(which: str | None, recipe: Recipe, root: Path) -> Path | None:
    if which in ("best", "last"):
        return runs.checkpoint(root, recipe.name, recipe.path, which)
    if which is not None and not Path(which).is_file():
        raise RnnzooError(
            f"--ckpt_path: no such file: {which} (`best` and `last` mean those of the recipe's newest run)"
        )
    return None if which is None else Path(which)


def _one_source(of_recipe: Sequence[Given], of_flags: Sequence[Given]) -> tuple[list[str], list[str]]:
    """Let data given as a flag replace the recipe's, since there can be only one: flags that unset it, and notes."""
    mentioned = [item.name for item in of_flags]
    if "data" in mentioned or "data.class_path" in mentioned:  # the recipe's keys go with its class
        return [], []
    unset, notes = [], []
    for item in of_recipe:
        others = [flag.name for flag in of_flags if flag.value != "null" and _excludes(flag.name, item.name)]
        if others and item.value is not None and item.name not in mentioned:
            unset.append(f"--{item.name}=null")
            notes.append(f"{others[0]} replaces the recipe's {item.name} ({item.value})")
    return unset, notes


def _excludes(one: str, other: str) -> bool:
    """Whether only one of two keys can say where the data are."""
    of_both = (one in PACKAGED and other in FILES) or (one in FILES and other in PACKAGED)
    return one != other and (of_both or (one in TEXTS and other in TEXTS))


def _as_in_a_file(flags: Sequence[str], given: Sequence[Given]) -> list[str]:
    """Each ``--model.decoder.attention null`` and each ``--data.comment "# "`` as what a file would say.

    jsonargparse hands a flag of a class within a class on as text, and makes the text ``None`` of a null; and of what
    is a comment to YAML it makes ``None`` for each class.
    """
    rest, found = list(flags), []
    while rest:
        flag = rest.pop(0)
        name, equals, value = flag.partition("=")
        key = [part for part in name.removeprefix("--").split(".") if part not in keys.WRAPPERS]
        if not equals and rest:
            value = rest[0]
        comment = len(key) > 1 and value.startswith("#")
        if key[0] not in ("model", "data") or not (comment or (len(key) > 2 and value == "null")):
            found.append(flag)
            continue
        if not equals:
            del rest[0]
        content: object = value if comment else None
        for depth in range(len(key) - 1, 0, -1):
            content = {key[depth]: content}
            if depth == 1 or keys.last(given, ".".join((*key[:depth], "class_path"))) is not None:
                content = {"init_args": content}
        found += ["--config", json.dumps({key[0]: content})]
    return found


def lack(request: Request) -> RnnzooError | None:
    """What is to be said of a recipe without a model or without data."""
    for group in ("model", "data"):
        if all(item.key[:1] != (group,) for item in request.given):
            return RnnzooError(
                f"{request.recipe.path} has no {group}: add its class, {group}: {{class_path: ..., init_args: "
                "{...}} (rnnzoo cat transducer/pydoc-word-lstm shows a recipe)"
            )
    return None


def _with_class_for_help(flags: list[str], given: Sequence[Given]) -> list[str]:
    """``--model.help`` alone means the recipe's class, which jsonargparse wants to be told."""
    expanded = []
    for flag in flags:
        group = flag.removeprefix("--").removesuffix(".help")
        class_path = keys.last(given, group, f"{group}.class_path")
        expanded.append(f"{flag}={class_path}" if flag in ("--model.help", "--data.help") and class_path else flag)
    return expanded
