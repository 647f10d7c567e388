"""Beam search against all sequences, against a plain search by lists, and against greedy search."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from tree_network import END, Rules, Tree, exhaustive, plain_beam

from rnnzoo.decoding import Decoded, Started, beam_search, greedy_search
from rnnzoo.errors import RnnzooError
from rnnzoo.networks import LanguageModelNetwork, WindowLanguageModelNetwork
from rnnzoo.recurrent import StackConfig

RULES = [
    Rules(4),
    Rules(4, length_penalty="average"),
    Rules(4, length_penalty="wu", alpha=0.6),
    Rules(4, length_penalty="wu", alpha=2.0),
    Rules(4, min_length=2),
    Rules(4, min_length=4, length_penalty="average"),
    Rules(4, prefix=(2, 1)),
    Rules(4, prefix=(3,), length_penalty="wu", min_length=3),
    Rules(4, coverage_penalty=0.4),
    Rules(4, coverage_penalty=2.0, length_penalty="average"),
    Rules(4, no_repeat_ngram_size=1),
    Rules(4, no_repeat_ngram_size=2, length_penalty="average"),
    Rules(4, no_repeat_ngram_size=1, prefix=(2, 2)),
]


def search(tree: Tree, rules: Rules, condition: Tensor, beam_size: int, **options: Any) -> Decoded:
    rows = len(condition)
    options["constraints"] = [rules.phrases] * rows if rules.phrases else None
    if rules.prefix:
        options["prefix"] = torch.tensor(rules.prefix).expand(rows, -1)
    named = rules._asdict()
    plain = {name: named[name] for name in ("max_length", "min_length", "length_penalty", "alpha", "coverage_penalty")}
    return beam_search(
        tree,
        condition,
        1,
        end_id=END,
        beam_size=beam_size,
        no_repeat_ngram_size=rules.no_repeat_ngram_size,
        **plain,
        **options,
    )


def pairs(found: Decoded, row: int) -> list[tuple[float, tuple[int, ...]]]:
    """Scores and sequences of a row."""
    return [
        (float(score), tuple(tokens[:length].tolist()))
        for score, tokens, length in zip(found.scores[row], found.tokens[row], found.lengths[row], strict=True)
        if length
    ]


def assert_same(found: list[tuple[float, tuple[int, ...]]], expected: list[tuple[float, tuple[int, ...]]]) -> None:
    assert [sequence for _, sequence in found] == [sequence for _, sequence in expected]
    assert [score for score, _ in found] == pytest.approx([score for score, _ in expected], abs=1e-12)


@pytest.mark.parametrize("rules", RULES, ids=Rules.name)
def test_a_beam_of_all_sequences_is_exhaustive(rules: Rules) -> None:
    tree = Tree(seed=1, inputs=3, depth=4, vocabulary_size=256)
    found = search(tree, rules, torch.arange(3), beam_size=256, num_return=20)
    for row in range(3):
        expected = exhaustive(tree, row, rules)[:20]
        assert_same(pairs(found, row), expected)
        log_probs = [tree.log_prob(row, sequence) for _, sequence in expected]
        assert found.log_probs[row, : len(expected)].tolist() == pytest.approx(log_probs, abs=1e-12)
        assert (found.scores[row, len(expected) :] == -torch.inf).all()
        assert (found.lengths[row, len(expected) :] == 0).all()


def test_five_tokens_deep() -> None:
    tree, rules = Tree(seed=2, inputs=2, depth=5, vocabulary_size=1024), Rules(5, length_penalty="average")
    found = search(tree, rules, torch.arange(2), beam_size=1024, num_return=50)
    for row in range(2):
        assert_same(pairs(found, row), exhaustive(tree, row, rules)[:50])


@pytest.mark.parametrize("rules", [*RULES, Rules(6), Rules(6, length_penalty="average")], ids=Rules.name)
@pytest.mark.parametrize(("beam_size", "num_return"), [(1, 1), (2, 1), (3, 2), (4, 4)])
def test_small_beams_are_those_of_a_plain_search_that_never_stops_early(
    rules: Rules, beam_size: int, num_return: int
) -> None:
    tree = Tree(seed=3, inputs=5, depth=6)
    found = search(tree, rules, torch.arange(5), beam_size, num_return=num_return)
    for row in range(5):
        assert_same(pairs(found, row), plain_beam(tree, row, rules, beam_size, num_return=num_return))


@pytest.mark.parametrize(
    ("beam_size", "groups", "num_return", "diversity"),
    [(4, 2, 4, 0.5), (4, 4, 4, 2.0), (3, 3, 1, 1.0), (4, 2, 3, 0.0), (4, 2, 2, 100.0)],
)
@pytest.mark.parametrize("rules", [Rules(5), Rules(5, length_penalty="average", min_length=2)], ids=Rules.name)
def test_diverse_groups_are_those_of_a_plain_search(
    rules: Rules, beam_size: int, groups: int, num_return: int, diversity: float
) -> None:
    tree = Tree(seed=4, inputs=4, depth=5)
    options = {"groups": groups, "diversity": diversity, "num_return": num_return}
    found = search(tree, rules, torch.arange(4), beam_size, **options)
    for row in range(4):
        assert_same(pairs(found, row), plain_beam(tree, row, rules, beam_size, **options))


def test_one_group_with_much_diversity_is_plain_and_many_differ() -> None:
    tree = Tree(seed=4, inputs=4, depth=5)
    one = search(tree, Rules(5), torch.arange(4), 4, num_return=4, diversity=9.0)
    assert torch.equal(one.tokens, search(tree, Rules(5), torch.arange(4), 4, num_return=4).tokens)
    many = search(tree, Rules(5), torch.arange(4), 4, num_return=4, groups=4, diversity=100.0)
    assert all(len(set(row)) == 4 for row in many.tokens[..., 0].tolist())  # four tokens, each once


def test_the_early_stop_saves_steps() -> None:
    tree = Tree(seed=5, inputs=1, depth=6)
    tree.table[:, :, END] = -0.05
    tree.table[:, :, 1:] = -4.0
    search(tree, Rules(6), torch.arange(1), 2)
    assert tree.steps == 1  # END at once scores -0.05, and no other hypothesis can
    tree.steps = 0
    search(tree, Rules(6), torch.arange(1), 2, num_return=2)
    assert tree.steps == 2  # the second best is a token and END


@pytest.mark.parametrize(("length_penalty", "expected"), [("none", [END]), ("average", [1] * 6), ("wu", [1] * 6)])
def test_a_longer_sequence_that_overtakes_is_waited_for(length_penalty: str, expected: list[int]) -> None:
    tree = Tree(seed=5, inputs=1, depth=6)
    tree.table[:] = -9.0
    tree.table[:, 0, [END, 1]] = torch.tensor([-1.0, -1.2], dtype=torch.float64)
    tree.table[:, 1:, 1] = -0.01
    found = search(tree, Rules(6, length_penalty=length_penalty, alpha=1.0), torch.arange(1), 2)
    assert found.lists() == [[expected]]


def randomised(network: Any, seed: int) -> Any:
    """Weights so large that greedy sequences differ from each other and end at different times."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network.double().eval()


