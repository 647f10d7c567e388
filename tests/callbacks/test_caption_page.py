"""The page of captions: what stands in it, and that training does not notice."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.callbacks import CaptionPage
from rnnzoo.callbacks.caption_html import Captioned, caption_page, lit
from rnnzoo.errors import RnnzooError

Image = pytest.importorskip("PIL.Image", reason="pages of captions are made with Pillow")

PICTURE = torch.arange(4 * 6 * 3, dtype=torch.uint8).view(4, 6, 3)


def _pictures(html: str) -> list[Any]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def test_a_page_has_the_images_and_the_texts() -> None:
    weights = torch.eye(2).view(2, 1, 2)
    grey = torch.full((4, 6, 1), 7, dtype=torch.uint8)
    html = caption_page(
        [
            Captioned(PICTURE, "a", ["a", "<eos>"], weights, ["A <b>dog</b> & cat", "two"]),
            Captioned(grey, "", ["<eos>"], None, ["x"]),
        ],
        'a "title" <1>',
    )
    pictures = _pictures(html)
    np.testing.assert_array_equal(pictures[0], PICTURE.numpy())
    np.testing.assert_array_equal(pictures[1], lit(PICTURE, weights[0]).numpy())
    np.testing.assert_array_equal(pictures[2], lit(PICTURE, weights[1]).numpy())
    np.testing.assert_array_equal(pictures[3], grey[..., 0].numpy())
    assert len(pictures) == 4
    assert "A &lt;b&gt;dog&lt;/b&gt; &amp; cat" in html
    assert "<h1>a &quot;title&quot; &lt;1&gt;</h1>" in html
    assert '<p class="caption">a</p>' in html
    assert '<p class="caption"><em>nothing</em></p>' in html
    assert "http" not in html  # it needs nothing else


def test_places_of_great_weight_are_bright() -> None:
    white = torch.full((4, 4, 1), 200, dtype=torch.uint8)
    shown = lit(white, torch.tensor([[0.8, 0.0], [0.0, 0.4]]))[..., 0]
    assert [int(shown[at]) for at in ((0, 0), (0, 3), (3, 0), (3, 3))] == [200, 30, 30, 115]
    assert lit(white, torch.zeros(2, 2)).unique().tolist() == [30]  # where nothing is looked at


def _fit(folder: Path, callbacks: list[Any]) -> tuple[Any, Any]:
    from lightning import LightningDataModule, Trainer

    from rnnzoo.batches import WritingBatch
    from rnnzoo.tasks import Captioner

    images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 120, 255)]

    class OneBatch:
        def __iter__(self) -> Any:
            inputs = torch.tensor([[1, 2], [1, 3], [1, 2]])
            targets = torch.tensor([[2, 1], [3, 1], [2, 1]])
            source = torch.from_numpy(np.stack(images)).float()[..., None] / 255
            return iter([WritingBatch(source, inputs, targets, torch.tensor([2, 2, 2]))])

    class Toy(LightningDataModule):
        description = "toy"

        def references(self, split: str) -> list[Any]:
            return [(image, [f"{split} {number}"]) for number, image in enumerate(images)]

        def train_dataloader(self) -> Any:
            return OneBatch()

        val_dataloader = test_dataloader = train_dataloader

    torch.manual_seed(0)
    target = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "<eos>", "a", "b"]}
    decoder = {"stack": {"hidden_size": 8}, "embedding_size": 4, "attention": "additive", "dropout": 0.5}
    task = Captioner(
        {"height": 8, "width": 8, "channels": 1},
        target,
        backbone={"width": 4},
        decoder=decoder,  # type: ignore[arg-type]  # a dictionary will do
        beam_size=2,
        max_length=4,
    )
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    data = Toy()
    trainer.fit(task, datamodule=data)
    return task, (trainer, data)


def test_a_fit_with_pages_is_the_fit_without(tmp_path: Path) -> None:
    without, _ = _fit(tmp_path, [])
    assert not list(tmp_path.iterdir())
    task, (trainer, data) = _fit(tmp_path, [CaptionPage(2)])
    for one, other in zip(without.parameters(), task.parameters(), strict=True):
        assert torch.equal(one, other)
    html = (tmp_path / "captions.html").read_text()
    assert "toy: validation, step 2" in html
    assert "<li>validation 1</li>" in html
    assert "validation 2" not in html
    assert html.count("<article>") == 2
    trainer.test(task, datamodule=data, verbose=False)
    assert "toy: test, step 2" in (tmp_path / "captions.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["captions.html"]


def test_the_table_of_wandb_shows_where_the_model_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    from lightning.pytorch.loggers import WandbLogger

    from rnnzoo.callbacks.caption_page import _log_table

    tables: list[dict[str, Any]] = []
    monkeypatch.setattr(WandbLogger, "log_table", lambda self, key, **given: tables.append({"key": key, **given}))
    logger = WandbLogger.__new__(WandbLogger)
    weights = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]], [[0.5, 0.5]]])
    _log_table(logger, [Captioned(PICTURE, "ab", ["a", "b", "<eos>"], weights, ["x", "y z"])], 7)
    _log_table(logger, [Captioned(PICTURE, "a", ["a", "<eos>"], None, ["x"])], 8)
    with_attention, without = tables
    assert (with_attention["key"], with_attention["step"]) == ("captions", 7)
    assert with_attention["columns"] == ["image", "caption", "references", "attention"]
    image, caption, references, looked = with_attention["data"][0]
    assert (caption, references) == ("ab", "x\ny z")
    assert isinstance(looked, wandb.Image)
    np.testing.assert_array_equal(np.asarray(image.image), PICTURE.numpy())
    seen = np.asarray(looked.image)
    assert seen.shape == (4, 18, 3)  # three tokens
    for token in range(3):
        np.testing.assert_array_equal(seen[:, 6 * token : 6 * token + 6], lit(PICTURE, weights[token]).numpy())
    assert looked._caption == "a | b | <eos>"
    assert without["columns"] == ["image", "caption", "references"]
    assert len(without["data"][0]) == 3


def test_mistakes() -> None:
    from lightning import LightningModule, Trainer

    with pytest.raises(RnnzooError, match="shows nothing"):
        CaptionPage(0)
    with pytest.raises(RnnzooError, match=r"CaptionPage needs .* not LightningModule with NoneType"):
        CaptionPage().setup(Trainer(logger=False, accelerator="cpu"), LightningModule(), "fit")
