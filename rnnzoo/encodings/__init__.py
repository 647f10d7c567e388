"""How raw inputs become numbers: fitted on training data, kept as plain data in a checkpoint.

A DataModule fits an encoding and feeds with it; a task's `predict(raw inputs)` uses the one in its checkpoint.
"""

from rnnzoo.encodings.audio import AudioEncoding
from rnnzoo.encodings.base import Encoded, InputEncoding, collate
from rnnzoo.encodings.images import ImageSequenceEncoding
from rnnzoo.encodings.registry import ENCODINGS, build_encoding
from rnnzoo.encodings.series import SeriesEncoding
from rnnzoo.encodings.text import TextEncoding, known_characters
from rnnzoo.encodings.video import VideoEncoding

__all__ = [
    "ENCODINGS",
    "AudioEncoding",
    "Encoded",
    "ImageSequenceEncoding",
    "InputEncoding",
    "SeriesEncoding",
    "TextEncoding",
    "VideoEncoding",
    "build_encoding",
    "collate",
    "known_characters",
]
