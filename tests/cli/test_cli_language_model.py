"""A language model by the command line: subwords, a class of one's own, the table's convention of line ends."""

import csv
import random
import sys
from pathlib import Path

import pytest
import torch

from rnnzoo.baselines import KneserNey
from rnnzoo.data import LanguageModelDataModule
from rnnzoo.tasks import LanguageModel

RECIPE = """
model:
  class_path: rnnzoo.tasks.LanguageModel
  init_args:
    stack: {hidden_size: 4}
data:
  class_path: rnnzoo.data.LanguageModelDataModule
  init_args: {folder: texts, tokenizer: whitespace, batch_size: 4, window: 10}
trainer: {max_epochs: 1, accelerator: cpu, log_every_n_steps: 5, limit_train_batches: 15}
"""


@pytest.fixture
def recipe(rnnzoo) -> Path:
    """A small recipe and lines of words that depend on the word before."""
    draw = random.Random(0)
    Path("texts").mkdir()
    for split, lines in (("train", 200), ("valid", 30), ("test", 30)):
        text = ""
        for _ in range(lines):
            word = draw.randrange(5)
            for _ in range(draw.randrange(1, 8)):
                text += f"w{word} "
                word = (word * 2 + draw.randrange(2)) % 9
            text += "\n"
        Path("texts", f"{split}.txt").write_text(text)
    Path("small.yaml").write_text(RECIPE)
    return Path("small.yaml")


def checkpoint() -> Path:
    (path,) = Path("runs/small").glob("*/checkpoints/best.ckpt")
    return path


def test_subwords(rnnzoo, recipe: Path) -> None:
    pytest.importorskip("tokenizers", reason="subwords are learned by the package tokenizers")
    flags = ["--data.tokenizer", "{name: subword, size: 262}", "--wandb", "off"]
    fitted = rnnzoo("fit", recipe, *flags)
    assert fitted.code == 0, fitted.err
    data = LanguageModelDataModule(folder="texts", tokenizer={"name": "subword", "size": 262})
    task = LanguageModel.load_from_checkpoint(checkpoint())
    assert task.hparams["tokenizer"] == data.tokenizer_config
    assert task.hparams["vocabulary"] == data.vocabulary
    assert rnnzoo("test", recipe, *flags).code == 0
    assert rnnzoo("generate", checkpoint(), "--max_length", "5").code == 0
    other = rnnzoo("test", recipe, "--data.tokenizer", "{name: subword, size: 260}")
    assert other.code == 2
    assert "was trained on other data: its model.tokenizer" in other.err


def test_a_class_of_ones_own(rnnzoo, recipe: Path) -> None:
    Path("mine.py").write_text("from rnnzoo.tasks import LanguageModel\n\n\nclass Mine(LanguageModel):\n    pass\n")
    assert rnnzoo("fit", recipe, "--model", "mine.Mine", "--wandb", "off").code == 0
    with checkpoint().parent.with_name("metrics.csv").open(newline="") as file:
        rates = [row["time/tokens_per_second"] for row in csv.DictReader(file)]
    assert any(rate and float(rate) > 0 for rate in rates)
    del sys.modules["mine"]
    refused = rnnzoo("generate", checkpoint())
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"rnnzoo: {checkpoint()} was written by mine.Mine, which is not imported: import mine first, if you trust it "
        "(rnnzoo generate: --import mine)\n"
    )
    assert rnnzoo("generate", checkpoint(), "--import", "mine", "--max_length", "3").code == 0
    del sys.modules["mine"]


def test_in_mode_sentences_the_table_cuts_histories_at_line_ends(rnnzoo, recipe: Path) -> None:
    """The convention of the figures published for Kneser-Ney, from a model that was trained in lanes."""
    assert rnnzoo("fit", recipe, "--wandb", "off").code == 0
    by_lines = rnnzoo("test", recipe, "--data.mode", "sentences", "--data.window", "null")
    assert by_lines.code == 0, by_lines.err
    data = LanguageModelDataModule(folder="texts", tokenizer="whitespace")
    model = KneserNey(5, len(data.vocabulary), sentence_end=data.vocabulary.index("<eos>")).fit(data.train_ids())
    perplexity = torch.exp(-model.token_log_probs(data.test_ids()).double().mean())
    assert f"Kneser-Ney 5-gram  {perplexity:.2f}" in " ".join(by_lines.out.split()).replace("gram ", "gram  ")


def test_another_tokenizer_names_the_keys_of_the_data(rnnzoo, recipe: Path) -> None:
    assert rnnzoo("fit", recipe, "--wandb", "off").code == 0
    refused = rnnzoo("test", recipe, "--data.tokenizer", "word", "--ckpt_path", checkpoint())
    assert refused.code == 2
    assert refused.err == (
        f"rnnzoo: {checkpoint()} was trained on other data: its model.tokenizer.name (from data.tokenizer_config) is "
        "'whitespace', that of the data given now is 'word'. Give the data keys that it was trained with\n"
    )
