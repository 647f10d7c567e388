"""Each shipped recipe: a full header, keys that exist, and a short training and test on a small text."""

import contextlib
import io
import re
import warnings
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml

from rnnzoo.cli import main
from rnnzoo.cli.recipes import HEADER_KEYS, Recipe, shipped

RECIPES = shipped()
PAPER = {  # Zaremba et al. 2014, section 4.1: H, T, U(-a, a), dropout, clipping, epochs, first decay, divisor
    "small": (200, 20, 0.1, 0.0, 5, 13, 4, 2.0),
    "medium": (650, 35, 0.05, 0.5, 5, 39, 6, 1.2),
    "large": (1500, 35, 0.04, 0.65, 10, 55, 14, 1.15),
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    words = [f"{'the' if n % 3 else 'a'} word{n % 11} <unk> ," for n in range(3000)]
    for split, count in (("train", 2800), ("valid", 100), ("test", 100)):
        (folder / f"ptb.{split}.txt").write_text(" \n ".join(words[:count]) + "\n")
    return folder


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_header_is_complete(recipe: Recipe) -> None:
    header = recipe.header()
    assert tuple(header) == HEADER_KEYS
    assert all(header.values())
    assert f"rnnzoo run {recipe.name}" in header["command"]
    assert header["offline"] in ("yes", "no")


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_each_key_is_explained(recipe: Recipe) -> None:
    """What has a value has a comment on its line, or is a long list with one above it."""
    lines = recipe.path.read_text(encoding="utf-8").split("\n\n", 1)[1].splitlines()
    entry = re.compile(r"\s*(- )?(?!class_path)\w+: +[^#\s]")
    assert not [
        line
        for before, line in pairwise(lines)
        if entry.match(line) and "#" not in line and not before.strip().startswith("#")
    ]


LANGUAGE_MODELS = {
    name: recipe
    for name, recipe in RECIPES.items()
    if yaml.safe_load(recipe.path.read_text())["model"]["class_path"] == "rnnzoo.tasks.LanguageModel"
    and name != "transducer/wikitext2-pretraining"  # its cutoffs are those of a large vocabulary
}
STARTS_FROM_ANOTHER = {"acceptor/sst2-lm-pretrained"}


@pytest.mark.parametrize("recipe", [r for r in RECIPES.values() if r.name not in LANGUAGE_MODELS], ids=lambda r: r.name)
def test_trains_on_its_own_data(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two batches of the very data that the recipe names."""
    if recipe.name in STARTS_FROM_ANOTHER:
        pytest.skip("starts from the checkpoint of another recipe; see tests/tasks/test_pretrained.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    flags = {
        "--wandb": "off",
        "--trainer.max_epochs": 1,
        "--trainer.limit_train_batches": 2,
        "--trainer.limit_val_batches": 1,
        "--trainer.accelerator": "cpu",
    }
    code = main(["fit", recipe.name, *(str(part) for pair in flags.items() for part in pair)])
    err = capsys.readouterr().err
    if code == 2 and ("the data set" in err or "pip install" in err):
        pytest.skip(f"its data is not here: {err.strip().splitlines()[-1]}")
    assert code == 0, err
    assert "epoch 1/1" in err
    assert "val/loss" in err


@pytest.mark.parametrize("recipe", LANGUAGE_MODELS.values(), ids=LANGUAGE_MODELS)
def test_trains_and_tests(
    recipe: Recipe, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        warnings, "formatwarning", warnings.formatwarning
    )  # the command line's own is undone at the end
    flags = {
        "--wandb": "off",
        "--data.folder": texts,
        "--model.stack.hidden_size": 8,
        "--data.batch_size": 4,
        "--trainer.max_epochs": 1,
        "--trainer.limit_train_batches": 2,
        "--trainer.limit_val_batches": 1,
        "--trainer.accelerator": "cpu",
    }
    code = main(["run", recipe.name, *(str(part) for pair in flags.items() for part in pair)])
    out, err = capsys.readouterr()
    assert code == 0, err
    title, heading, *lines = out.splitlines()
    assert "folder texts" in title
    assert heading.split()[:2] == ["model", "perplexity"]
    assert len(lines) >= 4
    assert "sample:" in lines


@pytest.mark.parametrize("size", PAPER)
def test_zaremba_is_the_paper(size: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hidden, window, init, dropout, clip, epochs, first, divisor = PAPER[size]
    recipe = yaml.safe_load(RECIPES[f"transducer/wikitext2-zaremba-{size}"].path.read_text())
    model, data = recipe["model"]["init_args"], recipe["data"]["init_args"]
    assert model["stack"] == {"cell": "lstm", "hidden_size": hidden, "num_layers": 2} | (
        {"dropout": dropout} if dropout else {}
    )
    assert (model.get("dropout", 0.0), model.get("input_dropout", 0.0)) == (dropout, dropout)
    assert (model["init_range"], model["loss_scale"]) == (init, "window")
    assert (data["batch_size"], data["window"]) == (20, window)
    assert recipe["trainer"]["max_epochs"] == epochs
    assert recipe["trainer"]["callbacks"][1]["init_args"] == {"max_norm": clip}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], **model["optimizer"]["init_args"])
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, **model["scheduler"]["init_args"])
    for epoch in range(epochs):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(divisor ** -max(epoch + 1 - first, 0), rel=1e-6)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_cosine_ends_with_the_epochs(recipe: Recipe) -> None:
    """T_max and max_epochs are two keys for one number."""
    content = yaml.safe_load(recipe.path.read_text())
    scheduler = content["model"]["init_args"].get("scheduler", {})
    if scheduler.get("class_path", "").endswith("CosineAnnealingLR"):
        assert scheduler["init_args"]["T_max"] == content["trainer"]["max_epochs"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["fit", recipe.name, "--print_config"]) == 0
    resolved = yaml.safe_load(printed.getvalue())
    for part in ("stack", "decoder"):
        given = content["model"]["init_args"].get(part, {})
        given = given.get("stack", given)
        assert "hidden_size" not in given or given["hidden_size"] in _sizes(resolved["model"]["init_args"][part])


def _sizes(part: dict[str, object]) -> list[object]:
    inner = part.get("stack")
    return [part.get("hidden_size"), inner.get("hidden_size") if isinstance(inner, dict) else None]
