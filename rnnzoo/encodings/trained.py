"""The encoding that a trained task reads by, from its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rnnzoo.encodings.registry import build_encoding
from rnnzoo.errors import RnnzooError


def trained_encoding(path: str | Path) -> dict[str, Any]:
    """The encoding of a checkpoint, as plain data; that of a language model is its text's.

    Raises:
        RnnzooError: no such file, no checkpoint of rnnzoo, or of a task that reads nothing.
    """
    if not Path(path).is_file():
        raise RnnzooError(f"no such checkpoint: {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        arguments = content["hyper_parameters"]
    except Exception as error:  # torch.load has no error of its own: RuntimeError, EOFError, UnpicklingError, ...
        raise RnnzooError(f"{path} cannot be read as a checkpoint of rnnzoo: give another of the run") from error
    found = encoding_of(arguments)
    if found is None:
        raise RnnzooError(f"{path} is of {arguments.get('_class_path')}, which reads neither text nor series")
    return found


def encoding_of(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The encoding among a task's arguments; None where there is none.

    >>> encoding_of({"vocabulary": ["<unk>", "a"], "tokenizer": "whitespace"})["vocabulary"]
    ['<unk>', 'a']
    """
    if isinstance(arguments.get("encoding"), dict):
        return build_encoding(arguments["encoding"]).config()
    if "vocabulary" in arguments and "tokenizer" in arguments:
        text = {"kind": "text", "tokenizer": arguments["tokenizer"], "vocabulary": arguments["vocabulary"]}
        return build_encoding(text).config()
    return None
