"""The captioner as a task: its contract, its loss by hand, captions from a checkpoint alone, and films."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.fx.graph_module import reduce_graph_module

from rnnzoo.batches import SequenceInputs, WritingBatch
from rnnzoo.encodings import VideoEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.coverage import doubly_stochastic_penalty
from rnnzoo.metrics.captions import CaptionScores
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Captioner, Seq2Seq, SequenceTask
from rnnzoo.testing.tasks import check_task

IMAGES = {"height": 8, "width": 8, "channels": 1, "mean": [0.5], "scale": [0.25]}
TARGET = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "<eos>", "a", "red", "dog"]}
TARGETS = torch.tensor([[2, 3, 4, 1], [4, 1, 0, 0], [0, 0, 0, 0]])
LENGTHS = torch.tensor([4, 2, 0])
DECODER = {"stack": {"cell": "gru", "hidden_size": 8}, "embedding_size": 4, "bridge": "projected"}
RAW = [np.random.default_rng(number).integers(0, 255, (8, 8), dtype=np.uint8) for number in range(3)]


def _batch() -> WritingBatch:
    source = torch.from_numpy((np.stack(RAW) / 255 - 0.5) / 0.25).float()[..., None]
    source[2] = 0
    inputs = torch.cat((torch.ones(3, 1, dtype=torch.long), TARGETS[:, :-1]), 1)
    return WritingBatch(source, inputs, TARGETS, LENGTHS)


def _task(attention: bool = True, target: Any = TARGET, **given: Any) -> Captioner:
    torch.manual_seed(0)
    decoder = {**DECODER, "attention": "additive" if attention else None}
    options = {"backbone": {"width": 4}, "max_length": 6, "beam_size": 2, **given}
    return Captioner(IMAGES, target, decoder=decoder, **options)  # type: ignore[arg-type]  # a dictionary will do


@pytest.mark.parametrize("attention", [False, True], ids=["s_0", "attention"])
def test_contract(attention: bool) -> None:
    check_task(_task(attention, doubly_stochastic=0.5 if attention else 0.0), _batch())


def test_training_adds_the_penalty_and_nothing_else_does() -> None:
    plain, penalised = _task(), _task(doubly_stochastic=0.5)
    batch = _batch()
    output = plain.network(batch.source, batch.inputs, batch.lengths)
    expected = plain.batch_loss(batch, "train")[0] + 0.5 * doubly_stochastic_penalty(output.weights, batch.mask)
    torch.testing.assert_close(penalised.batch_loss(batch, "train")[0], expected)
    torch.testing.assert_close(penalised.batch_loss(batch, "val")[0], plain.batch_loss(batch, "val")[0])


def _reloaded(task: SequenceTask, folder: Path, make_trainer: Any, *trust: str) -> Any:
    trainer = make_trainer()
    trainer.strategy.connect(task)
    trainer.save_checkpoint(folder / "x.ckpt", weights_only=True)
    return SequenceTask.load_from_checkpoint(folder / "x.ckpt", trust=trust)


def test_writes_of_files_bytes_and_arrays_from_a_checkpoint_alone(tmp_path: Path, make_trainer: Any) -> None:
    image = pytest.importorskip("PIL.Image", reason="images are decoded by Pillow")
    task = _task()
    loaded = _reloaded(task, tmp_path, make_trainer)
    paths, raw = [], []
    for number, array in enumerate(RAW):
        file = io.BytesIO()
        image.fromarray(array).save(file, format="PNG")
        raw.append(file.getvalue())
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(file.getvalue())
    expected = task.predict(RAW)
    found = [own[0].log_prob for own in task.hypotheses(RAW, num_return=1)]
    assert len(set(found)) == 3  # it depends on the image
    assert [own[0].log_prob for own in loaded.hypotheses(paths, num_return=1)] == pytest.approx(found, rel=1e-4)
    assert loaded.predict(RAW) == loaded.predict(raw) == loaded.predict(paths) == expected
    assert [task.predict([one])[0] for one in RAW] == expected
    with pytest.raises(RnnzooError, match=r"image 1: .*no\.png: no such file"):
        loaded.predict([paths[0], tmp_path / "no.png"])
    for one in (RAW[0], np.zeros((5, 7, 3), dtype=np.uint8), torch.zeros(5, 7, 3)):
        with pytest.raises(RnnzooError, match="give a list of images, not one"):
            loaded.predict(one)


def test_the_loss_is_that_of_a_decoder_that_starts_from_the_vector() -> None:
    task, batch = _task(attention=False).eval(), _batch()  # so that no row depends on the others
    network = task.network
    gru = nn.GRU(4, 8, batch_first=True)
    for name, value in network.decoder.stack.cells[0].named_parameters():
        getattr(gru, f"{name}_l0").data.copy_(value)
    expected = 0.0
    with torch.no_grad():
        for row, length in ((0, 4), (1, 2)):
            vector = network.encoder(batch.source[row : row + 1])
            start = torch.tanh(network.decoder.bridge.linear(vector))
            outputs, _ = gru(network.decoder.embedding.weight[batch.inputs[row : row + 1, :length]], start[None])
            log_probs = network.decoder.head.log_probs(outputs[0])
            expected -= log_probs[torch.arange(length), TARGETS[row, :length]].sum().item()
        loss_sum, count = task.batch_loss(batch, "val")
    assert loss_sum.item() == pytest.approx(expected, rel=1e-5)
    assert count.item() == 6


def test_attend_shows_the_image_as_it_is_seen_and_the_weights_of_the_loss() -> None:
    task = _task()
    seen = task.attend(RAW[:2], ["a red dog", "dog"])
    assert (seen[0].caption, seen[0].written) == ("a red dog", ["a", "red", "dog", "<eos>"])
    assert torch.equal(seen[0].picture[..., 0], torch.from_numpy(RAW[0]))
    with task.evaluating():
        output = task.network(_batch().source, _batch().inputs, LENGTHS)
    weights = seen[0].weights
    assert weights is not None
    assert weights.shape == (4, 2, 2)  # 8 x 8 pixels, quartered
    torch.testing.assert_close(weights.flatten(1), output.weights[0])
    assert task.attend(RAW[:1])[0].written[:-1] == task.write(RAW[:1])[0]
    assert _task(attention=False).attend(RAW[:1])[0].weights is None
    by_letter = _task(target={**TARGET, "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "d", "g", "o"]})
    assert by_letter.attend(RAW[:1], ["dog"])[0].caption == "dog"
    with pytest.raises(RnnzooError, match="1 captions for 2 images"):
        task.attend(RAW[:2], ["dog"])
    with pytest.raises(RnnzooError, match=r"^caption 1: there is no token in ''$"):
        task.attend(RAW[:2], ["dog", ""])


def test_compare_gives_all_scores_of_captions() -> None:
    class Data:
        description = "toy"

        def references(self, split: str) -> list[tuple[Any, list[str]]]:
            return [(RAW[0], ["A red dog.", "a dog"]), (RAW[1], ["red red dog"])]

        def baselines(self) -> dict[str, list[str]]:
            return {"always a dog": ["a dog", "a dog"]}

    table = _task(scores=["exact_match", "captions"], beam_size=2).compare(Data())
    assert table is not None
    scores = CaptionScores()
    scores.update(["a dog", "a dog"], [["A red dog.", "a dog"], ["red red dog"]])
    expected = {name: float(value) for name, value in scores.compute().items()}
    assert table.rows["always a dog"] == pytest.approx({"exact_match": 0.5, **expected})
    assert list(table.rows) == ["Captioner, greedy", "Captioner, beam 2", "always a dog"]
    with pytest.raises(RnnzooError, match="rouge_l of its own kind"):
        _task(scores=["captions", "rouge_l"])


class OneBatch:
    """A loader; Lightning takes a list for several loaders."""

    def __iter__(self) -> Iterator[WritingBatch]:
        return iter((_batch(),))


class Flat(nn.Module):
    """A backbone of someone else, channels first."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, size, 4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.convolution(images)


