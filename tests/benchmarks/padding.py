"""Padded over real tokens in the bucketed training batches of EWT and SST.

    python -m tests.benchmarks padding [--epochs 3] [--data-root FOLDER]

The loaders as the recipes `tagger/ewt-upos-bilstm-char-crf` and `acceptor/sst2-bilstm` (with phrases too) have them,
counted over whole epochs; beside them batches of as many rows in random order. Bar: below 1.08.
"""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from rnnzoo.data import ConlluDataModule, TreebankDataModule

BAR = 1.08


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data-root", metavar="FOLDER")
    arguments = parser.parse_args()
    shared: dict[str, Any] = {"lowercase": True, "root": arguments.data_root}
    sets: dict[str, tuple[int, Callable[..., Any], dict[str, Any]]] = {
        "EWT": (32, ConlluDataModule, {"treebank": "ewt", "columns": ["upos"]}),
        "SST-2": (32, TreebankDataModule, {"classes": 2}),
        "SST-2 with phrases": (128, TreebankDataModule, {"classes": 2, "phrases": True}),
    }
    print(f"{'padded / real tokens':20} {'rows':>5} {'buckets':>8} {'random order':>13}")
    missed = 0
    for name, (size, kind, given) in sets.items():
        loader = kind(**given, **shared, batch_size=size).train_dataloader()
        padded, real, lengths = 0, 0, list[Tensor]()
        for epoch in range(arguments.epochs):
            loader.set_epoch(epoch)
            lengths = [batch.inputs.lengths for batch in loader]
            padded += cost(lengths)
            real += int(sum(one.sum() for one in lengths))
        rows = torch.cat(lengths)
        shuffled = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]
        bound, unsorted = padded / real, cost(shuffled.split(size)) / int(rows.sum())
        missed += bound >= BAR
        print(f"{name:20} {size:5} {bound:8.3f} {unsorted:13.3f}  below {BAR} {'met' if bound < BAR else 'MISSED'}")
    raise SystemExit(missed > 0)


def cost(lengths: Iterable[Tensor]) -> int:
    """The steps of all batches, padding and all."""
    return sum(len(one) * int(one.max()) for one in lengths)
