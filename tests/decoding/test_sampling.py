"""Filters by hand, and what is drawn against the distribution it is drawn from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rnnzoo.decoding import filter_log_probs, sample, stream
from rnnzoo.errors import RnnzooError

P = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64)


class Bigram:
    """p(next | last) from a table; the state is the number of tokens read."""

    def __init__(self, table: Tensor) -> None:
        self.table = table
        self.read: list[Tensor] = []

    def init_state(self, condition: int) -> tuple[Tensor, None]:
        return torch.zeros(condition), None

    def step(self, tokens: Tensor, state: Tensor, memory: None) -> tuple[Tensor, Tensor]:
        self.read.append(tokens)
        return self.table[tokens].log(), state + 1

    def reorder(self, state: Tensor, index: Tensor) -> Tensor:
        return state[index]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.0}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 4}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.6}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.05}, [0, 1, 0, 0]),
        ({"top_p": 1.0}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 3, "top_p": 0.75}, [0, 4 / 7, 0, 3 / 7]),  # of 4/9, 3/9, 2/9 the first two reach 7/9
        ({"temperature": 0.5, "top_k": 2}, [0, 16 / 25, 0, 9 / 25]),
    ],
)
def test_filters_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    found = filter_log_probs(P.log().expand(2, 3, 4), **options).exp()
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64).expand(2, 3, 4))


@pytest.mark.parametrize("temperature", [1e-30, 1e-40, 5e-324])
def test_a_temperature_of_almost_nothing_is_greedy(temperature: float) -> None:
    log_probs = P.float().log() - 3
    assert filter_log_probs(log_probs, temperature).exp().tolist() == [0, 1, 0, 0]
    drawn = sample(Bigram(P.float().expand(4, 4)), torch.zeros(9, 1, dtype=torch.long), 2, temperature=temperature)
    assert drawn.unique().tolist() == [1]


def test_a_network_that_gives_nan_is_named_when_the_stream_ends() -> None:
    table = P.float().expand(4, 4).clone()
    table[1] = torch.nan  # after a 1, which row 1 begins with
    with pytest.raises(RnnzooError, match=r"NaN as log-probability \(row 1\)"):
        sample(Bigram(table), torch.tensor([[0], [1]]), 1)


@pytest.mark.parametrize("seed", [-1, 1 << 32, 1.5, "1", True])
def test_what_is_no_seed(seed: Any) -> None:
    with pytest.raises(RnnzooError, match="seed must be a whole number from 0 to 4294967295"):
        sample(Bigram(P.float().expand(4, 4)), torch.zeros(1, 1, dtype=torch.long), 1, seed=seed)


def test_ties_at_the_edge_keep_the_first_ids() -> None:
    even = torch.full((4,), 0.25, dtype=torch.float64).log()
    torch.testing.assert_close(filter_log_probs(even, top_k=2).exp(), torch.tensor([0.5, 0.5, 0, 0]).double())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be at least 0"),
        ({"temperature": float("nan")}, "temperature must be at least 0"),
        ({"top_k": 0}, "top_k must be from 1"),
        ({"top_k": 5}, "vocabulary's 4 tokens, not 5"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.1}, "top_p must be above 0"),
        ({"temperature": float("inf")}, "temperature must be at least 0"),
        ({"temperature": "1"}, "temperature must be a number, not '1'"),
        ({"top_k": 2.0}, "top_k must be a whole number, not 2.0"),
        ({"top_p": "0.9"}, "top_p must be a number, not '0.9'"),
    ],
)
def test_arguments_outside_their_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        filter_log_probs(P.log(), **options)
    with pytest.raises(RnnzooError, match="top_k" if "top_k" in options else message):
        list(stream(Bigram(P.expand(4, 4)), torch.zeros(1, 1, dtype=torch.long), 3, **options))


def test_nothing_to_decode() -> None:
    network = Bigram(P.expand(4, 4))
    with pytest.raises(RnnzooError, match="max_length must be at least 1"):
        sample(network, torch.zeros(1, 1, dtype=torch.long), 0)
    with pytest.raises(RnnzooError, match="at least one token a row"):
        sample(network, torch.zeros(1, 0, dtype=torch.long), 3)


def test_greedy_follows_the_chain_after_the_prompt() -> None:
    table = torch.full((4, 4), 0.1).fill_diagonal_(0.1)
    for last, best in enumerate([2, 0, 3, 1]):
        table[last, best] = 0.7
    network = Bigram(table)
    found = sample(network, torch.tensor([[1, 0], [2, 3]]), 5, temperature=0)
    assert found.tolist() == [[2, 3, 1, 0, 2], [1, 0, 2, 3, 1]]
    assert [tokens.tolist() for tokens in network.read[:2]] == [[1, 2], [0, 3]]
    assert len(network.read) == 2 + 4  # the last token is given, not read


def test_draws_have_the_filtered_distribution() -> None:
    found = sample(Bigram(P.expand(4, 4)), torch.zeros(20_000, 1, dtype=torch.long), 1, top_k=3, seed=5)
    shares = torch.bincount(found.flatten(), minlength=4) / 20_000
    expected = torch.tensor([0, 4 / 9, 2 / 9, 3 / 9])
    assert shares[0] == 0
    assert (shares - expected).abs().max() < 4 * 0.5 / 20_000**0.5


def test_rows_end_and_the_stream_stops() -> None:
    table = torch.zeros(4, 4)
    table[0, 1] = table[1, 2] = table[2, 3] = table[3, 0] = 1.0  # after 0: 1, 2, 3, 0, ...
    prompt = torch.tensor([[0], [2]])
    found = sample(Bigram(table), prompt, 100, end_id=3, seed=0)
    assert found.tolist() == [[1, 2, 3], [3, 3, 3]]
    assert len(list(stream(Bigram(table), prompt, 100, end_id=3))) == 3
    assert sample(Bigram(table), prompt, 2, end_id=3).tolist() == [[1, 2], [3, 3]]


def test_a_seed_fixes_the_draws_and_leaves_the_global_generator_alone() -> None:
    network, prompt = Bigram(P.expand(4, 4)), torch.zeros(3, 1, dtype=torch.long)
    before = torch.get_rng_state()
    first, second = sample(network, prompt, 40, seed=1), sample(network, prompt, 40, seed=1)
    other, free = sample(network, prompt, 40, seed=2), sample(network, prompt, 40)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert not torch.equal(free, sample(network, prompt, 40))


def test_the_stream_gives_tokens_as_they_are_decided() -> None:
    network = Bigram(P.expand(4, 4))
    steps = stream(network, torch.zeros(1, 1, dtype=torch.long), 10, seed=0)
    assert torch.is_grad_enabled()
    next(steps)
    assert torch.is_grad_enabled()  # between two tokens the caller's mode holds
    assert len(network.read) == 1
    next(steps)
    assert len(network.read) == 2
