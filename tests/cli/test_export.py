"""``export``: programs that give what the task gives, on batches of other sizes, and where there is no rnnzoo."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import rnnzoo as package
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor, Captioner, Forecaster, Generator, LanguageModel, Seq2Seq, SequenceEncoder, Tagger
from rnnzoo.tasks import export as exporting

WORDS = ["<unk>", "<eos>", "a", "b", "c"]
TEXT = {"kind": "text", "tokenizer": "word", "vocabulary": WORDS}
RAW = ["a", "b c a a c", "c b", "a b c a b c b"]
BATCHES = [RAW[1:2], RAW, RAW[:1], RAW * 3]
WITHOUT_RNNZOO = """
import sys
sys.modules.update(dict.fromkeys(["rnnzoo", "lightning", "torchmetrics"]))  # importing them is an error
import torch
program = torch.export.load(sys.argv[1]).module()
tokens, lengths = torch.tensor([[2, 3, 4], [4, 0, 0]]), torch.tensor([3, 1])
found = program({"tokens": tokens, "lengths": lengths})["log_probs"]
assert not found.requires_grad
torch.save(found, sys.argv[2])
"""


def bold(task):
    """The task with weights so large that every part of it shows in the results."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return task


def exported(rnnzoo, task, path="model.pt2"):
    """What a checkpoint's export wrote: its programs, and the JSON."""
    content = {"state_dict": task.state_dict(), "hyper_parameters": dict(task.hparams)}
    torch.save(content, "best.ckpt")
    result = rnnzoo("export", "best.ckpt", "--output", path)
    assert (result.code, result.err) == (0, "")
    about = json.loads(Path(path).with_suffix(".json").read_text())
    files = [Path(path).parent / each["file"] for each in about["programs"].values()]
    assert result.out.splitlines() == [*map(str, files), str(Path(path).with_suffix(".json"))]
    loaded = {name: torch.export.load(file).module() for name, file in zip(about["programs"], files, strict=True)}
    return loaded, about


def inputs_of(task, raw):
    batch = task.encoding.batch(raw)
    parts = {name: getattr(batch, name) for name in ("tokens", "characters", "values", "lengths")}
    return {name: part for name, part in parts.items() if part is not None}


def at_least(parts, steps):
    """With so many steps, padding among them."""
    missing = max(steps - parts["tokens"].shape[1], 0)
    return {**parts, "tokens": torch.nn.functional.pad(parts["tokens"], (0, missing))}


def close(found, expected):
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=found.dtype), atol=1e-5, rtol=1e-5)


def test_acceptor(rnnzoo):
    stack = StackConfig(cell="gru", hidden_size=4, bidirectional=True)
    answer = {"kind": "class", "labels": ["no", "yes", "who"]}
    task = bold(Acceptor(TEXT, answer, {"embedding_size": 3}, stack, pooling=["final", "max", "attention"]))
    programs, about = exported(rnnzoo, task, "new/folder/model.pt2")
    for raw in BATCHES:
        expected = [list(one.probabilities.values()) for one in task.predict(raw)]
        close(programs["model"](inputs_of(task, raw))["log_probs"].exp(), expected)
    longer = at_least(inputs_of(task, RAW), 11)
    close(programs["model"](longer)["log_probs"].exp(), [list(one.probabilities.values()) for one in task.predict(RAW)])
    assert about["task"] == "rnnzoo.tasks.acceptor.Acceptor"
    assert (about["encoding"]["vocabulary"], about["answer"]) == (WORDS, answer)
    assert about["programs"]["model"] == {
        "file": "model.pt2",
        "inputs": [
            {"name": "tokens", "dtype": "int64", "shape": ["N", "T"]},
            {"name": "lengths", "dtype": "int64", "shape": ["N"]},
        ],
        "outputs": [{"name": "log_probs", "dtype": "float32", "shape": ["N", 3]}],
        "least": {"N": 1, "T": 1},
    }

    command = [sys.executable, "-c", WITHOUT_RNNZOO, "new/folder/model.pt2", "found.pt"]
    subprocess.run(command, check=True)
    close(torch.load("found.pt").exp(), [list(one.probabilities.values()) for one in task.predict(["a b c", "c"])])

    with zipfile.ZipFile("new/folder/model.pt2") as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"log_probs" in everything
    assert str(Path(package.__file__).parent).encode() not in everything, "a path of this machine"


