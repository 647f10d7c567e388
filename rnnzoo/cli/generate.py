"""``rnnzoo generate``: text from a checkpoint alone, with no recipe and no data."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

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
    arguments.add_argument("--import", metavar="MODULE", help="the module of a cell or task of your own")
    options = vars(arguments.parse(argv))
    path = Path(options.pop("checkpoint"))
    own = options.pop("import")

    from rnnzoo.cli import checkpoints, console
    from rnnzoo.tasks import SequenceTask

    console.quiet()
    if own is not None:
        _import(own)
    checkpoints.load(path)  # says what is wrong with a file that is not one
    task = SequenceTask.load_from_checkpoint(path, map_location="cpu")
    write = getattr(type(task), "generate", None)
    if write is None:
        raise RnnzooError(f"{path} is a checkpoint of {type(task).__name__}, which does not generate text")
    print(write(task, **options))
    return 0


def _import(module: str) -> None:
    """Import a module of the user's, also one in the current folder."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise RnnzooError(f"--import {module}: {error}; give a module that lies here or is installed") from None
