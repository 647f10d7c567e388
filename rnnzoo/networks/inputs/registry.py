"""Input layers by name, from plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rnnzoo.encodings import InputEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.networks.inputs.characters import CharacterInput, WordAndCharacterInput
from rnnzoo.networks.inputs.tokens import TokenInput
from rnnzoo.networks.inputs.values import ValueInput

INPUTS: dict[str, Callable[..., InputLayer]] = {
    "tokens": TokenInput,
    "characters": CharacterInput,
    "words_and_characters": WordAndCharacterInput,
    "values": ValueInput,
}
DEFAULTS = {"text": "tokens", "series": "values"}


def build_input(encoding: InputEncoding, options: Mapping[str, Any]) -> InputLayer:
    """The input layer that `options` describe: `kind`, a name of `INPUTS`, and the layer's own options.

    Without a `kind`: what the encoding's is read by, `tokens` of text and `values` of series.

    Raises:
        RnnzooError: an unknown kind or option, or a kind that cannot read what the encoding makes.
    """
    given = dict(options)
    kind = given.pop("kind", DEFAULTS[encoding.kind])
    if kind not in INPUTS:
        raise RnnzooError(unknown("input.kind", str(kind), list(INPUTS)))
    known = [name for name in inspect.signature(INPUTS[kind]).parameters if name != "encoding"]
    for key in given:
        if key not in known:
            raise RnnzooError(unknown(f"key of input ({kind})", str(key), ["kind", *known]))
    return INPUTS[kind](encoding, **given)
