from types import SimpleNamespace

import pytest
import torch
from lightning import Callback

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.callbacks import ThroughputMonitor, throughput
from rnnzoo.errors import RnnzooError


def batch(tokens):
    return LanguageModelBatch(torch.zeros(1, tokens), torch.zeros(1, tokens), None, True)


@pytest.fixture
def timed(known, monkeypatch):
    """A training step takes 2 seconds, a validation step 100, by a clock that only they move."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: clock.now)

    class Timed(known):
        def training_step(self, batch, batch_idx):
            clock.now += 2.0
            return self.loss(torch.ones(8))

        def validation_step(self, batch, batch_idx):
            clock.now += 100.0

        def val_dataloader(self):
            return [torch.ones(1)]

    return Timed


def rates(module):
    return [logged.get("time/tokens_per_second", torch.tensor(0.0)).item() for logged in module.history]


def test_counts_between_logged_steps_without_warm_up_and_validation(timed, fit):
    module = timed()
    batches = [batch(tokens) for tokens in (1000, 1000, 10, 20, 30, 40)]
    fit(module, batches, [ThroughputMonitor(warm_up=2)], log_every_n_steps=2, val_check_interval=1)
    assert rates(module) == pytest.approx([0, 0, 0, 30 / 4, 30 / 4, 70 / 4])


def test_every_micro_batch_counts_under_accumulation(timed, fit):
    module = timed()
    batches = [batch(tokens) for tokens in (1000, 1000, 10, 20, 30, 40)]
    fit(module, batches, [ThroughputMonitor(warm_up=1)], accumulate_grad_batches=2, limit_val_batches=0)
    assert rates(module) == pytest.approx([0, 0, 0, 30 / 4, 30 / 4, 70 / 4])


def test_a_batch_without_tokens_is_refused(known, fit):
    with pytest.raises(RnnzooError, match=r"batch\.num_tokens, which Tensor has not"):
        fit(known(), [torch.ones(8)], [ThroughputMonitor()])
    with pytest.raises(RnnzooError, match="warm_up=-1"):
        ThroughputMonitor(warm_up=-1)


class PerRank:
    def __len__(self):
        return 2

    def __iter__(self):
        return iter([batch(10), batch(10 + torch.distributed.get_rank())])


class Report(Callback):
    def __init__(self, path):
        self.path = path

    def on_train_end(self, trainer, module):
        self.path.with_suffix(f".{trainer.global_rank}").write_text(str(rates(module)[-1]))


def test_sums_over_processes(timed, fit, tmp_path):
    report = Report(tmp_path / "rate")
    callbacks = [ThroughputMonitor(warm_up=1), report]
    fit(timed(), PerRank(), callbacks, devices=2, strategy="ddp_fork", limit_val_batches=0)
    assert [(tmp_path / f"rate.{rank}").read_text() for rank in (0, 1)] == [str(21 / 2)] * 2
