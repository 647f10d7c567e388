"""Every exported cell keeps the contract: a new one is found here without a new test."""

import inspect

import pytest

import rnnzoo.cells
from rnnzoo.cells import CELLS, LinearCell, RecurrentCell
from rnnzoo.testing import check_cell

EXPORTED = [
    value
    for value in (getattr(rnnzoo.cells, name) for name in rnnzoo.cells.__all__)
    if inspect.isclass(value) and issubclass(value, RecurrentCell) and value not in (RecurrentCell, LinearCell)
]


def test_the_exported_cells_are_those_with_a_name():
    assert set(EXPORTED) == set(CELLS.values())


@pytest.mark.parametrize("cell_type", EXPORTED)
def test_contract(cell_type):
    check_cell(cell_type, engines=("native", "scan"))  # compiled: tests/recurrent/test_engines.py


@pytest.mark.parametrize("cell_type", EXPORTED)
def test_contract_without_biases(cell_type):
    check_cell(cell_type, input_size=2, hidden_size=6, engines=("native", "scan"), bias=False)


@pytest.mark.parametrize("cell_type", EXPORTED)
def test_documentation_gives_formula_and_source(cell_type):
    text = inspect.getdoc(cell_type)
    assert "'" in text
    assert any(str(year) in text for year in range(1990, 2027))
    assert "Args:" in text
