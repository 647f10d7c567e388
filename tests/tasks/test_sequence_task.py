"""What any task does: logged names, schedules, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torchmetrics import Metric, SumMetric

from rnnzoo import tasks
from rnnzoo.batches import LanguageModelBatch
from rnnzoo.data.lanes import LaneLoader
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, SequenceTask, Transducer, WindowLanguageModel
from rnnzoo.tasks.optimization import parameter_groups
from rnnzoo.testing.tasks import check_task

MakeTrainer = Callable[..., Trainer]
WORDS = ["<unk>", "<eos>", "a", "b", "c"]


def test_what_is_a_transducer() -> None:
    transducers = {tasks.Tagger, LanguageModel, tasks.Forecaster, tasks.Cloze, WindowLanguageModel}
    others = {tasks.Acceptor, tasks.SequenceEncoder, tasks.Generator, tasks.Seq2Seq, tasks.Captioner}
    every = transducers | others
    assert {task for task in every if issubclass(task, Transducer)} == transducers
    assert all(issubclass(task, SequenceTask) for task in every)


class Rows:
    """Batches of given rows (N, 2); the target is 0."""

    def __init__(self, *batches: list[list[float]]) -> None:
        self.batches = [torch.tensor(batch, dtype=torch.float32) for batch in batches]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Any:
        yield from self.batches


class Squares(SequenceTask):
    """y = w . x, loss y^2, metric: how many rows there were."""

    def build_network(self) -> nn.Module:
        network = nn.Linear(2, 1, bias=False)
        nn.init.ones_(network.weight)
        return network

    def batch_loss(self, batch: Tensor, stage: str) -> tuple[Tensor, Tensor]:
        for metric in self.stage_metrics(stage).values():
            metric.update(len(batch))
        return self.network(batch).square().sum(), torch.tensor(len(batch))

    def build_metrics(self) -> dict[str, Metric]:
        return {"rows": SumMetric()}


def test_evaluation_weighs_items_not_batches(make_trainer: MakeTrainer) -> None:
    batches = Rows([[1, 0]], [[3, 0], [0, 3], [3, 0]])
    task = Squares()
    trainer = make_trainer()
    (val,) = trainer.validate(task, batches, verbose=False)
    assert val == {"val/loss": (1 + 9 * 3) / 4, "val/rows": 4}
    (test,) = trainer.test(task, batches, verbose=False)
    assert test == {"test/loss": 7.0, "test/rows": 4}
    (again,) = trainer.validate(task, Rows([[2, 0]]), verbose=False)
    assert again == {"val/loss": 4.0, "val/rows": 1}  # nothing left of the first


def test_the_training_loss_is_logged_per_item(make_trainer: MakeTrainer) -> None:
    task = Squares(lambda p: torch.optim.SGD(p, lr=0.0))
    trainer = make_trainer(max_epochs=1)
    trainer.fit(task, Rows([[1, 0]], [[3, 0], [0, 1]]))
    assert trainer.callback_metrics["train/loss"] == 5.0


def test_a_schedule_by_step_or_epoch(make_trainer: MakeTrainer) -> None:
    def rate(interval: str) -> float:
        task = Squares(
            lambda p: torch.optim.SGD(p, lr=1e-3), lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5), interval
        )
        trainer = make_trainer(max_epochs=2)
        trainer.fit(task, Rows(*([[[1.0, 0.0]]] * 3)))
        return trainer.optimizers[0].param_groups[0]["lr"]

    assert rate("epoch") == pytest.approx(1e-3 * 0.5**2)
    assert rate("step") == pytest.approx(1e-3 * 0.5**6)
    with pytest.raises(RnnzooError, match="scheduler_interval must be epoch or step, not 'batch'"):
        Squares(scheduler_interval="batch")


def test_a_plateau_of_the_validation_loss(make_trainer: MakeTrainer) -> None:
    task = Squares(
        lambda p: torch.optim.SGD(p, lr=1e-3),
        lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.25, patience=0),
    )
    trainer = make_trainer(max_epochs=3)
    trainer.fit(task, Rows([[0, 0]]), Rows([[1, 0]]))
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(1e-3 * 0.25**2)


def test_parameter_groups_are_named_and_hold_each_parameter_once() -> None:
    network = LanguageModel(WORDS, tied=True).network
    groups = parameter_groups(network)
    assert [group["name"] for group in groups] == ["embedding", "stack", "head"]
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
    assert [group["name"] for group in parameter_groups(nn.Linear(2, 2))] == ["network"]
    network.embedding.weight.requires_grad_(False)
    assert [group["name"] for group in parameter_groups(network)] == ["stack", "head"]


def test_nan_in_the_loss_ends_the_run_and_no_bad_weights_are_saved(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    good, bad = [[1.0, 0.0]], [[float("nan"), 0.0]]
    keep = ModelCheckpoint(tmp_path, "kept-{step}", save_top_k=-1, every_n_train_steps=1, enable_version_counter=False)
    trainer = make_trainer(max_epochs=1, log_every_n_steps=1, callbacks=[keep], enable_checkpointing=True)
    with pytest.raises(RnnzooError, match=r"the parameter network\.weight is not finite at step 3: lower the learning"):
        trainer.fit(Squares(), Rows(good, good, bad, good))
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == ["kept-step=1.ckpt", "kept-step=2.ckpt"]
    with pytest.raises(RnnzooError, match="the training loss is nan at step 2: lower the learning rate"):
        make_trainer(max_epochs=1, log_every_n_steps=2).fit(Squares(), Rows(bad, good, good))
    with pytest.raises(RnnzooError, match="the training loss is nan at step 3"):  # at the latest after an epoch
        make_trainer(max_epochs=2, log_every_n_steps=50).fit(Squares(), Rows(bad, good, good))
    with pytest.raises(RnnzooError, match="val/loss is nan: look for NaN or infinity in the data, or in the w"):
        make_trainer().validate(Squares(), Rows(bad), verbose=False)


def test_a_bad_step_that_was_skipped_does_not_end_the_run(make_trainer: MakeTrainer) -> None:
    class Skip(Callback):
        def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
            for p in pl_module.parameters():
                if p.grad is not None and not p.grad.isfinite().all():
                    p.grad = None

    trainer = make_trainer(max_epochs=1, log_every_n_steps=1, callbacks=[Skip()])
    trainer.fit(Squares(), Rows([[1, 0]], [[float("nan"), 0]], [[1, 0]]))
    assert trainer.global_step == 3


def test_a_trainer_of_the_other_package_is_met_with_a_line(tmp_path: Path) -> None:
    other = pytest.importorskip("pytorch_lightning")  # comes with lightning
    task = LanguageModel(["a", "b"], "character")
    trainer = other.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, default_root_dir=tmp_path)
    for use in (trainer.fit, trainer.validate, trainer.test, trainer.predict):
        with pytest.raises(RnnzooError) as caught:
            use(task, [torch.zeros(1)])
        assert str(caught.value) == (
            "LanguageModel is a module of the package `lightning`, and this Trainer is of `pytorch_lightning`: "
            "write `from lightning import Trainer`"
        )
    assert task.__class__ is LanguageModel
    assert isinstance(task, LightningModule)
    assert not isinstance(task, dict)


@pytest.mark.parametrize("use", ["fit", "validate", "test"])
def test_a_compiled_task_is_met_with_the_way_to_compile(make_trainer: MakeTrainer, use: str) -> None:
    compiled = torch.compile(Squares())
    trainer = make_trainer(max_epochs=1)
    with pytest.raises(RnnzooError, match=r"torch\.compile\(task\) .* task\.network\.compile\(\)"):
        getattr(trainer, use)(compiled, Rows([[1, 0]]))


def test_a_compiled_network_is_trained_as_it_was(make_trainer: MakeTrainer) -> None:
    """With a compiler that changes nothing: what the steps call is counted, not how fast it is."""
    calls: list[int] = []

    def compiler(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Any:
        def run(*arguments: torch.Tensor) -> Any:
            calls.append(1)
            return graph.forward(*arguments)

        return run

    stack = StackConfig(cell="gru", hidden_size=4, engine="reference")
    plain, compiled = LanguageModel(WORDS, stack=stack), LanguageModel(WORDS, stack=stack)
    compiled.load_state_dict(plain.state_dict())
    compiled.network.compile(backend=compiler)
    for task in (plain, compiled):
        make_trainer(max_epochs=2).fit(task, LaneLoader(torch.arange(60) % 5, 2, 5, 1))
    assert calls
    torch.testing.assert_close(compiled.state_dict(), plain.state_dict())


def test_methods_that_must_be_defined() -> None:
    with pytest.raises(NotImplementedError, match=r"SequenceTask must define build_network"):
        SequenceTask()


def make_batch(lengths: list[int] | None) -> LanguageModelBatch:
    ids = torch.randint(5, (3, 6), generator=torch.Generator().manual_seed(0))
    return LanguageModelBatch(ids, ids.roll(-1, 1), None if lengths is None else torch.tensor(lengths), first=True)


@pytest.mark.parametrize("lengths", [None, [6, 2, 0]])
@pytest.mark.parametrize("make", [LanguageModel, WindowLanguageModel])
def test_check_task_passes_the_language_models(make: type[LanguageModel], lengths: list[int] | None) -> None:
    task = make(WORDS)
    before = {name: value.clone() for name, value in task.state_dict().items()}
    check_task(task, make_batch(lengths))
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())


class Broken(LanguageModel):
    """A language model with one fault."""

    def __init__(self, vocabulary: list[str], fault: str) -> None:
        super().__init__(vocabulary)

    def build_network(self) -> nn.Module:
        return LanguageModel(self.hparams["vocabulary"]).network

    def batch_loss(self, batch: LanguageModelBatch, stage: str) -> tuple[Tensor, Tensor]:
        loss_sum, count = super().batch_loss(batch, stage)
        if self.hparams["fault"] == "does not learn":
            return loss_sum.detach() + 0 * loss_sum, count
        if self.hparams["fault"] == "not finite":
            return loss_sum * torch.nan, count
        if self.hparams["fault"] == "counts padding":
            return loss_sum, torch.tensor(batch.targets.numel())
        self.log("accuracy", 1.0)
        return loss_sum, count


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("does not learn", "brought the loss from"),
        ("not finite", "the loss of a new task is nan"),
        ("counts padding", "padding changed the loss"),
        ("logs another name", "unlike accuracy"),
    ],
)
def test_check_task_finds_faults(fault: str, message: str) -> None:
    task = Broken(WORDS, fault)
    with pytest.raises(AssertionError, match=message):
        check_task(task, make_batch([6, 2, 0]))
