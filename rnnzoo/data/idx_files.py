"""The IDX format, in which MNIST is published."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError

_BYTES = 8  # the type of unsigned bytes


def read_idx(path: str | Path) -> Tensor:
    """The array of unsigned bytes in an IDX file (LeCun et al., the MNIST database), also gzip-compressed (`.gz`).

    Two zero bytes, the type, the number of axes, each axis as a big-endian 32-bit number, then the values, row by row.

    Raises:
        RnnzooError: it cannot be read, is not of this format, of another type, or cut short.
    """
    path = Path(path)
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise RnnzooError(f"{path}: cannot be read ({error})") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _BYTES or not 1 <= data[3] <= 4:
        raise RnnzooError(f"{path}: is no IDX file of unsigned bytes: it begins with {data[:4].hex(' ')}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise RnnzooError(f"{path}: is cut short within its header")
    shape = [int(size) for size in np.frombuffer(data[4:start], ">u4")]
    wanted = 1
    for size in shape:
        wanted *= size
    if not wanted or len(data) - start != wanted:
        raise RnnzooError(f"{path}: says {' x '.join(map(str, shape))} values, but has {len(data) - start}")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy())
