"""An acceptor of sound and of images: the contract, and answers from a checkpoint alone."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
import torch
from lightning import Trainer

from rnnzoo.batches import LabelledBatch
from rnnzoo.data import LabelledWavsDataModule
from rnnzoo.encodings import ImageSequenceEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor
from rnnzoo.testing.tasks import check_task

ANSWER = {"kind": "class", "labels": ["no", "yes"]}


def test_contract_with_images() -> None:
    torch.manual_seed(0)
    encoding = ImageSequenceEncoding(4, 5, channels=2)
    inputs = encoding.batch([torch.rand(3, 4, 5, 2), torch.rand(2, 4, 5, 2)])
    task = Acceptor(encoding.config(), ANSWER, input={"filters": 2, "output_size": 6}, stack=StackConfig(hidden_size=5))
    check_task(task, LabelledBatch(inputs, torch.tensor([0, 1])))
    assert task.predict([torch.rand(3, 4, 5, 2)])[0].label in ANSWER["labels"]


def _tone(path: Path, hertz: float, rate: int = 8000) -> None:
    samples = 0.3 * torch.sin(2 * torch.pi * hertz * torch.arange(800) / rate)
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 2**15).round().short().numpy().astype("<i2").tobytes())


def test_tones_are_told_apart_from_a_checkpoint_alone(tmp_path: Path) -> None:
    for at in range(30):
        _tone(tmp_path / "low" / f"{at}.wav", 300 + 10 * at)
        _tone(tmp_path / "high" / f"{at}.wav", 1500 + 20 * at)
    torch.manual_seed(0)
    data = LabelledWavsDataModule(folder=str(tmp_path), bands=10, batch_size=8)
    task = Acceptor(
        data.encoding,
        data.answer,
        stack=StackConfig(hidden_size=8),
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.02),
    )
    check_task(task, next(iter(data.val_dataloader())))
    trainer = Trainer(
        max_epochs=4, logger=False, enable_progress_bar=False, enable_checkpointing=False, accelerator="cpu"
    )
    trainer.fit(task, datamodule=data)
    trainer.save_checkpoint(tmp_path / "tones.ckpt", weights_only=False)
    alone = Acceptor.load_from_checkpoint(tmp_path / "tones.ckpt", weights_only=True)
    places = [example.place for example in data.examples("test")]
    assert [found.label for found in alone.predict(places)] == [Path(place).parent.name for place in places]
    _tone(tmp_path / "fast.wav", 400, rate=16000)
    with pytest.raises(RnnzooError, match=r"input 0: .*fast.wav: has 1 channel at 16000 Hz, expected is 1 at 8000 Hz"):
        alone.predict([str(tmp_path / "fast.wav")])
