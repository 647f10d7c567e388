"""Models that write, on the command line: their keys beside a checkpoint, their test data, and what they write."""

from pathlib import Path

import pytest
import yaml

from rnnzoo.tasks import Generator, Seq2Seq

RECIPE = """
seed_everything: 1
model:
  class_path: rnnzoo.tasks.Seq2Seq
  init_args:
    stack: {cell: gru, hidden_size: 4}
    decoder:
      stack: {cell: gru, hidden_size: 4}
      attention: additive
    beam_size: 2
    max_length: 5
    scores: [exact_match]
data:
  class_path: rnnzoo.data.ParallelTextDataModule
  init_args:
    train_files: [train.tsv]
    validation_files: [validation.tsv]
    test_files: [test.tsv]
    tokenizer: character
trainer: {max_epochs: 1, accelerator: cpu, num_sanity_val_steps: 0}
"""
CONDITIONED = """
model:
  class_path: rnnzoo.tasks.Generator
  init_args:
    decoder: {stack: {cell: gru, hidden_size: 4}}
    max_length: 5
data:
  class_path: rnnzoo.data.ConditionedTextDataModule
  init_args: {train_files: [train.tsv], validation_files: [validation.tsv], test_files: [test.tsv]}
trainer: {max_epochs: 1, accelerator: cpu, num_sanity_val_steps: 0}
"""


@pytest.fixture
def recipe(rnnzoo) -> Path:
    """A small task of pairs of texts."""
    for split in ("train", "validation", "test"):
        Path(f"{split}.tsv").write_text("ab\tba\nabc\tcba\nb\tb\nca\tac\n" * 4)
    Path("pairs.yaml").write_text(RECIPE)
    return Path("pairs.yaml")


def _checkpoint(result) -> Path:
    assert result.code == 0, result.err
    return Path(result.out.split()[2])


@pytest.mark.parametrize(
    ("test", "message"),
    [(None, "test.tsv"), ("ab\tba\nab ba\n", "test.tsv:2")],
    ids=["missing", "one-column"],
)
def test_test_data_is_looked_at_before_training(rnnzoo, recipe: Path, test: str | None, message: str) -> None:
    Path("test.tsv").unlink()
    if test is not None:
        Path("test.tsv").write_text(test)
    result = rnnzoo("run", recipe, "--wandb", "off")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1, "nothing was trained"
    assert not list(Path("runs").rglob("*.ckpt"))
    assert not list(Path("runs/pairs").iterdir())


