"""Reuse: a trained reader inside a new task, frozen, tuned, slowed by depth, unfrozen part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer

from rnnzoo.batches import LabelledBatch, SequenceInputs
from rnnzoo.callbacks import ExactResume, GradualUnfreezing
from rnnzoo.data import LabelledTextDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.inputs import PretrainedInput, pretrained_input
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor, Cloze, LanguageModel, Seq2Seq, SequenceEncoder, SequenceTask, Tagger
from rnnzoo.testing.tasks import check_task

WORDS = ["<unk>", "<eos>", "a", "b", "c"]
ANSWER = {"kind": "class", "labels": ["x", "y"]}
TOKENS = torch.tensor([[2, 3, 4, 2], [4, 4, 0, 0], [3, 0, 0, 0]])
BATCH = LabelledBatch(SequenceInputs(torch.tensor([4, 2, 1]), tokens=TOKENS), torch.tensor([0, 1, 1]))


class Loader:
    """Three batches."""

    def __iter__(self) -> Any:
        return iter([BATCH] * 3)

    def __len__(self) -> int:
        return 3


def _trainer(folder: Path, **given: Any) -> Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return Trainer(**{**quiet, "enable_checkpointing": False, "default_root_dir": folder, **given})


def _save(task: SequenceTask, path: Path) -> str:
    trainer = _trainer(path.parent)
    trainer.strategy.connect(task)
    trainer.save_checkpoint(path, weights_only=True)
    return str(path)


@pytest.fixture
def model(tmp_path: Path) -> tuple[LanguageModel, str]:
    torch.manual_seed(0)
    task = LanguageModel(
        WORDS,
        {"name": "whitespace", "lowercase": True},
        StackConfig(hidden_size=6, num_layers=2),
        embedding_size=5,
        input_dropout=0.3,
    )
    return task, _save(task, tmp_path / "lm.ckpt")


def _acceptor(path: str, words: list[str] = WORDS, **options: Any) -> Acceptor:
    encoding = {"kind": "text", "tokenizer": "whitespace", "vocabulary": words}
    given = {"kind": "pretrained", "checkpoint": path, **options}
    return Acceptor(encoding, ANSWER, input=given, stack=StackConfig(hidden_size=4))


def _reader(task: SequenceTask) -> PretrainedInput:
    found = pretrained_input(task.network)
    assert found is not None
    return found


@pytest.mark.parametrize("freeze", [True, False])
def test_contract(model: tuple[LanguageModel, str], freeze: bool) -> None:
    check_task(_acceptor(model[1], freeze=freeze), BATCH)


def test_it_reads_as_the_language_model_does(model: tuple[LanguageModel, str]) -> None:
    task = _acceptor(model[1])
    with task.evaluating(), model[0].evaluating():
        found = _reader(task)(BATCH.inputs)
        expected = model[0].network(TOKENS, BATCH.inputs.lengths).outputs
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_the_new_checkpoint_stands_alone(model: tuple[LanguageModel, str], tmp_path: Path) -> None:
    task = _acceptor(model[1])
    _save(task, tmp_path / "acceptor.ckpt")
    Path(model[1]).unlink()
    again = SequenceTask.load_from_checkpoint(tmp_path / "acceptor.ckpt")
    assert again.predict(["a b", "c"]) == task.predict(["a b", "c"])  # type: ignore[attr-defined]
    assert "checkpoint" not in again.hparams["input"]


def test_a_reader_of_a_reader(model: tuple[LanguageModel, str], tmp_path: Path) -> None:
    first = _acceptor(model[1], layer_decay=2.0)
    path = _save(first, tmp_path / "first.ckpt")
    second = _acceptor(path, layer_decay=3.0)
    with first.evaluating(), second.evaluating():
        torch.testing.assert_close(_reader(second)(BATCH.inputs), first.network.reader(BATCH.inputs).outputs)
    assert [(part.name, part.rate) for part in _reader(second).parts()] == [
        ("stack.0", pytest.approx(1 / 3)),
        ("inputs.stack.1", pytest.approx(1 / 6)),
        ("inputs.stack.0", pytest.approx(1 / 12)),
        ("inputs.inputs", pytest.approx(1 / 24)),
    ]


@pytest.mark.parametrize("kind", ["encoder", "tagger", "seq2seq"])
def test_every_task_that_reads_is_reused_and_reuses(
    model: tuple[LanguageModel, str], tmp_path: Path, kind: str
) -> None:
    encoding = {"kind": "text", "tokenizer": "whitespace", "vocabulary": WORDS}
    given = {"kind": "pretrained", "checkpoint": model[1]}
    stack = StackConfig(hidden_size=4, bidirectional=True)
    task: Any = {
        "encoder": lambda: SequenceEncoder(encoding, {"kind": "match"}, given, stack),
        "tagger": lambda: Tagger(encoding, {"upos": ["X", "Y"]}, given, stack),
        "seq2seq": lambda: Seq2Seq(encoding, encoding, given, stack),
    }[kind]()
    again = _acceptor(_save(task, tmp_path / "task.ckpt"))
    reader = task.network.encoder if kind == "seq2seq" else task.network.reader
    with task.evaluating(), again.evaluating(), model[0].evaluating():
        torch.testing.assert_close(_reader(again)(BATCH.inputs), reader(BATCH.inputs).outputs, rtol=0, atol=0)
        inner = _reader(task)(BATCH.inputs)
        torch.testing.assert_close(inner, model[0].network(TOKENS, BATCH.inputs.lengths).outputs, rtol=0, atol=0)


def test_new_words_are_read_as_unknown_ones_at_first(model: tuple[LanguageModel, str]) -> None:
    task = _acceptor(model[1], [*WORDS, "d", "e"])
    rows = _reader(task).inputs.embedding.weight  # type: ignore[union-attr]
    torch.testing.assert_close(rows[5:], model[0].network.embedding.weight[[0, 0]], rtol=0, atol=0)
    torch.testing.assert_close(rows[:5], model[0].network.embedding.weight, rtol=0, atol=0)


def test_frozen_it_never_changes_and_has_no_dropout(model: tuple[LanguageModel, str], tmp_path: Path) -> None:
    task = _acceptor(model[1], freeze=True)
    before = {name: value.clone() for name, value in _reader(task).state_dict().items()}
    _trainer(tmp_path, max_epochs=2).fit(task, Loader())
    for name, value in _reader(task).state_dict().items():
        assert torch.equal(value, before[name]), name
    task.train()
    assert torch.equal(_reader(task)(BATCH.inputs), _reader(task)(BATCH.inputs))


def test_lower_layers_learn_slower(model: tuple[LanguageModel, str]) -> None:
    task = _acceptor(model[1], layer_decay=2.6)
    task._make_optimizer = lambda groups: torch.optim.SGD(groups, lr=0.5)
    rates = {group["name"]: group["lr"] for group in task.configure_optimizers().param_groups}
    assert rates == pytest.approx(
        {
            "pretrained.stack.1": 0.5 / 2.6,
            "pretrained.stack.0": 0.5 / 2.6**2,
            "pretrained.inputs": 0.5 / 2.6**3,
            "reader": 0.5,
            "head": 0.5,
        }
    )
    task._make_scheduler = lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=9)
    with pytest.raises(RnnzooError, match=r"input\.layer_decay has no effect"):
        task.configure_optimizers()


def test_one_part_more_each_epoch(model: tuple[LanguageModel, str], tmp_path: Path) -> None:
    """After epoch k exactly the k parts at the top have moved."""
    task = _acceptor(model[1])
    start = {name: value.clone() for name, value in _reader(task).named_parameters()}
    parts = {"stack.cells.1": 1, "stack.cells.0": 2, "inputs": 3}
    for epochs in range(1, 5):
        fresh = _acceptor(model[1])
        _trainer(tmp_path, max_epochs=epochs, callbacks=[GradualUnfreezing()]).fit(fresh, Loader())
        for name, value in _reader(fresh).named_parameters():
            first = next(epoch for prefix, epoch in parts.items() if name.startswith(prefix))
            assert torch.equal(value, start[name]) == (epochs <= first), (name, epochs)


def test_what_the_reader_kept_as_it_was_stays_so(tmp_path: Path) -> None:
    """Frozen vectors, and a frozen reader inside the reader, are no parts: their gradients would be nobody's."""
    (tmp_path / "glove.txt").write_text("a 1 2 3\nb 4 5 6\n")
    encoding = {"kind": "text", "tokenizer": "whitespace", "vocabulary": WORDS}
    given = {"vectors": str(tmp_path / "glove.txt"), "freeze_vectors": True}
    path = _save(Acceptor(encoding, ANSWER, given, StackConfig(hidden_size=3)), tmp_path / "first.ckpt")
    middle = _save(_acceptor(path, freeze=True), tmp_path / "middle.ckpt")
    for checkpoint, parts in ((path, ["stack.0"]), (middle, ["stack.0"])):
        task = _acceptor(checkpoint, layer_decay=2.0)
        reader = _reader(task)
        frozen = {name: value.clone() for name, value in reader.named_parameters() if not value.requires_grad}
        assert frozen
        assert [part.name for part in reader.parts()] == parts
        _trainer(tmp_path, max_epochs=5, callbacks=[GradualUnfreezing()]).fit(task, Loader())
        for name, value in reader.named_parameters():
            assert value.requires_grad == (name not in frozen), name
            assert name not in frozen or (value.grad is None and torch.equal(value, frozen[name])), name


