"""Each attention against its formula, written out in loops in float64 NumPy, and its bookkeeping by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.attention import ATTENTIONS, Attention, build_attention
from rnnzoo.layers.coverage import coverage_loss, doubly_stochastic_penalty

N, S, H, D, A = 3, 5, 4, 4, 6
LENGTHS = torch.tensor([5, 2, 3])
STATELESS = ["dot", "general", "scaled", "additive"]


def make(name: str, **options: Any) -> Attention:
    torch.manual_seed(1)
    size = A if name in ("scaled", "additive", "coverage", "location") else None
    memory_size = D if name == "dot" else D + 1
    return build_attention(name, H, memory_size, size, **options).double()


def memory_of(attention: Attention, rows: int = N) -> Tensor:
    return torch.randn(rows, S, attention.memory_size, dtype=torch.float64)


def array(value: Any) -> np.ndarray:
    return value.detach().numpy()


def score(
    attention: Any, name: str, q: np.ndarray, m: np.ndarray, s: int, past: np.ndarray, total: np.ndarray
) -> float:
    """The score of position s, from the paper's formula."""
    if name == "dot":
        return float(q @ m[s])
    if name == "general":
        return float(q @ (array(attention.weight.weight) @ m[s]))
    if name == "scaled":
        return float(
            (array(attention.query_weight.weight) @ q) @ (array(attention.key_weight.weight) @ m[s]) / np.sqrt(A)
        )
    inner = array(attention.query_weight.weight) @ q + array(attention.key_weight.weight) @ m[s]
    inner = inner + array(attention.key_weight.bias)
    if name == "coverage":
        inner = inner + array(attention.coverage_weight.weight)[:, 0] * total[s]
    if name == "location":
        filters = array(attention.location.weight)[:, 0]  # (k, r)
        half = filters.shape[1] // 2
        features = np.zeros(len(filters))
        for k, row in enumerate(filters):
            for offset in range(-half, half + 1):
                if 0 <= s + offset < len(past):
                    features[k] += row[offset + half] * past[s + offset]
        inner = inner + array(attention.location_weight.weight) @ features
    return float(array(attention.score_weight.weight)[0] @ np.tanh(inner))


def attend(
    attention: Any, name: str, q: np.ndarray, m: np.ndarray, length: int, past: np.ndarray, total: np.ndarray
) -> np.ndarray:
    exponentials = np.array([np.exp(score(attention, name, q, m, s, past, total)) for s in range(length)])
    weights = np.zeros(len(m))
    weights[:length] = exponentials / exponentials.sum()
    return weights


@pytest.mark.parametrize("name", [*STATELESS, "coverage", "location"])
def test_three_steps_are_the_formula(name: str) -> None:
    attention = make(name, **({"filters": 2, "width": 3} if name == "location" else {}))
    values, queries = memory_of(attention), torch.randn(3, N, H, dtype=torch.float64)
    memory = attention.init(values, LENGTHS)
    state = attention.initial_state(memory, N)
    past, total = np.zeros((N, S)), np.zeros((N, S))
    for query in queries:
        contexts, state = attention(query, memory, state)
        for n in range(N):
            weights = attend(attention, name, array(query[n]), array(values[n]), int(LENGTHS[n]), past[n], total[n])
            past[n], total[n] = weights, total[n] + weights
            np.testing.assert_allclose(array(state.weights[n]), weights, atol=1e-12)
            np.testing.assert_allclose(array(contexts[n]), weights @ array(values[n]), atol=1e-12)
        np.testing.assert_allclose(array(state.coverage), total, atol=1e-12)


@pytest.mark.parametrize("name", [*STATELESS, "aligned"])
def test_all_steps_at_once_are_the_steps(name: str) -> None:
    attention = make(name)
    memory = attention.init(memory_of(attention), LENGTHS)
    queries = torch.randn(N, 7, H, dtype=torch.float64)
    state = attention.initial_state(memory, N)
    _, state = attention(queries[:, 0], memory, state)  # the rest begins at this state, not at the first one
    contexts, weights = attention.attend_steps(queries[:, 1:], memory, state)
    for t in range(1, 7):
        context, state = attention(queries[:, t], memory, state)
        torch.testing.assert_close(contexts[:, t - 1], context, rtol=0, atol=1e-12)
        torch.testing.assert_close(weights[:, t - 1], state.weights, rtol=0, atol=1e-12)


def test_recurrent_attention_refuses_to_make_all_steps_at_once() -> None:
    attention = make("coverage")
    memory = attention.init(memory_of(attention))
    with pytest.raises(RnnzooError, match="step by step"):
        attention.attend_steps(torch.zeros(N, 2, H), memory, attention.initial_state(memory, N))


def test_aligned_attention_looks_at_its_own_position() -> None:
    attention = make("aligned")
    values = memory_of(attention)
    memory = attention.init(values, LENGTHS)
    state = attention.initial_state(memory, N)
    for t in range(S + 1):
        context, state = attention(torch.zeros(N, H, dtype=torch.float64), memory, state)
        for n in range(N):
            expected = values[n, t] if t < LENGTHS[n] else torch.zeros_like(context[n])
            assert torch.equal(context[n], expected)
    assert torch.equal(state.coverage, (torch.arange(S) < LENGTHS[:, None]).double())