def test_tagger_with_characters_and_a_crf(rnnzoo):
    tags = {"spans": ["O", "B-x", "I-x"]}
    task = bold(
        Tagger(
            {**TEXT, "characters": ["a", "b"]},
            tags,
            {"kind": "words_and_characters", "embedding_size": 3, "character_size": 2, "filters": 3, "widths": [2, 3]},
            StackConfig(cell="min_gru", hidden_size=3, bidirectional=True),
            head="crf",
            scheme="IOB2",
        )
    )
    programs, about = exported(rnnzoo, task)
    for raw in [["a"], [*RAW, "ccccc a"], RAW[::-1]]:
        found = programs["model"](inputs_of(task, raw))
        for row, steps in enumerate(task.predict(raw)):
            named = [tags["spans"][tag] for tag in found["tags"][row].tolist()]
            assert named[: len(steps)] == [tag for _, tag in steps]
            assert set(named[len(steps) :]) <= {"O"}, "0 in padding"
        with task.evaluating():
            scores = task.network.heads[0].emissions(task.network(task.encoding.batch(raw)))
        close(found["emissions"], scores)
    assert about["tags"] == tags
    assert [one["shape"] for one in about["programs"]["model"]["inputs"]] == [["N", "T"], ["N", "T", "C"], ["N"]]


def test_forecaster(rnnzoo):
    encoding = {"kind": "series", "mean": [1.0, -2.0], "scale": [2.0, 0.5]}
    stack = StackConfig(cell="gru", hidden_size=3)
    task = bold(Forecaster(encoding, stack=stack, head="gaussian", horizon=2, differenced=True))
    programs, about = exported(rnnzoo, task)
    series = [torch.randn(steps, 2) for steps in (4, 1, 11)]
    for raw in (series, series[:1]):
        found = programs["model"](inputs_of(task, raw))
        for row, expected in enumerate(task.predict(raw, steps=2)):
            last = found["mean"][row, len(raw[row]) - 1]
            scale, mean = torch.tensor(encoding["scale"]), torch.tensor(encoding["mean"])
            close(last * scale + mean, expected)
        assert (found["deviation"] > 0).all()
    assert about["horizon"] == 2


def test_sequence_encoder_and_what_it_tells_of_a_pair(rnnzoo):
    labels = ["same", "other"]
    stack = StackConfig(cell="elman", hidden_size=3)
    task = bold(SequenceEncoder(TEXT, {"kind": "class", "labels": labels}, {"embedding_size": 3}, stack))
    programs, _ = exported(rnnzoo, task)
    vectors = programs["model"](inputs_of(task, RAW))["vectors"]
    close(vectors, torch.from_numpy(task.encode(RAW)))
    told = programs["pair"]({"first": vectors, "second": vectors.flip(0)})["told"].argmax(-1)
    assert [labels[at] for at in told.tolist()] == task.predict(list(zip(RAW, RAW[::-1], strict=True)))


def test_language_model(rnnzoo):
    stack = StackConfig(cell="lstm", hidden_size=4, num_layers=2, connections="residual", zoneout=0.1)
    task = bold(LanguageModel(WORDS, stack=stack, head="adaptive", cutoffs=[3]))
    programs, about = exported(rnnzoo, task)
    assert (about["start_id"], about["end_id"], about["vocabulary"]) == (1, 1, WORDS)
    rows = torch.tensor([[2, 3, 4, 4, 1], [3, 3, 2, 0, 1]])
    tokens = torch.full((2,), about["start_id"])
    known, log_prob = programs["init_state"]({"tokens": tokens}), torch.zeros(2)
    for following in rows.unbind(1):
        known = programs["step"]({"tokens": tokens, **known})
        log_prob += known.pop("log_probs").gather(1, following[:, None]).squeeze(1)
        tokens = following
    close(log_prob, [one.log_prob for one in task.score(["a b c c", "b b a <unk>"])])


def greedy(programs, about, parts, most):
    """A text for each row: the loop that a user of the programs writes."""
    known = programs["init_state"](parts)
    tokens = torch.full((len(next(iter(parts.values()))),), about["start_id"])
    rows = []
    for _ in range(most):
        new = programs["step"]({"tokens": tokens, **known})
        tokens = new.pop("log_probs").argmax(-1)
        known |= new
        rows.append(tokens)
    words = about["target_encoding"]["vocabulary"]
    written = [[words[token] for token in row] for row in torch.stack(rows, 1).tolist()]
    return [" ".join(row[: row.index("<eos>")] if "<eos>" in row else row) for row in written]


def test_seq2seq(rnnzoo):
    decoder = {
        "stack": {"cell": "gru", "hidden_size": 4},
        "attention": "location",
        "attention_options": {"filters": 2, "width": 3},
        "input_feeding": True,
        "concatenate": "both",
    }
    stack = StackConfig(cell="gru", hidden_size=4, bidirectional=True)
    task = bold(Seq2Seq(TEXT, TEXT, {"embedding_size": 3}, stack, decoder, max_length=6))
    programs, about = exported(rnnzoo, task)
    written = []
    for raw in BATCHES:
        written += greedy(programs, about, at_least(inputs_of(task, raw), 2), 6)
    assert written == [text for raw in BATCHES for text in task.predict(raw, beam_size=1)]
    assert len(set(written)) > 1, "else it says nothing"
    assert about["programs"]["step"]["least"] == {"N": 1, "T": 2}


