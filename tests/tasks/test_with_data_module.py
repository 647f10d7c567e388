"""The language-model tasks with the real DataModule, from text to the table."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer

from rnnzoo.callbacks.temporal_gradient import temporal_gradient_norms
from rnnzoo.data import LanguageModelDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, SequenceTask, WindowLanguageModel

LINES = [
    f"the {a} {verb} the {b} ." for a in ("cat", "dog", "cow") for verb in ("sees", "likes") for b in ("mouse", "man")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in (("train", 60), ("valid", 12), ("test", 17)):
        (tmp_path / f"x.{name}.txt").write_text("".join(f"{LINES[at * 7 % 12]}\n" for at in range(count)))
    return tmp_path


@pytest.mark.parametrize("mode", ["lanes", "sentences"])
@pytest.mark.parametrize("make", [LanguageModel, WindowLanguageModel])
def test_from_text_to_the_table(
    folder: Path, mode: Any, make: type[LanguageModel], make_trainer: Callable[..., Trainer]
) -> None:
    data = LanguageModelDataModule(
        folder=str(folder), mode=mode, batch_size=4, **({"window": 8} if mode == "lanes" else {})
    )
    task = make(data.vocabulary, data.tokenizer_config)
    trainer = make_trainer(max_epochs=2)
    trainer.fit(task, data)
    (found,) = trainer.test(task, data, verbose=False)
    table = task.compare(data).as_rows()
    assert table[0]["model"] == make.__name__
    assert len(table) == 4
    assert table[0]["perplexity"] == pytest.approx(found["test/perplexity"], rel=1e-4)
    assert table[0]["tokens"] == 17 * 7
    assert table[2]["perplexity"] <= min(table[0]["perplexity"], table[1]["perplexity"]) * 1.05
    if mode == "sentences":
        total = sum(score.log_prob for score in task.score((folder / "x.test.txt").read_text().splitlines()))
        assert math.exp(-total / (17 * 7)) == pytest.approx(found["test/perplexity"], rel=1e-4)


def test_data_of_another_vocabulary_is_refused(folder: Path, make_trainer: Callable[..., Trainer]) -> None:
    data = LanguageModelDataModule(folder=str(folder), batch_size=4, window=8)
    task = LanguageModel(data.vocabulary[:4], data.tokenizer_config, stack=StackConfig(hidden_size=4))
    with pytest.raises(RnnzooError) as raised:
        make_trainer(max_epochs=1).fit(task, data)
    assert str(raised.value) == (
        f"the model's vocabulary has 4 tokens and is not that of the data, which has {len(data.vocabulary)}: make the "
        "model with data.vocabulary and data.tokenizer_config"
    )


def test_characters_have_bits_in_the_table(folder: Path) -> None:
    data = LanguageModelDataModule(folder=str(folder), tokenizer="character", batch_size=2, window=8)
    task = LanguageModel(data.vocabulary, data.tokenizer_config, stack=StackConfig(hidden_size=8))
    row = task.compare(data).as_rows()[0]
    assert row["bits_per_character"] == pytest.approx(math.log2(row["perplexity"]))
    assert row["tokens"] == len((folder / "x.test.txt").read_text())


def test_the_probe_serves_the_monitor_of_temporal_gradients(folder: Path) -> None:
    data = LanguageModelDataModule(folder=str(folder), batch_size=4, window=8)
    task = LanguageModel(data.vocabulary, data.tokenizer_config, stack=StackConfig(hidden_size=8, num_layers=2))
    norms = temporal_gradient_norms(*task.last_step_probe(next(iter(data.train_dataloader()))))
    assert norms.shape == (2, 8)
    assert (norms > 0).all()
    assert not isinstance(task, WindowLanguageModel)
    assert not hasattr(WindowLanguageModel, "last_step_probe")
    assert not hasattr(SequenceTask, "last_step_probe")
