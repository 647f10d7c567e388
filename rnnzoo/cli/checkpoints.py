"""Reading and writing checkpoints so that a wrong or half-written one is never used by mistake."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.plugins.io import TorchCheckpointIO

from rnnzoo.cli.keys import LINKS, OF_TRAINING
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks.checkpoints import require_intact

# What training does not look at, and what else the weights do not depend on once they are trained.
OF_MEASURING = ("beam_size", "max_length", "length_penalty", "scores", "validation_scores", "baselines")
NOT_FOR_WEIGHTS = (*OF_MEASURING, *(key.removeprefix("model.") for key in OF_TRAINING))


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary name beside the target and renames.

    Lightning's own writes below the system's temporary folder and moves; to another disk that is a copy, and a process
    killed in the middle leaves half a checkpoint under its final name.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write ``checkpoint`` so that ``path`` is, at any time, the old file or the new one."""
        if storage_options is not None:
            raise TypeError("storage_options are for remote paths; AtomicCheckpointIO writes local files")
        write(checkpoint, Path(path))


def write(content: Any, target: Path) -> None:
    """``torch.save`` to a temporary name beside the target, then rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU; only plain data and tensors are unpacked.

    Raises:
        RnnzooError: the file is not there, is cut short, is no checkpoint of Lightning, or holds code.
    """
    if not path.is_file():
        raise RnnzooError(f"no such checkpoint: {path} (a run keeps its own in runs/RECIPE/TIME/checkpoints)")
    require_intact(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load says it with RuntimeError, EOFError, UnpicklingError, OSError, KeyError ...
        if "Unsupported global" in str(error) or "WeightsUnpickler" in str(error):
            reason = "it holds Python objects, which could run code when unpacked, or is no checkpoint at all"
        else:
            reason = "it is cut short, or no checkpoint at all"
        raise RnnzooError(
            f"{path} cannot be read: {reason}. Use another one: each run keeps best.ckpt and last.ckpt"
        ) from None
    if not isinstance(content, dict) or "state_dict" not in content:
        raise RnnzooError(
            f"{path} is not a checkpoint of Lightning: it has no state_dict. Give a .ckpt file that rnnzoo fit wrote"
        )
    return content


def check_fits(
    checkpoint: Mapping[str, Any], path: Path, model: LightningModule, config: Mapping[str, Any], resume: bool
) -> None:
    """Refuse a checkpoint that was trained with another model than the one that the keys describe.

    Weights would fail to load, or, where their shapes happen to agree, load and mean something else. When training is
    resumed the optimizer counts too: its restored state overrides the learning rate that was given.

    Args:
        checkpoint: its content.
        path: its file, for the message.
        model: the task made from the recipe and the flags.
        config: the resolved ``model`` of the recipe.
        resume: whether the checkpoint is to be trained on.

    Raises:
        RnnzooError: naming the key, both values and what to do.
    """
    class_path = f"{type(model).__module__}.{type(model).__qualname__}"
    theirs = dict(checkpoint.get("hyper_parameters", {}))
    recorded = checkpoint.get("rnnzoo", {}).get("model", {})
    their_class = recorded.get("class_path") or theirs.get("_class_path") or theirs.get("class_path")
    if their_class and their_class.rpartition(".")[2] != type(model).__name__:
        raise RnnzooError(
            f"{path} is a checkpoint of {their_class}, not of {class_path}: use its recipe, or another checkpoint"
        )
    ours = {**dict(config.get("init_args", {})), **{key: model.hparams[key] for key in model.hparams}}
    theirs = {**recorded.get("init_args", {}), **theirs}
    skipped = OF_MEASURING if resume else NOT_FOR_WEIGHTS
    for key in sorted(set(ours) & set(theirs)):
        if key not in skipped and not key.startswith("_"):
            for name, mine, other in _differences(f"model.{key}", ours[key], theirs[key]):
                _refuse(path, name, mine, other)
    missing, unexpected = _mismatch(model.state_dict(), checkpoint["state_dict"])
    if missing or unexpected:
        raise RnnzooError(
            f"{path} does not hold the weights of {class_path}: "
            + "; ".join(
                f"{what}: {', '.join(names[:3])}"
                for what, names in (("absent", missing), ("others", unexpected))
                if names
            )
            + ". Use the recipe that it was trained with"
        )


def check_goes_on(checkpoint: Mapping[str, Any], path: Path, seed: int | bool, trainer: Trainer) -> None:
    """Refuse to train on from a checkpoint where nothing is left to train, or where its state overrides a key.

    The random states of the checkpoint go on, whatever the seed, and early stopping goes on with its patience.

    Args:
        checkpoint: its content.
        path: its file, for the message.
        seed: the resolved ``seed_everything``.
        trainer: the one that would train.

    Raises:
        RnnzooError: naming the key, both values and what to do.
    """
    recorded = checkpoint.get("rnnzoo", {})
    if "seed_everything" in recorded and recorded["seed_everything"] != seed:
        _refuse(path, "seed_everything", seed, recorded["seed_everything"])
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # assigned by a connector, unseen by mypy
        patience = checkpoint.get("callbacks", {}).get(callback.state_key, {}).get("patience")
        if patience is not None and isinstance(callback, EarlyStopping) and callback.patience != patience:
            _refuse(path, "trainer.callbacks.patience", callback.patience, patience)
    loops = checkpoint.get("loops", {}).get("fit_loop", {})
    epochs = loops.get("epoch_progress", {}).get("current", {}).get("completed", 0)
    begun = loops.get("epoch_progress", {}).get("current", {}).get("ready", 0) > epochs
    epochs += begun and loops.get("epoch_loop.batch_progress", {}).get("is_last_batch", False)
    for key, done, limit in (
        ("trainer.max_epochs", epochs, trainer.max_epochs),
        ("trainer.max_steps", checkpoint.get("global_step", 0), trainer.max_steps),
    ):
        if limit is not None and 0 < limit <= done:
            raise RnnzooError(
                f"{path} was trained to its end: {key} is {limit}, and it has {done} behind it. Give more to go on, "
                f"as in --{key} {done + limit}"
            )


def _refuse(path: Path, name: str, mine: Any, other: Any) -> None:
    linked = next((target for target in LINKS if f"{name}.".startswith(f"{target}.")), None)
    if linked is not None:
        raise RnnzooError(
            f"{path} was trained on other data: its {name} (from {LINKS[linked]}) is {_brief(other)}, that of the data "
            f"given now is {_brief(mine)}. Give the data keys that it was trained with"
        )
    config = path.parent.parent / "config.yaml"
    run_as_trained = f"use {config} in place of the recipe" if config.is_file() else f"give --{name} {other}"
    raise RnnzooError(
        f"{name} is {_brief(mine)} here, but {path} was trained with {_brief(other)}: {run_as_trained}, or train anew "
        f"with `rnnzoo fit` without --ckpt_path"
    )


def _differences(name: str, mine: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """The leaves in which two nested values differ."""
    if isinstance(mine, Mapping) and isinstance(other, Mapping):
        for key in sorted(set(mine) | set(other)):
            below = name if key in ("init_args", "dict_kwargs") else f"{name}.{key}"
            yield from _differences(below, mine.get(key), other.get(key))
    elif isinstance(mine, (list, tuple)) and isinstance(other, (list, tuple)):
        if list(mine) != list(other):
            yield name, mine, other
    elif mine != other:
        yield name, mine, other


def _brief(value: Any) -> str:
    """A value as a message can hold it.

    >>> _brief(["a"] * 9)
    'a list of 9'
    """
    return f"a list of {len(value)}" if isinstance(value, (list, tuple)) and len(value) > 8 else repr(value)


def _mismatch(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    shape = {name: getattr(value, "shape", None) for name, value in theirs.items()}
    absent = [name for name, value in ours.items() if name not in shape or shape[name] != getattr(value, "shape", None)]
    return absent, [name for name in shape if name not in ours]