@pytest.mark.parametrize("name", list(ATTENTIONS))
def test_hypotheses_share_the_memory_of_their_row(name: str) -> None:
    attention = make(name)
    values = memory_of(attention)
    shared = attention.init(values, LENGTHS)
    copied = attention.init(values.repeat_interleave(2, 0), LENGTHS.repeat_interleave(2))
    state, alone = attention.initial_state(shared, 2 * N), attention.initial_state(copied, 2 * N)
    for query in torch.randn(3, 2 * N, H, dtype=torch.float64):
        context, state = attention(query, shared, state)
        expected, alone = attention(query, copied, alone)
        torch.testing.assert_close(context, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(state.coverage, alone.coverage, rtol=0, atol=1e-12)


def test_rows_that_cannot_be_shared_out() -> None:
    attention = make("dot")
    memory = attention.init(memory_of(attention))
    with pytest.raises(RnnzooError, match="4 queries cannot be shared out to the 3 rows"):
        attention(torch.zeros(4, H, dtype=torch.float64), memory, attention.initial_state(memory, 4))


@pytest.mark.parametrize("name", list(ATTENTIONS))
def test_padding_changes_nothing_and_an_empty_row_gives_zero(name: str) -> None:
    attention = make(name)
    values = memory_of(attention)
    lengths = torch.tensor([5, 2, 0])
    spoilt = values.clone()
    for n, length in enumerate(lengths.tolist()):
        spoilt[n, length:] = float("nan")
    spoilt.requires_grad_()
    query = torch.randn(N, H, dtype=torch.float64)
    memory, other = attention.init(values, lengths), attention.init(spoilt, lengths)
    expected, _ = attention(query, memory, attention.initial_state(memory, N))
    context, state = attention(query, other, attention.initial_state(other, N))
    assert torch.equal(context, expected)
    assert (context[2] == 0).all()
    assert (state.weights[2] == 0).all()
    (gradient,) = torch.autograd.grad(context.sum(), spoilt)
    assert gradient.isfinite().all()
    for n, length in enumerate(lengths.tolist()):
        assert (gradient[n, length:] == 0).all()
    longer = torch.cat((values, torch.ones(N, 2, attention.memory_size, dtype=torch.float64)), 1)
    more = attention.init(longer, lengths)
    context, _ = attention(query, more, attention.initial_state(more, N))
    torch.testing.assert_close(context, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", list(ATTENTIONS))
def test_a_memory_without_positions_gives_zero(name: str) -> None:
    attention = make(name)
    memory = attention.init(torch.zeros(N, 0, attention.memory_size, dtype=torch.float64), torch.zeros(N).long())
    context, _ = attention(torch.zeros(N, H, dtype=torch.float64), memory, attention.initial_state(memory, N))
    assert torch.equal(context, torch.zeros(N, attention.memory_size, dtype=torch.float64))


def test_the_memory_is_projected_once() -> None:
    attention = make("additive")
    calls: list[int] = []
    attention.key_weight.register_forward_hook(lambda *_: calls.append(1))
    memory = attention.init(memory_of(attention))
    state = attention.initial_state(memory, N)
    for _ in range(4):
        _, state = attention(torch.zeros(N, H, dtype=torch.float64), memory, state)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("dot", 3, 4), {}, "take 'general'"),
        (("aditive", 3, 4), {}, "did you mean 'additive'"),
        (("dot", 3, 3, 5), {}, "dot attention has no attention_size"),
        (("additive", 3, 4), {"filters": 2}, "filters belong to location attention"),
        (("location", 3, 4), {"width": 4}, "odd width"),
    ],
)
def test_bad_arguments_say_what_to_do(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        build_attention(*arguments, **options)


def test_a_memory_of_another_width() -> None:
    with pytest.raises(RnnzooError, match=r"must be \(N, S, 4\), and is \(2, 3, 5\)"):
        build_attention("dot", 4, 4).init(torch.zeros(2, 3, 5))


def test_coverage_loss_and_doubly_stochastic_penalty_in_loops() -> None:
    torch.manual_seed(0)
    weights = torch.rand(N, 4, S, dtype=torch.float64)
    steps, positions = [4, 1, 3], [5, 2, 4]
    again = missing = 0.0
    for n in range(N):
        covered = [0.0] * S
        for t in range(steps[n]):
            for s in range(S):
                again += min(float(weights[n, t, s]), covered[s])
                covered[s] += float(weights[n, t, s])
        missing += sum((1 - covered[s]) ** 2 for s in range(positions[n]))
    mask = torch.arange(4) < torch.tensor(steps)[:, None]
    assert coverage_loss(weights, mask).item() == pytest.approx(again, abs=1e-12)
    found = doubly_stochastic_penalty(weights, mask, torch.tensor(positions))
    assert found.item() == pytest.approx(missing, abs=1e-12)
