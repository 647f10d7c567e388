"""A checkpoint stands alone, and a wrong one says what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn

from rnnzoo.data.lanes import LaneLoader
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, OptimizerCallable, SequenceTask, WindowLanguageModel

WORDS = ["<unk>", "<eos>", "a", "b"]
IDS = torch.arange(40) % 4
MakeTrainer = Callable[..., Trainer]


class Mean(SequenceTask):
    """A user's own task."""

    def __init__(self, width: int = 3, optimizer: OptimizerCallable = torch.optim.Adam) -> None:
        super().__init__(optimizer)

    def build_network(self) -> nn.Module:
        return nn.Linear(self.hparams["width"], 1)

    def batch_loss(self, batch: Tensor, stage: str) -> tuple[Tensor, Tensor]:
        return self.network(batch).square().sum(), torch.tensor(len(batch))


class Penalised(LanguageModel):
    """A user's own language model, with one argument more."""

    def __init__(self, vocabulary: list[str], penalty: float = 0.1, **kwargs: Any) -> None:
        super().__init__(vocabulary, **kwargs)


@pytest.fixture
def saved(make_trainer: MakeTrainer, tmp_path: Path) -> tuple[LanguageModel, Path]:
    task = LanguageModel(
        WORDS,
        {"name": "word", "lowercase": True},
        stack=StackConfig(cell="gru", hidden_size=4, num_layers=2),
        tied=True,
    )
    trainer = make_trainer(max_epochs=1)
    trainer.fit(task, LaneLoader(IDS, 2, 5, 1))
    trainer.save_checkpoint(tmp_path / "lm.ckpt")
    return task, tmp_path / "lm.ckpt"


@pytest.mark.parametrize("cls", [LanguageModel, SequenceTask])
def test_a_checkpoint_gives_the_task_back(saved: tuple[LanguageModel, Path], cls: type[SequenceTask]) -> None:
    task, path = saved
    again = cls.load_from_checkpoint(path)
    assert type(again) is LanguageModel
    assert again.score(["A b"]) == task.score(["A b"])
    assert again.network.head.weight is again.network.embedding.weight
    assert again.network.stack.config == task.network.stack.config
    assert dict(again.hparams) == dict(task.hparams)


def test_lightnings_own_loading_works_too(saved: tuple[LanguageModel, Path], make_trainer: MakeTrainer) -> None:
    task, path = saved
    trainer = make_trainer()
    other = LanguageModel(WORDS, {"name": "word"}, stack=task.network.stack.config, tied=True)
    trainer.test(other, LaneLoader(IDS, 2, 5, 1), ckpt_path=path, verbose=False)
    assert torch.equal(other.network.embedding.weight, task.network.embedding.weight)


def test_it_holds_plain_data_only(saved: tuple[LanguageModel, Path]) -> None:
    content = torch.load(saved[1], weights_only=True)
    hyper_parameters = content["hyper_parameters"]
    assert hyper_parameters["_class_path"] == "rnnzoo.tasks.language_model.LanguageModel"
    assert hyper_parameters["stack"]["cell"] == "gru"
    assert hyper_parameters["vocabulary"] == WORDS
    assert "optimizer" not in hyper_parameters
    assert "scheduler" not in hyper_parameters


def test_arguments_can_be_replaced_and_weights_must_fit(saved: tuple[LanguageModel, Path]) -> None:
    assert LanguageModel.load_from_checkpoint(saved[1], dropout=0.3).network.output_dropout.p == 0.3
    with pytest.raises(RnnzooError, match=r"lm\.ckpt does not fit .*LanguageModel"):
        LanguageModel.load_from_checkpoint(saved[1], stack=StackConfig(cell="gru", hidden_size=5, num_layers=2))
    with pytest.raises(RnnzooError, match="hparams_file is not used"):
        LanguageModel.load_from_checkpoint(saved[1], hparams_file="x.yaml")


def test_a_users_class_must_be_imported(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    class Loader:
        def __len__(self) -> int:
            return 2

        def __iter__(self) -> Any:
            yield from torch.ones(2, 4, 3)

    trainer, path = make_trainer(max_epochs=1), tmp_path / "own.ckpt"
    task = Mean()
    trainer.fit(task, Loader())
    trainer.save_checkpoint(path)
    again = SequenceTask.load_from_checkpoint(path)
    assert type(again) is Mean
    assert torch.equal(again.network.weight, task.network.weight)
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"]["_class_path"] = "os.path.Mean"
    torch.save(content, path)
    with pytest.raises(RnnzooError, match=r"written by os\.path\.Mean, which is not imported"):
        SequenceTask.load_from_checkpoint(path)
    content["hyper_parameters"]["_class_path"] = "some_module_of_mine.Mean"
    torch.save(content, path)
    with pytest.raises(RnnzooError, match="import some_module_of_mine first, if you trust it"):
        SequenceTask.load_from_checkpoint(path)
    content["hyper_parameters"]["_class_path"] = "rnnzoo.tasks.gone.Gone"
    torch.save(content, path)
    with pytest.raises(RnnzooError, match="this version of rnnzoo does not have"):
        SequenceTask.load_from_checkpoint(path)


def test_a_subclass_may_pass_arguments_on(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    task = Penalised(WORDS, penalty=0.5, stack=StackConfig(cell="gru", hidden_size=4), tied=True)
    trainer = make_trainer(max_epochs=1)
    trainer.fit(task, LaneLoader(IDS, 2, 5, 1))
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    again = SequenceTask.load_from_checkpoint(tmp_path / "own.ckpt")
    assert isinstance(again, Penalised)
    assert (again.hparams["penalty"], again.hparams["stack"]["cell"], again.hparams["tied"]) == (0.5, "gru", True)
    assert again.score(["a b"]) == task.score(["a b"])


def test_a_users_cell_must_be_imported(saved: tuple[LanguageModel, Path]) -> None:
    _, path = saved
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"]["stack"]["cell"] = "antigravity.Cell"  # importing it has an effect
    torch.save(content, path)
    with pytest.raises(RnnzooError, match="import antigravity first if you trust it"):
        SequenceTask.load_from_checkpoint(path)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "16-true"])
