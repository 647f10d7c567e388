"""Where published data sets lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from rnnzoo.errors import RnnzooError

VARIABLE = "RNNZOO_DATA"


def data_root(root: str | None = None) -> Path:
    """The folder of the data sets: the argument, else the environment variable `RNNZOO_DATA`, else the user's cache.

    The cache is `$XDG_CACHE_HOME/rnnzoo`, by default `~/.cache/rnnzoo`. The folder need not exist.
    """
    if root:
        return Path(root).expanduser()
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "rnnzoo"


def dataset_folder(name: str, published: str, root: str | None = None) -> Path:
    """The folder of one data set below the root.

    Args:
        name: The folder's name.
        published: Where the set is published, for the error.
        root: See `data_root`.

    Raises:
        RnnzooError: If the folder is not there.
    """
    folder = data_root(root) / name
    if not folder.is_dir():
        raise RnnzooError(
            f"the data set {name} is not at {folder}: get it from {published}, put its files there, or point "
            f"data.root or the environment variable {VARIABLE} at the folder that has {name}"
        )
    return folder
