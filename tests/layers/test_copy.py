"""The pointer-generator's mixture against its formula in loops; label smoothing against torch's."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.copy import CopyGate, CopySource, mixture_log_probs, mixture_nll
from rnnzoo.layers.label_smoothing import smoothed_nll

V, EXTRA, N, T, S = 5, 2, 3, 4, 6


def make() -> tuple[Tensor, Tensor, Tensor, CopySource]:
    torch.manual_seed(0)
    logits = torch.randn(N, T, V, dtype=torch.float64, requires_grad=True)
    gate = torch.randn(N, T, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(N, T, S, dtype=torch.float64)
    weights[1, :, 4:] = 0  # padding
    weights = (weights / weights.sum(-1, keepdim=True)).requires_grad_()
    ids = torch.randint(V + EXTRA, (N, S))
    ids[0] = torch.tensor([6, 1, 6, 3, 5, 1])  # words that repeat, two that are not in the vocabulary
    ids[2] = 0
    return logits, gate, weights, CopySource(ids, EXTRA)


def mixture_in_loops(logits: Tensor, gate: Tensor, weights: Tensor, source: CopySource) -> Tensor:
    result = torch.zeros(N, T, V + EXTRA, dtype=torch.float64)
    for n in range(N):
        for t in range(T):
            generated = 1 / (1 + math.exp(-gate[n, t].item()))
            exponentials = [math.exp(value) for value in logits[n, t].tolist()]
            for w in range(V):
                result[n, t, w] += generated * exponentials[w] / sum(exponentials)
            for s in range(S):
                result[n, t, int(source.ids[n, s])] += (1 - generated) * weights[n, t, s].item()
    return result


def test_mixture_is_the_formula_and_sums_to_one() -> None:
    logits, gate, weights, source = make()
    found = mixture_log_probs(logits.log_softmax(-1), gate, weights, source).exp()
    torch.testing.assert_close(found, mixture_in_loops(logits, gate, weights, source), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.sum(-1), torch.ones(N, T, dtype=torch.float64))
    assert (found[2, :, V:] == 0).all()  # neither in the vocabulary nor in that row's source


def test_nll_is_the_mixtures_for_every_possible_target() -> None:
    logits, gate, weights, source = make()
    log_probs = logits.log_softmax(-1)
    expected = -mixture_log_probs(log_probs, gate, weights, source)
    for target in range(V + EXTRA):
        targets = torch.full((N, T), target)
        nll = -log_probs[..., min(target, V - 1)]  # any number past V
        found = mixture_nll(nll, gate, weights, source, targets, V)
        torch.testing.assert_close(found, expected[..., target], rtol=1e-10, atol=1e-12)


def test_gradients_of_the_nll() -> None:
    logits, gate, weights, source = make()
    targets = torch.tensor([[6, 1, 0, 3], [0, 1, 2, 3], [0, 4, 0, 1]])

    def loss(logits: Tensor, gate: Tensor, weights: Tensor) -> Tensor:
        own = targets.clamp(max=V - 1).unsqueeze(-1)
        nll = -logits.log_softmax(-1).gather(-1, own).squeeze(-1)
        return mixture_nll(nll, gate, weights, source, targets, V)

    assert torch.autograd.gradcheck(loss, (logits, gate, weights), fast_mode=True)


def test_a_target_that_nothing_gives_leaves_the_other_gradients_finite() -> None:
    logits, gate, weights, source = make()
    targets = torch.zeros(N, T, dtype=torch.long)
    targets[2, 0] = V + 1  # not in row 2's source
    nll = -logits.log_softmax(-1)[..., 0]
    losses = mixture_nll(nll, gate, weights, source, targets, V)
    assert losses[2, 0] == math.inf
    losses.masked_fill(losses.isinf(), 0.0).sum().backward()
    for leaf in (logits, gate, weights):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


def test_gate_is_a_linear_layer_of_context_output_and_input() -> None:
    torch.manual_seed(0)
    gate = CopyGate(2, 3, 4).double()
    parts = [torch.randn(5, width, dtype=torch.float64) for width in (2, 3, 4)]
    weight, bias = gate.linear.weight[0], gate.linear.bias
    expected = parts[0] @ weight[:2] + parts[1] @ weight[2:5] + parts[2] @ weight[5:] + bias
    torch.testing.assert_close(gate(*parts), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_label_smoothing_is_torchs(smoothing: float) -> None:
    logits, *_ = make()
    targets = torch.randint(V, (N, T))
    log_probs = logits.log_softmax(-1)
    nll = -log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(smoothed_nll(nll, log_probs, smoothing).flatten(), expected)


def test_label_smoothing_out_of_range() -> None:
    with pytest.raises(RnnzooError, match="label_smoothing must be at least 0 and below 1, not 1"):
        smoothed_nll(torch.zeros(1), torch.zeros(1, 2), 1.0)
