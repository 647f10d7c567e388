"""``rnnzoo run``, ``fit``, ``validate``, ``test`` and ``predict``."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo.cli import request as requests
from rnnzoo.cli import runs
from rnnzoo.cli.memory import keep_freed_memory
from rnnzoo.cli.request import Request
from rnnzoo.errors import RnnzooError

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from rnnzoo.cli.lightning_cli import RecipeCLI


def run(argv: Sequence[str]) -> int:
    """Fit, then test the best checkpoint, then show the table and a sample."""
    return _command("run", argv, _run)


def fit(argv: Sequence[str]) -> int:
    """Train."""
    return _command("fit", argv, _fit)


def validate(argv: Sequence[str]) -> int:
    """Measure on the validation data."""
    return _command("validate", argv, _validate)


def test(argv: Sequence[str]) -> int:
    """Measure on the test data, beside the baselines."""
    return _command("test", argv, _test)


def predict(argv: Sequence[str]) -> int:
    """Write what ``predict_step`` returns to a file."""
    return _command("predict", argv, _predict)


def _command(name: str, argv: Sequence[str], action: Callable[["RecipeCLI"], None]) -> int:
    request = requests.read(name, argv)
    if request is None:
        return 0
    if os.getcwd() not in sys.path:  # a user's own cell or task, named by dotted path, lies in the current folder
        sys.path.insert(0, os.getcwd())
    keep_freed_memory()
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    from rnnzoo.cli.wandb import finish

    try:
        action(_start(request))
    except MisconfigurationException as error:  # what Lightning and callbacks refuse is a mistake of the recipe
        raise RnnzooError(str(error)) from error
    finally:
        finish()
    return 0


def _start(request: Request) -> "RecipeCLI":
    """Make model, data and Trainer, and see that the checkpoint is one of this model."""
    from rnnzoo.cli import checkpoints, console
    from rnnzoo.cli.lightning_cli import RecipeCLI

    console.quiet(measuring=not request.trains)
    for note in request.notes:
        console.say(note)
    content = None if request.checkpoint is None else checkpoints.load(request.checkpoint)
    cli = RecipeCLI(request, 0 if content is None else content.get("global_step", 0))
    if content is not None and request.checkpoint is not None:
        with runs.gone_if_unused(lambda: cli.run_folder):
            config = cli.plain_config()
            checkpoints.check_fits(content, request.checkpoint, cli.model, config["model"], request.trains)
            if request.trains:
                checkpoints.check_goes_on(content, request.checkpoint, config["seed_everything"], cli.trainer)
        if cli.trainer.is_global_zero:
            console.say(f"{'going on from' if request.trains else request.command} {request.checkpoint}")
    return cli


def _run(cli: "RecipeCLI") -> None:
    from rnnzoo.cli.report import print_sample

    with runs.gone_if_unused(lambda: cli.run_folder):
        _look_at_test_data(cli)
    best = _train(cli)
    if best is None:
        raise RnnzooError("no checkpoint was saved, so there is nothing to test: use rnnzoo fit for a trial run")
    _end_averaging(cli.trainer)
    _measure(cli, best)
    if cli.trainer.is_global_zero:
        print_sample(cli.model)


def _look_at_test_data(cli: "RecipeCLI") -> None:
    """Make each test batch once, so that what is wrong with one is said before the training, not after it.

    Data of another library may need what the Trainer does before it asks for a loader; it is left alone.
    """
    own = any(base.__module__.startswith("rnnzoo.") for base in type(cli.datamodule).__mro__)
    if own and cli.trainer.is_global_zero:
        for _ in cli.datamodule.test_dataloader():
            pass


def _fit(cli: "RecipeCLI") -> None:
    best = _train(cli)
    if best is not None and cli.trainer.is_global_zero:
        print(f"best checkpoint: {best}\ntest it: rnnzoo test {cli.run_folder / 'config.yaml'}")


def _train(cli: "RecipeCLI") -> Path | None:
    """Train and return the best checkpoint, or None if the Trainer kept none."""
    from rnnzoo.cli import console

    request = cli.request
    if cli.trainer.is_global_zero:
        count = sum(parameter.numel() for parameter in cli.model.parameters())
        what = f"{type(cli.model).__name__} with {count:,} parameters"
        console.say(f"{request.command} {request.recipe.name}: {what}, in {cli.run_folder}")
    ckpt_path = None if request.checkpoint is None else str(request.checkpoint)
    try:
        with runs.shared(cli.run_folder), runs.gone_if_unused(lambda: cli.run_folder):
            _refuse_no_training(cli.trainer)
            cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=ckpt_path)
    except SystemExit:  # so Lightning ends on Ctrl-C
        if cli.trainer.interrupted:
            raise SystemExit(130) from None
        raise
    kept = cli.trainer.checkpoint_callback
    path = getattr(kept, "best_model_path", "") or getattr(kept, "last_model_path", "")
    return Path(os.path.relpath(path)) if path else None


def _end_averaging(trainer: "Trainer") -> None:
    """Take Lightning's weight averaging out: after a fit it loads the weights that were not averaged (seen in 2.6)."""
    from lightning.pytorch.callbacks import WeightAveraging

    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # assigned by a connector, unseen by mypy
    callbacks[:] = [callback for callback in callbacks if not isinstance(callback, WeightAveraging)]


def _refuse_no_training(trainer: "Trainer") -> None:
    """Refuse what Lightning calls trained as soon as it begins."""
    limits = {
        "trainer.max_epochs": trainer.max_epochs,
        "trainer.max_steps": trainer.max_steps,
        "trainer.limit_train_batches": trainer.limit_train_batches,
    }
    for key, limit in limits.items():
        if limit == 0:
            raise RnnzooError(f"{key} is 0, so nothing would be trained: give at least 1, or use rnnzoo validate")


def _validate(cli: "RecipeCLI") -> None:
    from rnnzoo.cli.report import print_metrics

    path = str(cli.request.checkpoint)
    results = cli.trainer.validate(cli.model, datamodule=cli.datamodule, ckpt_path=path, verbose=False)
    if cli.trainer.is_global_zero:
        print_metrics(f"{cli.request.recipe.name}, validation", results)


def _test(cli: "RecipeCLI") -> None:
    assert cli.request.checkpoint is not None
    _measure(cli, cli.request.checkpoint)


def _measure(cli: "RecipeCLI", checkpoint: Path) -> None:
    from rnnzoo.cli.report import print_comparison

    results = cli.trainer.test(cli.model, datamodule=cli.datamodule, ckpt_path=str(checkpoint), verbose=False)
    if cli.trainer.is_global_zero:
        print_comparison(cli, results)


def _predict(cli: "RecipeCLI") -> None:
    from rnnzoo.cli.checkpoints import write

    predictions = cli.trainer.predict(cli.model, datamodule=cli.datamodule, ckpt_path=str(cli.request.checkpoint))
    rank, world = cli.trainer.global_rank, cli.trainer.world_size
    target = cli.run_folder / ("predictions.pt" if world == 1 else f"predictions-{rank}-of-{world}.pt")
    write(_plain(predictions), target)
    print(f"{target}: a list with what predict_step gave for each batch; read it with torch.load")


def _plain(predicted: Any) -> Any:
    """The same with dictionaries for named tuples, whose classes `torch.load` refuses."""
    if isinstance(predicted, tuple) and hasattr(predicted, "_asdict"):
        return predicted._asdict()
    return [_plain(each) for each in predicted] if isinstance(predicted, list) else predicted
