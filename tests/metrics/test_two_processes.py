"""What processes gather: real ones, of which one may have seen nothing."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from rnnzoo.metrics.captions import CaptionScores
from rnnzoo.metrics.classification import ConfusionMatrix, MultiLabelF1
from rnnzoo.metrics.correlation import Spearman
from rnnzoo.metrics.error_rate import ErrorRate
from rnnzoo.metrics.retrieval import CorpusRetrieval

CAPTIONS = ["a dog runs", "two men sit", "a red ball"]
REFERENCES = [["the dog runs fast", "a dog"], ["two men sit down"], ["a red ball", "one ball"]]


def scores(shares: list[slice]) -> dict[str, object]:
    """Of metrics that saw these shares of the data, as plain numbers."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(2, 3, 4, generator=generator)
    labels = torch.randint(2, (2, 3, 3), generator=generator)
    captions, errors, spearman, retrieval = CaptionScores(), ErrorRate(), Spearman(), CorpusRetrieval((1,))
    confusion, labelled = ConfusionMatrix(2), MultiLabelF1(3)
    for share in shares:
        captions.update(CAPTIONS[share], REFERENCES[share])
        errors.update(CAPTIONS[share], REFERENCES[share])
        spearman.update(torch.tensor([0.1, 0.4, 0.3])[share], torch.tensor([1.0, 2.0, 5.0])[share])
        retrieval.update(vectors[0, share], vectors[1, share], torch.tensor([4, 5, 6])[share])
        confusion.update(labels[0, share], labels[1, share])
        labelled.update(labels[0, share], labels[1, share])
    return {
        **{name: float(score) for name, score in captions.compute().items()},
        "errors": float(errors.compute()),
        "spearman": float(spearman.compute()),
        **{name: float(score) for name, score in retrieval.compute().items()},
        "accuracy": float(confusion.accuracy()),
        "macro": float(confusion.scores().macro_f1),
        "label": float(labelled.scores().f1[0]),
        **{name: float(score) for name, score in labelled.compute().items()},
    }


UNEVEN = [[slice(0, 1)], [slice(1, 2), slice(2, 3)]]
ONE_SAW_NOTHING = [[slice(0, 3)], []]


def one_of_two(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    warnings.filterwarnings("ignore", "The ``compute`` method of metric")  # the process that saw nothing is the test
    torch.save([scores(shares[rank]) for shares in (UNEVEN, ONE_SAW_NOTHING)], f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_score_as_one(tmp_path: Path) -> None:
    multiprocessing.spawn(one_of_two, (str(tmp_path),), nprocs=2)  # type: ignore[no-untyped-call]
    alone = scores([slice(0, 3)])
    for rank in range(2):
        for found in torch.load(tmp_path / f"{rank}.pt", weights_only=True):
            assert found == pytest.approx(alone, rel=1e-9)
