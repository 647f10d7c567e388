"""Each cell against its paper's formula in numpy float64: a matrix per gate, a loop over time, nothing shared."""

import numpy as np
import pytest
import torch

from rnnzoo.cells import CELLS, build_cell
from rnnzoo.recurrent.reference import run_reference

T, N, D, H = 5, 3, 4, 6


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.where(x > 0, x, 0.0)


def layer_norm(v, gain):
    centred = v - v.mean(1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)


def gate_rows(p, names, sizes=None):
    """W_k, U_k, b_k and c_k (the bias beside U_k) of each gate, cut from the parameters by hand."""
    cut, start = {}, 0
    for name, size in zip(names, sizes or [H] * len(names), strict=True):
        rows = slice(start, start + size)
        cut["W" + name] = p["weight_ih"][rows].T
        cut["b" + name] = p["bias_ih"][rows]
        if "weight_hh" in p:
            cut["U" + name] = p["weight_hh"][rows].T
        if "bias_hh" in p:
            cut["c" + name] = p["bias_hh"][rows]
        start += size
    return cut


def elman(g):
    def step(p, x, h):
        w = gate_rows(p, "g")
        return (g(x @ w["Wg"] + w["bg"] + h @ w["Ug"] + w["cg"]),)

    return step


def lstm(p, x, h, c):
    w = gate_rows(p, "ifgo")
    a = {k: x @ w["W" + k] + w["b" + k] + h @ w["U" + k] + w["c" + k] for k in "ifgo"}
    c = sigmoid(a["f"]) * c + sigmoid(a["i"]) * np.tanh(a["g"])
    return sigmoid(a["o"]) * np.tanh(c), c


def projected_lstm(p, x, h, c):
    m, c = lstm(p, x, h, c)
    return m @ p["weight_hr"].T, c


