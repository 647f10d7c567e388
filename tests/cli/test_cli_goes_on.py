"""What a checkpoint would override, and what is left to do, is said before anything runs."""

from pathlib import Path

import pytest
import torch
from toy_runs import runs


@pytest.fixture
def trained(rnnzoo) -> Path:
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off").code == 0
    return runs()[0] / "checkpoints/best.ckpt"


def test_refuses_keys_that_the_checkpoint_would_override(rnnzoo, trained: Path) -> None:
    more = ["--ckpt_path", trained, "--trainer.max_epochs", "4", "--wandb", "off"]
    seed = rnnzoo("fit", "toy.yaml", *more, "--seed_everything", "7")
    config = trained.parent.parent / "config.yaml"
    assert (seed.code, seed.err) == (
        2,
        f"rnnzoo: seed_everything is 7 here, but {trained} was trained with 3: use {config} in place of the recipe, "
        "or train anew with `rnnzoo fit` without --ckpt_path\n",
    )
    assert len(runs()) == 1
    assert rnnzoo("fit", "toy.yaml", *more).code == 0


def test_refuses_another_patience(rnnzoo) -> None:
    early = "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping --trainer.callbacks.monitor val/loss"
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off", *early.split()).code == 0
    more = [*early.split(), "--ckpt_path", "last", "--trainer.max_epochs", "4", "--wandb", "off"]
    refused = rnnzoo("fit", "toy.yaml", *more, "--trainer.callbacks.patience", "9")
    assert refused.code == 2
    assert refused.err.startswith("rnnzoo: trainer.callbacks.patience is 9 here, but runs/toy/")
    assert "was trained with 3: use " in refused.err


@pytest.mark.parametrize("command", ["test", "validate", "predict"])
@pytest.mark.parametrize("flag", ["--model.optimizer.lr=0.5", "--model.optimizer=Adam", "--trainer.max_steps=3"])
def test_refuses_a_flag_of_training_where_nothing_is_trained(rnnzoo, flag: str, command: str) -> None:
    refused = rnnzoo(command, "toy.yaml", flag)
    name = flag[2:].partition("=")[0]
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == f"rnnzoo: {name} says how to train, and {command} trains nothing: leave it out\n"


def test_says_that_a_files_key_of_training_has_no_effect_on_a_test(rnnzoo, trained: Path) -> None:
    Path("mine.yaml").write_text("trainer: {max_epochs: 9}\nmodel: {init_args: {optimizer: {init_args: {lr: 0.5}}}}\n")
    tested = rnnzoo("test", "toy.yaml", "--config", "mine.yaml")
    assert tested.code == 0, tested.err
    assert tested.err.splitlines()[:2] == [
        "mine.yaml:1: trainer.max_epochs says how to train: test does without it",
        "mine.yaml:2: model.optimizer.lr says how to train: test does without it",
    ]


@pytest.mark.parametrize("which", ["best.ckpt", "last.ckpt"])
def test_refuses_to_go_on_where_nothing_is_left_to_train(rnnzoo, trained: Path, which: str) -> None:
    path = trained.with_name(which)
    content = torch.load(path, weights_only=True)
    assert content["global_step"] == 8
    result = rnnzoo("fit", "toy.yaml", "--ckpt_path", path, "--wandb", "off")
    assert (result.code, result.err) == (
        2,
        f"rnnzoo: {path} was trained to its end: trainer.max_epochs is 2, and it has 2 behind it. Give more to go on, "
        "as in --trainer.max_epochs 4\n",
    )
    steps = rnnzoo("fit", "toy.yaml", "--ckpt_path", path, "--trainer.max_epochs=9", "--trainer.max_steps=8")
    assert "was trained to its end: trainer.max_steps is 8, and it has 8 behind it" in steps.err
    assert len(runs()) == 1


@pytest.mark.parametrize("key", ["trainer.max_epochs", "trainer.max_steps", "trainer.limit_train_batches"])
def test_refuses_to_train_nothing(rnnzoo, key: str) -> None:
    result = rnnzoo("fit", "toy.yaml", f"--{key}", "0", "--wandb", "off")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-1].startswith(f"rnnzoo: {key} is 0, so nothing would be trained: give at least 1")
    assert runs() == []


def test_the_config_of_a_run_means_that_run_alone(rnnzoo, trained: Path) -> None:
    other = trained.parent.parent.with_name("2000-01-01_00-00-00")
    other.mkdir()
    (other / "config.yaml").write_text((trained.parent.parent / "config.yaml").read_text())
    result = rnnzoo("test", other / "config.yaml")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: no checkpoint in {other}/checkpoints: run `rnnzoo fit toy` again")


def test_refuses_bytes_that_were_changed(rnnzoo, trained: Path) -> None:
    data = bytearray(trained.read_bytes())
    weight = torch.load(trained, weights_only=True)["state_dict"]["linear.weight"]
    at = data.index(weight.numpy().tobytes())
    data[at : at + 4] = bytes(byte ^ 255 for byte in data[at : at + 4])
    Path("flip.ckpt").write_bytes(data)
    torch.load("flip.ckpt", weights_only=True)  # by itself it notices nothing
    for arguments in (["test", "toy.yaml", "--ckpt_path", "flip.ckpt"], ["generate", "flip.ckpt"]):
        result = rnnzoo(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("rnnzoo: flip.ckpt is damaged (its checksums do not fit: ")


def test_the_time_of_an_epoch_that_is_resumed_in_its_middle(rnnzoo) -> None:
    half = ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2", "--wandb", "off"]
    assert rnnzoo("fit", "toy.yaml", *half).code == 0
    result = rnnzoo("fit", "toy.yaml", "--ckpt_path", "last", "--wandb", "off", "--trainer.val_check_interval", "2")
    assert result.code == 0
    lines = [line for line in result.err.splitlines() if line.startswith("epoch 1/")]
    assert len(lines) == 1
    assert float(lines[0].split("(")[1].split()[0]) < 60
