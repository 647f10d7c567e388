"""`Trainer(overfit_batches=n)`: the same first n batches in each epoch, from every kind of DataModule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule, LightningModule, Trainer

from rnnzoo.data import AcceptorDataModule, AddingProblemDataModule, Example, LanguageModelDataModule
from rnnzoo.encodings import TextEncoding


class Letters(AcceptorDataModule):
    def read(self, split: str) -> list[Example]:
        return [Example("ab" * (at % 7 + 1), "xy"[at % 2], f"row {at}") for at in range(40)]

    def fit_encoding(self, examples: Any) -> TextEncoding:
        return TextEncoding("character", ["<unk>", "a", "b"])


def language_model(folder: Path, **options: Any) -> LanguageModelDataModule:
    for name in ("train", "valid", "test"):
        text = "".join(f"{'a b c d e f g'[: 2 * (at % 7) + 1]}\n" for at in range(60))
        (folder / f"x.{name}.txt").write_text(text, encoding="utf-8")
    return LanguageModelDataModule(folder=str(folder), batch_size=4, **options)


MODULES: dict[str, Callable[[Path], LightningDataModule]] = {
    "examples": lambda folder: Letters(batch_size=4),
    "lanes": lambda folder: language_model(folder, window=6),
    "random windows": lambda folder: language_model(folder, window=6, random_window=True),
    "sentences": lambda folder: language_model(folder, mode="sentences"),
    "drawn": lambda folder: AddingProblemDataModule(9, train_size=40, batch_size=4),
}


class Reader(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.epochs: list[list[str]] = []
        self.validated = 0

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.epochs[-1].append(repr(batch.inputs))
        return self.layer(torch.ones(1)).sum()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.validated += 1

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.0)


@pytest.mark.parametrize("name", MODULES)
def test_each_epoch_has_the_same_batches(name: str, tmp_path: Path) -> None:
    module, whole = Reader(), Reader()
    options: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "max_epochs": 3,
    }
    Trainer(**options, overfit_batches=2).fit(module, MODULES[name](tmp_path))
    Trainer(**options).fit(whole, MODULES[name](tmp_path))
    assert module.epochs == [whole.epochs[0][:2]] * 3
    assert module.validated == 3 * min(2, whole.validated // 3)
