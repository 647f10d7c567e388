"""Regular expressions, the regular ones among them: from a pattern to its syntax tree."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from rnnzoo.errors import RnnzooError

_SPECIAL = ".|*+?()[]{}^$\\"
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}
_SETS = {
    "d": frozenset(string.digits),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
    "s": frozenset(" \t\n\r\f\v"),
}
_DEEPEST = 50  # groups in groups: a limit below Python's own, which would end in a RecursionError


@dataclass(frozen=True)
class Symbols:
    """One symbol out of a set, each given by its place in the alphabet."""

    allowed: frozenset[int]


@dataclass(frozen=True)
class Concatenation:
    """The parts one after the other; no parts: the empty string."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Alternation:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repetition:
    """The part at least `least` and at most `most` times; None: any number."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Symbols | Concatenation | Alternation | Repetition


def parse(pattern: str, alphabet: Sequence[str]) -> Node:
    r"""The syntax tree of a pattern, which describes whole strings over the alphabet, as `re.fullmatch` reads it.

    Literals, ``.`` (any symbol), classes ``[a-z_]``, ``[^a-z]``, ``\d``, ``\w``, ``\s`` (in ASCII) and their
    complements, groups ``( )`` and ``(?: )``, ``|``, ``*``, ``+``, ``?``, ``{m}``, ``{m,}``, ``{,n}`` and ``{m,n}``;
    a special character is a literal behind a backslash. A class is what it shares with the alphabet. What is not
    regular (references, look-around) or says nothing about whole strings (anchors) is an error.

    Raises:
        RnnzooError: If the pattern has a mistake, with its position, from 0.
    """
    return _Parser(pattern, alphabet).whole()


class _Parser:
    def __init__(self, pattern: str, alphabet: Sequence[str]) -> None:
        self.pattern, self.alphabet = pattern, alphabet
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.alternation()
        if self.at < len(self.pattern):
            self.fail("this ) closes no group")
        return node

    def alternation(self) -> Node:
        parts = [self.concatenation()]
        while self.take("|"):
            parts.append(self.concatenation())
        return parts[0] if len(parts) == 1 else Alternation(tuple(parts))

    def concatenation(self) -> Node:
        parts: list[Node] = []
        while self.next not in ("", "|", ")"):
            parts.append(self.repetition())
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def repetition(self) -> Node:
        part = self.atom()
        times = self.times()
        if times is None:
            return part
        if self.next and self.next in "*+?{":
            self.fail("two repetitions in a row: put the first into a group")
        return Repetition(part, *times)

    def times(self) -> tuple[int, int | None] | None:
        for sign, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self.take(sign):
                return least, most
        begin = self.at
        if not self.take("{"):
            return None
        least_digits, comma = self.digits(), self.take(",")
        most_digits = self.digits() if comma else least_digits
        if not self.take("}") or not (least_digits or most_digits):
            self.fail("a repetition reads {m}, {m,}, {,n} or {m,n}; write \\{ for the symbol", begin)
        least, most = int(least_digits or 0), int(most_digits) if most_digits else None
        if most is not None and most < least:
            self.fail(f"at least {least} and at most {most} times is never", begin)
        return least, most

    def digits(self) -> str:
        begin = self.at
        while self.next and self.next in string.digits:
            self.at += 1
        return self.pattern[begin : self.at]

    def atom(self) -> Node:
        begin = self.at
        sign = self.pattern[self.at]
        self.at += 1
        if sign == "(":
            return self.group(begin)
        if sign == "[":
            return self.symbols(self.character_class(begin), begin)
        if sign == ".":
            return self.symbols(frozenset(self.alphabet), begin)
        if sign == "\\":
            return self.symbols(self.escape(begin), begin)
        if sign in "*+?{":
            self.fail(f"{sign} repeats nothing", begin)
        if sign in "^$":
            self.fail(f"no anchors: the whole string is matched always; write \\{sign} for the symbol", begin)
        if sign in "]}":
            self.fail(f"this {sign} closes nothing; write \\{sign} for the symbol", begin)
        return self.symbols(frozenset(sign), begin)

    def group(self, begin: int) -> Node:
        if self.take("?") and not self.take(":"):
            self.fail("of the groups that begin with (? only (?: ) describes a regular language", begin)
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail(f"more than {_DEEPEST} groups within each other", begin)
        node = self.alternation()
        if not self.take(")"):
            self.fail("this group is not closed", begin)
        self.depth -= 1
        return node

    def character_class(self, begin: int) -> frozenset[str]:
        negated = self.take("^")
        allowed: frozenset[str] = frozenset()
        first = True
        while first or self.next != "]":  # a ] that comes first is a symbol, as in re
            if not self.next:
                self.fail("this class is not closed", begin)
            allowed |= self.class_item(begin)
            first = False
        self.at += 1
        return frozenset(self.alphabet) - allowed if negated else allowed

    def class_item(self, begin: int) -> frozenset[str]:
        at = self.at
        low = self.class_symbol()
        if self.next != "-" or self.pattern[self.at + 1 : self.at + 2] in ("", "]"):
            return low
        self.at += 1
        high = self.class_symbol()
        if len(low) != 1 or len(high) != 1 or min(low) > min(high):
            self.fail("a range goes from one symbol to a later one", at)
        return frozenset(map(chr, range(ord(min(low)), ord(min(high)) + 1)))

    def class_symbol(self) -> frozenset[str]:
        sign = self.next
        self.at += 1
        return self.escape(self.at - 1) if sign == "\\" else frozenset(sign)

    def escape(self, begin: int) -> frozenset[str]:
        sign = self.next
        self.at += 1
        if sign.lower() in _SETS:
            known = _SETS[sign.lower()]
            return known if sign.islower() else frozenset(self.alphabet) - known
        if sign in _CONTROL:
            return frozenset(_CONTROL[sign])
        if not sign or sign.isalnum():
            self.fail(f"unknown escape {self.pattern[begin : self.at]}", begin)
        return frozenset(sign)

    def symbols(self, allowed: frozenset[str], begin: int) -> Symbols:
        found = frozenset(at for at, symbol in enumerate(self.alphabet) if symbol in allowed)
        if not found:
            said = self.pattern[begin : self.at]
            self.fail(f"{said} matches no symbol of the alphabet {' '.join(self.alphabet)}", begin)
        return Symbols(found)

    @property
    def next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self, sign: str) -> bool:
        found = self.next == sign
        self.at += found
        return found

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        raise RnnzooError(f"regular expression {self.pattern!r}, position {self.at if at is None else at}: {problem}")
