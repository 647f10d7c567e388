"""A folder of its own for each test, with the toy recipe in it, and the command line run in this process."""

import logging
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from toy_runs import HERE

from rnnzoo.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


Rnnzoo = Callable[..., Result]


@pytest.fixture
def rnnzoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rnnzoo:
    """Run a command in a new folder that holds ``toy.yaml``."""
    for name in ("RNNZOO_RUN", "RNNZOO_DATA", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(
        warnings, "formatwarning", warnings.formatwarning
    )  # the command line's own is undone at the end
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.getLogger(name).level)
    monkeypatch.setattr(sys, "path", [str(HERE), *sys.path])
    monkeypatch.chdir(tmp_path)
    shutil.copy(HERE / "toy.yaml", tmp_path)

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return run
