"""``rnnzoo generate``: text from a checkpoint alone, with no recipe and no data."""

import importlib
import inspect
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnzoo.cli.arguments import Arguments
from rnnzoo.errors import RnnzooError


def generate(argv: Sequence[str]) -> int:
    """Print the prompt and what the model writes after it."""
    arguments = Arguments(
        "generate",
        "Write text with a checkpoint alone.",
        "A temperature below 1 is safer, above 1 wilder, 0 always takes the likeliest token.",
    )
    arguments.add_argument("checkpoint", help="a .ckpt file, as in runs/RECIPE/TIME/checkpoints/best.ckpt")
    arguments.add_argument("--prompt", default="", help="the text to go on from (default: none)")
    arguments.add_argument("--max_length", type=int, default=100, help="at most so many tokens (default: 100)")
    arguments.add_argument("--temperature", type=float, default=1.0, help="divides the logits (default: 1)")
    arguments.add_argument("--top_k", type=int, help="draw from the k likeliest tokens only")
    arguments.add_argument("--top_p", type=float, help="draw from the likeliest tokens of together this probability")
    arguments.add_argument("--seed", type=int, help="the same seed gives the same text")
    arguments.add_argument(
        "--condition", help="what a generator writes from: a class, or a list of numbers as [1, 0.5]"
    )
    arguments.add_argument("--import", metavar="MODULE", help="the module of a cell or task of your own")
    options = vars(arguments.parse(argv))
    path = Path(options.pop("checkpoint"))
    own = options.pop("import")

    from rnnzoo.cli import checkpoints, console
    from rnnzoo.tasks import SequenceTask
    from rnnzoo.tasks.live_writing import LiveWritingTask

    console.quiet()
    if own is not None:
        import_module_of_user(own)
    checkpoints.load(path)  # says what is wrong with a file that is not one
    task = SequenceTask.load_from_checkpoint(path, map_location="cpu")
    write = getattr(type(task), "generate", None)
    if write is None:
        how = f": it writes from a source, rnnzoo write {path} SOURCE" if isinstance(task, LiveWritingTask) else ""
        raise RnnzooError(f"{path} is a checkpoint of {type(task).__name__}, which does not generate text{how}")
    condition = options.pop("condition")
    if condition is not None:
        if "condition" not in inspect.signature(write).parameters:
            raise RnnzooError(f"--condition: {path} is of {type(task).__name__}, which takes none: leave it out")
        options["condition"] = condition_of(task, condition)
    print(write(task, **options))
    return 0


def condition_of(task: Any, text: str) -> Any:
    """What a generator writes from, as the command line gives it.

    Raises:
        RnnzooError: a vector that is no list of numbers.
    """
    if task.hparams["condition"]["kind"] != "vector":
        return text
    try:
        numbers = json.loads(text)
    except json.JSONDecodeError:
        numbers = None
    if not isinstance(numbers, list):
        raise RnnzooError(f"this model writes from a list of numbers, as in '[1, 0.5]', and {text!r} is none")
    return numbers


def import_module_of_user(module: str) -> None:
    """Import a module of the user's, also one in the current folder."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise RnnzooError(f"--import {module}: {error}; give a module that lies here or is installed") from None
