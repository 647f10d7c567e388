"""Where the recipes are, what their headers say, and the commands that show and copy them."""

import difflib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.cli.arguments import Arguments
from rnnzoo.errors import RnnzooError

HEADER_KEYS = ("about", "data", "offline", "reaches", "command", "hardware", "result")


@dataclass(frozen=True)
class Recipe:
    """A recipe: a YAML file, and the name that its runs are kept under.

    Attributes:
        name: ``<pattern>/<dataset>-<model>`` of a shipped recipe, the file's stem of any other.
        path: the YAML file.
    """

    name: str
    path: Path

    @property
    def argument(self) -> str:
        """What names it on the command line."""
        return self.name if self.path.is_relative_to(shipped_folder()) else str(self.path)

    @property
    def pattern(self) -> str:
        """How the network is used: the first part of the name."""
        return self.name.split("/")[0]

    def header(self) -> dict[str, str]:
        """The ``# key: value`` lines at the top of the file; a line ``#   more`` carries the value on."""
        header: dict[str, str] = {}
        key = ""
        for line in self.path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            name, colon, value = line[1:].strip().partition(":")
            if colon and name in HEADER_KEYS:
                key = name
                header[key] = value.strip()
            elif key and line.startswith("#   "):
                header[key] += " " + line[1:].strip()
        return header


def shipped_folder() -> Path:
    """The folder of the shipped recipes: inside the package in a wheel, beside it in an editable install.

    Raises:
        RnnzooError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "recipes", package.parent / "recipes"):
        if (folder / "transducer").is_dir():
            return folder
    raise RnnzooError(f"no recipes in {package / 'recipes'} or {package.parent / 'recipes'}: install rnnzoo again")


def shipped() -> dict[str, Recipe]:
    """The recipes that come with rnnzoo, by name."""
    folder = shipped_folder()
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
    return {name: Recipe(name, folder / f"{name}.yaml") for name in names}


def find(name: str) -> Recipe:
    """The recipe of that name, or the one in that file.

    Args:
        name: a name as ``rnnzoo ls`` shows it, or the path of a YAML file (``.yaml`` or ``.yml``).

    Raises:
        RnnzooError: there is neither such a recipe nor such a file.
    """
    recipes = shipped()
    if name in recipes:
        return recipes[name]
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise RnnzooError(f"no such recipe file: {name} (rnnzoo ls lists the recipes that are known by name)")
        return Recipe(_recorded_name(path) or path.stem, path)
    if path.suffix == ".ckpt":
        raise RnnzooError(
            f"{name} is a checkpoint, and a recipe or the config.yaml of its run is expected, as in rnnzoo test RECIPE "
            f"--ckpt_path {name}"
        )
    near = difflib.get_close_matches(name, recipes, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(map(repr, near))}? rnnzoo ls" if near else "rnnzoo ls"
    raise RnnzooError(f"unknown recipe {name!r}: {hint} lists them; a file of your own ends in .yaml")


def _recorded_name(path: Path) -> str | None:
    """The recipe that a run's saved config.yaml says it came from."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    return first.removeprefix("# recipe:").strip() if first.startswith("# recipe:") else None


def ls(argv: Sequence[str]) -> int:
    """Print a line for each recipe: name, pattern, data, whether it runs offline, what it reaches."""
    Arguments(
        "ls", "List the recipes: name, pattern, data, whether they run without a network, what they reach."
    ).parse(argv)
    rows: list[tuple[str, ...]] = [("NAME", "PATTERN", "DATA", "OFFLINE", "REACHES")]
    for recipe in shipped().values():
        header = recipe.header()
        rows.append((recipe.name, recipe.pattern, *(header.get(key, "?") for key in ("data", "offline", "reaches"))))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[4]]))
    return 0


def cat(argv: Sequence[str]) -> int:
    """Print a recipe's file."""
    arguments = Arguments("cat", "Print a recipe.")
    arguments.add_argument("name", help="a name that rnnzoo ls shows")
    print(find(arguments.parse(argv).name).path.read_text(encoding="utf-8"), end="")
    return 0


def cp(argv: Sequence[str]) -> int:
    """Copy a recipe to a file of the user's own; one that is there is kept unless ``--force`` is given."""
    arguments = Arguments("cp", "Copy a recipe to a file of your own, to be changed and run by its path.")
    arguments.add_argument("name", help="a name that rnnzoo ls shows")
    arguments.add_argument("destination", help="a .yaml file, or a folder")
    arguments.add_argument("--force", action="store_true", help="overwrite a file that is there")
    options = arguments.parse(argv)
    recipe = find(options.name)
    target = Path(options.destination)
    if target.is_dir():
        target = target / recipe.path.name
    if target.suffix not in (".yaml", ".yml"):
        raise RnnzooError(f"{target}: a recipe's file must end in .yaml, or rnnzoo takes it for a name")
    if target.exists() and not options.force:
        raise RnnzooError(f"{target} is there already: give another name, or --force to overwrite it")
    if not target.parent.is_dir():
        raise RnnzooError(f"no such folder: {target.parent}")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(recipe.path, temporary)
    os.replace(temporary, target)
    print(f"{target}: run it with rnnzoo run {target}")
    return 0
