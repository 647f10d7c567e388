"""The pieces of a streamed search are what the search gives at once, and come as early as they can."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from tree_network import END, Tree

from rnnzoo.decoding import beam_search, stream_beam_search
from rnnzoo.errors import RnnzooError


@pytest.mark.parametrize("beam_size", [1, 2, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"length_penalty": "average"},
        {"length_penalty": "wu", "alpha": 1.5, "min_length": 2},
        {"coverage_penalty": 0.5},
        {"no_repeat_ngram_size": 2},
        {"prefix": torch.tensor([[2, 1]]).expand(6, -1)},
        {"end_id": None},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_the_pieces_are_the_best_sequence(beam_size: int, options: dict[str, Any]) -> None:
    tree = Tree(seed=21, inputs=5, depth=6)
    given = {"end_id": END, "max_length": 6, "beam_size": beam_size, **options}
    rows = torch.tensor([0, 1, 2, 3, 4, 2])
    pieces: list[list[int]] = [[] for _ in rows]
    times = 0
    for tokens, counts in stream_beam_search(tree, rows, 1, **given):
        times += 1
        assert counts.max() > 0
        for row, count in enumerate(counts.tolist()):
            pieces[row] += tokens[row, :count].tolist()
    expected = beam_search(tree, rows, 1, **given)
    assert pieces == [each[0] for each in expected.lists()]
    assert times > 1


def test_a_token_comes_as_soon_as_nothing_can_contradict_it() -> None:
    """Against the definition: after each step, what all that can still win begin with."""
    tree = Tree(seed=22, inputs=5, depth=6)
    tree.table.copy_((4 * tree.table).log_softmax(-1))
    early = 0
    for row in range(5):
        tree.steps, given, schedule = 0, 0, {}
        for _, counts in stream_beam_search(tree, torch.tensor([row]), 1, end_id=END, beam_size=3, max_length=6):
            given += int(counts[0])
            schedule[tree.steps] = given
        expected = {length: common_beginning(can_win(tree, row, length)) for length in range(1, tree.steps + 1)}
        news = {length: count for length, count in expected.items() if count > expected.get(length - 1, 0)}
        assert schedule == news
        early += len(schedule) > 1
    assert early  # some came before the end


def common_beginning(sequences: list[tuple[int, ...]]) -> int:
    return len(list(itertools.takewhile(lambda column: len(set(column)) == 1, zip(*sequences, strict=False))))


def can_win(tree: Tree, row: int, length: int) -> list[tuple[int, ...]]:
    """After `length` steps of a beam of 3: the best finished sequence and the live ones that are more probable."""
    live: list[tuple[int, ...]] = [()]
    finished: list[tuple[int, ...]] = []
    for _ in range(length):
        options = [(*each, token) for each, token in itertools.product(live, range(4))]
        chosen = sorted(options, key=lambda each: -tree.log_prob(row, each))[:3]
        finished += [each for each in chosen if each[-1] == END or len(each) == 6]
        live = [each for each in chosen if each[-1] != END and len(each) < 6]
    best = sorted(finished, key=lambda each: -tree.log_prob(row, each))[:1]
    return best + [each for each in live if not best or tree.log_prob(row, each) > tree.log_prob(row, best[0])]


def test_a_beam_of_one_gives_each_token_at_once() -> None:
    tree = Tree(seed=23, inputs=2, depth=5)
    tree.table[:, :, 2], tree.table[:, :, [0, 1, 3]] = -1e-9, -50.0
    counts = [
        piece.counts.tolist() for piece in stream_beam_search(tree, torch.arange(2), 1, beam_size=4, max_length=5)
    ]
    # every hypothesis but the best could still win by the bound, and they differ in the last tokens only at the end
    assert sum(map(sum, counts)) == 10
    alone = stream_beam_search(tree, torch.arange(2), 1, beam_size=1, max_length=5)
    assert [piece.tokens.tolist() for piece in alone] == [[[2], [2]]] * 5


def test_mistakes_are_those_of_beam_search() -> None:
    with pytest.raises(RnnzooError, match="beam_size 5 is larger than the vocabulary of 4"):
        list(stream_beam_search(Tree(0, 1, 3), torch.arange(1), 1, beam_size=5, max_length=3))