def block_lstm(p, x, h, c, size=2):
    w = gate_rows(p, "ifgo", [H // size, H // size, H, H // size])
    a = {k: x @ w["W" + k] + w["b" + k] + h @ w["U" + k] + w["c" + k] for k in "ifgo"}
    new_h, new_c = np.empty_like(h), np.empty_like(c)
    for cell in range(H):
        block = cell // size
        new_c[:, cell] = sigmoid(a["f"][:, block]) * c[:, cell] + sigmoid(a["i"][:, block]) * np.tanh(a["g"][:, cell])
        new_h[:, cell] = sigmoid(a["o"][:, block]) * np.tanh(new_c[:, cell])
    return new_h, new_c


def peephole_lstm(p, x, h, c):
    w = gate_rows(p, "ifgo")
    a = {k: x @ w["W" + k] + w["b" + k] + h @ w["U" + k] + w["c" + k] for k in "ifgo"}
    i = sigmoid(a["i"] + c @ np.diag(p["weight_ci"]))
    f = sigmoid(a["f"] + c @ np.diag(p["weight_cf"]))
    c = f * c + i * np.tanh(a["g"])
    o = sigmoid(a["o"] + c @ np.diag(p["weight_co"]))
    return o * np.tanh(c), c


def coupled_lstm(p, x, h, c):
    """Greff et al.: i = sigmoid(.), f = 1 - i, where i's weights are those of f with the other sign."""
    w = gate_rows(p, "fgo")
    a = {k: x @ w["W" + k] + w["b" + k] + h @ w["U" + k] + w["c" + k] for k in "fgo"}
    i = sigmoid(-a["f"])
    c = (1 - i) * c + i * np.tanh(a["g"])
    return sigmoid(a["o"]) * np.tanh(c), c


def layer_norm_lstm(p, x, h, c):
    a = layer_norm(x @ p["weight_ih"].T, p["gain_ih"]) + layer_norm(h @ p["weight_hh"].T, p["gain_hh"]) + p["bias_ih"]
    i, f, g, o = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(layer_norm(c, p["gain_c"]) + p["bias_c"]), c


def gru(p, x, h):
    w = gate_rows(p, "rzn")
    r, z = (sigmoid(x @ w["W" + k] + w["b" + k] + h @ w["U" + k] + w["c" + k]) for k in "rz")
    n = np.tanh(x @ w["Wn"] + w["bn"] + r * (h @ w["Un"] + w["cn"]))
    return ((1 - z) * n + z * h,)


def gru_reset_before(p, x, h):
    w = gate_rows(p, "rzn")
    r, z = (sigmoid(x @ w["W" + k] + w["b" + k] + h @ w["U" + k] + w["c" + k]) for k in "rz")
    n = np.tanh(x @ w["Wn"] + w["bn"] + (r * h) @ w["Un"] + w["cn"])
    return ((1 - z) * n + z * h,)


def indrnn(p, x, h):
    return (relu(x @ p["weight_ih"].T + p["bias_ih"] + h @ np.diag(p["u"])),)


def min_gru(p, x, h):
    w = gate_rows(p, "zn")
    z = sigmoid(x @ w["Wz"] + w["bz"])
    return ((1 - z) * h + z * (x @ w["Wn"] + w["bn"]),)


def min_lstm(p, x, h):
    w = gate_rows(p, "ifg")
    i, f = sigmoid(x @ w["Wi"] + w["bi"]), sigmoid(x @ w["Wf"] + w["bf"])
    return (f / (f + i) * h + i / (f + i) * (x @ w["Wg"] + w["bg"]),)


ORACLES = [
    ("elman", {}, elman(np.tanh)),
    ("elman", {"activation": "relu"}, elman(relu)),
    ("elman", {"activation": "identity"}, elman(lambda x: x)),
    ("lstm", {}, lstm),
    ("projected_lstm", {"projection_size": 2}, projected_lstm),
    ("block_lstm", {"block_size": 2}, block_lstm),
    ("peephole_lstm", {}, peephole_lstm),
    ("coupled_lstm", {}, coupled_lstm),
    ("layer_norm_lstm", {}, layer_norm_lstm),
    ("gru", {}, gru),
    ("gru_reset_before", {}, gru_reset_before),
    ("indrnn", {}, indrnn),
    ("min_gru", {}, min_gru),
    ("min_lstm", {}, min_lstm),
]
IDS = ["-".join([name, *map(str, options.values())]) for name, options, _ in ORACLES]


def test_every_cell_has_an_oracle():
    assert {name for name, _, _ in ORACLES} == set(CELLS)


def make(name, options):
    """A float64 cell whose parameters are all far from their special first values (gains of 1, shifts of 0)."""
    torch.manual_seed(0)
    cell = build_cell(name, D, H, **options).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    inputs = torch.randn(T, N, D, dtype=torch.float64)
    state = cell.state_type._make(torch.randn(N, size, dtype=torch.float64) for size in cell.state_sizes)
    return cell, inputs, state


@pytest.mark.parametrize(("name", "options", "oracle"), ORACLES, ids=IDS)
def test_values_are_those_of_the_paper(name, options, oracle):
    cell, inputs, state = make(name, options)
    parameters = {key: value.detach().numpy() for key, value in cell.named_parameters()}
    outputs, last = run_reference(cell, inputs, None, state)
    expected = tuple(field.numpy() for field in state)
    for t in range(T):
        expected = oracle(parameters, inputs[t].numpy(), *expected)
        np.testing.assert_allclose(outputs[t].detach().numpy(), expected[0], rtol=0, atol=1e-12)
    for field, value in zip(last, expected, strict=True):
        np.testing.assert_allclose(field.detach().numpy(), value, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "options", "oracle"), ORACLES, ids=IDS)
def test_gradients_are_those_of_the_paper(name, options, oracle):
    """Central differences of the numpy oracle along random directions against autograd's directional derivative."""
    cell, inputs, state = make(name, options)
    names = [key for key, _ in cell.named_parameters()]
    leaves = [inputs, *state, *cell.parameters()]
    for leaf in leaves:
        leaf.requires_grad_()
    rng = np.random.default_rng(0)
    outputs, last = run_reference(cell, inputs, None, state)
    seen = [outputs, *last]
    weights = [rng.normal(size=tuple(value.shape)) for value in seen]
    loss = sum((value * torch.from_numpy(weight)).sum() for value, weight in zip(seen, weights, strict=True))
    gradients = [gradient.numpy() for gradient in torch.autograd.grad(loss, leaves)]

    def oracle_loss(values):
        x, fields, parameters = (
            values[0],
            values[1 : 1 + len(state)],
            dict(zip(names, values[1 + len(state) :], strict=True)),
        )
        total = 0.0
        for t in range(T):
            fields = oracle(parameters, x[t], *fields)
            total += (fields[0] * weights[0][t]).sum()
        return total + sum((field * weight).sum() for field, weight in zip(fields, weights[1:], strict=True))

    values = [leaf.detach().numpy() for leaf in leaves]
    for index, value in enumerate(values):
        for _ in range(3):
            direction = rng.normal(size=value.shape)
            shifted = [[*values[:index], value + sign * 1e-6 * direction, *values[index + 1 :]] for sign in (1, -1)]
            slope = (oracle_loss(shifted[0]) - oracle_loss(shifted[1])) / 2e-6
            assert (gradients[index] * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_min_lstm_with_both_gates_shut_keeps_its_ratio():
    """f / (f + i) is 0 / 0 in float32 at -200, where the two sigmoids are alike, so that the share is 1/2."""
    cell = build_cell("min_lstm", 1, 1)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[-200.0], [-200.0], [3.0]]))
        cell.bias_ih.zero_()
    output, _ = cell(torch.ones(1, 1), cell.state_type(torch.full((1, 1), 5.0)))
    assert output.item() == pytest.approx(4.0)  # (5 + 3) / 2


def test_block_of_one_cell_is_an_lstm():
    torch.manual_seed(0)
    block = build_cell("block_lstm", D, H, block_size=1).double()
    plain = build_cell("lstm", D, H).double()
    plain.load_state_dict(block.state_dict())
    inputs = torch.randn(T, N, D, dtype=torch.float64)
    ours, _ = run_reference(block, inputs, None, block.initial_state(N))
    theirs, _ = run_reference(plain, inputs, None, plain.initial_state(N))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


def test_layer_norm_lstm_does_not_see_the_scale_of_its_weights():
    """What layer normalisation is for (Ba et al. 2016, section 5.1): rescaled matrices give the same function."""
    cell, inputs, state = make("layer_norm_lstm", {})
    before, _ = run_reference(cell, inputs, None, state)
    with torch.no_grad():
        cell.weight_ih.mul_(7.0)
        cell.weight_hh.mul_(9.0)
    after, _ = run_reference(cell, inputs, None, state)
    torch.testing.assert_close(before, after, rtol=0, atol=1e-4)  # not equal, for the 1e-5 under the root
