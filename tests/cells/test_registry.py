import subprocess
import sys
import textwrap

import pytest

from rnnzoo.cells import CELLS, LSTMCell, RecurrentCell, build_cell
from rnnzoo.cells.registry import require_imported
from rnnzoo.errors import RnnzooError

OWN = textwrap.dedent(
    """
    from rnnzoo.cells import HiddenState, RecurrentCell

    class LeakyCell(RecurrentCell):
        gates = ("g",)

        def transition(self, gates, state):
            return HiddenState(h=0.5 * state.h + 0.5 * gates.g)

    class OptionCell(LeakyCell):
        def __init__(self, input_size, hidden_size, *, leak: float = 0.1, **rest):
            super().__init__(input_size, hidden_size, **rest)
            self.leak = leak

    def not_a_cell():
        pass
    """
)


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_cells_of_a_user.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_cells_of_a_user"
    sys.modules.pop("own_cells_of_a_user", None)


@pytest.mark.parametrize("name", CELLS)
def test_short_names(name):
    cell = build_cell(name, 3, 4)
    assert type(cell) is CELLS[name]
    assert (cell.input_size, cell.hidden_size) == (3, 4)


def test_an_own_cell_by_its_path(own_module):
    cell = build_cell(f"{own_module}.LeakyCell", 3, 4, bias=False)
    assert isinstance(cell, RecurrentCell)
    assert cell.bias_ih is None
    assert build_cell(f"{own_module}.OptionCell", 3, 4, leak=0.25, bias=False).leak == 0.25
    assert type(build_cell("rnnzoo.cells.LSTMCell", 3, 4)) is LSTMCell


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lstn", {}, "unknown cell 'lstn': did you mean 'lstm'"),
        ("LSTMCell", {}, "module.Class"),
        ("no_such_module_x.Cell", {}, "cell 'no_such_module_x.Cell' cannot be imported"),
        ("own_cells_of_a_user.LeakCell", {}, "did you mean 'LeakyCell'"),
        ("own_cells_of_a_user.not_a_cell", {}, "subclass of rnnzoo.cells.RecurrentCell"),
        ("rnnzoo.cells.RecurrentCell", {}, "subclass of rnnzoo.cells.RecurrentCell"),
        ("own_cells_of_a_user.LeakyCell", {"leak": 0.1}, "option of cell 'own_cells_of_a_user.LeakyCell' 'leak'"),
        ("lstm", {"forgetbias": 1.0}, "did you mean 'forget_bias'"),
        ("lstm", {"gate_sizes": {}}, "unknown option of cell 'lstm' 'gate_sizes'"),
        ("lstm", {"forget_bias": "1"}, "option forget_bias of cell 'lstm' must be float | None, not '1'"),
        ("lstm", {"bias": 1}, "must be bool, not 1"),
        ("elman", {"activation": "tanhh"}, "unknown activation 'tanhh': did you mean 'tanh'"),
        ("projected_lstm", {"projection_size": 4}, "below hidden_size = 4, not 4"),
        ("projected_lstm", {"projection_size": 0}, "at least 1"),
        ("block_lstm", {"block_size": 3}, "4 cells cannot be shared out to blocks of 3"),
    ],
)
def test_errors_say_what_to_do(own_module, name, options, words):
    with pytest.raises(RnnzooError) as error:
        build_cell(name, 3, 4, **options)
    assert words in str(error.value)


@pytest.mark.parametrize("sizes", [(0, 4), (3, 0), (3, -1), (3, 2.0), (True, 4)])
@pytest.mark.parametrize("name", CELLS)
def test_sizes(name, sizes):
    with pytest.raises(RnnzooError):
        build_cell(name, *sizes)


def test_a_checkpoint_does_not_import(own_module):
    require_imported("lstm")
    require_imported("rnnzoo.cells.LSTMCell")
    with pytest.raises(RnnzooError, match="import own_cells_of_a_user first"):
        require_imported(f"{own_module}.LeakyCell")
    build_cell(f"{own_module}.LeakyCell", 3, 4)
    require_imported(f"{own_module}.LeakyCell")


def test_the_registry_is_light():
    """The names of cells are read by the command line before anything heavy is."""
    code = "import torch, sys; before = set(sys.modules); import rnnzoo.cells; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"lightning", "wandb", "matplotlib", "rich", "tokenizers", "torchtext", "torchmetrics", "torch._dynamo"}
    assert "rnnzoo.cells.registry" in loaded
    assert not heavy & set(loaded)