def test_generator_and_captioner(rnnzoo):
    decoder = {"stack": {"cell": "lstm", "hidden_size": 4}, "bridge": "learned"}
    task = bold(Generator({"kind": "none"}, TEXT, decoder, max_length=5))
    programs, about = exported(rnnzoo, task)
    parts = {"tokens": torch.zeros(2, dtype=torch.int64)}
    assert greedy(programs, about, parts, 5) == task.predict([None, None], beam_size=1)

    decoder = {"stack": {"cell": "gru", "hidden_size": 4}, "attention": "additive", "attention_order": "before"}
    task = bold(Captioner({"height": 8, "width": 12}, TEXT, {"width": 2}, decoder=decoder, max_length=5))
    programs, about = exported(rnnzoo, task)
    images = torch.rand(5, 8, 12, 3)
    assert greedy(programs, about, {"images": images}, 5) == task.predict(list(images.numpy()), beam_size=1)


def test_nothing_is_half_written(rnnzoo, monkeypatch):
    task = Generator({"kind": "none"}, TEXT, {"stack": {"hidden_size": 4}, "bridge": "zero"})
    save = torch.export.save

    def fail(program, path):
        save(program, path)
        if "step" in str(path):
            raise OSError("the disk is full")

    Path("model.init_state.pt2").write_text("old")
    monkeypatch.setattr(torch.export, "save", fail)
    with pytest.raises(OSError, match="full"):
        exporting.export(task, "model.pt2")
    assert Path("model.init_state.pt2").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["model.init_state.pt2", "toy.yaml"]
    assert all(parameter.requires_grad for parameter in task.network.parameters()), "the task can be trained on"


def test_a_program_that_gives_something_else_is_not_kept(rnnzoo, monkeypatch):
    task = Generator({"kind": "none"}, TEXT, {"stack": {"hidden_size": 4}, "bridge": "learned"})
    made = exporting._made

    def wrong(*arguments):
        program = made(*arguments)
        for value in program.state_dict.values():
            value.add_(1.0)
        return program

    monkeypatch.setattr(exporting, "_made", wrong)
    with pytest.raises(ValueError, match="the exported program step gives other log_probs than the task"):
        exporting.export(task, "model.pt2")
    assert not list(Path().glob("*model*"))


COPY = {"stack": {"hidden_size": 4}, "attention": "additive", "copy": True}
LOOKS = """
from rnnzoo.cells import GRUCell

class Looks(GRUCell):
    def forward(self, inputs, state, noise=None):
        return super().forward(inputs if bool(inputs.sum() > 0) else -inputs, state, noise)
"""


@pytest.mark.parametrize(
    ("task", "output", "message"),
    [
        (lambda: Seq2Seq(TEXT, TEXT, decoder=COPY), "model.pt2", "a decoder that copies (decoder.copy) cannot be"),
        (
            lambda: Generator({"kind": "none"}, TEXT, {"bridge": "zero"}),
            "model.onnx",
            "export: --output model.onnx must",
        ),
        (None, "model.pt2", "best.ckpt cannot be read: it is cut short, or no checkpoint at all"),
    ],
    ids=["copying", "another-ending", "no-checkpoint"],
)
def test_refusals(rnnzoo, task, output, message):
    if task is None:
        torch.save({"state_dict": {"weight": torch.zeros(1000)}}, "best.ckpt")
        Path("best.ckpt").write_bytes(Path("best.ckpt").read_bytes()[:1000])
    else:
        made = task()
        torch.save({"state_dict": made.state_dict(), "hyper_parameters": dict(made.hparams)}, "best.ckpt")
    result = rnnzoo("export", "best.ckpt", "--output", output)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: {message}")
    assert result.err.count("\n") == 1
    assert not list(Path().glob("*model*"))


def test_a_cell_that_looks_at_values(rnnzoo):
    Path("looks.py").write_text(LOOKS)
    sys.path.insert(0, str(Path.cwd()))
    task = Acceptor(TEXT, {"kind": "class", "labels": ["a", "b"]}, stack=StackConfig(cell="looks.Looks", hidden_size=3))
    torch.save({"state_dict": task.state_dict(), "hyper_parameters": dict(task.hparams)}, "best.ckpt")
    result = rnnzoo("export", "best.ckpt", "--output", "model.pt2", "--import", "looks")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("rnnzoo: the program model cannot be exported: ")
    assert "a cell or an image encoder of your own must be made of PyTorch's operations alone" in result.err
    assert result.err.count("\n") == 1
