"""Training against a loop in plain torch, exact resume, and evaluation against the whole stream at once."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.data.lanes import LaneLoader, RandomWindowLaneLoader
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, WindowLanguageModel

WORDS = ["<unk>", "<eos>", "a", "b", "c", "d", "e"]
IDS = torch.randint(0, 7, (203,), generator=torch.Generator().manual_seed(1))
MakeTrainer = Callable[..., Trainer]


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.5)


def make(**options: Any) -> LanguageModel:
    torch.manual_seed(0)
    stack = options.pop("stack", StackConfig(cell="lstm", hidden_size=5, num_layers=2))
    return LanguageModel(WORDS, stack=stack, optimizer=options.pop("optimizer", sgd), **options).double()


def plain_loop(task: LanguageModel, lanes: int, window: int, epochs: int, scale: str) -> dict[str, Tensor]:
    """The same training with nn.LSTM, written out, from the task's first weights."""
    embedding, lstm, out = nn.Embedding(7, 5), nn.LSTM(5, 5, 2, batch_first=True), nn.Linear(5, 7)
    embedding.weight.data.copy_(task.network.embedding.weight)
    out.weight.data.copy_(task.network.head.weight)
    out.bias.data.copy_(task.network.head.bias)
    for layer, cell in enumerate(task.network.stack.cells):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, f"{name}_l{layer}").data.copy_(getattr(cell, name))
    model = nn.ModuleList([embedding, lstm, out]).double()
    stream = torch.cat((torch.tensor([1]), IDS))
    length = len(IDS) // lanes
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(epochs):
        state = None
        for start in range(0, length, window):
            size = min(window, length - start)
            x = torch.stack([stream[lane * length + start :][:size] for lane in range(lanes)])
            y = torch.stack([stream[lane * length + start + 1 :][:size] for lane in range(lanes)])
            outputs, state = lstm(embedding(x), state)
            state = tuple(part.detach() for part in state)
            loss = nn.functional.cross_entropy(out(outputs).transpose(1, 2), y)
            optimizer.zero_grad()
            (loss * size if scale == "window" else loss).backward()
            optimizer.step()
    return {"embedding": embedding.weight.data, "head": out.weight.data, "recurrent": lstm.weight_hh_l1.data}


