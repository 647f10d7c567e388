"""An acceptor by the command line: what a recipe need not say, and numbers that cannot be."""

from pathlib import Path

import pytest
import torch

from rnnzoo.tasks import Acceptor, Tagger

RECIPE = """
seed_everything: 1
model:
  class_path: rnnzoo.tasks.Acceptor
  init_args:
    stack: {hidden_size: 3}
    baselines: [constant]
data:
  class_path: rnnzoo.data.LabelledTextDataModule
  init_args: {train_files: [train.tsv], validation_files: [validation.tsv], test_files: [test.tsv]}
trainer: {accelerator: cpu, max_epochs: 1}
"""


@pytest.fixture
def recipe(rnnzoo) -> str:
    for at, split in enumerate(("train", "validation", "test")):
        Path(f"{split}.tsv").write_text(f"text\tlabel\na b {'c ' * at}\t1\nb a {'d ' * at}\t2\na\t1\n")
    Path("mine.yaml").write_text(RECIPE)
    return "mine.yaml"


def test_a_test_tells_of_each_class_without_being_asked(rnnzoo, recipe: str) -> None:
    weights = ("--model.class_weights", "{1: 2.0}")  # a label that YAML reads as a number
    ran = rnnzoo("run", recipe, "--wandb", "off", *weights)
    assert ran.code == 0, ran.err
    assert "class  precision  recall      f1  support" in ran.out
    (confusion,) = Path("runs/mine").glob("*/confusion.csv")
    head, *rows = [line.split(",") for line in confusion.read_text(encoding="utf-8").splitlines()]
    assert head == ["true \\ predicted", "1", "2"]
    assert [(row[0], sum(map(int, row[1:]))) for row in rows] == [("1", 2), ("2", 1)]
    confusion.unlink()
    assert rnnzoo("test", recipe, *weights).code == 0
    assert confusion.is_file()


@pytest.mark.parametrize("flags", [["--data.text_column", "#1 String"], ["--data.text_column=#1 String"]])
def test_a_text_that_begins_with_a_hash_mark_is_a_text(rnnzoo, recipe: str, flags: list[str]) -> None:
    for split in ("train", "validation", "test"):
        path = Path(f"{split}.tsv")
        path.write_text(path.read_text().replace("text", "#1 String", 1))
    refused = rnnzoo("fit", recipe, "--data.text_colum", "#1 String")
    assert refused.err.startswith("rnnzoo: unknown key data.text_colum: did you mean data.text_column")
    ran = rnnzoo("fit", recipe, "--wandb", "off", *flags)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("way", ["flag", "file"])
def test_comments_of_tagged_words(rnnzoo, way: str) -> None:
    sentence = "# id 1\n# _ O\nAda _ B-PER\n\n"
    for split in ("train", "validation"):
        Path(f"{split}.conll").write_text(sentence * 2)
    comment = ", comment: '# id '" if way == "file" else ""
    Path("tags.yaml").write_text(
        "model: {class_path: rnnzoo.tasks.Tagger, init_args: {stack: {hidden_size: 3}}}\n"
        "data: {class_path: rnnzoo.data.TaggedTextDataModule, init_args: "
        f"{{train_files: [train.conll], validation_files: [validation.conll]{comment}}}}}\n"
        "trainer: {accelerator: cpu, max_epochs: 1}\n"
    )
    if way == "flag":
        refused = rnnzoo("fit", "tags.yaml", "--wandb", "off")
        assert "each of the 2 sentences begins with a line that begins with a hash mark: give data." in refused.err
    ran = rnnzoo("fit", "tags.yaml", "--wandb", "off", *(["--data.comment", "# id "] if way == "flag" else []))
    assert ran.code == 0, ran.err
    (run,) = Path("runs/tags").iterdir()
    (checkpoint,) = (run / "checkpoints").glob("best.ckpt")
    assert Tagger.load_from_checkpoint(checkpoint).predict([["#", "Ada"]])[0][1][0] == "Ada"


def test_predictions_are_plain_data_in_the_order_of_the_file(rnnzoo, recipe: str) -> None:
    assert rnnzoo("fit", recipe, "--wandb", "off").code == 0
    assert rnnzoo("predict", recipe).code == 0
    (run,) = Path("runs/mine").iterdir()
    (batch,) = torch.load(run / "predictions.pt", weights_only=True)
    texts = [line.split("\t")[0] for line in Path("test.tsv").read_text().splitlines()[1:]]
    expected = Acceptor.load_from_checkpoint(run / "checkpoints/best.ckpt").predict(texts)
    assert [(row["label"], list(row["probabilities"])) for row in batch] == [
        (one.label, ["1", "2"]) for one in expected
    ]
    assert [row["probabilities"]["1"] for row in batch] == pytest.approx([one.probabilities["1"] for one in expected])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--model.dropout", "1.5"],
            "model.dropout must be a probability of at least 0 and below 1, not 1.5",
        ),
        (
            ["--model.input.embedding_size", "-1"],
            "input.embedding_size must be a whole number of at least 1, not -1",
        ),
        (
            ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=-1"],
            "model.optimizer: Invalid learning rate: -1.0",
        ),
        (
            ["--model.class_weights", "{3: 2.0}"],
            "unknown label in model.class_weights '3' (known: 1, 2)",
        ),
    ],
)
def test_a_number_that_cannot_be_is_one_line(rnnzoo, recipe: str, flags: list[str], message: str) -> None:
    result = rnnzoo("fit", recipe, "--wandb", "off", *flags)
    assert result.code == 2
    assert result.err.splitlines()[-1] == f"rnnzoo: {message}"
    assert "Traceback" not in result.err
