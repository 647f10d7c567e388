"""A mistake in what is given is one line that names the key, the value and the nearest valid names; exit code 2."""

import re
from pathlib import Path

import pytest
from lightning import LightningDataModule, LightningModule, Trainer

from rnnzoo.cli.annotations import roots
from rnnzoo.cli.diagnosis import unseen_mistake
from rnnzoo.cli.keys import read_recipe


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--model.stack.hidden_sizee 7", "unknown key model.stack.hidden_sizee: did you mean model.stack.hidden_size?"),
        ("--model.dropot 7", "unknown key model.dropot: did you mean model.dropout?"),
        (
            "--model.zzz 7",
            "unknown key model.zzz (keys of model: dropout, fail_at, optimizer, stack, tokenizer, vocabulary)",
        ),
        ("--model.init_args.dropot 7", "unknown key model.dropot: did you mean model.dropout?"),
        ("--dta.size 3", "unknown key dta: did you mean data?"),
        ("--trainer.max_epochss 3", "unknown key trainer.max_epochss: did you mean trainer.max_epochs, "),
        ("--trainer.max_epoch 3", "unknown key trainer.max_epoch: did you mean trainer.max_epochs"),
        ("--trainer.default_root here", "unknown key trainer.default_root: did you mean trainer.default_root_dir?"),
        ("--seed 5", "unknown key seed (keys of a recipe: "),
        ("--conf toy.yaml", "unknown key conf: did you mean config?"),
        ("--trainer.default_root_dir toy.yaml", "the run's folder toy.yaml/toy/"),
        (
            "--trainer.callbacks+=rnnzoo.callbacks.GradientClipping --trainer.callbacks.max_norms 1",
            "unknown key trainer.callbacks.max_norms: did you mean trainer.callbacks.max_norm, ",
        ),
        (
            "--trainer.callbacks+=lightning.pytorch.callbacks.Timer --trainer.callbacks.intervall step "
            "--trainer.callbacks+=rnnzoo.callbacks.GradientClipping --trainer.callbacks.max_norm 1",
            "unknown key trainer.callbacks.intervall: did you mean trainer.callbacks.interval?",
        ),
        (  # data.corpus is a key of the recipe's class, and is dropped with it
            "--data toy_task.FileData --data.batch_size many",
            "data.batch_size must be an int, not 'many'",
        ),
        ("--model.optimizer.lrr 3", "unknown key model.optimizer.lrr: did you mean model.optimizer.lr?"),
        (
            "--trainer.callbacks.logging_intervall step",
            "unknown key trainer.callbacks.logging_intervall: did you mean trainer.callbacks.logging_interval?",
        ),
        (
            "--trainer.callbacks.0.logging_intervall step",
            "unknown key trainer.callbacks.logging_intervall: did you mean trainer.callbacks.logging_interval? (0 lig",
        ),
        (
            "--trainer.callbacks+=rnnzoo.callbacks.GradientClipping --trainer.callbacks.1.max_norms 1",
            "unknown key trainer.callbacks.max_norms: did you mean trainer.callbacks.max_norm, trainer.callbacks",
        ),
        (
            "--trainer.callbacks.1.logging_intervall step",
            "--trainer.callbacks.1.logging_intervall: trainer.callbacks has no entry 1 (its entries: 0 lightning.",
        ),
        (
            "--trainer.callbacks+=lightning.pytorch.callbacks.Timer --trainer.callbacks.0.logging_interval step",
            "--trainer.callbacks.0.logging_interval: on the command line an entry of a list has no number: "
            "trainer.callbacks.logging_interval is a key of the last one; change another in a copy of the recipe "
            "(rnnzoo cp)",
        ),
        ("--model.dropout abc", "model.dropout must be a float, not 'abc'"),
        ("--model.dropout null", "model.dropout must be a float, not null"),
        ("--model.optimizer null", "model.optimizer must be a class of Optimizer, not null"),
        ("--model.optimizer .Adam", "--model.optimizer: .Adam: there is no module ''"),
        ("--trainer null", "trainer must be a mapping of its keys, not null"),
        ("--model.stack.hidden_size 2.5", "model.stack.hidden_size must be an int, not '2.5'"),
        ("--trainer.max_epochs abc", "trainer.max_epochs must be an int or null, not 'abc'"),
        ("--model.optimizer AdamWW", "--model.optimizer: unknown class 'AdamWW': did you mean 'AdamW', 'Adam', "),
        ("--model.optimizer torch.nn.Linear", "--model.optimizer: torch.nn.Linear is not a torch.optim.optimizer.Opt"),
        ("--model toy_task.ToyTaks", "--model: unknown class in toy_task 'ToyTaks': did you mean 'ToyTask'?"),
        ("--model toy_taks.ToyTask", "--model: toy_taks.ToyTask: there is no module 'toy_taks'"),
        (
            "--model toy_task.ToyData",
            "--model: toy_task.ToyData is not a lightning.pytorch.core.module.LightningModule",
        ),
        ("--model.vocabulary [a]", "model.vocabulary cannot be given: its value comes from data.vocabulary"),
        ("--model.tokenizer.name word", "model.tokenizer cannot be given: its value comes from data.tokenizer_config"),
        (
            "--trainer.callbacks+ pytorch_lightning.callbacks.EarlyStopping",
            "--trainer.callbacks+: pytorch_lightning.callbacks.EarlyStopping is of the package pytorch_lightning; "
            "rnnzoo runs on the package lightning: write lightning.pytorch.callbacks.EarlyStopping",
        ),
        ("extra", "unexpected argument 'extra': after the recipe come keys"),
        ("--model.dropout", "--model.dropout has no value: write --model.dropout VALUE"),
        ("--wandb on", "--wandb: unknown mode 'on': did you mean 'online'"),
        ("--ckpt_path gone.ckpt", "--ckpt_path: no such file: gone.ckpt (`best` and `last` mean"),
        ("--ckpt_path a --ckpt_path b", "--ckpt_path is given 2 times: give it once"),
        ("--ckpt_path last", "no run of toy with a checkpoint in runs/toy: run `rnnzoo fit toy` first"),
        ("--config gone.yaml", "--config: no such file: gone.yaml"),
        ("--data.corpus null", "give exactly one of data.corpus and data.folder"),
        ("--trainer.accelerator gpuu", "trainer: You selected an invalid accelerator name"),
        ("--trainer.accelerator tpu", "trainer: Requirement 'torch_xla"),
    ],
)
def test_flag(rnnzoo, flags: str, message: str) -> None:
    result = rnnzoo("fit", "toy.yaml", *flags.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: {message}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "hidden_size: 3",
            "hidden_sizee: 3",
            ":8: unknown key model.stack.hidden_sizee: did you mean model.stack.hidden_size?",
        ),
        ("hidden_size: 3", "hidden_size: many", ":8: model.stack.hidden_size must be an int, not 'many'"),
        ("hidden_size: 3", "hidden_size:", ":8: model.stack.hidden_size must be an int, not null"),
        ("stack:\n      hidden_size: 3", "stack: []", ":7: model.stack must be a ToyStack or null, not []"),
        ("hidden_size: 3", "hidden_size: 3\n      hidden_size: 4", ":9: the key model.stack.hidden_size stands twice"),
        ("    stack:", "    vocabulary: [a]\n    stack:", ":7: model.vocabulary cannot be given"),
        ("toy_task.ToyTask", "toy_task.ToyTaks", ":5: unknown class in toy_task 'ToyTaks': did you mean 'ToyTask'?"),
        (
            "        logging_interval:",
            "        interval:",
            ":24: unknown key trainer.callbacks.0.interval: did you mean",
        ),
        ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks", ":22: pytorch_lightning.callbacks.LearningRat"),
        ("\ndata:", "\ndata: [", ":15: not YAML: "),
    ],
)
def test_file(rnnzoo, old: str, new: str, message: str) -> None:
    text = Path("toy.yaml").read_text()
    assert old in text
    Path("toy.yaml").write_text(text.replace(old, new, 1))
    result = rnnzoo("fit", "toy.yaml", "--wandb", "off")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: toy.yaml{message}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "toy.yaml is not a recipe: a mapping with the keys model, data and trainer is expected"),
        (b"- a\n", "toy.yaml is not a recipe"),
        (b"model: {class_path: toy_task.ToyTask}\n", "toy.yaml has no data: add its class, data: {class_path: ..., "),
        (b"\xff\xfe\x00", "toy.yaml is not UTF-8 text (byte 0): not a recipe"),
        (b"a: \x00", "toy.yaml: not YAML"),
    ],
)
def test_not_a_recipe(rnnzoo, content: bytes, message: str) -> None:
    Path("toy.yaml").write_bytes(content)
    result = rnnzoo("fit", "toy.yaml")
    assert result.code == 2
    assert result.err.startswith(f"rnnzoo: {message}")
    assert result.err.count("\n") == 1


