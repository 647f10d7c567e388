"""Input layers by name, from plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rnnzoo.encodings import InputEncoding
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.networks.inputs.characters import CharacterInput, WordAndCharacterInput
from rnnzoo.networks.inputs.frames import FrameInput
from rnnzoo.networks.inputs.ngrams import TokenAndNgramInput
from rnnzoo.networks.inputs.pretrained import PretrainedInput
from rnnzoo.networks.inputs.tokens import TokenInput
from rnnzoo.networks.inputs.values import ValueInput
from rnnzoo.options import check_options
from rnnzoo.recurrent import StackConfig


def _pretrained(
    encoding: InputEncoding, reader: Mapping[str, Any], freeze: bool = False, layer_decay: float = 1.0
) -> PretrainedInput:
    """A `PretrainedInput`; `reader` has the keys `input` and `stack`, as a task puts them there from a checkpoint."""
    layer = build_input(encoding, reader["input"])
    return PretrainedInput(layer, StackConfig.from_dict(reader["stack"]), freeze, layer_decay)


INPUTS: dict[str, Callable[..., InputLayer]] = {
    "tokens": TokenInput,
    "characters": CharacterInput,
    "words_and_characters": WordAndCharacterInput,
    "tokens_and_ngrams": TokenAndNgramInput,
    "values": ValueInput,
    "frames": FrameInput,
    "pretrained": _pretrained,
}
DEFAULTS = {"text": "tokens", "series": "values", "audio": "values", "images": "frames", "video": "frames"}


def build_input(encoding: InputEncoding, options: Mapping[str, Any]) -> InputLayer:
    """The input layer that `options` describe: `kind`, a name of `INPUTS`, and the layer's own options.

    Without a `kind`: what the encoding's is read by, `tokens` of text, `values` of series and audio,
    `frames` of images and video.

    Raises:
        RnnzooError: an unknown kind or option, an option of another type, or a kind that cannot read what the encoding
            makes.
    """
    given = dict(options)
    kind = given.pop("kind", DEFAULTS[encoding.kind])
    if kind not in INPUTS:
        raise RnnzooError(unknown("input.kind", str(kind), list(INPUTS)))
    known = [name for name in inspect.signature(INPUTS[kind]).parameters if name != "encoding"]
    for key in given:
        if key not in known:
            raise RnnzooError(unknown(f"key of input ({kind})", str(key), ["kind", *known]))
    check_options(given, INPUTS[kind], "input", ("encoding",))
    return INPUTS[kind](encoding, **given)
