"""The picture of attention: what it shows, and that training does not notice."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rnnzoo.callbacks.attention_figure import AttentionFigure, draw_attention
from rnnzoo.errors import RnnzooError

pytest.importorskip("matplotlib", reason="AttentionFigure draws with matplotlib")


def test_a_darker_field_is_a_greater_weight(tmp_path: Path) -> None:
    from matplotlib.image import imread

    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    draw_attention(tmp_path / "a.png", ["a", "b"], ["x", "$y"], weights)
    draw_attention(tmp_path / "b.png", ["a", "b"], ["x", "$y"], weights.flip(1))
    first, second = (torch.tensor(imread(tmp_path / name))[..., 0] for name in ("a.png", "b.png"))
    dark = first < 0.2
    rows, columns = (dark.any(axis).nonzero().flatten() for axis in (1, 0))
    height, width = len(rows) // 2, len(columns) // 2
    top, left = int(rows[0]) + height // 2, int(columns[0]) + width // 2
    corners = [(top, left), (top, left + width), (top + height, left), (top + height, left + width)]
    assert [bool(first[at] < 0.3) for at in corners] == [True, False, False, True]
    assert [bool(second[at] < 0.3) for at in corners] == [False, True, True, False]


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match="draws nothing"):
        AttentionFigure([])
    with pytest.raises(RnnzooError, match="2 tokens were written from 3"):
        draw_attention(tmp_path / "a.png", ["a", "b", "c"], ["x", "y"], torch.ones(2, 2))
    from lightning import LightningModule, Trainer

    with pytest.raises(RnnzooError, match=r"AttentionFigure needs LightningModule\.attend"):
        AttentionFigure(["a"]).setup(Trainer(logger=False, accelerator="cpu"), LightningModule(), "fit")


def test_a_fit_with_pictures_is_the_fit_without(tmp_path: Path) -> None:
    from lightning import Trainer

    from rnnzoo.batches import SequenceInputs, WritingBatch
    from rnnzoo.recurrent import StackConfig
    from rnnzoo.tasks import Seq2Seq

    class OneBatch:
        def __iter__(self):  # type: ignore[no-untyped-def]
            tokens = torch.tensor([[2, 3], [3, 2]])
            inputs = torch.tensor([[1, 2], [1, 3]])
            source = SequenceInputs(torch.tensor([2, 2]), tokens=tokens)
            return iter([WritingBatch(source, inputs, torch.tensor([[2, 1], [3, 1]]), torch.tensor([2, 2]))])

    letters = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "a", "b"]}
    weights = []
    for callbacks in ([], [AttentionFigure(["ab", "b"], str(tmp_path))]):
        torch.manual_seed(0)
        task = Seq2Seq(letters, letters, {"dropout": 0.5}, StackConfig(hidden_size=4, bidirectional=True), beam_size=2)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=2,
            logger=False,
            callbacks=list(callbacks),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(task, OneBatch(), OneBatch())
        weights.append(torch.cat([p.detach().flatten() for p in task.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attention-0.png", "attention-1.png"]
