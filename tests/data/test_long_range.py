"""The adding problem and copy memory: what is drawn, by processes, epochs and after a stop."""

import math

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from rnnzoo.data.drawn import DrawnLoader
from rnnzoo.data.long_range import AddingProblemDataModule, CopyMemoryDataModule
from rnnzoo.encodings import build_encoding
from rnnzoo.errors import RnnzooError

SIZES = {"train_size": 25, "validation_size": 7, "test_size": 8, "batch_size": 4}
MODULES = {
    "adding": lambda **k: AddingProblemDataModule(10, **{**SIZES, **k}),
    "copy": lambda **k: CopyMemoryDataModule(5, **{**SIZES, **k}),
}


def steps_of(batch):
    return batch.inputs.values if batch.inputs.values is not None else batch.inputs.tokens


def test_adding_problem_by_hand():
    data = AddingProblemDataModule(21, train_size=2000, batch_size=500)
    for batch in data.train_dataloader():
        values = batch.inputs.values
        assert values.shape == (500, 21, 2)
        assert batch.inputs.lengths.tolist() == [21] * 500
        assert values.dtype == batch.targets.dtype == torch.float32
        for row, target in zip(values.tolist(), batch.targets.squeeze(1).tolist(), strict=True):
            marked = [(step, number) for step, (number, mark) in enumerate(row) if mark == 1]
            assert len(marked) == 2
            assert {mark for _, mark in row} == {0.0, 1.0}
            assert marked[0][0] < 10 <= marked[1][0]
            assert target == pytest.approx(marked[0][1] + marked[1][1])


def test_the_numbers_are_uniform_and_the_baseline_is_the_variance_of_the_sum():
    data = AddingProblemDataModule(2, train_size=50_000, batch_size=50_000)
    batch = next(iter(data.train_dataloader()))
    numbers = batch.inputs.values[..., 0].double()
    assert numbers.mean().item() == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 100_000))
    assert 0 <= numbers.min() < 1e-3
    assert 1 - 1e-3 < numbers.max() < 1
    error = (batch.targets.double() - 1).square()
    assert error.mean().item() == pytest.approx(data.baseline_mse, abs=4 * error.std().item() / math.sqrt(50_000))


def test_copy_memory_by_hand():
    data = CopyMemoryDataModule(delay=7, train_size=300, batch_size=100)
    found = set()
    for batch in data.train_dataloader():
        assert batch.targets.shape == (100, 27, 1)
        for row, target in zip(batch.inputs.tokens.tolist(), batch.targets.squeeze(2).tolist(), strict=True):
            read = "".join(data.symbols[symbol] for symbol in row)
            written = "".join(data.tags["written"][symbol] for symbol in target)
            assert read[10:] == "______:__________"
            assert written[:17] == "_" * 17
            assert written[17:] == read[:10]
            found |= set(read[:10])
    assert found == set("01234567")


def test_the_baseline_of_copy_memory_is_the_loss_of_a_guess():
    data = CopyMemoryDataModule(delay=30)
    batch = next(iter(data.train_dataloader()))
    probabilities = torch.full((50, 50, 9), 1e-300, dtype=torch.float64)
    probabilities[:, :40, 8] = 1
    probabilities[:, 40:, :8] = 1 / 8
    loss = -probabilities.log().gather(-1, batch.targets).mean()
    assert loss.item() == pytest.approx(data.baseline_loss, rel=1e-12)


def test_what_is_drawn_is_what_the_encoding_makes_of_it():
    copy = MODULES["copy"]()
    tokens = next(iter(copy.train_dataloader())).inputs.tokens[0]
    text = "".join(copy.symbols[symbol] for symbol in tokens)
    assert torch.equal(build_encoding(copy.encoding).encode(text)["tokens"], tokens)
    adding = MODULES["adding"]()
    values = next(iter(adding.train_dataloader())).inputs.values[0]
    assert torch.equal(build_encoding(adding.encoding).encode(values)["values"], values)