def test_a_resumed_run_is_the_run(model: tuple[LanguageModel, str], tmp_path: Path) -> None:
    def run(epochs: int, **given: Any) -> tuple[Acceptor, Trainer]:
        torch.manual_seed(3)
        task = _acceptor(model[1], layer_decay=2.6)
        task._make_optimizer = lambda groups: torch.optim.AdamW(groups, lr=0.01)
        task._make_scheduler = lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
        trainer = _trainer(tmp_path, max_epochs=epochs, callbacks=[GradualUnfreezing(), ExactResume()])
        trainer.fit(task, Loader(), **given)
        return task, trainer

    whole, _ = run(4)
    _, half = run(2)
    half.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = run(4, ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    for (name, value), other in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(value, other), name


def test_the_vocabulary_of_a_checkpoint(model: tuple[LanguageModel, str]) -> None:
    examples = [Example("B d a D", "x", "f:1"), Example(["e"], "y", "f:2")]
    found = TextVocabulary("word", lowercase=True, vocabulary_from=model[1]).fit(examples)
    assert found.vocabulary.tokens == [*WORDS, "d", "e"]
    assert found.tokenizer.name == "word"
    with pytest.raises(RnnzooError, match=r"was trained on lower-case text: give data\.lowercase true"):
        TextVocabulary("word", vocabulary_from=model[1]).fit(examples)
    with pytest.raises(RnnzooError, match="no such checkpoint"):
        TextVocabulary("word", vocabulary_from="absent.ckpt").fit(examples)


def test_mistakes(model: tuple[LanguageModel, str], tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match=r"the id 2 is 'b' in the data and 'a' in the checkpoint; give data.vocabu"):
        _acceptor(model[1], ["<unk>", "<eos>", "b", "a", "c"])
    with pytest.raises(RnnzooError, match="the id 3 is nothing in the data and 'b'"):
        _acceptor(model[1], WORDS[:3])
    with pytest.raises(RnnzooError, match="no such checkpoint: absent"):
        _acceptor("absent")
    with pytest.raises(RnnzooError, match=r"unknown key of input \(pretrained\) 'freese': did you mean 'freeze'"):
        _acceptor(model[1], freese=True)
    with pytest.raises(RnnzooError, match=r"needs input\.checkpoint"):
        Acceptor({"kind": "text", "tokenizer": "word", "vocabulary": WORDS}, ANSWER, input={"kind": "pretrained"})
    with pytest.raises(RnnzooError, match="layer_decay must be at least 1"):
        _acceptor(model[1], layer_decay=0.5)
    with pytest.raises(RnnzooError, match="reads text, and the data is of the kind series"):
        Acceptor(
            {"kind": "series", "mean": [0.0], "scale": [1.0]},
            ANSWER,
            input={"kind": "pretrained", "checkpoint": model[1]},
        )
    series = {"kind": "series", "mean": [0.0], "scale": [1.0]}
    given = {"kind": "pretrained", "checkpoint": _save(Acceptor(series, ANSWER), tmp_path / "series.ckpt")}
    with pytest.raises(RnnzooError, match=r"encoding \(another scale\).* return build_encoding\(trained_encoding\("):
        Acceptor({**series, "scale": [2.0]}, ANSWER, given)
    cloze = _save(Cloze(WORDS, "whitespace", StackConfig(hidden_size=3)), tmp_path / "cloze.ckpt")
    with pytest.raises(RnnzooError, match=r"of rnnzoo\.tasks\.cloze\.Cloze, which has no reader to reuse"):
        _acceptor(cloze)
    plain = Acceptor(
        {"kind": "text", "tokenizer": "word", "vocabulary": WORDS}, ANSWER, stack=StackConfig(hidden_size=3)
    )
    with pytest.raises(RnnzooError, match="the model has none"):
        _trainer(tmp_path, max_epochs=1, callbacks=[GradualUnfreezing()]).fit(plain, Loader())
    frozen = _acceptor(model[1], freeze=True)
    with pytest.raises(RnnzooError, match=r"what input\.freeze true freezes"):
        _trainer(tmp_path, max_epochs=1, callbacks=[GradualUnfreezing()]).fit(frozen, Loader())


def test_vectors_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("a 1 2 3\nc 4 5 6\nzebra 7 8 9\n")
    encoding = {"kind": "text", "tokenizer": "word", "vocabulary": WORDS}
    given = {"vectors": str(tmp_path / "glove.txt"), "freeze_vectors": True}
    task = Acceptor(encoding, ANSWER, input=given, stack=StackConfig(hidden_size=3))
    layer = task.network.reader.inputs
    assert layer.embedding.weight[[2, 4]].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert not layer.embedding.weight.requires_grad
    assert task.hparams["input"] == {"vectors": None, "freeze_vectors": True, "embedding_size": 3}
    _save(task, tmp_path / "x.ckpt")
    (tmp_path / "glove.txt").unlink()
    again = SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt")
    assert torch.equal(again.network.reader.inputs.embedding.weight, layer.embedding.weight)  # type: ignore[union-attr]
    assert not again.network.reader.inputs.embedding.weight.requires_grad  # type: ignore[union-attr]


def test_words_and_characters_start_from_vectors_too(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("a 1 2 3\nc 4 5 6\n")
    encoding = {"kind": "text", "tokenizer": "word", "vocabulary": WORDS, "characters": ["a", "b"]}
    given = {"kind": "words_and_characters", "vectors": str(tmp_path / "glove.txt"), "freeze_vectors": True}
    options = {**given, "filters": 4, "embedding_dropout": 0.25}
    task = Acceptor(encoding, ANSWER, input=options, stack=StackConfig(hidden_size=3))
    layer = task.network.reader.inputs
    assert layer.output_size == 3 + 4
    assert layer.words.embedding.row_dropout == 0.25
    assert layer.words.embedding.weight[[2, 4]].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert not layer.words.embedding.weight.requires_grad
    assert all(parameter.requires_grad for parameter in layer.characters.parameters())
    _save(task, tmp_path / "x.ckpt")
    (tmp_path / "glove.txt").unlink()
    again = SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt")
    assert torch.equal(again.network.reader.inputs.words.embedding.weight, layer.words.embedding.weight)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["tokens", "words_and_characters"])
def test_the_coverage_that_is_told_is_that_of_the_training_text(tmp_path: Path, capsys, kind: str) -> None:
    (tmp_path / "glove.txt").write_text("rose 1 2\nis 3 4\nthe 5 6\n")
    (tmp_path / "train.tsv").write_text("yes\ta rose is a rose\nno\tThe end\nno\tis a\n")
    (tmp_path / "validation.tsv").write_text("no\tis a\n")
    files = [[str(tmp_path / f"{split}.tsv")] for split in ("train", "validation")]
    data = LabelledTextDataModule(*files, header=False, target_column=0, text_column=1, characters=True)
    task = Acceptor(
        data.encoding, data.answer, {"kind": kind, "vectors": str(tmp_path / "glove.txt")}, StackConfig(hidden_size=3)
    )
    _trainer(tmp_path, max_epochs=1, limit_val_batches=0).fit(task, datamodule=data)
    told = [line for line in capsys.readouterr().err.splitlines() if "vector" in line or "without one" in line]
    # a 3, rose 2, is 2, The 1, end 1; `<unk>` is no word of the text
    assert told == [
        "input.vectors: vectors for 3 of 5 types (60.0%) and 5 of 9 tokens (55.6%); 1 types and 1 tokens of these only "
        "in lower case",
        "most frequent without one: 'a' (3), 'end' (1)",
    ]


def test_words_that_are_read_as_unknown_ones_have_no_vector(tmp_path: Path, capsys) -> None:
    (tmp_path / "glove.txt").write_text("a 1 2\nrose 3 4\n")
    (tmp_path / "train.tsv").write_text("yes\ta a rose\nno\ta b c\n")
    (tmp_path / "validation.tsv").write_text("no\ta b\n")
    files = [[str(tmp_path / f"{split}.tsv")] for split in ("train", "validation")]
    data = LabelledTextDataModule(*files, header=False, target_column=0, text_column=1, min_frequency=2)
    task = Acceptor(data.encoding, data.answer, {"vectors": str(tmp_path / "glove.txt")}, StackConfig(hidden_size=3))
    _trainer(tmp_path, max_epochs=1, limit_val_batches=0).fit(task, datamodule=data)
    told = capsys.readouterr().err
    assert "vectors for 1 of 2 types (50.0%) and 3 of 6 tokens (50.0%)" in told  # a; rose, b and c are rare
    assert "most frequent without one: '<unk>' (3)" in told
