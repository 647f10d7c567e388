import json
import math

import pytest
import torch
from lightning import Callback

from rnnzoo.callbacks import GradientClipping, GradientNormMonitor

BATCH = torch.tensor([3.0, 4.0, 2.0, 2.0, 2.0, 2.0, 8.0, 0.0])  # norm √105


class PerRank:
    """Batch `index` of rank r is `batches[r][index]`."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches[0])

    def __iter__(self):
        return iter(self.batches[torch.distributed.get_rank()])


class Report(Callback):
    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, trainer, module):
        report = {
            "logged": [{name: float(value) for name, value in logged.items()} for logged in module.history],
            "weights": module.flat().tolist(),
            "skipped": next(c.skipped for c in trainer.callbacks if isinstance(c, GradientClipping)),
        }
        (self.folder / f"{trainer.global_rank}.json").write_text(json.dumps(report))


def test_two_processes_measure_clip_and_skip_as_one(known, fit, tmp_path):
    nan = BATCH.clone()
    nan[1] = math.nan
    loader = PerRank([[BATCH, BATCH, 3 * BATCH], [3 * BATCH, nan, -BATCH]])
    callbacks = [GradientNormMonitor(), GradientClipping(max_norm=2.0), Report(tmp_path)]
    fit(known(), loader, callbacks, devices=2, strategy="ddp_fork")
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0]["weights"] == ranks[1]["weights"]
    # averages: 2, nan, 1 times the batch; the second step is skipped by both, the others are cut to norm 2
    expected = 1 - 2 * (2 * BATCH / math.sqrt(105))
    assert ranks[0]["weights"] == pytest.approx(expected.tolist(), rel=1e-5)
    for rank in ranks:
        assert rank["skipped"] == 1
        assert rank["logged"][0]["grad/norm"] == pytest.approx(2 * math.sqrt(105))
        assert rank["logged"][2]["grad/norm"] == pytest.approx(math.sqrt(105))
        assert rank["logged"][2]["grad/norm_clipped"] == pytest.approx(2.0, rel=1e-5)
