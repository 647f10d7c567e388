"""A checkpoint of a stranger runs no code and fetches nothing: what it names is used only where the user named it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnnzoo.cells import GRUCell
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Captioner, LanguageModel, SequenceTask
from rnnzoo.tasks import trust as trust_module

CALLED: list[tuple[str, Any]] = []
IMAGE = np.zeros((8, 8), dtype=np.uint8)


class Vision(nn.Module):
    """Tells when it is made."""

    def __init__(self, model_name: str = "small") -> None:
        super().__init__()
        CALLED.append(("class", model_name))
        self.convolution = nn.Conv2d(1, 6, 4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.convolution(images)


def create_model(model_name: str = "small") -> nn.Module:
    CALLED.append(("function", model_name))
    return Vision(model_name)


class MineCell(GRUCell):
    """A cell of the user's."""


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of an installed package, imported already."""
    monkeypatch.setattr(trust_module, "packages_distributions", lambda: {"a_vision": ["a-vision"]})
    module = ModuleType("a_vision")
    for part in (Vision, create_model, MineCell):
        setattr(module, part.__name__, part)
    monkeypatch.setitem(sys.modules, "a_vision", module)
    CALLED.clear()
    return module


def _captioner(backbone: dict[str, Any]) -> Captioner:
    return Captioner(
        {"height": 8, "width": 8, "channels": 1, "mean": [0.5], "scale": [0.25]},
        {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "<eos>", "a", "dog"]},
        backbone,
        decoder={"stack": {"cell": "gru", "hidden_size": 4}, "embedding_size": 4, "attention": "additive"},  # type: ignore[arg-type]  # a dictionary will do
        beam_size=2,
    )


def _save(task: SequenceTask, path: Path, **changed: Any) -> Path:
    torch.save({"state_dict": task.state_dict(), "hyper_parameters": {**task.hparams, **changed}}, path)
    return path


@pytest.mark.parametrize("name", ["create_model", "Vision"])
def test_what_makes_the_image_encoder_is_named_again(tmp_path: Path, modules: ModuleType, name: str) -> None:
    full = f"a_vision.{name}"
    task = _captioner({"class_path": full, "init_args": {"model_name": "hub:theirs"}, "output_size": 6})
    path = _save(task, tmp_path / "x.ckpt")
    CALLED.clear()
    other = "Vision" if name == "create_model" else "create_model"
    for trust in ([], ["sys"], [f"a_vision.{other}"], *([["a_vision"]] if name == "create_model" else [])):
        with pytest.raises(RnnzooError) as refused:
            SequenceTask.load_from_checkpoint(path, trust=trust)
    assert CALLED == []
    assert f"{path} has model.backbone made by {full}(model_name='hub:theirs')" in str(refused.value)
    assert f"trust=['{full}']" in str(refused.value)
    assert f"--import {full}" in str(refused.value)
    again = SequenceTask.load_from_checkpoint(path, trust=[full])
    assert CALLED[0] == ("class" if name == "Vision" else "function", "hub:theirs")
    assert isinstance(again, Captioner)
    assert again.predict([IMAGE]) == task.predict([IMAGE])
    if name == "Vision":  # a module's name will do for its classes, which fetch less easily than its functions
        assert SequenceTask.load_from_checkpoint(path, trust=["a_vision"]).hparams == task.hparams


def test_an_image_encoder_of_ones_own_is_used_where_it_is_imported(
    tmp_path: Path, modules: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_module, "packages_distributions", dict)
    task = _captioner({"class_path": "a_vision.Vision", "init_args": {"model_name": "mine"}, "output_size": 6})
    path = _save(task, tmp_path / "x.ckpt")
    assert SequenceTask.load_from_checkpoint(path).predict([IMAGE]) == task.predict([IMAGE])
    there = {"class_path": "a_vision.Elsewhere", "init_args": {}, "output_size": 6}
    modules.Elsewhere = type("Elsewhere", (Vision,), {"__module__": "torchmetrics.image"})  # type: ignore[attr-defined]
    monkeypatch.setattr(trust_module, "packages_distributions", lambda: {"torchmetrics": ["torchmetrics"]})
    with pytest.raises(RnnzooError, match=r"made by a_vision\.Elsewhere\(\)"):
        SequenceTask.load_from_checkpoint(_save(task, path, backbone=there))
    with pytest.raises(RnnzooError, match=r"made by a_vision\.create_model"):
        SequenceTask.load_from_checkpoint(_save(task, path, backbone={**there, "class_path": "a_vision.create_model"}))


def test_an_argument_that_is_given_is_not_the_checkpoints(tmp_path: Path, modules: ModuleType) -> None:
    mine = {"class_path": "a_vision.Vision", "init_args": {"model_name": "mine"}, "output_size": 6}
    task = _captioner(mine)
    theirs = {"class_path": "a_vision.create_model", "init_args": {"model_name": "theirs"}, "output_size": 6}
    path = _save(task, tmp_path / "x.ckpt", backbone=theirs)
    CALLED.clear()
    SequenceTask.load_from_checkpoint(path, backbone=mine)
    assert CALLED == [("class", "mine")]


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "in-a-list"])
def test_nothing_is_imported_at_any_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nested: bool) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    named = {"cell": "evil_module.Cell"}
    task = LanguageModel(["<unk>", "<eos>", "a"], stack=StackConfig(hidden_size=4))
    path = _save(task, tmp_path / "x.ckpt", **({"cutoffs": [[named]]} if nested else {"stack": named}))
    with pytest.raises(RnnzooError, match=r"the cell 'evil_module\.Cell': import evil_module first if you trust it"):
        SequenceTask.load_from_checkpoint(path)
    assert "evil_module" not in sys.modules


def test_no_module_of_rnnzoo_is_run_for_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rnnzoo.__main__` would run the command line on the arguments of whoever loads the checkpoint."""
    monkeypatch.setattr(sys, "argv", ["mine", "--version"])
    monkeypatch.delitem(sys.modules, "rnnzoo.__main__", raising=False)
    task = LanguageModel(["<unk>", "<eos>", "a"], stack=StackConfig(hidden_size=4))
    path = _save(task, tmp_path / "x.ckpt", _class_path="rnnzoo.__main__.Task")
    with pytest.raises(RnnzooError, match=r"rnnzoo\.__main__\.Task, which this version of rnnzoo does not have"):
        SequenceTask.load_from_checkpoint(path)
    _save(task, path, stack={**task.hparams["stack"], "cell": "rnnzoo.__main__.Cell"})
    with pytest.raises(RnnzooError, match=r"the cell 'rnnzoo\.__main__\.Cell': import"):
        SequenceTask.load_from_checkpoint(path)
    assert "rnnzoo.__main__" not in sys.modules


