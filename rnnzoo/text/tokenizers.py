"""Text to tokens and back: whitespace, word and character; the learned ones are in `rnnzoo.text.subword`.

Where lines matter, a line's end is the token `<eos>`: `split` writes it for each newline and `join` turns it back, so
that a text of several lines, a prompt and a sample all follow the convention that the model was trained with.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.text.vocabulary import END, UNKNOWN


class Tokenizer(ABC):
    """Splits a text into tokens and joins tokens into a text; `split(join(tokens)) == tokens` for all it splits.

    Attributes:
        name: What `build_tokenizer` knows it by.
        level: `word`, `character` or `subword`.
        end_of_line: Whether a newline is the token `<eos>`.
        lowercase: Whether `split` turns the text into lower case first.
    """

    name: ClassVar[str]
    level: ClassVar[str]

    def __init__(self, *, end_of_line: bool = True, lowercase: bool = False) -> None:
        self.end_of_line = end_of_line
        self.lowercase = lowercase

    def split(self, text: str) -> list[str]:
        """The tokens of a text."""
        return self._split(text.lower() if self.lowercase else text)

    def join(self, tokens: Sequence[str]) -> str:
        """The text of the tokens, as far as they say: spaces that `split` left out are placed by convention."""
        if not self.end_of_line:
            return self._join(tokens)
        lines: list[list[str]] = [[]]
        for token in tokens:
            if token == END:
                lines.append([])
            else:
                lines[-1].append(token)
        return "\n".join(self._join(line) for line in lines)

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer that has learned from the training texts: this one, where there is nothing to learn."""
        return self

    def inventory(self) -> list[str]:
        """Tokens that can occur in any text, so that a vocabulary needs them though the training text lacks them."""
        return []

    def config(self) -> dict[str, Any]:
        """Plain data from which `build_tokenizer` makes the same tokenizer: what a checkpoint keeps."""
        return {"name": self.name, "end_of_line": self.end_of_line, "lowercase": self.lowercase}

    @abstractmethod
    def _split(self, text: str) -> list[str]: ...

    @abstractmethod
    def _join(self, tokens: Sequence[str]) -> str:
        """The text of the tokens of one line, or of all where a newline is no token of its own."""


class WhitespaceTokenizer(Tokenizer):
    """Tokens are what stands between white space: for text that was tokenized before, as the Penn Treebank files are.

    >>> WhitespaceTokenizer().split("the <unk> 's cat .\\nno")
    ['the', '<unk>', "'s", 'cat', '.', '<eos>', 'no']
    """

    name = "whitespace"
    level = "word"

    def _split(self, text: str) -> list[str]:
        return _mark_lines(text, self.end_of_line).split()

    def _join(self, tokens: Sequence[str]) -> str:
        return " ".join(tokens)


class WordTokenizer(Tokenizer):
    """Words, numbers and single marks of punctuation; case is kept, apostrophes inside a word belong to it.

    Combining marks (the vowel signs of Hindi, an accent that is a character of its own) belong to what they follow.
    `<unk>` and `<eos>` in the text are these tokens. `join` puts closing marks to the word before and opening brackets
    to the word after them.

    >>> tokenizer = WordTokenizer()
    >>> tokenizer.split("Don't panic (yet): 3.14!")
    ["Don't", 'panic', '(', 'yet', ')', ':', '3.14', '!']
    >>> tokenizer.join(tokenizer.split("Don't panic (yet): 3.14!"))
    "Don't panic (yet): 3.14!"
    """

    name = "word"
    level = "word"
    _closing = frozenset(".,;:!?)]}")
    _opening = frozenset("([{")

    def _split(self, text: str) -> list[str]:
        marks = "" if text.isascii() else "".join(sorted(filter(_combines, set(text))))
        return _word_pattern(marks).findall(_mark_lines(text, self.end_of_line))

    def _join(self, tokens: Sequence[str]) -> str:
        pieces: list[str] = []
        before = None
        for token in tokens:
            joined = token in self._closing or (before in self._opening and not _combines(token[0]))
            if before is not None and not joined:
                pieces.append(" ")
            pieces.append(token)
            before = token
        return "".join(pieces)


class CharacterTokenizer(Tokenizer):
    r"""Each character is a token, the newline too, unless `end_of_line` makes it `<eos>`.

    >>> CharacterTokenizer().split("a b\n")
    ['a', ' ', 'b', '\n']
    """

    name = "character"
    level = "character"

    def __init__(self, *, end_of_line: bool = False, lowercase: bool = False) -> None:
        super().__init__(end_of_line=end_of_line, lowercase=lowercase)

    def _split(self, text: str) -> list[str]:
        if not self.end_of_line:
            return list(text)
        return [END if character == "\n" else character for character in text]

    def _join(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


def build_tokenizer(config: str | dict[str, Any]) -> Tokenizer:
    """The tokenizer of a name, or of the plain data that `Tokenizer.config` gives.

    Args:
        config: A name (`whitespace`, `word`, `character`, `subword`), or a dictionary with the key `name` and the
            tokenizer's own arguments.

    Raises:
        RnnzooError: If the name or a key is not known or a value has the wrong type.

    >>> build_tokenizer({"name": "word", "lowercase": True}).split("The cat")
    ['the', 'cat']
    """
    from rnnzoo.text.subword import SubwordTokenizer

    kinds: dict[str, type[Tokenizer]] = {
        kind.name: kind for kind in (WhitespaceTokenizer, WordTokenizer, CharacterTokenizer, SubwordTokenizer)
    }
    options = {"name": config} if isinstance(config, str) else dict(config)
    name = options.pop("name", None)
    if name is None:
        raise RnnzooError(f"the tokenizer {options} has no key 'name': give one of {', '.join(sorted(kinds))}")
    if name not in kinds:
        raise RnnzooError(unknown("tokenizer", str(name), kinds))
    accepted: dict[str, tuple[type, ...]] = {"end_of_line": (bool,), "lowercase": (bool,)}
    if name == SubwordTokenizer.name:
        accepted |= {"size": (int,), "min_frequency": (int,), "merges": (list, type(None))}
    for key, value in options.items():
        if key not in accepted:
            raise RnnzooError(unknown(f"key of the {name} tokenizer", key, [*accepted, "name"]))
        if type(value) not in accepted[key]:
            raise RnnzooError(f"tokenizer key {key!r}: {value!r} is not of type {accepted[key][0].__name__}")
    return kinds[name](**options)


@lru_cache(maxsize=64)
def _word_pattern(marks: str) -> re.Pattern[str]:
    """Of the tokens of a text whose combining marks are these; ``re`` has no class for all of them."""
    attached = f"[{marks}]*" if marks else ""
    word = rf"(?:\w{attached})+"
    return re.compile(rf"{UNKNOWN}|{END}|\d+(?:[.,]\d+)+|{word}(?:['’]{word})*|[^\w\s]{attached}")


def _combines(character: str) -> bool:
    """Whether it is a mark on the character before, or joins it to the next (the zero-width joiners)."""
    return unicodedata.category(character)[0] == "M" or character in "\u200c\u200d"


def _mark_lines(text: str, end_of_line: bool) -> str:
    return text.replace("\n", f" {END} ") if end_of_line else text