def test_a_precision_that_converts_batches_is_refused(make_trainer: MakeTrainer, precision: str) -> None:
    task = LanguageModel(WORDS, stack=StackConfig(hidden_size=4))
    with pytest.raises(RnnzooError, match=rf"precision {precision} .* bf16-mixed"):
        make_trainer(max_epochs=1, precision=precision).fit(task, LaneLoader(IDS, 2, 5, 1))


def test_wrong_files(saved: tuple[LanguageModel, Path], tmp_path: Path, make_trainer: MakeTrainer) -> None:
    path = saved[1]
    with pytest.raises(RnnzooError, match=r"no such checkpoint: .*absent\.ckpt"):
        LanguageModel.load_from_checkpoint(tmp_path / "absent.ckpt")
    cut = tmp_path / "cut.ckpt"
    for size in (0, 100, path.stat().st_size // 2, path.stat().st_size - 10):
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(RnnzooError, match=r"cut\.ckpt cannot be read: it is cut short"):
            LanguageModel.load_from_checkpoint(cut)
    torch.save({"weights": torch.ones(3)}, cut)
    with pytest.raises(RnnzooError, match="not a checkpoint of a task"):
        LanguageModel.load_from_checkpoint(cut)
    torch.save({"state_dict": {}, "hyper_parameters": {"x": Path()}}, cut)
    with pytest.raises(RnnzooError, match="holds Python objects"):
        LanguageModel.load_from_checkpoint(cut)
    torch.save({"state_dict": {}, "hyper_parameters": {}}, cut)
    with pytest.raises(RnnzooError, match="does not name the class"):
        LanguageModel.load_from_checkpoint(cut)
    with pytest.raises(
        RnnzooError, match=r"checkpoint of rnnzoo\.tasks\.language_model\.LanguageModel, not of .*Window"
    ):
        WindowLanguageModel.load_from_checkpoint(path)
    with pytest.raises(RnnzooError, match=r"this is a checkpoint of .*\.LanguageModel, not of .*\.WindowLanguageModel"):
        make_trainer(max_epochs=2).fit(WindowLanguageModel(WORDS), LaneLoader(IDS, 2, 5, 1), ckpt_path=path)


def test_a_checkpoint_of_another_vocabulary_is_refused(
    saved: tuple[LanguageModel, Path], make_trainer: MakeTrainer
) -> None:
    other = LanguageModel(["<unk>", "<eos>", "b", "a"], stack=saved[0].network.stack.config, tied=True)
    with pytest.raises(RnnzooError, match=r"another vocabulary \(4 tokens, not 4; they differ from id 2 on\)"):
        make_trainer(max_epochs=2).fit(other, LaneLoader(IDS, 2, 5, 1), ckpt_path=saved[1])


def test_arguments_that_no_checkpoint_can_hold() -> None:
    with pytest.raises(RnnzooError, match=r"model\.width is a PosixPath: a checkpoint holds only"):
        Mean(width=Path("x"))  # type: ignore[arg-type]


class Swallowing(Mean):
    """Takes more than its signature names, which no checkpoint would hold."""

    def __init__(self, width: int = 3, **options: Any) -> None:
        self.depth = options.get("depth", 1)
        super().__init__(width)


def test_arguments_without_a_name_in_the_signature_are_refused() -> None:
    assert Swallowing(5).hparams["width"] == 5
    with pytest.raises(RnnzooError, match=r"model\.depth .*Swallowing.* name it in the signature"):
        Swallowing(5, depth=4)


def test_a_constructor_that_is_no_longer_what_it_was(saved: tuple[LanguageModel, Path]) -> None:
    path = saved[1]
    with pytest.raises(RnnzooError, match=r"unknown argument of LanguageModel 'dropuot': did you mean 'dropout'"):
        LanguageModel.load_from_checkpoint(path, dropuot=0.3)
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"]["peepholes"] = True
    torch.save(content, path)
    with pytest.raises(
        RnnzooError, match=r"lm\.ckpt was written with model\.peepholes, which .*LanguageModel does not"
    ):
        LanguageModel.load_from_checkpoint(path)
    del content["hyper_parameters"]["peepholes"], content["hyper_parameters"]["vocabulary"]
    torch.save(content, path)
    with pytest.raises(
        RnnzooError, match=r"lm\.ckpt lacks model\.vocabulary.*load_from_checkpoint\(\.\.\., vocabulary="
    ):
        LanguageModel.load_from_checkpoint(path)


def test_hyperparameters_are_those_of_the_class_and_its_values() -> None:
    task = LanguageModel(WORDS, stack={"cell": "gru", "hidden_size": 3})  # type: ignore[arg-type]  # as a checkpoint has it
    assert task.network.stack.config == StackConfig(cell="gru", hidden_size=3)
    assert task.hparams["dropout"] == 0.0
    assert set(task.hparams) == {
        *("_class_path", "vocabulary", "tokenizer", "stack", "embedding_size", "tied", "head", "cutoffs", "dropout"),
        *("input_dropout", "embedding_dropout", "locked_dropout", "init_range", "loss_scale", "scheduler_interval"),
    }