@pytest.mark.parametrize("kind", MODULES)
def test_epochs_splits_and_seeds_differ_and_evaluation_stays(kind):
    data = MODULES[kind]()

    def drawn(loader, epoch):
        loader.set_epoch(epoch)
        return torch.cat([steps_of(batch)[batch.inputs.real] for batch in loader])

    train, validation = data.train_dataloader(), data.val_dataloader()
    assert torch.equal(drawn(train, 0), drawn(data.train_dataloader(), 0))
    assert torch.equal(drawn(validation, 0), drawn(validation, 3))
    assert len(drawn(validation, 0)) == 7
    assert len(drawn(train, 1)) == 25
    others = [drawn(train, 1), drawn(MODULES[kind](seed=1).train_dataloader(), 0)]
    assert not any(torch.equal(drawn(train, 0), other) for other in others)
    firsts = [steps_of(next(iter(loader))) for loader in (train, validation, data.test_dataloader())]
    assert not torch.equal(firsts[0], firsts[1])
    assert not torch.equal(firsts[1], firsts[2])
    batches = [steps_of(batch) for batch in train]
    assert not torch.equal(batches[0], batches[1])


@pytest.mark.parametrize("kind", MODULES)
def test_the_rows_of_three_processes_are_those_of_one(kind):
    data = MODULES[kind](batch_size=6)
    alone = list(data.train_dataloader())
    make = data._make
    shared = [list(DrawnLoader(make, 25, 2, 0, "train", data.example_settings(), rank, 3)) for rank in range(3)]
    assert {len(batches) for batches in shared} == {len(alone)}
    for index, whole in enumerate(alone):
        parts = [batches[index] for batches in shared]
        for row in range(6):
            part, place = parts[row % 3], row // 3
            assert torch.equal(part.inputs.lengths[place], whole.inputs.lengths[row])
            assert torch.equal(steps_of(part)[place], steps_of(whole)[row])
            assert torch.equal(part.targets[place], whole.targets[row])
    assert alone[-1].inputs.real.tolist() == [True] + [False] * 5


def test_empty_rows_of_copy_memory_have_no_targets():
    last = list(MODULES["copy"]().train_dataloader())[-1]
    assert last.inputs.lengths.tolist() == [25, 0, 0, 0]
    assert (last.targets[1:] == -1).all()
    assert (last.targets[0] >= 0).all()


class Reader(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, steps_of(batch)[0].tolist()))
        return self.layer(torch.ones(1)).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(data, ckpt_path=None, **options):
    module = Reader()
    saver = ModelCheckpoint(options.pop("folder", None), "{step}", save_top_k=-1, every_n_train_steps=1)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        callbacks=[saver] if ckpt_path is None else [],
        enable_checkpointing=ckpt_path is None,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module, data, ckpt_path=ckpt_path)
    return module.seen


@pytest.mark.parametrize("kind", MODULES)
def test_a_resumed_run_draws_what_the_whole_run_would_have(tmp_path, kind):
    whole = fit(MODULES[kind](), folder=tmp_path)
    assert len(whole) == 14
    for step in (3, 7, 9):
        assert fit(MODULES[kind](), ckpt_path=tmp_path / f"step={step}.ckpt") == whole[step:]
    limited = fit(MODULES[kind](), folder=tmp_path / "limited", limit_train_batches=3)
    assert limited == [*whole[:3], *whole[7:10]]
    with pytest.raises(RnnzooError, match=r"data\.seed was 0, is 5"):
        fit(MODULES[kind](seed=5), ckpt_path=tmp_path / "step=3.ckpt")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AddingProblemDataModule(steps=1), "data.steps: 1 must be at least 2"),
        (lambda: CopyMemoryDataModule(delay=0), "data.delay: 0 must be at least 1"),
        (lambda: AddingProblemDataModule(test_size=0), "data.test_size: 0 must be at least 1"),
        (lambda: CopyMemoryDataModule(batch_size=0), "data.batch_size: 0 must be at least 1"),
    ],
)
def test_wrong_sizes_are_refused(make, message):
    with pytest.raises(RnnzooError, match=message):
        make()
