"""Whole sequences drawn with and without replacement, against their probabilities."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch
from scipy import stats
from torch import Tensor
from tree_network import END, Rules, Tree, every_sequence, exhaustive

from rnnzoo.decoding import greedy_search, sample_sequences, stochastic_beam_search, stream
from rnnzoo.decoding.filters import draw
from rnnzoo.errors import RnnzooError

DRAWS = 20_000


def fits(counts: Counter[tuple[int, ...]], probabilities: dict[tuple[int, ...], float]) -> bool:
    """Chi-square at the level 0.001, after putting cells of fewer than 5 expected draws together."""
    total = sum(counts.values())
    assert set(counts) <= {key for key, p in probabilities.items() if p > 0}
    assert math.isclose(sum(probabilities.values()), 1.0, abs_tol=1e-9)
    large = [key for key, p in probabilities.items() if p * total >= 5]
    observed = [counts[key] for key in large]
    expected = [probabilities[key] * total for key in large]
    if len(large) < len(probabilities) and total - sum(expected) > 1e-6:
        observed.append(total - sum(observed))
        expected.append(total - sum(expected))
    return float(stats.chisquare(observed, expected).pvalue) > 0.001


def rows_of(found_tokens: Tensor, lengths: Tensor) -> list[tuple[int, ...]]:
    return [tuple(row[:length]) for row, length in zip(found_tokens.tolist(), lengths.tolist(), strict=True)]


def test_draw_never_takes_the_impossible_and_fits() -> None:
    p = torch.tensor([0.0, 0.5, 0.0, 0.2, 0.3, 0.0], dtype=torch.float64)
    found = draw(p.log().expand(DRAWS, 6), torch.Generator().manual_seed(0))
    assert fits(Counter((each,) for each in found.tolist()), {(at,): float(each) for at, each in enumerate(p)})


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, 1), (1 - 2**-53, 4)])
def test_draw_at_the_ends_of_the_interval(uniform: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, uniform, dtype=torch.float64))
    p = torch.tensor([[0.0, 0.5, 0.0, 0.2, 0.3, 0.0]] * 3) * torch.tensor([[1.0], [0.7], [1 / 3]])
    assert draw(p.log(), torch.Generator()).tolist() == [expected] * 3


@pytest.mark.parametrize("min_length", [0, 2])
def test_draws_are_as_probable_as_the_network_says(min_length: int) -> None:
    tree = Tree(seed=31, inputs=2, depth=3)
    if min_length:
        renormalised(tree)
    found = sample_sequences(
        tree,
        torch.tensor([0, 1]),
        1,
        end_id=END,
        max_length=3,
        num_return=DRAWS,
        min_length=min_length,
        seed=1,
    )
    assert found.tokens.shape == (2, DRAWS, 3)
    for row in range(2):
        sequences = rows_of(found.tokens[row], found.lengths[row])
        rules = Rules(3, min_length=min_length)
        assert fits(Counter(sequences), {each: q(tree, row, each, min_length) for each in every_sequence(tree, rules)})
        for k in range(0, DRAWS, 997):
            assert found.log_probs[row, k].item() == pytest.approx(tree.log_prob(row, sequences[k]))
            assert found.scores[row, k].item() == pytest.approx(math.log(q(tree, row, sequences[k], min_length)))
            assert (found.tokens[row, k, found.lengths[row, k] :] == END).all()


def q(tree: Tree, row: int, sequence: tuple[int, ...], min_length: int) -> float:
    """The probability with END left out, and the rest renormalised, before `min_length` tokens."""
    probability = 1.0
    for length in range(len(sequence)):
        p = [
            math.exp(tree.log_prob(row, (*sequence[:length], v)) - tree.log_prob(row, sequence[:length]))
            for v in range(4)
        ]
        if length < min_length:
            p[END] = 0.0
        probability *= p[sequence[length]] / sum(p)
    return probability


def renormalised(tree: Tree) -> None:
    tree.table[:, :, END] += 1.0  # so that leaving END out matters
    tree.table.copy_(tree.table.log_softmax(-1))


def test_temperature_and_top_k_act_on_each_token() -> None:
    tree = Tree(seed=32, inputs=1, depth=2)
    found = sample_sequences(
        tree, torch.tensor([0]), 1, max_length=2, num_return=DRAWS, temperature=0.5, top_k=2, seed=3
    )
    expected = {}
    for a, b in itertools.product(range(4), repeat=2):
        expected[a, b] = 1.0
        for before, token in (((), a), ((a,), b)):
            p = [math.exp(tree.log_prob(0, (*before, v)) - tree.log_prob(0, before)) ** 2 for v in range(4)]
            best = sorted(p)[-2:]
            expected[a, b] *= p[token] / sum(best) if p[token] in best else 0.0
    sequences = rows_of(found.tokens[0], found.lengths[0])
    assert fits(Counter(sequences), expected)
    assert found.scores[0, 0].item() == pytest.approx(math.log(expected[sequences[0]]))


def test_a_prefix_is_given_first_and_costs_the_draw_nothing() -> None:
    tree = Tree(seed=33, inputs=2, depth=4)
    prefix, lengths = torch.tensor([[3, 1], [2, -9]]), torch.tensor([2, 1])
    given = {"end_id": END, "max_length": 4, "prefix": prefix, "prefix_lengths": lengths}
    found = sample_sequences(tree, torch.arange(2), 1, num_return=50, seed=4, **given)
    for row, start in enumerate(((3, 1), (2,))):
        for k, sequence in enumerate(rows_of(found.tokens[row], found.lengths[row])):
            assert sequence[: len(start)] == start
            rest = tree.log_prob(row, sequence) - tree.log_prob(row, start)
            assert found.scores[row, k].item() == pytest.approx(rest, abs=1e-12)
    greedy = greedy_search(tree, torch.arange(2), 1, **given)
    streamed = torch.stack(list(stream(tree, 1, condition=torch.arange(2), temperature=0, **given)), 1)
    assert torch.equal(streamed, greedy.tokens[:, 0])


def test_pairs_without_replacement_have_the_probability_of_drawing_one_after_the_other() -> None:
    tree = Tree(seed=34, inputs=1, depth=2, live=3, vocabulary_size=3)
    p = {each: math.exp(tree.log_prob(0, each)) for each in every_sequence(tree, Rules(2))}
    found = stochastic_beam_search(
        tree, torch.zeros(DRAWS, dtype=torch.long), 1, num_return=2, end_id=END, max_length=2, seed=5
    )
    first, second = (rows_of(found.tokens[:, k], found.lengths[:, k]) for k in range(2))
    pairs = {(*a, 9, *b): p[a] * p[b] / (1 - p[a]) for a, b in itertools.permutations(p, 2)}
    assert fits(Counter((*a, 9, *b) for a, b in zip(first, second, strict=True)), pairs)
    inclusion = {each: sum(v for (a, b), v in both(p).items() if each in (a, b)) for each in p}
    for each, expected in inclusion.items():
        share = (first.count(each) + second.count(each)) / DRAWS
        assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / DRAWS))


def both(p: dict[tuple[int, ...], float]) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
    return {(a, b): p[a] * p[b] / (1 - p[a]) for a, b in itertools.permutations(p, 2)}


def test_all_sequences_come_once_each_perturbed_by_gumbel_noise() -> None:
    tree = Tree(seed=35, inputs=1, depth=3, live=3, vocabulary_size=3)
    every = every_sequence(tree, Rules(3))
    found = stochastic_beam_search(
        tree, torch.zeros(500, dtype=torch.long), 1, num_return=len(every) + 2, end_id=END, max_length=3, seed=6
    )
    assert (found.lengths[:, -2:] == 0).all()
    assert (found.scores[:, -2:] == -torch.inf).all()
    noise: dict[tuple[int, ...], list[float]] = {each: [] for each in every}
    for row in range(500):
        sequences = rows_of(found.tokens[row, :-2], found.lengths[row, :-2])
        assert sorted(sequences) == sorted(every)
        for k, sequence in enumerate(sequences):
            noise[sequence].append(float(found.scores[row, k]) - tree.log_prob(0, sequence))
    assert (found.scores.diff(dim=1).nan_to_num(0) <= 0).all()
    for values in noise.values():
        assert stats.kstest(values, "gumbel_r").pvalue > 0.0005
    columns = list(noise.values())
    assert abs(stats.pearsonr(columns[0], columns[-1]).statistic) < 0.2  # of different sequences independent


def test_rules_hold_without_replacement_too() -> None:
    tree = Tree(seed=36, inputs=3, depth=4)
    options = {"end_id": END, "max_length": 4, "seed": 7, "num_return": 6, "min_length": 2}
    prefix = torch.tensor([[1], [2], [3]])
    found = stochastic_beam_search(tree, torch.arange(3), 1, prefix=prefix, **options)
    for row in range(3):
        sequences = rows_of(found.tokens[row], found.lengths[row])
        assert len(set(sequences)) == 6
        rules = Rules(4, min_length=2, prefix=(row + 1,))
        assert set(sequences) <= {each for _, each in exhaustive(tree, row, rules)}
        expected = [tree.log_prob(row, each) for each in sequences]
        assert found.log_probs[row].tolist() == pytest.approx(expected)
    again = stochastic_beam_search(tree, torch.arange(3), 1, prefix=prefix, **options)
    assert torch.equal(found.tokens, again.tokens)


def test_mistakes() -> None:
    tree = Tree(seed=37, inputs=1, depth=2)
    with pytest.raises(RnnzooError, match="temperature must be above 0"):
        stochastic_beam_search(tree, torch.tensor([0]), 1, num_return=2, max_length=2, temperature=0)
    for search in (stochastic_beam_search, sample_sequences):
        for count in (0, 2.5):
            with pytest.raises(RnnzooError, match=f"num_return must be a whole number of at least 1, not {count}"):
                search(tree, torch.tensor([0]), 1, num_return=count, max_length=2)  # type: ignore[arg-type]
        with pytest.raises(RnnzooError, match="max_length must be at least 1"):
            search(tree, torch.tensor([0]), 1, num_return=1, max_length=0)
        with pytest.raises(RnnzooError, match="top_k must be from 1"):
            search(tree, torch.tensor([0]), 1, num_return=1, max_length=2, top_k=9)