def test_what_is_trusted_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cells_far_away.py").write_text("from rnnzoo.cells import GRUCell\n\n\nclass Far(GRUCell):\n    pass\n")
    task = LanguageModel(["<unk>", "<eos>", "a"], stack=StackConfig(cell="gru", hidden_size=4))
    path = _save(task, tmp_path / "x.ckpt", stack={**task.hparams["stack"], "cell": "cells_far_away.Far"})
    with pytest.raises(RnnzooError, match=r"trust cells_far_away\.Far: No module named 'cells_far_away'"):
        SequenceTask.load_from_checkpoint(path, trust=["cells_far_away.Far"])
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("cells_far_away.Far", "cells_far_away"):
        monkeypatch.delitem(sys.modules, "cells_far_away", raising=False)
        again = SequenceTask.load_from_checkpoint(path, trust=[name])
        assert isinstance(again, LanguageModel)
        assert again.score(["a"]) == task.score(["a"])
    with pytest.raises(RnnzooError, match=r"trust cells_far_away\.Fra: No module named"):
        SequenceTask.load_from_checkpoint(path, trust=["cells_far_away.Fra"])


def test_a_cell_of_a_checkpoint_is_a_cell(tmp_path: Path, modules: ModuleType) -> None:
    """Looked up without `getattr`, which may run what a package loads on demand."""
    lazy: list[str] = []
    modules.__getattr__ = lazy.append  # type: ignore[method-assign]  # as of PEP 562
    task = LanguageModel(["<unk>", "<eos>", "a"], stack=StackConfig(cell="gru", hidden_size=4))
    for cell in ("Loaded", "create_model"):
        path = _save(task, tmp_path / "x.ckpt", stack={**task.hparams["stack"], "cell": f"a_vision.{cell}"})
        with pytest.raises(RnnzooError, match=rf"'a_vision\.{cell}', and the module a_vision has no cell of it"):
            SequenceTask.load_from_checkpoint(path)
    assert (lazy, CALLED) == ([], [])
    _save(task, path, stack={**task.hparams["stack"], "cell": "a_vision.MineCell"})
    assert SequenceTask.load_from_checkpoint(path).hparams["stack"]["cell"] == "a_vision.MineCell"
