"""``rnnzoo``: run, look at and change recipes from the command line.

Nothing heavy is imported here: what needs no network of neurons (``ls``, ``cat``, ``cp``, every ``--help``) answers at
once, and PyTorch is imported by the command that trains.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from rnnzoo.errors import RnnzooError, unknown

COMMANDS = {
    "ls": ("rnnzoo.cli.recipes", "ls", "list the recipes"),
    "cat": ("rnnzoo.cli.recipes", "cat", "print a recipe"),
    "cp": ("rnnzoo.cli.recipes", "cp", "copy a recipe to a file of your own"),
    "run": ("rnnzoo.cli.training", "run", "fit a recipe, test its best checkpoint, show the table and a sample"),
    "fit": ("rnnzoo.cli.training", "fit", "train"),
    "validate": ("rnnzoo.cli.training", "validate", "measure a checkpoint on the validation data"),
    "test": ("rnnzoo.cli.training", "test", "measure a checkpoint on the test data, beside its baselines"),
    "predict": ("rnnzoo.cli.training", "predict", "write a checkpoint's predictions to a file"),
    "generate": ("rnnzoo.cli.generate", "generate", "write text with a checkpoint alone"),
    "write": ("rnnzoo.cli.write", "write", "write what belongs to a text or an image, with a checkpoint alone"),
    "export": ("rnnzoo.cli.export", "export", "write a checkpoint as programs that run without rnnzoo"),
    "doctor": ("rnnzoo.cli.doctor", "doctor", "say what this machine has: versions, devices, engines, data"),
}

HELP = """usage: rnnzoo COMMAND [...]

Recurrent networks for PyTorch Lightning: each recipe is a YAML file that names a model, its data and a trainer.

{commands}

rnnzoo COMMAND --help says more. A first run: rnnzoo run transducer/pydoc-word-lstm"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is returned.

    Args:
        argv: the arguments after the program's name; by default those of the process.

    Returns:
        0, or 2 for a mistake in what was given (one line on stderr), or 130 after Ctrl-C. Any other exception is a bug
        and keeps its traceback.

    >>> main(["lss"])
    2
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except RnnzooError as error:
        print(f"rnnzoo: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except SystemExit as end:  # argparse after --help, Lightning after Ctrl-C
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except KeyboardInterrupt:
        print("rnnzoo: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `rnnzoo ls | head`: the reader has gone; keep the interpreter from flushing into it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        print(HELP.format(commands="\n".join(f"  {name:{width}}  {line}" for name, (_, _, line) in COMMANDS.items())))
        return 0
    if arguments[0] == "--version":
        from rnnzoo import __version__

        print(f"rnnzoo {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        raise RnnzooError(unknown("command", arguments[0], COMMANDS))
    module, function, _ = COMMANDS[arguments[0]]
    command: Callable[[list[str]], int] = getattr(import_module(module), function)
    return command(arguments[1:])
