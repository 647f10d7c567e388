"""What a run leaves, what goes on from it, and which checkpoints are refused."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from toy_runs import HERE, runs


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_run_fits_tests_and_shows_table_and_sample(rnnzoo) -> None:
    result = rnnzoo("run", "toy.yaml")
    (run,) = runs()
    assert result.code == 0
    best = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    weight, bias = best["state_dict"]["linear.weight"], best["state_dict"]["linear.bias"]
    inputs = torch.randn(16, 2, generator=torch.Generator().manual_seed(2))
    loss = float((inputs @ weight.T + bias - 1).pow(2).mean())
    assert result.out.splitlines() == [
        "toy corpus, 16 test tokens",
        "model    perplexity",
        f"toy            {loss:.2f}",
        "unigram        3.00",
        "",
        "sample:",
        *5 * ["written by 9 symbols"],
    ]
    metrics = rows(run / "metrics.csv")
    losses = [float(row["val/loss"]) for row in metrics if row["val/loss"]]
    assert len(losses) == 2
    assert [float(row["test/loss"]) for row in metrics if row["test/loss"]] == [pytest.approx(loss)]
    lines = [line for line in result.err.splitlines() if line.startswith("epoch")]
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2  step 8  train/loss ")
    assert f"val/loss {losses[1]:.5g}" in lines[1]
    assert result.err.splitlines()[0] == f"run toy: ToyTask with 9 parameters, in {run}"
    assert len(result.err.splitlines()) == 3  # nothing of Lightning or W&B is heard
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"]["init_args"]["stack"] == {"hidden_size": 3, "cell": "lstm", "cell_options": {}}
    assert list((run / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {row["model"]: float(row["perplexity"]) for row in rows(run / "test.csv")} == {
        "toy": pytest.approx(loss),
        "unigram": 3.0,
    }
    assert best["rnnzoo"]["recipe"] == "toy"
    assert best["rnnzoo"]["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.1


def test_wandb_config_holds_the_whole_recipe(rnnzoo) -> None:
    assert rnnzoo("fit", "toy.yaml", "--model.dropout", "0.25").code == 0
    (file,) = runs()[0].glob("wandb/offline-run-*/run-*.wandb")
    config = wandb_config(file)
    assert config["recipe"] == "toy"
    assert config["model"]["init_args"]["dropout"] == 0.25
    assert config["data"]["init_args"]["size"] == 16
    assert config["trainer"]["max_epochs"] == 2
    assert config["seed_everything"] == 3


def wandb_config(file: Path) -> dict[str, object]:
    """The config in a .wandb file, once it is whole: W&B's own process writes it, and finish() does not wait for it."""
    from wandb.proto import wandb_internal_pb2

    for _ in range(200):
        found = [wandb_internal_pb2.Record.FromString(payload) for payload in records(file.read_bytes())]
        if found and found[-1].WhichOneof("record_type") == "exit":
            break
        time.sleep(0.1)
    config = {}
    for record in found:
        for source in (record.run.config, record.config):
            config |= {update.key: json.loads(update.value_json) for update in source.update}
    return config


def records(data: bytes) -> list[bytes]:
    """The records of a .wandb file: LevelDB's log format, blocks of 32 KiB after a header of 7 bytes."""
    found, position, parts = [], 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        length = int.from_bytes(data[position + 4 : position + 6], "little")
        kind = data[position + 6]
        if left < 7 or kind == 0:
            position += left
            continue
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            found.append(parts)
            parts = b""
    return found


