import random

import lightning
import numpy as np
import pytest
import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from rnnzoo.callbacks import ExactResume
from rnnzoo.callbacks.exact_resume import random_state, set_random_state

RUN = {"max_epochs": 2, "val_check_interval": 5, "accumulate_grad_batches": 2, "enable_checkpointing": True}


def seeded(noisy):
    lightning.seed_everything(7, verbose=False)
    return noisy()


def other_numbers():
    lightning.seed_everything(99, verbose=False)


def test_resume_from_every_step_is_bit_identical(noisy, fit, tmp_path):
    saving = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1)
    whole = seeded(noisy)
    fit(whole, callbacks=[ExactResume(), saving], **RUN)
    paths = sorted(tmp_path.glob("step=*.ckpt"))
    assert len(paths) == 12
    for path in paths:
        resumed = noisy()
        other_numbers()
        fit(resumed, callbacks=[ExactResume()], ckpt_path=path, **(RUN | {"enable_checkpointing": False}))
        assert torch.equal(resumed.flat(), whole.flat()), path


def test_without_it_a_resume_differs(noisy, fit, tmp_path):
    saving = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=3, save_top_k=-1)
    whole, resumed = seeded(noisy), noisy()
    fit(whole, callbacks=[saving], **RUN)
    other_numbers()
    fit(resumed, ckpt_path=tmp_path / "step=3.ckpt", **(RUN | {"enable_checkpointing": False}))
    assert not torch.equal(resumed.flat(), whole.flat())


@pytest.mark.parametrize("at", ["validation", "epoch"])
def test_checkpoints_after_validation_and_epoch_with_a_shuffling_loader(noisy, fit, tmp_path, at):
    class Shuffling(noisy):
        def train_dataloader(self):
            data = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
            return torch.utils.data.DataLoader(data, batch_size=None, shuffle=True)

    saving = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1, save_on_train_epoch_end=at == "epoch")
    options = {"max_epochs": 3, "enable_checkpointing": True}
    whole, resumed = seeded(Shuffling), Shuffling()
    fit(whole, callbacks=[ExactResume(), saving], **options)
    other_numbers()
    fit(resumed, callbacks=[ExactResume()], ckpt_path=tmp_path / "epoch=0.ckpt", max_epochs=3)
    assert torch.equal(resumed.flat(), whole.flat())


def test_warns_of_a_checkpoint_between_accumulated_batches(noisy, fit, tmp_path):
    class Save(Callback):
        def on_validation_end(self, trainer, module):
            if not trainer.sanity_checking:
                trainer.save_checkpoint(tmp_path / "between.ckpt")

    with pytest.warns(UserWarning, match="multiple of accumulate_grad_batches"):
        fit(noisy(), callbacks=[ExactResume(), Save()], val_check_interval=5, accumulate_grad_batches=2)


def test_how_often_validation_runs_does_not_matter(noisy, fit):
    weights = []
    for interval in (2, 3, 12):
        module = seeded(noisy)
        fit(module, callbacks=[ExactResume()], val_check_interval=interval)
        weights.append(module.flat())
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


def numbers():
    return torch.randn(3).tolist(), random.gauss(0, 1), np.random.standard_normal(3).tolist()


def test_a_state_is_plain_data_and_sets_every_generator(tmp_path):
    random.gauss(0, 1), np.random.standard_normal(1)  # leaves half of a pair behind in both
    torch.save(random_state(torch.device("cpu")), tmp_path / "state")
    expected = numbers()
    set_random_state(torch.load(tmp_path / "state", weights_only=True), torch.device("cpu"))
    assert numbers() == expected


class SaveAndStop(Callback):
    def __init__(self, path):
        self.path = path

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 5:
            trainer.save_checkpoint(self.path)


class KeepWeights(Callback):
    def __init__(self, folder, name):
        self.folder, self.name = folder, name

    def on_train_end(self, trainer, module):
        torch.save(module.flat(), self.folder / f"{self.name}.{trainer.global_rank}")


def test_each_of_two_processes_gets_its_own_numbers(noisy, fit, tmp_path):
    class PerRank(noisy):
        def on_train_start(self):
            if self.trainer.global_step == 0:
                torch.manual_seed(self.trainer.global_rank)

    options = {"devices": 2, "strategy": "ddp_fork"}
    path = tmp_path / "saved.ckpt"
    fit(seeded(PerRank), None, [ExactResume(), SaveAndStop(path), KeepWeights(tmp_path, "whole")], **options)
    states = torch.load(path, weights_only=True)["random_state"]["processes"]
    assert not torch.equal(states[0]["torch"], states[1]["torch"])
    other_numbers()
    fit(PerRank(), None, [ExactResume(), KeepWeights(tmp_path, "resumed")], ckpt_path=path, **options)
    weights = [torch.load(tmp_path / f"{name}.{rank}") for name in ("whole", "resumed") for rank in (0, 1)]
    assert all(torch.equal(weights[0], other) for other in weights[1:])

    with pytest.warns(UserWarning, match="random states of 2 processes and this run has 1"):
        fit(PerRank(), None, [ExactResume()], ckpt_path=path)
