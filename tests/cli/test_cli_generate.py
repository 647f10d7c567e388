"""``generate`` from a checkpoint alone, and ``doctor``."""

import sys
from pathlib import Path

import pytest
import torch

from rnnzoo.cells import CELLS
from rnnzoo.tasks import Captioner, LanguageModel


@pytest.fixture
def checkpoint(rnnzoo) -> Path:
    """A few steps of the character recipe on a text of three symbols."""
    for split, count in (("train", 900), ("valid", 60), ("test", 60)):
        Path(f"{split}.txt").write_text("ab ba\n" * count)
    small = "--model.stack.hidden_size 6 --data.batch_size 4 --data.window 10 --trainer.limit_train_batches 3"
    quick = "--trainer.max_epochs 1 --trainer.limit_val_batches 1 --wandb off"
    result = rnnzoo("fit", "transducer/pydoc-char-gru", "--data.folder", ".", *small.split(), *quick.split())
    assert result.code == 0, result.err
    return Path(result.out.split()[2])


def test_generate(rnnzoo, checkpoint: Path) -> None:
    for split in ("train", "valid", "test"):
        Path(f"{split}.txt").unlink()
    flags = ["--prompt", "ab", "--max_length", "12", "--temperature", "0.5", "--top_k", "3", "--seed", "7"]
    result = rnnzoo("generate", checkpoint, *flags)
    assert (result.code, result.err) == (0, "")
    task = LanguageModel.load_from_checkpoint(checkpoint)
    expected = task.generate("ab", max_length=12, temperature=0.5, top_k=3, seed=7)
    assert result.out == f"{expected}\n"
    assert expected.startswith("ab")
    assert rnnzoo("generate", checkpoint, *flags).out == result.out
    assert rnnzoo("generate", checkpoint, *flags[:-1], "8").out != result.out


def test_generate_imports_a_cell_of_the_users_only_when_told(rnnzoo, checkpoint: Path) -> None:
    Path("cell_of_mine.py").write_text("from rnnzoo.cells import GRUCell\n\n\nclass Mine(GRUCell):\n    pass\n")
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"]["stack"]["cell"] = "cell_of_mine.Mine"
    torch.save(content, checkpoint)
    refused = rnnzoo("generate", checkpoint)
    assert refused.code == 2
    assert refused.err.startswith("rnnzoo: the checkpoint names the cell 'cell_of_mine.Mine': import cell_of_mine")
    assert "--import cell_of_mine" in refused.err
    assert rnnzoo("generate", checkpoint, "--import", "cell_of_mine", "--max_length", "3").code == 0
    unknown = rnnzoo("generate", checkpoint, "--import", "no_such_module")
    assert (unknown.code, unknown.err.startswith("rnnzoo: --import no_such_module: No module named")) == (2, True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--top_p 3", "top_p"),
        ("--max_length 0", "max_length"),
        ("--without_replacement 2", "--without_replacement: a LanguageModel draws one text at a time: leave it out"),
        ("--temprature 1", "generate: unknown option '--temprature': did you mean '--temperature'"),
        ("--seed x", "generate: argument --seed: invalid int value: 'x'"),
    ],
)
def test_generate_refuses(rnnzoo, checkpoint: Path, flags: str, message: str) -> None:
    result = rnnzoo("generate", checkpoint, *flags.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: {message}")
    assert result.err.count("\n") == 1


def test_generate_refuses_a_broken_checkpoint(rnnzoo, checkpoint: Path) -> None:
    Path("bad.ckpt").write_bytes(checkpoint.read_bytes()[:1000])
    result = rnnzoo("generate", "bad.ckpt")
    assert result.code == 2
    assert result.err.startswith("rnnzoo: bad.ckpt cannot be read: it is cut short, or no checkpoint at all")


def test_doctor(rnnzoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sets/wikitext-2").mkdir(parents=True)
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path / "sets"))
    result = rnnzoo("doctor")
    assert result.code == 0
    assert f"torch {torch.__version__.split('+')[0]}" in result.out
    engines = {line.split(":")[0].strip() for line in result.out.splitlines() if line.split(":")[0].strip() in CELLS}
    assert engines == set(CELLS)
    assert "sets there: wikitext-2" in result.out
    assert f"root {tmp_path / 'sets'} " in result.out


def test_write_calls_what_makes_an_image_encoder_only_when_told(rnnzoo, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image", reason="images are decoded by Pillow")
    image.new("L", (8, 8)).save("black.png")
    Path("vision_of_mine.py").write_text(
        "from pathlib import Path\n\nfrom torch import nn\n\n\ndef encoder(name: str) -> nn.Module:\n"
        "    Path('called').write_text(name)\n    return nn.Sequential(nn.Conv2d(1, 6, 8, 8), nn.Flatten())\n"
    )
    monkeypatch.syspath_prepend(Path.cwd())
    task = Captioner(
        {"height": 8, "width": 8, "channels": 1, "mean": [0.5], "scale": [0.25]},
        {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "<eos>", "a", "dog"]},
        {"class_path": "vision_of_mine.encoder", "init_args": {"name": "hub:x"}, "output_size": 6},
        decoder={"stack": {"cell": "gru", "hidden_size": 4}, "bridge": "projected"},
        beam_size=2,
    )
    torch.save({"state_dict": task.state_dict(), "hyper_parameters": dict(task.hparams)}, "x.ckpt")
    Path("called").unlink()
    for flags in ([], ["--import", "vision_of_mine"]):
        monkeypatch.delitem(sys.modules, "vision_of_mine", raising=False)
        refused = rnnzoo("write", "x.ckpt", "black.png", *flags)
        assert (refused.code, refused.out, Path("called").exists()) == (2, "", False)
        assert refused.err == (
            "rnnzoo: x.ckpt has model.backbone made by vision_of_mine.encoder(name='hub:x'), which could run code or "
            "fetch files: if you trust it, name it again: load_from_checkpoint(..., trust=['vision_of_mine.encoder']), "
            "or rnnzoo write --import vision_of_mine.encoder\n"
        )
        assert ("vision_of_mine" in sys.modules) == bool(flags)
    written = rnnzoo("write", "x.ckpt", "black.png", "--import", "vision_of_mine.encoder", "--max_length", "3")
    assert (written.code, written.out) == (0, f"{task.predict(['black.png'], max_length=3)[0]}\n")
    assert Path("called").read_text() == "hub:x"
    monkeypatch.delitem(sys.modules, "vision_of_mine")