def recurrent() -> LanguageModelNetwork:
    return randomised(LanguageModelNetwork(11, StackConfig(cell="lstm", hidden_size=12, num_layers=2)), 8)


def window() -> WindowLanguageModelNetwork:
    return randomised(WindowLanguageModelNetwork(11, order=3, embedding_size=6, hidden_size=16), 10)


@pytest.mark.parametrize("make", [recurrent, window], ids=["recurrent", "window"])
@pytest.mark.parametrize("length_penalty", ["none", "average", "wu"])
@pytest.mark.parametrize("more", [{}, {"min_length": 3}, {"prefixed": True}], ids=["", "min_length", "prefix"])
def test_a_beam_of_one_is_greedy(make: Any, length_penalty: str, more: dict[str, Any]) -> None:
    network, start = make(), torch.arange(11).repeat(2)[:, None]
    more = dict(more)
    if more.pop("prefixed", False):
        more |= {"prefix": torch.arange(1, 23).view(11, 2).repeat(2, 1) % 10 + 1, "prefix_lengths": start[:, 0] % 3}
    options = {"max_length": 12, "end_id": 0, **more}
    greedy = greedy_search(network, None, start, **options)
    beam = beam_search(network, None, start, beam_size=1, length_penalty=length_penalty, **options)
    assert torch.equal(beam.tokens, greedy.tokens)
    assert torch.equal(beam.lengths, greedy.lengths)
    torch.testing.assert_close(beam.log_probs, greedy.log_probs)
    assert len(set(greedy.lengths.flatten().tolist())) > 2  # rows that end at different times