def test_any_module_is_a_backbone(tmp_path: Path, make_trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("their_vision")
    module.Flat = Flat  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "their_vision", module)
    backbone = {"class_path": "their_vision.Flat", "init_args": {"size": 6}, "output_size": 6}
    task = _task(backbone=backbone, frozen=True)
    before = [p.clone() for p in task.network.encoder.parameters()]
    trainer = make_trainer(max_steps=2)
    trainer.fit(task, OneBatch(), OneBatch())
    assert all(torch.equal(a, b) for a, b in zip(before, task.network.encoder.parameters(), strict=True))
    assert _reloaded(task, tmp_path, make_trainer).predict(RAW) == task.predict(RAW)
    monkeypatch.delitem(sys.modules, "their_vision")
    with pytest.raises(RnnzooError, match=r"made by their_vision\.Flat\(size=6\)"):  # a checkpoint imports nothing
        SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt")
    with pytest.raises(RnnzooError, match="cannot be imported"):
        _task(backbone=backbone)
    for path in (  # nothing but modules is ever called, and no function of torch, which has one that runs a text
        *("subprocess.Popen", "os.system", "torch.nn.Modul", "runpy.run_path"),
        *("torch.hub.load", "torch.fx.graph_module.reduce_graph_module"),
    ):
        with pytest.raises(RnnzooError, match=r"is no class of torch\.nn\.Module"):
            _task(backbone={"class_path": path, "init_args": {"args": ["false"]}, "output_size": 6})
    with pytest.raises(RnnzooError, match="output_size is missing"):
        _task(backbone={"class_path": "their_vision.Flat"})
    with pytest.raises(RnnzooError, match=r"withd.*width"):
        _task(backbone={"withd": 4})