def test_an_error_of_the_data_is_one_line(rnnzoo) -> None:
    result = rnnzoo("fit", "toy.yaml", "--wandb", "off", "--data.broken", "true")
    assert result.code == 2
    assert result.err.splitlines()[-1] == "rnnzoo: data.broken: the text is broken"
    assert "Traceback" not in result.err


def test_a_bug_keeps_its_traceback(rnnzoo, monkeypatch: pytest.MonkeyPatch) -> None:
    import toy_task

    def bug(self: object, *arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(toy_task.ToyTask, "training_step", bug)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        rnnzoo("fit", "toy.yaml", "--wandb", "off")


def test_a_refused_run_leaves_no_folder(rnnzoo) -> None:
    for split in ("train", "valid", "test"):
        Path(f"{split}.txt").write_text("a b a b\n" * 3)
    few = rnnzoo(
        "fit", "transducer/pydoc-word-lstm", "--data.folder", ".", "--data.batch_size", "900", "--wandb", "off"
    )
    assert (few.code, "lower data.batch_size" in few.err) == (2, True)
    assert not any(Path("runs").rglob("*-*-*_*"))
    wrong = rnnzoo("fit", "transducer/pydoc-word-lstm", "--data.folder", ".", "--model.dropout", "7", "--wandb", "off")
    assert wrong.code == 2
    assert not any(Path("runs").rglob("*-*-*_*"))


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("trainer", "[]", "17: trainer must be a mapping of its keys, not []"),
        ("trainer", "3", "17: trainer must be a mapping of its keys, not '3'"),
        ("data", "[]", "13: data must be a LightningDataModule (class_path and init_args), not []"),
        ("data", "3", "13: unknown class '3' (known: "),
        ("trainer", "\n  - max_epochs: 1", "18: trainer must be a mapping of its keys, not a list"),
        ("data", "\n  - class_path: toy_task.ToyData", "14: data must be a mapping of its keys, not a list"),
        ("model", "[1]", "4: model must be a LightningModule (class_path and init_args), not [1]"),
    ],
)
def test_a_section_is_a_mapping(rnnzoo, section: str, value: str, message: str) -> None:
    recipe = Path("toy.yaml")
    sections = re.split(r"^(?=\w)", recipe.read_text(), flags=re.MULTILINE)
    recipe.write_text("".join(f"{section}: {value}\n" if s.startswith(f"{section}:") else s for s in sections))
    result = rnnzoo("fit", "toy.yaml", "--wandb", "off")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: toy.yaml:{message}")
    assert result.err.count("\n") == 1


