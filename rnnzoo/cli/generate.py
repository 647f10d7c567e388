"""``rnnzoo generate``: text from a checkpoint alone, with no recipe and no data."""

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
    arguments.usage = "rnnzoo generate CHECKPOINT [--OPTION VALUE ...]"
    arguments.add_argument("checkpoint", help="a .ckpt file, such as a run's best.ckpt")
    arguments.add_argument("--prompt", metavar="TEXT", default="", help="the text to go on from (default: none)")
    arguments.add_argument(
        "--max_length", metavar="N", type=int, default=100, help="at most so many tokens (default: 100)"
    )
    arguments.add_argument(
        "--temperature", metavar="X", type=float, default=1.0, help="divides the logits (default: 1)"
    )
    arguments.add_argument("--top_k", metavar="N", type=int, help="draw from the N likeliest tokens only")
    arguments.add_argument("--top_p", metavar="X", type=float, help="draw from the likeliest of this probability")
    arguments.add_argument("--seed", metavar="N", type=int, help="the same seed gives the same text")
    arguments.add_argument("--condition", metavar="C", help="what a generator writes from: a class, or [1, 0.5]")
    arguments.add_argument(
        "--without_replacement", metavar="N", type=int, help="draw N different texts, with their log p"
    )
    arguments.trust()
    options = vars(arguments.parse(argv))
    path = Path(options.pop("checkpoint"))
    own, draws = options.pop("import"), options.pop("without_replacement")

    from rnnzoo.cli import checkpoints, console
    from rnnzoo.tasks import SequenceTask
    from rnnzoo.tasks.live_writing import LiveWritingTask

    console.quiet()
    checkpoints.load(path)  # says what is wrong with a file that is not one
    task = SequenceTask.load_from_checkpoint(path, map_location="cpu", trust=trusted(own))
    write = getattr(type(task), "generate", None)
    if write is None:
        how = f": it writes from a source, rnnzoo write {path} SOURCE" if isinstance(task, LiveWritingTask) else ""
        raise RnnzooError(f"{path} is a checkpoint of {type(task).__name__}, which does not generate text{how}")
    condition = options.pop("condition")
    if draws is not None:
        print(_different(task, condition, draws, options))
        return 0
    if condition is not None:
        if "condition" not in inspect.signature(write).parameters:
            raise RnnzooError(f"--condition: {path} is of {type(task).__name__}, which takes none: leave it out")
        options["condition"] = condition_of(task, condition)
    print(write(task, **options))
    return 0


def _different(task: Any, condition: str | None, draws: int, options: dict[str, Any]) -> str:
    """Lines of log p and text: different texts of a generator, drawn from one condition."""
    from rnnzoo.tasks.live_writing import LiveWritingTask

    if not isinstance(task, LiveWritingTask):
        raise RnnzooError(f"--without_replacement: a {type(task).__name__} draws one text at a time: leave it out")
    if condition is None and task.hparams["condition"]["kind"] != "none":
        raise RnnzooError("--without_replacement draws several texts from one condition: give --condition")
    raw = None if condition is None else condition_of(task, condition)
    prompt = options.pop("prompt")
    (found,) = task.sample_without_replacement([raw], draws, prefix=prompt, **options)
    return "\n".join(f"{one.log_prob:.4f}\t{one.text}" for one in found)


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


def trusted(names: Sequence[str]) -> list[str]:
    """Import what ``--import`` names, also what lies in the current folder; the names are returned."""
    from rnnzoo.tasks.trust import import_trusted

    if names and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    import_trusted(names, "--import")
    return list(names)
