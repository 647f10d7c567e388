"""The cell of docs/cells.md is the one that is checked and trained here, by every engine."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rnnzoo.cells import CELLS
from rnnzoo.cells.registry import cell_class
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.testing import check_cell

PAGE = (Path(__file__).parents[2] / "docs" / "cells.md").read_text(encoding="utf-8")


@pytest.fixture
def my_cells(tmp_path, monkeypatch):
    """The file of the page, under another name, so that no file of the same name is in the way."""
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "class LeakyCell" in block]
    (tmp_path / "my_cells_of_the_page.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_cells_of_the_page"
    sys.modules.pop("my_cells_of_the_page", None)


def test_the_page_names_every_cell():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, re.M)
    assert dict(rows) == {name: cell_type.__name__ for name, cell_type in CELLS.items()}


def test_the_cell_of_the_page_keeps_the_contract(my_cells):
    check_cell(cell_class(f"{my_cells}.LeakyCell"))  # with the compiled engine as well


def test_the_cell_of_the_page_is_its_formula(my_cells):
    cell = cell_class(f"{my_cells}.LeakyCell")(3, 4, rate=0.25).double()
    x, h = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    p = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    g = x.numpy() @ p["weight_ih"].T + p["bias_ih"] + h.numpy() @ p["weight_hh"].T + p["bias_hh"]
    output, _ = cell(x, cell.state_type(h))
    np.testing.assert_allclose(output.detach().numpy(), 0.75 * h.numpy() + 0.25 * np.tanh(g), rtol=0, atol=1e-14)


def test_the_cell_of_the_page_learns(my_cells):
    """To give back the input of three steps ago, which needs its state: far below the variance, 1, of not knowing."""
    torch.manual_seed(0)
    config = StackConfig(cell=f"{my_cells}.LeakyCell", hidden_size=24, cell_options={"rate": 0.8}, engine="reference")
    stack, head = RecurrentStack(1, config), torch.nn.Linear(24, 1)
    optimizer = torch.optim.Adam([*stack.parameters(), *head.parameters()], lr=0.01)
    for _ in range(300):
        inputs = torch.randn(32, 12, 1)
        error = (head(stack(inputs).outputs)[:, 3:] - inputs[:, :-3]).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert error.item() < 0.2
