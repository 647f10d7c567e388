"""Encodings by name."""

from __future__ import annotations

from typing import Any

from rnnzoo.encodings.audio import AudioEncoding
from rnnzoo.encodings.base import InputEncoding
from rnnzoo.encodings.images import ImageSequenceEncoding
from rnnzoo.encodings.series import SeriesEncoding
from rnnzoo.encodings.text import TextEncoding
from rnnzoo.encodings.video import VideoEncoding
from rnnzoo.errors import RnnzooError, unknown

ENCODINGS: dict[str, type[InputEncoding]] = {
    encoding.kind: encoding
    for encoding in (TextEncoding, SeriesEncoding, AudioEncoding, ImageSequenceEncoding, VideoEncoding)
}


def build_encoding(config: dict[str, Any]) -> InputEncoding:
    """The encoding that `InputEncoding.config` describes.

    >>> build_encoding({"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a"]}).encode("a b")["tokens"]
    tensor([1, 0])

    Raises:
        RnnzooError: an unknown kind or option.
    """
    options = dict(config)
    kind = options.pop("kind", None)
    if kind not in ENCODINGS:
        raise RnnzooError(unknown("kind of encoding", str(kind), list(ENCODINGS)))
    try:
        return ENCODINGS[kind](**options)
    except TypeError as error:
        raise RnnzooError(f"the encoding {kind}: {error}") from None
