"""The formal languages that have a name, and those that a regular expression gives."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from rnnzoo.baselines.automata.dfa import DFA
from rnnzoo.baselines.automata.dyck import Dyck
from rnnzoo.baselines.automata.position_automaton import from_regular_expression
from rnnzoo.baselines.automata.recognizer import Recognizer
from rnnzoo.errors import RnnzooError, unknown

AnyRecognizer: TypeAlias = Recognizer[int] | Recognizer[tuple[int, ...] | None]

EMAIL = r"[a-z]+(\.[a-z]+)*@[a-z]+(\.[a-z]+)*\.[a-z]{2,3}"
"""An e-mail address in lower case: names between dots, one @, and a last name of two or three letters."""

_TOMITA = {
    1: "1*",
    2: "(10)*",
    4: "(0{0,2}1)*0{0,2}",
    5: "(00|11|(01|10)(00|11)*(01|10))*",
    7: "0*1*0*1*",
}


def build_recognizer(language: str | Mapping[str, Any]) -> AnyRecognizer:
    """The machine of a language.

    - `parity`: an odd number of 1s.
    - `tomita-1` to `tomita-7`: see `tomita`.
    - `email`: e-mail addresses of lower-case letters, `EMAIL`.
    - `dyck-1`, `dyck-2`: well-nested brackets of one and two kinds, no finite automaton's language.
    - `{regular_expression: ..., alphabet: ...}`: see `from_regular_expression`.
    - `{dyck: k, max_depth: ...}`: see `Dyck`.

    Raises:
        RnnzooError: If there is no such language, or a key is missing or unknown.

    Example:
        >>> build_recognizer("email").accepts(["ada@analytical.engine.org", "ada@engine", "a..b@c.de"]).tolist()
        [True, False, False]
        >>> build_recognizer({"regular_expression": "(ab)+", "alphabet": "ab"}).count(4)
        1
    """
    if isinstance(language, str):
        if language not in _NAMED:
            raise RnnzooError(unknown("formal language", language, _NAMED))
        return _NAMED[language]()
    for keys, build in _DESCRIBED.items():
        if keys[0] in language:
            strange = [key for key in language if key not in keys]
            if strange:
                raise RnnzooError(unknown("key of a formal language", strange[0], keys))
            return build(language)
    raise RnnzooError(
        f"a formal language is a name or has the key {' or '.join(keys[0] for keys in _DESCRIBED)}: {dict(language)}"
    )


def language_names() -> list[str]:
    """The names that `build_recognizer` knows."""
    return sorted(_NAMED)


def parity() -> DFA:
    """Strings of 0 and 1 with an odd number of 1s."""
    return DFA(
        states=["even", "odd"],
        alphabet="01",
        transitions={"even": {"0": "even", "1": "odd"}, "odd": {"0": "odd", "1": "even"}},
        start="even",
        accepting=["odd"],
    )


def tomita(number: int) -> DFA:
    """One of the seven languages over 0 and 1 of Tomita (1982), by their usual numbers.

    1. ``1*``.
    2. ``(10)*``.
    3. No odd run of 1s is followed, at once or later, by an odd run of 0s (a run is as long as it can be). So Weiss et
       al. (2018) read it; "at once" alone would be another language, such as that of 100110.
    4. No 000.
    5. An even number of 0s and an even number of 1s.
    6. The number of 0s minus that of 1s is a multiple of 3.
    7. ``0*1*0*1*``.

    M. Tomita, "Dynamic construction of finite automata from examples using hill-climbing", Proceedings of the Fourth
    Annual Conference of the Cognitive Science Society, 1982, p. 105-108; G. Weiss, Y. Goldberg, E. Yahav, "Extracting
    automata from recurrent neural networks using queries and counterexamples", ICML 2018.

    Raises:
        RnnzooError: If the number is not from 1 to 7.
    """
    if number == 3:
        return from_regular_expression("((0|1)*0)?1(11)*(0(0|1)*1)?0(00)*(1(0|1)*)?", "01").complement().minimized()
    if number == 6:
        return DFA.from_table("01", [[1, 2], [2, 0], [0, 1]], [True, False, False])
    if number not in _TOMITA:
        raise RnnzooError(f"the languages of Tomita have the numbers 1 to 7, not {number}")
    return from_regular_expression(_TOMITA[number], "01")


def email() -> DFA:
    """The language of `EMAIL`, over the lower-case letters, the dot and @."""
    return from_regular_expression(EMAIL, string.ascii_lowercase + ".@")


def _described_expression(language: Mapping[str, Any]) -> AnyRecognizer:
    if not isinstance(language.get("alphabet"), (str, list, tuple)):
        raise RnnzooError("a regular_expression needs its alphabet: the symbols in one string, such as '01'")
    return from_regular_expression(str(language["regular_expression"]), language["alphabet"])


def _described_dyck(language: Mapping[str, Any]) -> AnyRecognizer:
    return Dyck(language["dyck"], language.get("max_depth"))


def _tomita(number: int) -> Callable[[], DFA]:
    return lambda: tomita(number)


_NAMED: dict[str, Callable[[], AnyRecognizer]] = {
    "parity": parity,
    "email": email,
    "dyck-1": lambda: Dyck(1),
    "dyck-2": lambda: Dyck(2),
    **{f"tomita-{number}": _tomita(number) for number in range(1, 8)},
}
_DESCRIBED: dict[tuple[str, str], Callable[[Mapping[str, Any]], AnyRecognizer]] = {
    ("regular_expression", "alphabet"): _described_expression,
    ("dyck", "max_depth"): _described_dyck,
}
