"""The command line's own options, apart from the keys of a recipe."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from rnnzoo.errors import RnnzooError, unknown


class Arguments(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one line, and which takes no abbreviations."""

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"rnnzoo {prog}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def trust(self) -> None:
        """Add ``--import``: what a checkpoint may name."""
        self.add_argument(
            "--import",
            metavar="NAME",
            action="append",
            default=[],
            help="a module of yours that the checkpoint names; repeatable",
        )

    def error(self, message: str) -> NoReturn:
        """Raise what the command line prints as one line."""
        raise RnnzooError(f"{self.prog.removeprefix('rnnzoo ')}: {message} (see {self.prog} --help)")

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """The options in ``argv``; one that is not known is an error that names the nearest."""
        options, rest = self.parse_known_args(argv)
        for argument in rest:
            if argument.startswith("--"):
                known = [option for action in self._actions for option in action.option_strings if option != "-h"]
                raise RnnzooError(
                    f"{self.prog.removeprefix('rnnzoo ')}: {unknown('option', argument.split('=')[0], known)}"
                )
        if rest:
            self.error(f"unexpected argument {rest[0]!r}")
        return options