def test_a_trainer_may_be_given_whole_or_empty(rnnzoo) -> None:
    recipe = Path("toy.yaml")
    recipe.write_text(recipe.read_text().split("trainer:")[0] + "trainer: {}\n")
    assert unseen_mistake(read_recipe(recipe), roots(Trainer, LightningModule, LightningDataModule)) is None
    result = rnnzoo("fit", "toy.yaml", "--wandb", "off", "--trainer", '{"max_epochs": 1}')
    assert result.code == 0, result.err
    assert "epoch 1/1" in result.err


def test_a_key_of_which_nothing_is_known_is_no_class(rnnzoo) -> None:
    """MultiStepLR does not say what its gamma is; the recipe's 0.5 stands before the mistake."""
    result = rnnzoo("fit", "transducer/wikitext2-zaremba-small", "--model.tide", "true")
    assert (result.code, result.err) == (2, "rnnzoo: unknown key model.tide: did you mean model.tied?\n")


def test_null_is_kept_where_it_can_be(rnnzoo) -> None:
    """Null unsets what may be unset, a flag replaces a file's null, and a section may be empty."""
    recipe = Path("toy.yaml")
    recipe.write_text(recipe.read_text().replace("hidden_size: 3", "hidden_size:"))
    result = rnnzoo(
        "fit", "toy.yaml", "--model.stack.hidden_size", "3", "--trainer.callbacks", "null", "--print_config"
    )
    assert (result.code, result.err) == (0, "")
    assert "hidden_size: 3" in result.out
