import csv
import math
import random
import sys
from typing import NamedTuple

import pytest
import torch
from lightning import LightningModule
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor, nn

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.callbacks import TemporalGradientMonitor, spectral_radii, temporal_gradient_norms
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import RecurrentStack, StackConfig


def elman(hidden_size=3, activation="identity"):
    config = StackConfig(cell="elman", hidden_size=hidden_size, cell_options={"activation": activation})
    return RecurrentStack(2, config).double()


def test_linear_elman_network_against_its_closed_form():
    torch.manual_seed(0)
    stack = elman()
    inputs, direction = torch.randn(4, 9, 2).double(), torch.randn(3).double()
    norms = temporal_gradient_norms(stack, inputs, lambda outputs: (outputs @ direction).sum())
    weight = stack.cells[0].weight_hh.detach()
    expected = [(torch.linalg.matrix_power(weight.T, lag) @ direction).norm() for lag in range(9)]
    assert norms.shape == (1, 9)
    assert torch.allclose(norms[0], torch.stack(expected), rtol=1e-12)


class State(NamedTuple):
    h: Tensor
    c: Tensor


class TorchLSTM(nn.Module):
    """Two layers of torch's LSTMCell under the names of a stack."""

    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTMCell(2, 3), nn.LSTMCell(3, 3)]).double()

    def step(self, inputs, state):
        new = []
        for cell, (h, c) in zip(self.cells, state, strict=True):
            new.append(State(*cell(inputs, (h, c))))
            inputs = new[-1].h
        return inputs, tuple(new)

    def initial_state(self, batch_size):
        return tuple(State(*torch.zeros(2, batch_size, 3).double()) for _ in self.cells)


def last_output(stack, inputs, state, nudge):
    """Run on from a state in which the top layer's h, which nothing else reads in the same step, was moved."""
    state = (*state[:-1], State(state[-1].h + nudge, state[-1].c))
    outputs = state[-1].h
    for x in inputs:
        outputs, state = stack.step(x, state)
    return outputs


def test_lstm_against_finite_differences():
    torch.manual_seed(1)
    stack, inputs = TorchLSTM(), torch.randn(1, 7, 2).double()

    def loss(outputs):
        return outputs.square().sum()

    states, state = [], stack.initial_state(1)
    with torch.no_grad():
        for x in inputs.unbind(1):
            _, state = stack.step(x, state)
            states.append(state)
        step, expected = 1e-6, []
        for lag in range(7):
            after = inputs.unbind(1)[7 - lag :]
            differences = []
            for nudge in step * torch.eye(3).double():
                up, down = (loss(last_output(stack, after, states[6 - lag], sign * nudge)) for sign in (1, -1))
                differences.append((up - down) / (2 * step))
            expected.append(torch.stack(differences).norm())
    norms = temporal_gradient_norms(stack, inputs, loss)
    assert torch.allclose(norms[1], torch.stack(expected), rtol=1e-6)


def test_lower_layer_against_autograd():
    torch.manual_seed(2)
    stack, inputs = TorchLSTM(), torch.randn(1, 5, 2).double()
    h, c, lower = [torch.zeros(1, 3).double()] * 2, [torch.zeros(1, 3).double()] * 2, []
    for x in inputs.unbind(1):
        h[0], c[0] = stack.cells[0](x, (h[0], c[0]))
        h[0].retain_grad()
        lower.append(h[0])
        h[1], c[1] = stack.cells[1](h[0], (h[1], c[1]))
    h[1].sum().backward()
    expected = torch.stack([each.grad.norm() for each in reversed(lower)])
    assert torch.allclose(temporal_gradient_norms(stack, inputs, torch.sum)[0], expected, rtol=1e-12)


def test_norms_go_down_to_the_smallest_numbers_of_float32():
    stack = RecurrentStack(1, StackConfig(cell="elman", hidden_size=1, cell_options={"activation": "identity"}))
    torch.nn.init.constant_(stack.cells[0].weight_hh, 1e-3)
    norms = temporal_gradient_norms(stack, torch.ones(1, 13, 1), torch.sum)[0]
    assert torch.allclose(norms.log10(), -3.0 * torch.arange(13).double(), atol=1e-5)


def test_the_real_stack_is_torch_s_lstm():
    torch.manual_seed(3)
    theirs = TorchLSTM()
    ours = RecurrentStack(2, StackConfig(cell="lstm", hidden_size=3, num_layers=2)).double()
    ours.cells.load_state_dict(theirs.cells.state_dict())
    inputs = torch.randn(3, 6, 2).double()
    norms = [temporal_gradient_norms(stack, inputs, torch.sum) for stack in (theirs, ours)]
    assert torch.allclose(*norms, rtol=1e-10)


def test_spectral_radius_by_hand():
    stack = RecurrentStack(2, StackConfig(cell="gru", hidden_size=2))
    blocks = [torch.tensor([[0.0, 3.0], [-3.0, 0.0]]), torch.tensor([[0.5, 1.0], [0.0, 0.25]]), torch.zeros(2, 2)]
    with torch.no_grad():
        stack.cells[0].weight_hh.copy_(torch.cat(blocks))
    radii = spectral_radii(nn.ModuleDict({"network": nn.ModuleDict({"stack": stack})}))
    expected = {"stack.cells.0/r": 3.0, "stack.cells.0/z": 0.5, "stack.cells.0/n": 0.0}
    assert radii == pytest.approx(expected)


