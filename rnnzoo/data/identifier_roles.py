"""The standard library's own source: what each name in it stands for."""

import platform
import sys
import sysconfig
import tokenize
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from rnnzoo.data.examples import Example
from rnnzoo.data.python_roles import functions_of
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.tagger import TaggerDataModule
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError

PACKAGES = ("asyncio", "email", "http", "importlib", "json", "unittest")


class IdentifierRolesDataModule(TaggerDataModule):
    """The tokens of a function of the standard library, and the role of each name among them.

    The roles are read from the syntax tree, which knows more than a reader who sees only tokens:

    - `function`, `class`: the name that a `def` or `class` statement gives;
    - `parameter`: in a function's signature, and where it is used in that function's own body;
    - `attribute`: behind a dot;
    - `module`: in an import statement, also what is taken from the module;
    - `keyword argument`: before `=` in a call;
    - `variable`: any other name.

    What is no name (keywords, numbers, strings, operators) has no tag. A number is read as `<num>` and a string as
    `<str>`, also a formatted one with all that is in it. Whole modules are shared out among the splits. The source is
    another in each version of Python.

    Args:
        max_tokens: longer functions are left out.
        modules: at most so many modules, in the order of their names; None: all.
        fractions: shares of training, validation and test modules.
        split_seed: of the draw that shares them out.
        min_frequency: tokens that occur less often in the training functions are `<unk>`.
        characters: whether the characters of each token are there too, for an input layer that reads them.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares, or a number below 1.
    """

    columns = ("role",)

    def __init__(
        self,
        max_tokens: int = 150,
        modules: int | None = None,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        min_frequency: int = 2,
        characters: bool = False,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        for key, value in (("max_tokens", max_tokens), ("modules", modules)):
            if value is not None and value < 1:
                raise RnnzooError(f"data.{key}: {value} must be at least 1")
        self.max_tokens, self.modules, self.fractions, self.split_seed = max_tokens, modules, fractions, split_seed
        self._vocabulary = TextVocabulary("whitespace", min_frequency, characters=characters)

    @property
    def description(self) -> str:
        """Which source."""
        return f"functions of the standard library of Python {platform.python_version()}"

    def read(self, split: str) -> Sequence[Example]:
        """The functions of the modules of a split."""
        return [example for module in self._splits[split] for example in module.inputs]

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The vocabulary of the training functions."""
        return self._vocabulary.fit(examples)

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        modules = []
        for name, path in library_modules()[: self.modules]:
            with tokenize.open(path) as file:
                functions = functions_of(file.read(), name, self.max_tokens)
            if functions:
                modules.append(Example(functions, None, name))
        return share_out(modules, self.fractions, self.split_seed)


def library_modules() -> list[tuple[str, Path]]:
    """The source files of the standard library's modules that are no packages, and of some packages, by name."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = [path for path in root.glob("*.py") if path.stem in sys.stdlib_module_names]
    found += [path for package in PACKAGES for path in (root / package).glob("*.py")]
    return sorted((path.relative_to(root).as_posix(), path) for path in found)
