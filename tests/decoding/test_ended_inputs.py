"""Inputs that have ended are left out of what is computed, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tree_network import END, Tree

from rnnzoo.decoding import Decoded, beam_search, greedy_search, sample_sequences, stream_beam_search
from rnnzoo.errors import RnnzooError

INPUTS, LONGEST = 5, 8


class Whole(Tree):
    """A network that does not say how rows of its memory are left out."""

    select_memory = property()  # type: ignore[assignment]  # so that there is none


def tree(kind: type[Tree], seed: int = 1) -> Tree:
    return kind(seed, INPUTS, depth=LONGEST)


PREFIX = {"prefix": torch.tensor([[1], [2], [3], [1], [2]]), "prefix_lengths": torch.tensor([1, 0, 1, 1, 0])}
SEARCHES: dict[str, Callable[[Tree], Decoded]] = {
    "greedy": lambda tree: run(greedy_search, tree, **PREFIX),
    "beam": lambda tree: run(beam_search, tree, beam_size=3, num_return=2),
    "beam-1": lambda tree: run(beam_search, tree, beam_size=1, **PREFIX),
    "prefix": lambda tree: run(beam_search, tree, beam_size=3, length_penalty="average", **PREFIX),
    "coverage": lambda tree: run(beam_search, tree, beam_size=2, coverage_penalty=0.3),
    "groups": lambda tree: run(beam_search, tree, beam_size=4, groups=2, num_return=3),
    "phrases": lambda tree: run(beam_search, tree, beam_size=4, constraints=[[[2]], [], [[1, 3]], [[3], [2]], []]),
}


def run(search: Callable[..., Decoded], tree: Tree, **options: Any) -> Decoded:
    return search(tree, torch.arange(INPUTS), 1, max_length=LONGEST, end_id=END, **options)


@pytest.mark.parametrize("name", SEARCHES)
def test_the_sequences_are_those_of_a_search_over_all(name: str) -> None:
    left_out = 0
    for seed in range(4):
        narrow, whole = tree(Tree, seed), tree(Whole, seed)
        found, expected = SEARCHES[name](narrow), SEARCHES[name](whole)
        for field in ("tokens", "lengths", "scores", "log_probs"):
            assert torch.equal(getattr(found, field), getattr(expected, field)), field
        assert narrow.steps == whole.steps
        left_out += sum(whole.rows) - sum(narrow.rows)
    assert left_out > 0


def test_each_row_is_computed_until_it_ends() -> None:
    network = tree(Tree)
    lengths = run(greedy_search, network).lengths[:, 0]
    assert network.rows == [int((lengths > step).sum()) for step in range(int(lengths.max()))]


def test_samples_of_a_row_end_once_and_have_their_probability() -> None:
    network = tree(Tree)
    found = run(sample_sequences, network, num_return=3, seed=0)
    assert network.rows[-1] < INPUTS * 3
    for row, (tokens, lengths) in enumerate(zip(found.tokens.tolist(), found.lengths.tolist(), strict=True)):
        for at, (sequence, length) in enumerate(zip(tokens, lengths, strict=True)):
            written = tuple(sequence[:length])
            assert END not in written[:-1]
            assert written[-1] == END or length == LONGEST
            assert float(found.log_probs[row, at]) == pytest.approx(network.log_prob(row, written), abs=1e-12)


def test_a_stream_goes_on_without_what_has_ended() -> None:
    network = tree(Tree)
    pieces: list[list[int]] = [[] for _ in range(INPUTS)]
    options: dict[str, Any] = {"beam_size": 3, "max_length": LONGEST, "end_id": END}
    for certain in stream_beam_search(network, torch.arange(INPUTS), 1, **options):
        for row, count in enumerate(certain.counts.tolist()):
            pieces[row] += certain.tokens[row, :count].tolist()
    assert network.rows[-1] < INPUTS * 3
    best = run(beam_search, tree(Whole), beam_size=3)
    assert pieces == [
        row[0][:length] for row, length in zip(best.tokens.tolist(), best.lengths[:, 0].tolist(), strict=True)
    ]


def test_a_nan_is_told_with_the_number_of_its_input() -> None:
    first = []

    class Broken(Tree):
        def step(self, tokens: Any, state: Any, memory: Any) -> Any:
            log_probs, state = super().step(tokens, state, memory)
            if memory[0] > 0:  # the first input has ended
                first.append(int(memory[0]))
                log_probs = torch.full_like(log_probs, torch.nan)
            return log_probs, state

    def until_it_breaks() -> None:
        for seed in range(20):
            run(beam_search, tree(Broken, seed), beam_size=2)

    with pytest.raises(RnnzooError) as refused:
        until_it_breaks()
    assert f"NaN as log-probability (row {first[0]})" in str(refused.value)
