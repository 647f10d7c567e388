"""The compiled engine with nothing compiled yet, and with compilers that take no time."""

import functools

import pytest
import torch
from compiled_cells import Counter

from rnnzoo.recurrent import compiled, compiled_kernels


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_kernels, "_KERNELS", {})
    monkeypatch.setattr(compiled, "_failed", {})
    monkeypatch.setattr(compiled, "_said", set())


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels as plain PyTorch, for what does not depend on their being compiled: that takes seconds each."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    count = Counter()
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda _: count)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=count))  # a test's own
    return count
