"""Lightning's own loop over the loaders: a run that is resumed reads what the uninterrupted one would have."""

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from rnnzoo.callbacks import ExactResume
from rnnzoo.data.lanes import LaneLoader, RandomWindowLaneLoader
from rnnzoo.data.sentences import BucketedSentenceLoader
from rnnzoo.errors import RnnzooError

IDS = torch.arange(2, 402)
SENTENCES = torch.where(IDS % 7 == 0, 1, IDS)
SENTENCES[-1] = 1

LOADERS = {
    "lanes": lambda **k: LaneLoader(IDS, 4, 10, 0, **k),
    "random": lambda **k: RandomWindowLaneLoader(IDS, 4, 10, 0, seed=1, **k),
    "sentences": lambda **k: BucketedSentenceLoader(SENTENCES, 4, 1, seed=1, **k),
}


class Reader(LightningModule):
    """Keeps the first row of each batch it is given, with its epoch."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, batch_idx, batch.first, batch.targets[0].tolist()))
        return self.layer(batch.inputs[:1, :1].float()).sum()

    def validation_step(self, batch, batch_idx):
        self.layer(batch.inputs[:1, :1].float())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(loader, ckpt_path=None, callbacks=(), **options):
    module = Reader()
    loader.limit = options.get("limit_train_batches")  # as LanguageModelDataModule does
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(callbacks),
        callbacks=list(callbacks),
        **{"max_epochs": 3, **options},
    )
    trainer.fit(module, loader, LaneLoader(IDS, 2, 9, 0), ckpt_path=ckpt_path)
    return module.seen, trainer


@pytest.mark.parametrize(
    "options", [{}, {"val_check_interval": 3, "accumulate_grad_batches": 2}, {"limit_train_batches": 6}]
)
@pytest.mark.parametrize("kind", LOADERS)
def test_the_tail_of_a_resumed_run_is_that_of_the_whole(tmp_path, kind, options):
    saver = ModelCheckpoint(
        tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1, save_on_train_epoch_end=False
    )
    whole, trainer = fit(LOADERS[kind](), callbacks=[saver], **options)
    length = options.get("limit_train_batches", len(LOADERS[kind]()))
    assert len(whole) == 3 * length
    assert [batch for epoch, batch, *_ in whole] == [*range(length)] * 3
    per_epoch = trainer.global_step // 3
    steps = {1, per_epoch - 1, per_epoch, per_epoch + 2, 2 * per_epoch, 3 * per_epoch - 1}
    for step in sorted(steps):
        tail, _ = fit(LOADERS[kind](), ckpt_path=tmp_path / f"step={step}.ckpt", **options)
        assert tail, step
        assert tail == whole[-len(tail) :], step
        consumed = len(whole) - len(tail)
        per_step = options.get("accumulate_grad_batches", 1)
        epoch, in_epoch = divmod(step, per_epoch)
        assert consumed == epoch * length + min(in_epoch * per_step, length), step


@pytest.mark.parametrize("kind", LOADERS)
def test_a_checkpoint_at_the_end_of_an_epoch_continues_with_the_next(tmp_path, kind):
    saver = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    whole, _ = fit(LOADERS[kind](), callbacks=[saver])
    tail, _ = fit(LOADERS[kind](), ckpt_path=tmp_path / "epoch=0.ckpt")
    assert tail == whole[-len(tail) :]
    assert tail[0][:2] == (1, 0)


@pytest.mark.parametrize("kind", LOADERS)
def test_a_run_stopped_by_max_steps_finishes_its_epoch_in_the_same_order(tmp_path, kind):
    whole, _ = fit(LOADERS[kind](), max_epochs=1)
    begun, trainer = fit(LOADERS[kind](), max_epochs=-1, max_steps=4)
    trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    rest, _ = fit(LOADERS[kind](), ckpt_path=tmp_path / "stopped.ckpt", max_epochs=-1, max_steps=len(whole))
    assert [row[2:] for row in begun + rest] == [row[2:] for row in whole]


def test_the_state_is_plain_and_loads_with_weights_only(tmp_path):
    _, trainer = fit(LOADERS["lanes"](), max_steps=3)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    saved = torch.load(tmp_path / "a.ckpt", weights_only=True)
    assert saved["loops"]["fit_loop"]["state_dict"]["combined_loader"][0]["pos"] == 3


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (LaneLoader(IDS, 8, 10, 0), "data.batch_size x processes was 4, is 8"),
        (LaneLoader(IDS, 4, 5, 0), "data.window was 10, is 5"),
        (LaneLoader(IDS, 4, 10, 0, world=2), "processes was 1, is 2"),
        (LaneLoader(IDS[:-1], 4, 10, 0), "tokens was 400, is 399"),
        (LaneLoader(IDS.flip(0), 4, 10, 0), "checksum of the text was"),
        (RandomWindowLaneLoader(IDS, 4, 10, 0, seed=0), "data.random_window was None, is True"),
        (BucketedSentenceLoader(SENTENCES, 4, 1, seed=1), "data.mode was None, is sentences"),
    ],
)
def test_a_state_of_other_settings_is_refused_by_key(other, message):
    with pytest.raises(RnnzooError, match=message):
        other.load_state_dict(LaneLoader(IDS, 4, 10, 0).state_dict())


CHANGED = {
    "data.batch_size x processes was 4, is 8": lambda: LaneLoader(IDS, 8, 10, 0),
    "data.window was 10, is 5": lambda: LaneLoader(IDS, 4, 5, 0),
    "checksum of the text was": lambda: LaneLoader(IDS.flip(0), 4, 10, 0),
    "data.mode was None, is sentences": lambda: LOADERS["sentences"](),
}


@pytest.mark.parametrize("message", CHANGED)
def test_other_data_is_refused_at_the_end_of_an_epoch_too(tmp_path, message):
    saver = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    fit(LOADERS["lanes"](), callbacks=[saver])
    callbacks = [ExactResume(), ModelCheckpoint(tmp_path / "resumed")]
    with pytest.raises(RnnzooError, match=message):
        fit(CHANGED[message](), ckpt_path=tmp_path / "epoch=0.ckpt", callbacks=callbacks)
    rest, _ = fit(LOADERS["lanes"](), ckpt_path=tmp_path / "epoch=0.ckpt", callbacks=callbacks)
    assert rest[0][:3] == (1, 0, True)


def test_an_abandoned_pass_leaves_no_trace():
    loader = LOADERS["lanes"]()
    for _ in zip(range(3), loader, strict=False):
        pass
    assert next(iter(loader)).first