def test_log_probs_are_those_of_the_network_on_the_whole_sequence() -> None:
    network, start = recurrent(), torch.arange(11)
    found = beam_search(network, None, start, beam_size=4, num_return=4, max_length=9, end_id=0, length_penalty="wu")
    for row in range(11):
        for k in range(4):
            ids = torch.tensor([row, *found.tokens[row, k, : found.lengths[row, k]].tolist()])
            features = network(ids[None, :-1]).outputs
            expected = -network.head.nll(features, ids[None, 1:]).sum()
            torch.testing.assert_close(found.log_probs[row, k], expected)


@pytest.mark.parametrize(
    "options",
    [
        {"beam_size": 5, "num_return": 3, "length_penalty": "average"},
        {"beam_size": 4, "num_return": 2, "groups": 2},
        {"beam_size": 3, "no_repeat_ngram_size": 2},
        {"beam_size": 6, "num_return": 2, "constraints": [[[3, 4]], [[5], [1, 2]], [], [[7, 7]]]},
    ],
    ids=["average", "groups", "ngrams", "constraints"],
)
def test_a_batch_is_each_row_alone_and_a_state_can_be_given(options: dict[str, Any]) -> None:
    network, start = recurrent(), torch.tensor([[3, 1], [7, 7], [0, 2], [10, 4]])
    together = beam_search(network, None, start, max_length=10, end_id=0, **options)
    state, memory = network.init_state(4)
    resumed = Started(network.step(start[:, 0], state, memory)[1], memory)
    again = beam_search(network, resumed, start[:, 1], max_length=10, end_id=0, **options)
    assert torch.equal(together.tokens, again.tokens)
    for row in range(4):
        own = dict(options)
        if "constraints" in own:
            own["constraints"] = [options["constraints"][row]]
        alone = beam_search(network, None, start[row : row + 1], max_length=10, end_id=0, **own)
        longest = alone.tokens.shape[-1]
        assert torch.equal(together.tokens[row, :, :longest], alone.tokens[0])
        assert torch.equal(together.lengths[row], alone.lengths[0])
        torch.testing.assert_close(together.scores[row], alone.scores[0])


def test_prefixes_of_unequal_length_are_those_of_each_row_whatever_pads_them() -> None:
    tree = Tree(seed=6, inputs=4, depth=5)
    lengths = torch.tensor([0, 2, 1, 3])
    prefix = torch.tensor([[2, 3, 1], [1, 2, 3], [3, 1, 1], [2, 2, 1]])
    options = {"end_id": END, "beam_size": 3, "num_return": 3, "max_length": 5, "prefix_lengths": lengths}
    found = beam_search(tree, torch.arange(4), 1, prefix=prefix, **options)
    noise = prefix.where(torch.arange(3) < lengths[:, None], -77)
    assert torch.equal(found.tokens, beam_search(tree, torch.arange(4), 1, prefix=noise, **options).tokens)
    for row, length in enumerate(lengths.tolist()):
        rules = Rules(5, prefix=tuple(prefix[row, :length].tolist()))
        assert_same(pairs(found, row), plain_beam(tree, row, rules, 3, num_return=3))


def test_without_an_end_token_all_have_the_maximum_length() -> None:
    tree = Tree(seed=7, inputs=2, depth=4, vocabulary_size=256)
    found = beam_search(tree, torch.arange(2), 1, beam_size=256, max_length=4, num_return=3)
    assert (found.lengths == 4).all()
    for row in range(2):
        every = torch.cartesian_prod(*[torch.arange(4)] * 4).tolist()
        expected = sorted(((tree.log_prob(row, tuple(each)), tuple(each)) for each in every), reverse=True)[:3]
        assert_same(pairs(found, row), expected)