def test_a_run_is_run_again_from_its_config(rnnzoo) -> None:
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off", "--model.stack.hidden_size", "5").code == 0
    first = runs()[0]
    assert rnnzoo("fit", first / "config.yaml", "--wandb", "off").code == 0
    second = runs()[1]
    weights = [torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"] for run in (first, second)]
    assert weights[0]["linear.weight"].shape == (5, 2)
    assert torch.equal(weights[0]["linear.weight"], weights[1]["linear.weight"])


def test_resume_is_the_uninterrupted_run(rnnzoo) -> None:
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off").code == 0
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off", "--trainer.max_epochs", 1).code == 0
    result = rnnzoo("fit", "toy.yaml", "--wandb", "off", "--ckpt_path", "last")
    whole, resumed = runs()  # it goes on in its folder
    assert result.err.splitlines()[0] == f"going on from {resumed}/checkpoints/last.ckpt"
    steps = [int(row["step"]) for row in rows(resumed / "metrics.csv") if row["train/loss"]]
    assert steps == list(range(8))
    states = [torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (whole, resumed)]
    assert states[0]["global_step"] == states[1]["global_step"] == 8
    assert torch.equal(states[0]["state_dict"]["linear.weight"], states[1]["state_dict"]["linear.weight"])


OWN = """
trainer:
  callbacks:
    - class_path: lightning.pytorch.callbacks.ModelCheckpoint
      init_args: {monitor: val/loss, filename: mine, save_last: true}
"""


@pytest.mark.parametrize(("own", "best"), [(None, "best"), (OWN, "mine")])
def test_the_last_checkpoint_is_that_of_the_last_epoch_though_another_is_best(rnnzoo, own, best: str) -> None:
    """At this learning rate the loss grows from epoch to epoch: what was saved at the best is not the newest."""
    Path("own.yaml").write_text(own or "{seed_everything: 3}")
    Path("fast.yaml").write_text("model: {init_args: {optimizer: {init_args: {lr: 4}}}}")
    flags = ("--config", "own.yaml", "--config", "fast.yaml", "--wandb", "off")
    assert rnnzoo("fit", "toy.yaml", *flags, "--trainer.max_epochs", 3).code == 0
    assert rnnzoo("fit", "toy.yaml", *flags).code == 0
    whole, killed = runs()
    losses = [float(row["val/loss"]) for row in rows(killed / "metrics.csv") if row["val/loss"]]
    assert losses[0] < losses[1]
    kept = {name: torch.load(killed / f"checkpoints/{name}.ckpt", weights_only=True) for name in (best, "last")}
    assert {name: content["global_step"] for name, content in kept.items()} == {best: 4, "last": 8}
    tested = rnnzoo("test", "toy.yaml", *flags)
    assert f"test {killed}/checkpoints/{best}.ckpt" in tested.err.splitlines()
    assert rnnzoo("fit", "toy.yaml", *flags, "--trainer.max_epochs", 3, "--ckpt_path", "last").code == 0
    assert runs() == [whole, killed]
    ended = [torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (whole, killed)]
    assert [content["global_step"] for content in ended] == [12, 12]
    assert torch.equal(ended[0]["state_dict"]["linear.weight"], ended[1]["state_dict"]["linear.weight"])


@pytest.mark.parametrize(
    ("flags", "step"),
    [
        ("--trainer.limit_val_batches 0", 8),
        ("--trainer.val_check_interval 3 --trainer.max_steps 2", 2),  # before its first validation
        ("--trainer.val_check_interval 3 --trainer.max_epochs 1", 3),
    ],
)
def test_there_is_a_last_checkpoint_of_each_run(rnnzoo, flags: str, step: int) -> None:
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off", *flags.split()).code == 0
    (run,) = runs()
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == step
    assert rnnzoo("test", "toy.yaml", "--wandb", "off").code == 0


def test_one_run_of_wandb_whatever_goes_on_in_a_folder(rnnzoo) -> None:
    assert rnnzoo("fit", "toy.yaml", "--trainer.max_epochs", 1).code == 0
    assert rnnzoo("fit", "toy.yaml", "--ckpt_path", "last").code == 0
    assert rnnzoo("test", "toy.yaml", "--wandb", "offline").code == 0
    (run,) = runs()
    parts = list(run.glob("wandb/offline-run-*"))
    assert len({part.name.split("-")[3] for part in parts}) == 1
    assert rnnzoo("fit", "toy.yaml").code == 0  # a new run
    (other,) = runs()[1].glob("wandb/offline-run-*")
    assert other.name.split("-")[3] != parts[0].name.split("-")[3]


def test_measures_the_best_of_the_newest_run(rnnzoo) -> None:
    refused = rnnzoo("test", "toy.yaml")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("rnnzoo: no run of toy with a checkpoint in runs/toy: run `rnnzoo fit toy` first")
    assert rnnzoo("run", "toy.yaml", "--wandb", "off").code == 0
    tested = rnnzoo("test", "toy.yaml")
    run = runs()[0]
    assert tested.code == 0
    assert tested.err == f"test {run}/checkpoints/best.ckpt\n"
    table = rows(run / "test.csv")
    assert tested.out.splitlines()[0] == "toy corpus, 16 test tokens"
    validated = rnnzoo("validate", "toy.yaml")
    (loss,) = [line.split()[1] for line in validated.out.splitlines() if line.startswith("val/loss")]
    losses = [float(row["val/loss"]) for row in rows(run / "metrics.csv") if row["val/loss"]]
    assert float(loss) == pytest.approx(min(losses), rel=1e-3)
    assert len(runs()) == 1
    predicted = rnnzoo("predict", "toy.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    assert predicted.code == 0
    outputs = torch.cat(torch.load(run / "predictions.pt", weights_only=True))
    assert float((outputs - 1).pow(2).mean()) == pytest.approx(float(table[0]["perplexity"]), rel=1e-5)


@pytest.fixture
def trained(rnnzoo) -> Path:
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off").code == 0
    return runs()[0] / "checkpoints/best.ckpt"


@pytest.mark.parametrize(
    ("command", "flags", "message"),
    [
        ("fit", "--model.stack.hidden_size=7", "model.stack.hidden_size is 7 here, but {} was trained with 3: use "),
        ("test", "--model.stack.hidden_size=7", "model.stack.hidden_size is 7 here, but {} was trained with 3: use "),
        ("test", "--model.dropout=.5", "model.dropout is 0.5 here, but {} was trained with 0.0: use "),
        ("fit", "--model.optimizer.lr=.5", "model.optimizer.lr is 0.5 here, but {} was trained with 0.1: use "),
        ("fit", "--model=toy_task.OtherTask", "{} is a checkpoint of toy_task.ToyTask, not of toy_task.OtherTask"),
        ("test", "--data.size=12", "{} was trained on other data: its model.vocabulary (from data.vocabulary) is a li"),
    ],
)
def test_refuses_a_checkpoint_of_another_model(rnnzoo, trained: Path, command: str, flags: str, message: str) -> None:
    result = rnnzoo(command, "toy.yaml", "--ckpt_path", trained, *flags.split(), "--wandb", "off")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: {message.format(trained)}")
    assert result.err.count("\n") == 1


def test_an_optimizer_does_not_matter_to_a_test(rnnzoo, trained: Path) -> None:
    Path("faster.yaml").write_text("model: {init_args: {optimizer: {init_args: {lr: 0.5}}}}")
    assert rnnzoo("test", "toy.yaml", "--ckpt_path", trained, "--config", "faster.yaml").code == 0


def test_refuses_a_recipe_that_was_changed(rnnzoo, trained: Path) -> None:
    Path("toy.yaml").write_text(Path("toy.yaml").read_text().replace("hidden_size: 3", "hidden_size: 4"))
    result = rnnzoo("test", "toy.yaml")
    config = trained.parent.parent / "config.yaml"
    assert result.code == 2
    assert result.err == (
        f"rnnzoo: model.stack.hidden_size is 4 here, but {trained} was trained with 3: use {config} in place of the "
        "recipe, or train anew with `rnnzoo fit` without --ckpt_path\n"
    )
    assert rnnzoo("test", config).code == 0


@pytest.mark.parametrize("command", ["fit", "test", "predict"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "bad.ckpt cannot be read: it is cut short, or no checkpoint at all"),
        (lambda data: b"", "bad.ckpt cannot be read: it is cut short, or no checkpoint at all"),
        (lambda data: b"text, not weights\n", "bad.ckpt cannot be read: it "),
    ],
)
def test_refuses_a_broken_checkpoint(rnnzoo, trained: Path, command: str, damage, message: str) -> None:
    Path("bad.ckpt").write_bytes(damage(trained.read_bytes()))
    result = rnnzoo(command, "toy.yaml", "--ckpt_path", "bad.ckpt")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: {message}")
    assert result.err.count("\n") == 1


def test_refuses_what_is_no_checkpoint(rnnzoo) -> None:
    torch.save({"weights": torch.ones(2)}, "other.ckpt")
    torch.save(Path("code"), "code.ckpt")
    for name, message in (
        ("other", "is not a checkpoint of Lightning"),
        ("code", "cannot be read: it holds Python obj"),
    ):
        result = rnnzoo("test", "toy.yaml", "--ckpt_path", f"{name}.ckpt")
        assert result.code == 2
        assert result.err.startswith(f"rnnzoo: {name}.ckpt {message}")


def test_checkpoints_are_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnzoo.cli.checkpoints import write

    target = tmp_path / "a.ckpt"
    write({"a": 1}, target)

    def killed(content: object, file) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        write({"a": 2}, target)
    assert torch.load(target, weights_only=True) == {"a": 1}
    assert os.listdir(tmp_path) == ["a.ckpt"]


def test_a_flag_that_names_the_text_replaces_the_recipes(rnnzoo) -> None:
    result = rnnzoo("fit", "toy.yaml", "--data.folder", "texts", "--wandb", "off")
    assert result.code == 0
    assert result.err.splitlines()[0] == "data.folder replaces the recipe's data.corpus (noise)"
    data = yaml.safe_load((runs()[0] / "config.yaml").read_text())["data"]["init_args"]
    assert (data["corpus"], data["folder"]) == (None, "texts")


def test_a_series_of_ones_own_replaces_the_recipes(rnnzoo, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("a\n" + "".join(f"{step % 7}\n" for step in range(400)))
    flags = ["--data.file", str(own), "--trainer.max_epochs", "1", "--wandb", "off"]
    result = rnnzoo("fit", "forecaster/sunspots-lstm", *flags)
    assert result.code == 0, result.err
    assert result.err.splitlines()[0] == "data.file replaces the recipe's data.dataset (sunspots)"
    (config,) = Path("runs").glob("**/config.yaml")
    data = yaml.safe_load(config.read_text())["data"]["init_args"]
    assert (data["dataset"], data["file"]) == (None, str(own))


def test_data_of_another_class_are_asked_nothing_that_they_do_not_know(rnnzoo, tmp_path: Path) -> None:
    """TaggedTextDataModule has no `treebank` that could be unset."""
    own = tmp_path / "own.tsv"
    own.write_text("a\tX\nb\tY\n\n" * 9)
    flags = ["--data", "rnnzoo.data.TaggedTextDataModule", "--data.train_files", f"[{own}]", "--data.fractions"]
    fit = ["fit", "tagger/ewt-upos-bilstm-char-crf", *flags, "[0.6,0.2,0.2]", "--data.characters", "true"]
    result = rnnzoo(*fit, "--trainer.max_epochs", "1", "--wandb", "off")
    assert result.code == 0, result.err


def test_default_root_dir_moves_the_runs(rnnzoo) -> None:
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off", "--trainer.default_root_dir", "elsewhere").code == 0
    assert not Path("runs").exists()
    (run,) = runs(Path("elsewhere"))
    assert rnnzoo("test", "toy.yaml", "--trainer.default_root_dir", "elsewhere").err.startswith(f"test {run}/")


def test_print_config_and_help_of_the_model(rnnzoo) -> None:
    printed = rnnzoo("fit", "toy.yaml", "--model.dropout", "0.5", "--print_config")
    assert printed.code == 0
    assert yaml.safe_load(printed.out)["model"]["init_args"]["dropout"] == 0.5
    helped = rnnzoo("fit", "toy.yaml", "--model.help")
    assert helped.code == 0
    assert "--model.dropout DROPOUT" in helped.out


def test_interrupt_saves_and_says_how_to_resume(rnnzoo, tmp_path: Path) -> None:
    """A real Ctrl-C, in a process of its own: exit code 130, a checkpoint, and a command that goes on."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); import rnnzoo.cli; sys.exit(rnnzoo.cli.main())"
    arguments = ["fit", "toy.yaml", "--wandb", "off", "--trainer.max_epochs", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(HERE), *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 3/"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    run = runs()[0]
    resume = f"rnnzoo fit {run}/config.yaml --ckpt_path "
    assert resume in err
    path = Path(err.split(resume)[1].split()[0])
    step = torch.load(path, weights_only=True)["global_step"]
    epochs = step // 4 + 2
    result = rnnzoo("fit", run / "config.yaml", "--ckpt_path", path, "--trainer.max_epochs", epochs)
    assert result.code == 0, result.err
    last = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == epochs * 4


def test_a_part_that_stays_as_it_is_is_nothing_to_warn_of(
    rnnzoo, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """A frozen encoder is in evaluation mode all the time, which Lightning takes for a mistake."""
    import toy_task

    monkeypatch.setattr(
        toy_task.ToyTask, "on_fit_start", lambda self: setattr(self, "frozen", torch.nn.Linear(1, 1).eval())
    )
    assert rnnzoo("fit", "toy.yaml", "--wandb", "off").code == 0
    assert not [one for one in recwarn if "eval mode" in str(one.message)]