@pytest.mark.parametrize("scale", ["mean", "window"])
def test_training_is_that_of_a_plain_loop(make_trainer: MakeTrainer, scale: str) -> None:
    task = make(loss_scale=scale, optimizer=lambda p: torch.optim.SGD(p, lr=0.5))
    expected = plain_loop(task, lanes=7, window=6, epochs=2, scale=scale)
    trainer = make_trainer(max_epochs=2, val_check_interval=3)
    trainer.fit(task, LaneLoader(IDS, 7, 6, 1), LaneLoader(IDS[:50], 2, 9, 1))  # validation inside must not disturb
    torch.testing.assert_close(task.network.embedding.weight.data, expected["embedding"], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(task.network.head.weight.data, expected["head"], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(task.network.stack.cells[1].weight_hh.data, expected["recurrent"], rtol=1e-9, atol=1e-11)


def test_evaluation_is_that_of_the_whole_stream(make_trainer: MakeTrainer) -> None:
    task = make()
    with torch.no_grad():
        inputs = torch.cat((torch.tensor([1]), IDS[:-1])).unsqueeze(0)
        log_probs = task.network.head.log_probs(task.network(inputs).outputs)[0]
        own = log_probs.gather(1, IDS.unsqueeze(1)).squeeze(1)
    trainer = make_trainer()
    (found,) = trainer.test(task, LaneLoader(IDS, 1, 10, 1), verbose=False)
    assert found == pytest.approx(
        {"test/loss": -own.mean().item(), "test/perplexity": math.exp(-own.mean().item())}, rel=1e-6
    )
    torch.testing.assert_close(task.token_log_probs(IDS), own)
    (again,) = trainer.validate(task, LaneLoader(IDS, 1, 64, 1), verbose=False)  # other windows, same sums
    assert again["val/loss"] == pytest.approx(found["test/loss"], rel=1e-6)
    pieces = trainer.predict(task, LaneLoader(IDS, 1, 50, 1))
    torch.testing.assert_close(torch.cat([piece[0] for piece in pieces]), own)


def test_bits_per_character_only_of_characters(make_trainer: MakeTrainer) -> None:
    task = LanguageModel(list("abcdefg"), "character", stack=StackConfig(hidden_size=5))
    (found,) = make_trainer().test(task, LaneLoader(IDS, 1, 64, 0), verbose=False)
    assert found["test/bits_per_character"] == pytest.approx(found["test/loss"] / math.log(2), rel=1e-6)


def test_rows_of_a_sentence_mode_are_streams_of_their_own() -> None:
    task = make()
    ids = torch.tensor([2, 3, 1, 4, 1, 5, 6, 6, 1, 2])
    found = task.token_log_probs(ids, end_of_row=1)
    rows = [ids[:3], ids[3:5], ids[5:9], ids[9:]]
    torch.testing.assert_close(found, torch.cat([task.token_log_probs(row) for row in rows]))


class OneBatch:
    """A loader; Lightning takes a list for several loaders."""

    def __init__(self, batch: LanguageModelBatch) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        yield self.batch


class SaveAt(Callback):
    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if trainer.global_step == self.step and not self.path.exists():
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("task_class", [LanguageModel, WindowLanguageModel])
@pytest.mark.parametrize("step", [2, 5, 8])
def test_resume_in_the_middle_of_an_epoch(
    make_trainer: MakeTrainer, tmp_path: Path, step: int, task_class: type[LanguageModel]
) -> None:
    def fit(path: Path | None, *callbacks: Callback) -> Any:
        torch.manual_seed(0)
        task = task_class(WORDS, optimizer=torch.optim.Adam)
        loader = RandomWindowLaneLoader(IDS, 4, 8, 1, seed=3)
        make_trainer(max_epochs=2, callbacks=list(callbacks)).fit(task, loader, ckpt_path=path)
        return task.state_dict()

    whole = fit(None, SaveAt(step, tmp_path / "at.ckpt"))
    assert "carried_state" in torch.load(tmp_path / "at.ckpt", weights_only=True)
    resumed = fit(tmp_path / "at.ckpt")
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name


def test_resume_with_other_lanes_says_so(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    loader = LaneLoader(IDS, 4, 8, 1)
    make_trainer(max_epochs=1, callbacks=[SaveAt(3, tmp_path / "at.ckpt")]).fit(make(), loader)
    content = torch.load(tmp_path / "at.ckpt", weights_only=True)
    task = make()
    task._states.load(content)
    trainer = make_trainer(max_epochs=1)
    going_on = LanguageModelBatch(IDS[:16].view(2, 8), IDS[:16].view(2, 8), None, first=False)
    with pytest.warns(UserWarning, match="that of 4 rows, not 2: going on from s_0"):
        trainer.fit(task, OneBatch(going_on))
    content["carried_state"] = [value.repeat(2, 1, 1) for value in content["carried_state"]]
    task = make()
    task._states.load(content)
    with (
        pytest.warns(UserWarning, match="state of 2 processes and this run has 1"),
        pytest.warns(UserWarning, match="is not known"),
    ):
        make_trainer(max_epochs=1).fit(task, OneBatch(going_on))


class Ragged:
    """Two ranks with unequal numbers of tokens, or one process with all rows."""

    def __init__(self, rank: int, world: int) -> None:
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Any:
        for index in range(6):
            rows = IDS[index * 24 : index * 24 + 24].view(4, 6)
            lengths = torch.tensor([6, 5, 1, 2])
            share = slice(self.rank * 4 // self.world, (self.rank + 1) * 4 // self.world)
            yield LanguageModelBatch(rows[share], rows[share].roll(1, 1), lengths[share], first=True)


class LanesOfRanks(Callback):
    """Gives each rank its share of the loader, as a DataModule does."""

    def __init__(self, make: Callable[[int, int], Any]) -> None:
        self.make = make

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        pl_module.train_dataloader = lambda: self.make(trainer.global_rank, trainer.world_size)  # type: ignore[method-assign]


def fit_on(processes: int, make_trainer: MakeTrainer, loader: Callable[[int, int], Any], **options: Any) -> Any:
    callbacks = [LanesOfRanks(loader), *options.pop("callbacks", [])]
    path = options.pop("ckpt_path", None)
    strategy = {"devices": 2, "strategy": "ddp_fork"} if processes == 2 else {"devices": 1}
    task = make(optimizer=torch.optim.Adam)
    trainer = make_trainer(**strategy, callbacks=callbacks, use_distributed_sampler=False, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # forking beside threads
        trainer.fit(task, ckpt_path=path)
    return task.state_dict(), trainer


def largest_difference(one: dict[str, Tensor], two: dict[str, Tensor]) -> float:
    return max((one[name] - two[name]).abs().max().item() for name in one)


def test_two_ranks_of_unequal_tokens_are_one_process(make_trainer: MakeTrainer) -> None:
    one, alone = fit_on(1, make_trainer, Ragged, max_epochs=2)
    two, together = fit_on(2, make_trainer, Ragged, max_epochs=2)
    assert largest_difference(one, two) < 1e-12
    assert together.callback_metrics["train/loss"].item() == pytest.approx(
        alone.callback_metrics["train/loss"].item(), rel=1e-6
    )


def test_two_ranks_resume_in_the_middle_of_an_epoch(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    def lanes(rank: int, world: int) -> LaneLoader:
        return LaneLoader(IDS, 4, 6, 1, rank, world)

    one, _ = fit_on(1, make_trainer, lanes, max_epochs=2)
    at = tmp_path / "at.ckpt"
    two, _ = fit_on(2, make_trainer, lanes, max_epochs=2, callbacks=[SaveAt(4, at)])
    assert largest_difference(one, two) < 1e-12
    content = torch.load(at, weights_only=True)
    assert [tuple(value.shape) for value in content["carried_state"]] == [(2, 2, 5)] * 4
    resumed, _ = fit_on(2, make_trainer, lanes, max_epochs=2, ckpt_path=at)
    assert largest_difference(two, resumed) == 0
