"""What docs/architecture.md names is there, and its rows are those that import-linter checks."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
NAMES = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_each_file_that_is_named_exists():
    there = {path.name for path in (ROOT / "rnnzoo").rglob("*.py")}
    assert {name for name in NAMES if name.endswith(".py")} <= there


def test_each_word_of_code_that_is_named_stands_in_the_code():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "rnnzoo").rglob("*.py"))
    known = set(re.findall(r"\w+", code)) | {path.name for path in ROOT.iterdir()}
    said = {word for name in NAMES if not name.endswith(".py") for word in re.findall(r"[A-Za-z_]{3,}", name)}
    assert said <= known


def test_the_rows_are_those_that_are_checked():
    tomllib = pytest.importorskip("tomllib", reason="it came with Python 3.11")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checked = [set(row.split(" | ")) for row in settings["tool"]["importlinter"]["contracts"][0]["layers"]]
    table = re.search(r"```text\n(.*?)```", PAGE, re.S)[1]
    names = (row.partition("   ")[0].replace("rnnzoo/", "").replace(".py", "") for row in table.splitlines())
    said = [set(row.split(" | ")) for row in names]
    assert said == checked