def test_a_checkpoint_is_searched_and_scored_in_another_way(rnnzoo, recipe: Path) -> None:
    checkpoint = _checkpoint(rnnzoo("fit", recipe, "--wandb", "off"))
    keys = "--model.beam_size 3 --model.length_penalty wu --model.max_length 4"
    of_scores = ["--model.scores", "[sequence_error_rate]"]
    result = rnnzoo("test", recipe, "--ckpt_path", checkpoint, *keys.split(), *of_scores)
    assert result.code == 0, result.err
    assert "Seq2Seq, beam 3" in result.out
    assert "sequence_error_rate" in result.out
    assert "exact_match" not in result.out
    schedule = ["--model.scheduled_sampling", "{schedule: linear, rate: 0.1}"]
    refused = rnnzoo("predict", recipe, "--ckpt_path", checkpoint, *schedule)
    assert refused.err.startswith("rnnzoo: model.scheduled_sampling says how to train, and predict trains nothing")
    other = yaml.safe_load(RECIPE)
    other["model"]["init_args"]["label_smoothing"] = 0.1
    Path("other.yaml").write_text(yaml.safe_dump(other))
    assert rnnzoo("predict", "other.yaml", "--ckpt_path", checkpoint).code == 0
    refused = rnnzoo("test", recipe, "--ckpt_path", checkpoint, "--model.decoder.attention_size", "3")
    assert refused.code == 2
    assert "model.decoder.attention_size is 3 here, but" in refused.err
    further = ["--trainer.max_epochs", "2", "--wandb", "off"]
    assert rnnzoo("fit", recipe, "--ckpt_path", checkpoint, "--model.beam_size", "3", *further).code == 0
    refused = rnnzoo("fit", recipe, "--ckpt_path", checkpoint, "--model.label_smoothing", "0.1", *further)
    assert (refused.code, "model.label_smoothing is 0.1 here" in refused.err) == (2, True)

    given = ["ab", "cab", "--max_length", "4"]
    task = Seq2Seq.load_from_checkpoint(checkpoint)
    written = rnnzoo("write", checkpoint, *given)
    assert (written.code, written.err) == (0, "")
    assert written.out == "".join(f"{text}\n" for text in task.predict(["ab", "cab"], max_length=4))
    groups = "--num_return 3 --beam_size 4 --groups 2 --diversity 1"
    several = rnnzoo("write", checkpoint, "ab", *groups.split())
    found = task.hypotheses(["ab"], num_return=3, beam_size=4, groups=2, diversity=1.0)[0]
    assert several.out == "".join(f"{one.score:.4f}\t{one.text}\n" for one in found)
    streamed = rnnzoo("write", checkpoint, "ab", "--stream")
    assert streamed.out.splitlines() == list(task.stream("ab"))
    refused = rnnzoo("write", checkpoint, "ab", "--stream", "--num_return", "2")
    assert refused.err.startswith("rnnzoo: write: --stream shows the best text alone")
    drawn = rnnzoo(
        "write",
        checkpoint,
        "ab",
        "b",
        *["--without_replacement", "3", "--temperature", "2", "--top_k", "4", "--seed", "5"],
    )
    texts = task.sample_without_replacement(["ab", "b"], 3, temperature=2.0, top_k=4, seed=5)
    assert drawn.out == "".join(f"{one.log_prob:.4f}\t{one.text}\n" for own in texts for one in own)
    for flags, message in (
        ("--seed 5", "--seed is of draws: give --without_replacement N too, or leave it out"),
        ("--without_replacement 3 --beam_size 2", "--beam_size is of a search, and texts are drawn: leave it out"),
        ("--without_replacement 3 --stream", "--stream is of a search, and texts are drawn: leave it out"),
    ):
        refused = rnnzoo("write", checkpoint, "ab", *flags.split())
        assert (refused.code, refused.err) == (2, f"rnnzoo: write: {message}\n")
    refused = rnnzoo("generate", checkpoint)
    assert f"Seq2Seq, which does not generate text: it writes from a source, rnnzoo write {checkpoint}" in refused.err


def test_a_null_within_a_class(rnnzoo, recipe: Path) -> None:
    flags = ["--model.decoder.attention", "null", "--model.decoder.embedding_size=null", "--wandb", "off"]
    _checkpoint(rnnzoo("fit", recipe, *flags))
    (config,) = Path("runs/pairs").glob("*/config.yaml")
    content = yaml.safe_load(config.read_text())
    decoder = content["model"]["init_args"]["decoder"]
    assert (decoder["attention"], decoder["embedding_size"], decoder["stack"]["hidden_size"]) == (None, None, 4)
    assert "config" not in content
    refused = rnnzoo("fit", recipe, "--model.decoder.atention", "null")
    assert refused.err.startswith("rnnzoo: unknown key model.decoder.atention: did you mean model.decoder.attention")


def test_generate_from_a_condition(rnnzoo) -> None:
    for split in ("train", "validation", "test"):
        Path(f"{split}.tsv").write_text("text\tlabel\n" + "miau\tcat\nwau\tdog\n" * 4)
    Path("texts.yaml").write_text(CONDITIONED)
    checkpoint = _checkpoint(rnnzoo("fit", "texts.yaml", "--wandb", "off"))
    result = rnnzoo("generate", checkpoint, "--condition", "dog", "--seed", "1", "--max_length", "4")
    expected = Generator.load_from_checkpoint(checkpoint).generate(condition="dog", seed=1, max_length=4)
    assert (result.code, result.out) == (0, f"{expected}\n")
    assert rnnzoo("write", checkpoint, "cat").code == 0
    flags = "--condition dog --without_replacement 4 --seed 1 --prompt w"
    drawn = rnnzoo("generate", checkpoint, *flags.split())
    task = Generator.load_from_checkpoint(checkpoint)
    (texts,) = task.sample_without_replacement(["dog"], 4, max_length=100, prefix="w", seed=1)
    assert (drawn.code, drawn.out) == (0, "".join(f"{one.log_prob:.4f}\t{one.text}\n" for one in texts))
    assert len({one.text for one in texts}) == 4
    refused = rnnzoo("generate", checkpoint, "--without_replacement", "4")
    assert refused.err == "rnnzoo: --without_replacement draws several texts from one condition: give --condition\n"
    refused = rnnzoo("generate", checkpoint, "--condition", "dgo")
    assert (refused.code, "'dgo'" in refused.err) == (2, True)
