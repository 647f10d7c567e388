"""The standard library's functions: what they do, and what they are called."""

import ast
import random
import re
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from platform import python_version

from rnnzoo.data.examples import Example
from rnnzoo.data.pairs import PairDataModule, each_side
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.encodings import TextEncoding

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3", "__pycache__"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class DocstringsDataModule(PairDataModule):
    """Search of code: the first line of a docstring, and the name of its function or class, split into words.

    All functions, methods and classes of this Python's standard library (tests left out) whose docstring begins with a
    line of at least three words. Of equal pairs one is kept; equal names are one and stay in the same split.

    Args:
        fractions: shares of training, validation and test names.
        split_seed: of the draw that shares them out.
        min_frequency: tokens that occur less often in the training texts are `<unk>`.
        vocabulary_from: a checkpoint whose vocabulary comes first, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        min_frequency: int = 1,
        vocabulary_from: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        check_fractions(fractions)
        self.fractions, self.split_seed = fractions, split_seed
        self._vocabulary = TextVocabulary("word", min_frequency, lowercase=True, vocabulary_from=vocabulary_from)

    @property
    def description(self) -> str:
        """Which library."""
        return f"docstrings of Python {python_version()}"

    def read(self, split: str) -> Sequence[Example]:
        """The pairs of a split."""
        return self._pairs[split]

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        """The words of training docstrings and names."""
        return self._vocabulary.fit(each_side(examples))

    @cached_property
    def _pairs(self) -> dict[str, list[Example]]:
        pairs = list(library_docstrings(Path(sysconfig.get_path("stdlib"))))
        names = sorted({pair.target for pair in pairs})
        random.Random(self.split_seed).shuffle(names)
        first, second = (round(len(names) * sum(self.fractions[:end])) for end in (1, 2))
        split_of = {
            name: "train" if at < first else "validation" if at < second else "test" for at, name in enumerate(names)
        }
        found: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
        for pair in pairs:
            found[split_of[pair.target]].append(pair)
        return found


def library_docstrings(folder: Path) -> Iterator[Example]:
    """The pairs of all Python files below a folder, in the order of their paths; the target is the name.

    A file that this Python cannot parse is no part of its library and is passed over.
    """
    seen: set[tuple[str, str]] = set()
    for path in sorted(folder.rglob("*.py")):
        if _LEFT_OUT & set(path.relative_to(folder).parts):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # SyntaxWarnings of the library's own
                tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            name = name_words(node.name)
            summary = (ast.get_docstring(node) or "").partition("\n")[0].strip()
            if name and len(summary.split()) >= 3 and (summary, name) not in seen:
                seen.add((summary, name))
                yield Example((summary, name), name, f"{path}:{node.lineno}")


def name_words(name: str) -> str:
    """The words of an identifier.

    >>> name_words("_readHTTPLine2"), name_words("__init__")
    ('read http line 2', 'init')
    """
    return " ".join(word.lower() for word in _WORD.findall(name))