class Model(LightningModule):
    """An Elman language model whose probe predicts the last token."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 2)
        self.stack = RecurrentStack(2, StackConfig(cell="elman", hidden_size=4, num_layers=2, dropout=0.5))
        self.head = nn.Linear(4, 5)

    def training_step(self, batch, batch_idx):
        outputs, _ = self.stack(self.embedding(batch.inputs))
        return nn.functional.cross_entropy(self.head(outputs).flatten(0, 1), batch.targets.flatten())

    def last_step_probe(self, batch):
        assert not self.training
        torch.rand(3), random.random()
        targets = batch.targets[:, -1]
        self.probed = batch
        return self.stack, self.embedding(batch.inputs), lambda y: nn.functional.cross_entropy(self.head(y), targets)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.5)


def batches(count):
    ids = torch.randint(0, 5, (count, 6, 21), generator=torch.Generator().manual_seed(0))
    return [LanguageModelBatch(part[:, :-1], part[:, 1:], None, True) for part in ids]


def test_writes_figures_and_tables_and_leaves_training_alone(fit, tmp_path):
    weights = []
    for callbacks in ([], [TemporalGradientMonitor(every_n_steps=2, rows=3, steps=12)]):
        torch.manual_seed(0)
        model = Model()
        model.head.eval()
        torch.manual_seed(1)
        fit(model, batches(5), callbacks)
        assert not model.head.training
        assert model.stack.training
        weights.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    assert torch.equal(*weights)  # with dropout: no random number was taken, no gradient touched
    assert model.probed.inputs.shape == (3, 12)
    assert torch.equal(model.probed.inputs, batches(1)[0].inputs[:3, :12])
    folder = tmp_path / "temporal_gradient"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"step-00000{step}.{end}" for step in (0, 2, 4) for end in ("csv", "png")]
    assert (folder / "step-000004.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((folder / "step-000004.csv").open()))
    assert [row["layer"] for row in rows] == ["stack.cells.0"] * 12 + ["stack.cells.1"] * 12
    assert [int(row["lag"]) for row in rows[:12]] == list(range(12))
    assert all(0 < float(row["norm"]) < 1 for row in rows)


class ListLogger:
    log_dir = save_dir = None

    def __init__(self):
        self.metrics = []

    def __getattr__(self, name):
        return lambda *_, **__: None

    def log_metrics(self, metrics, step):
        self.metrics.append((step, metrics))


def test_logged_numbers_are_those_of_the_table(fit, tmp_path):
    logger = ListLogger()
    model = Model()
    fit(model, batches(3), [TemporalGradientMonitor(folder=str(tmp_path / "here"))], logger=logger)
    measured = [(step, metrics) for step, metrics in logger.metrics if "grad/temporal/stack.cells.0/ratio" in metrics]
    assert [step for step, _ in measured] == [0, 3]
    rows = list(csv.DictReader((tmp_path / "here" / "temporal_gradient" / "step-000003.csv").open()))
    lower = [float(row["norm"]) for row in rows if row["layer"] == "stack.cells.0"]
    logged = measured[-1][1]
    assert logged["grad/temporal/stack.cells.0/ratio"] == pytest.approx(lower[-1] / lower[0])
    radius = torch.linalg.eigvals(model.stack.cells[1].weight_hh).abs().max().item()
    assert logged["spectral_radius/stack.cells.1/g"] == pytest.approx(radius)


def test_wandb_gets_the_figure(fit, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(project="test", save_dir=tmp_path, offline=True)
    fit(Model(), batches(1), [TemporalGradientMonitor(every_n_steps=10)], logger=logger)
    import wandb

    wandb.finish()
    (image,) = tmp_path.glob("wandb/offline-run-*/files/media/images/grad/temporal*.png")
    assert image.read_bytes() == (tmp_path / "temporal_gradient" / "step-000000.png").read_bytes()


def test_refusals(known, fit, monkeypatch):
    with pytest.raises(RnnzooError, match="not both"):
        TemporalGradientMonitor(every_n_epochs=1, every_n_steps=1)
    for options in ({"every_n_steps": 0}, {"rows": 0}, {"steps": 1}, {"every_n_epochs": -1}):
        with pytest.raises(RnnzooError, match="must be at least"):
            TemporalGradientMonitor(**options)
    with pytest.raises(RnnzooError, match=r"KnownGradients\.last_step_probe"):
        fit(known(), batches(1), [TemporalGradientMonitor()])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RnnzooError, match="pip install matplotlib"):
        fit(Model(), batches(1), [TemporalGradientMonitor()])


def test_vanished_gradients_are_drawn_and_written(fit, tmp_path):
    model = Model()
    with torch.no_grad():
        for cell in model.stack.cells:
            cell.weight_hh.zero_()
    logger = ListLogger()
    fit(model, batches(1), [TemporalGradientMonitor()], logger=logger)
    rows = list(csv.DictReader((tmp_path / "temporal_gradient" / "step-000000.csv").open()))
    assert [float(row["norm"]) for row in rows if row["lag"] != "0"] == [0.0] * 38
    assert not math.isnan(logger.metrics[0][1]["grad/temporal/stack.cells.0/ratio"])