def their_flat(size: int, grid: bool = True) -> Flat:
    return Flat(size)


def unannotated(size):  # type: ignore[no-untyped-def]
    return Flat(size)


def wrongly_annotated(size: int) -> Gone:  # type: ignore[name-defined]  # noqa: F821
    return Flat(size)


class Parts(nn.Module):
    """Ends in classes, as the networks of torchvision do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 3, 2, 2)
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 5, 2, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(5, 9)


def test_a_function_that_makes_a_module_is_a_backbone(
    tmp_path: Path, make_trainer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, timm = ModuleType("their_vision"), ModuleType("timm")
    for function in (their_flat, unannotated, wrongly_annotated, reduce_graph_module, Parts):
        setattr(module, function.__name__, function)
    timm.create_model = unannotated  # type: ignore[attr-defined]  # the one that is known not to say what it gives
    monkeypatch.setitem(sys.modules, "their_vision", module)
    monkeypatch.setitem(sys.modules, "timm", timm)
    for path in ("their_vision.their_flat", "timm.create_model"):
        backbone = {"class_path": path, "init_args": {"size": 6}, "output_size": 6}
        task = _task(backbone=backbone)
        assert task.network.encoder(_batch().source).shape == (3, 4, 6)
        assert _reloaded(task, tmp_path, make_trainer, path).predict(RAW) == task.predict(RAW)
    body = {"_code": "raise SystemExit"}
    for name in ("unannotated", "wrongly_annotated", "reduce_graph_module"):
        with pytest.raises(RnnzooError, match=r"and no function that says that it gives one \(def f"):
            _task(backbone={"class_path": f"their_vision.{name}", "init_args": {"body": body}, "output_size": 6})
    flat = {"class_path": "their_vision.their_flat", "output_size": 6}
    with pytest.raises(RnnzooError, match=r"unknown key of backbone\.init_args 'sice': did you mean 'size'"):
        _task(backbone={**flat, "init_args": {"sice": 6}})
    with pytest.raises(
        RnnzooError, match=r"init_args: their_vision\.their_flat is missing a required argument: 'size'"
    ):
        _task(backbone=flat)
    with pytest.raises(RnnzooError, match=r"backbone\.output_size must be a whole number of at least 1, not '6'"):
        _task(backbone={**flat, "output_size": "6"})
    with pytest.raises(RnnzooError, match=r"backbone\.width must be a whole number of at least 1, not 'abc'"):
        _task(backbone={"width": "abc"})
    parts = {"class_path": "their_vision.Parts", "output_size": 5}
    encoder = _task(backbone={**parts, "until": "body"}).network.encoder
    expected = encoder.module[1](encoder.module[0](_batch().source.permute(0, 3, 1, 2)))
    torch.testing.assert_close(encoder(_batch().source), expected.flatten(2).transpose(1, 2))
    with pytest.raises(RnnzooError, match=r"unknown backbone\.until 'boddy': did you mean 'body'"):
        _task(backbone={**parts, "until": "boddy"})


def test_films_are_read_by_a_sequence_to_sequence_task(tmp_path: Path, make_trainer: Any) -> None:
    encoding = VideoEncoding(8, 8, mean=0.5, scale=0.25)
    films = [np.stack(RAW), np.stack(RAW[:2])]
    torch.manual_seed(0)
    task = Seq2Seq(
        encoding.config(),
        TARGET,
        input={"filters": 2, "output_size": 5},
        stack=StackConfig(cell="gru", hidden_size=8),
        decoder={**DECODER, "attention": "additive"},  # type: ignore[arg-type]  # a dictionary will do
        max_length=6,
    )
    values = encoding.batch(films)
    lengths = torch.tensor([3, 2, 0])
    source = SequenceInputs(lengths, values=torch.cat((values.values, torch.zeros(1, 3, 8, 8, 1))))  # type: ignore[arg-type]
    check_task(task, WritingBatch(source, _batch().inputs, TARGETS, LENGTHS))
    np.save(tmp_path / "film.npy", films[0])
    loaded = _reloaded(task, tmp_path, make_trainer)
    assert loaded.predict([tmp_path / "film.npy", films[1]]) == task.predict(films)
