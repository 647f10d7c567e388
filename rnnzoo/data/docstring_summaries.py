"""Docstrings of installed packages: the body, to be summarised as its author did in the first line."""

import ast
import importlib.util
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import check_fractions
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.word_splits import split_groups
from rnnzoo.data.writing import SequencePairDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.text import build_tokenizer

STANDARD_LIBRARY = "standard library"
_LEFT_OUT = {"site-packages", "test", "tests", "testing", "idlelib", "lib2to3", "turtledemo", "ensurepip"}


class Docstring(NamedTuple):
    """A docstring of several paragraphs.

    Attributes:
        summary: its first line.
        body: the rest.
        place: `file:line` of what it describes, the file below its package.
        file: that file.
    """

    summary: str
    body: str
    place: str
    file: str


class DocstringSummaryDataModule(SequencePairDataModule):
    """The body of a docstring, and its summary line, of the functions and classes of installed packages.

    The source files are parsed, never imported. Tests are left out, and equal docstrings count once. Source files are
    drawn into the splits with all their docstrings, since those of one file resemble each other. What there is depends
    on the versions that are installed.

    Args:
        packages: names of installed packages, and `standard library`.
        max_body: docstrings whose body has more tokens are left out.
        max_summary: docstrings whose summary has more tokens are left out.
        fractions: shares of training, validation and test files.
        split_seed: of the draw that shares them out.
        max_vocabulary: words that may be written without being copied; each side has as many.
        copy: whether words of the body may be copied: for a decoder with `copy`.
        vocabulary_from: a checkpoint whose vocabulary comes first in that of the sources, for `input.kind pretrained`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: no shares; a package that is not installed (when the docstrings are first needed).
    """

    def __init__(
        self,
        packages: list[str] = [STANDARD_LIBRARY, "torch"],  # noqa: B006  # never changed
        max_body: int = 80,
        max_summary: int = 20,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006  # never changed
        split_seed: int = 0,
        max_vocabulary: int = 3000,
        copy: bool = True,
        vocabulary_from: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        target = TextVocabulary("word", max_vocabulary=max_vocabulary, lowercase=True)
        super().__init__(
            replace(target, vocabulary_from=vocabulary_from),
            target,
            copy,
            batch_size,
            max_steps_per_batch,
            seed,
            workers,
        )
        check_fractions(fractions)
        self.packages, self.max_body, self.max_summary = packages, max_body, max_summary
        self.fractions, self.split_seed = fractions, split_seed

    @property
    def description(self) -> str:
        """Which packages."""
        return f"docstrings of {', '.join(self.packages)}"

    def read(self, split: str) -> Sequence[Example]:
        """The docstrings of a split."""
        return self._splits[split]

    def baselines(self) -> dict[str, list[str]]:
        """The first sentence of the body."""
        return {"first sentence": [first_sentence(source) for source, _ in self.references("test")]}

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        split = build_tokenizer({"name": "word", "end_of_line": False}).split
        found: dict[tuple[str, str], Example] = {}
        files: list[str] = []
        for package in self.packages:
            for one in docstrings(package):
                body, summary = " ".join(one.body.split()), " ".join(one.summary.split())
                fits = len(split(body)) <= self.max_body and len(split(summary)) <= self.max_summary
                if fits and (summary, body) not in found:
                    found[summary, body] = Example(body, summary, one.place)
                    files.append(one.file)
        return split_groups(list(found.values()), files, self.fractions, self.split_seed)


def docstrings(package: str) -> Iterator[Docstring]:
    """The docstrings of more than one paragraph in the source files of a package, in the order of its files.

    Raises:
        RnnzooError: it is not installed, or not as source files.
    """
    root = _folder(package)
    for path in sorted(root.rglob("*.py")):
        if _LEFT_OUT & set(path.relative_to(root).parts):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what the compiler says of a stranger's source
                tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):  # templates and examples of other versions of Python
            continue
        file = f"{package}/{path.relative_to(root).as_posix()}"
        for node in ast.walk(tree):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            summary, _, body = (ast.get_docstring(node) or "").partition("\n\n")
            if summary.strip() and body.strip() and "\n" not in summary.strip():
                yield Docstring(summary.strip(), body.strip(), f"{file}:{node.lineno}", file)


def first_sentence(text: str) -> str:
    """The text up to the first full stop, question or exclamation mark that white space follows.

    >>> first_sentence("Reads 1.5 lines at most. Then it stops.")
    'Reads 1.5 lines at most.'
    """
    words = text.split()
    end = next((at for at, word in enumerate(words, 1) if word[-1] in ".?!"), len(words))
    return " ".join(words[:end])


def _folder(package: str) -> Path:
    if package == STANDARD_LIBRARY:
        return Path(sysconfig.get_paths()["stdlib"])
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise RnnzooError(
            f"data.packages: there is no package {package!r} with source files here: install it, or leave it out"
        )
    return Path(next(iter(found.submodule_search_locations)))