def test_a_row_whose_rules_leave_nothing_has_no_sequence() -> None:
    tree = Tree(seed=8, inputs=2, depth=6)
    found = search(tree, Rules(6, no_repeat_ngram_size=1, min_length=6), torch.arange(2), 3, num_return=2)
    assert found.lengths.tolist() == [[0, 0], [0, 0]]  # 3 tokens and END give no 6 that differ
    assert (found.scores == -torch.inf).all()
    assert (found.log_probs == -torch.inf).all()
    assert found.lists(END) == [[], []]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_size": 12}, "beam_size 12 is larger than the vocabulary of 11"),
        ({"beam_size": 0}, "beam_size must be at least 1"),
        ({"max_length": 0}, "max_length must be at least 1, not 0"),
        ({"min_length": 9}, "min_length must be from 0 to max_length = 5, not 9"),
        ({"num_return": 3}, "num_return must be from 1 to beam_size = 2, not 3"),
        ({"num_return": 0}, "num_return must be from 1"),
        ({"num_return": 1.5}, "num_return must be from 1 to beam_size = 2, not 1.5"),
        ({"end_id": 11}, "end_id 11 is outside the vocabulary of 11"),
        ({"length_penalty": "gnm"}, "unknown length_penalty 'gnm'"),
        ({"alpha": -0.1}, "alpha must be a number of at least 0"),
        ({"coverage_penalty": float("nan")}, "coverage_penalty must be a number of at least 0"),
        ({"coverage_penalty": 0.1}, "LanguageModelNetwork has no coverage"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be at least 1"),
        ({"groups": 3}, "groups must divide beam_size = 2 evenly, and 3 does not"),
        ({"diversity": -1.0}, "diversity must be at least 0"),
        ({"start": torch.tensor([[1], [11]])}, "start: the id 11 in row 1 is outside the vocabulary of 11"),
        ({"start": torch.tensor([[-1], [1]])}, "start: the id -1 in row 0"),
        ({"start": torch.zeros(2, 0, dtype=torch.long)}, "at least one token a row"),
        ({"start": 11, "condition": 2}, "start: the id 11"),
        ({"start": 1}, "condition is missing"),
        ({"condition": 3}, "start has 2 rows, and the condition makes 3"),
        ({"prefix": torch.tensor([[1], [11]])}, "prefix: the id 11 in row 1"),
        ({"prefix": torch.tensor([[1], [0]])}, "prefix holds the end token 0"),
        ({"prefix": torch.tensor([[1]])}, "prefix has 1 rows, and there are 2"),
        ({"prefix": torch.ones(2, 6, dtype=torch.long)}, "P at most max_length = 5"),
        ({"prefix": torch.ones(2, 1, dtype=torch.long), "prefix_lengths": torch.tensor([1, 2])}, "prefix_lengths must"),
        (
            {"prefix": torch.ones(2, 1, dtype=torch.long), "prefix_lengths": torch.tensor([1])},
            r"prefix_lengths must be \(2,\)",
        ),
        ({"prefix_lengths": torch.tensor([1, 2])}, "prefix_lengths without a prefix"),
        ({"constraints": [[[1]]]}, "constraints must be one list of phrases for each of 2 inputs, not 1"),
        ({"constraints": [[[1]], [[2, 11]]]}, r"constraints of row 1: the phrase \[2, 11\] has the id 11"),
        ({"constraints": [[[1, 0]], []]}, "holds the end token 0"),
        ({"constraints": [[[]], []]}, "constraints of row 0: the phrase .* is empty"),
        ({"constraints": [[[1, 2, 3], [4, 5, 6]], []]}, "constraints of row 0 have 6 tokens, more than max_length = 5"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_mistakes_name_the_argument(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"start": torch.tensor([[1], [2]]), "condition": None, "beam_size": 2, "max_length": 5}
    given |= {"end_id": 0, **options}
    with pytest.raises(RnnzooError, match=message):
        beam_search(recurrent(), **given)


def test_a_network_that_gives_nan_is_named() -> None:
    network = recurrent()
    with torch.no_grad():
        network.head.weight[3] = torch.nan
    for search_of in (greedy_search, lambda *a, **k: beam_search(*a, beam_size=2, **k)):
        with pytest.raises(RnnzooError, match="NaN as log-probability"):
            search_of(network, None, torch.tensor([1, 2]), max_length=5, end_id=0)
