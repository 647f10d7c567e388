"""Phrases that must appear: the automaton by brute force, the results against all sequences that have them."""

from __future__ import annotations

import itertools

import pytest
import torch
from tree_network import END, Rules, Tree, exhaustive

from rnnzoo.decoding import beam_search
from rnnzoo.decoding.lexical import Phrases
from rnnzoo.decoding.selection import best_of_each_bank


@pytest.mark.parametrize("phrase", [(1,), (1, 1), (1, 2), (1, 1, 2), (1, 2, 1), (1, 2, 1, 1), (2, 2, 2)], ids=str)
def test_progress_is_the_longest_beginning_that_was_just_read(phrase: tuple[int, ...]) -> None:
    sequences = torch.tensor(list(itertools.product((1, 2, 3), repeat=6)))
    phrases = Phrases([[phrase, (3, 3)]], 1, 4, 12, 0, torch.device("cpu"))
    progress = phrases.begin(len(sequences))
    for length in range(1, 7):
        progress = phrases.advance(progress, sequences[None, :, length - 1])
        for row, sequence in enumerate(sequences[:, :length].tolist()):
            for at, each in enumerate((phrase, (3, 3))):
                ends = [tuple(sequence[:end]) for end in range(1, length + 1)]
                met = any(end[-len(each) :] == each for end in ends)
                sizes = [size for size in range(len(each) + 1) if ends[-1][length - size :] == each[:size]]
                assert progress[0, row, at] == (len(each) if met else max(sizes))
    done = phrases.all_met(progress)[0]
    text = ["".join(map(str, row)) for row in sequences.tolist()]
    needed = "".join(map(str, phrase))
    assert done.tolist() == [needed in each and "33" in each for each in text]


PHRASES = [((2,),), ((1, 2),), ((1, 2), (2, 3)), ((1, 1), (3,)), ((1, 2), (2, 1)), ((3, 3, 3),), ((2,), (2,))]


@pytest.mark.parametrize("phrases", PHRASES, ids=str)
@pytest.mark.parametrize("length_penalty", ["none", "average"])
def test_a_beam_of_all_sequences_finds_the_best_that_have_them(
    phrases: tuple[tuple[int, ...], ...], length_penalty: str
) -> None:
    tree = Tree(seed=11, inputs=2, depth=4, vocabulary_size=256)
    rules = Rules(4, phrases=phrases, length_penalty=length_penalty)
    found = beam_search(
        tree,
        torch.arange(2),
        1,
        end_id=END,
        beam_size=256,
        max_length=4,
        num_return=5,
        length_penalty=length_penalty,
        constraints=[list(phrases), []],
    )
    for row, row_rules in ((0, rules), (1, rules._replace(phrases=()))):
        expected = exhaustive(tree, row, row_rules)[:5]
        count = len(expected)
        assert found.lists()[row] == [list(sequence) for _, sequence in expected]
        assert found.scores[row, :count].tolist() == pytest.approx([score for score, _ in expected], abs=1e-12)


@pytest.mark.parametrize("beam_size", [1, 2, 4])
@pytest.mark.parametrize("end_id", [END, None])
def test_small_beams_have_them_too(beam_size: int, end_id: int | None) -> None:
    tree = Tree(seed=12, inputs=5, depth=6)
    constraints = [[[2]], [[3, 1], [2]], [], [[1, 2, 3, 1, 2, 2]], [[1], [2], [3], [1, 1]]]
    found = beam_search(
        tree, torch.arange(5), 1, end_id=end_id, beam_size=beam_size, max_length=6, constraints=constraints
    )
    for row, phrases in enumerate(constraints):
        (sequence,) = found.lists()[row]
        spans = [sequence[a:b] for a, b in itertools.combinations(range(len(sequence) + 1), 2)]
        assert all(phrase in spans for phrase in phrases)
        assert found.log_probs[row, 0].item() == pytest.approx(tree.log_prob(row, tuple(sequence)))
    free = beam_search(tree, torch.tensor([2]), 1, end_id=end_id, beam_size=beam_size, max_length=6)
    assert found.lists()[2] == free.lists()[0]


def test_constraints_go_with_groups() -> None:
    tree = Tree(seed=13, inputs=2, depth=5)
    constraints = [[[2, 3]], [[1]]]
    found = beam_search(
        tree,
        torch.arange(2),
        1,
        end_id=END,
        beam_size=4,
        max_length=5,
        num_return=4,
        groups=2,
        diversity=50.0,
        constraints=constraints,
    )
    for row in range(2):
        assert len({tuple(each) for each in found.lists()[row]}) > 1
        for sequence in found.lists()[row]:
            assert "".join(map(str, constraints[row][0])) in "".join(map(str, sequence))


def test_banks_take_turns_from_the_one_with_most_met() -> None:
    """Two hypotheses, of which the second has met one token of [1, 2]; V = 4, four slots."""
    phrases = Phrases([[[1, 2]]], 1, 4, 8, None, torch.device("cpu"))
    progress = phrases.advance(phrases.begin(2), torch.tensor([[3, 1]]))
    totals = torch.tensor([[-1.0, -4.0]])
    log_probs = torch.tensor([[[0.5, 0.02, 0.18, 0.3], [0.9, 0.05, 0.01, 0.04]]]).log()
    chosen = best_of_each_bank(totals, log_probs, 4, None, progress, phrases)
    # bank 2: hypothesis 1 with 2. bank 1: with 1, of hypothesis 0 (-1 - 3.9) before 1 (-4 - 3.0). bank 0: all others.
    assert list(zip(chosen.parents[0].tolist(), chosen.tokens[0].tolist(), strict=True)) == [
        (1, 2),  # the best of bank 2
        (0, 1),  # the best of bank 1
        (0, 0),  # the best of bank 0
        (1, 1),  # bank 2 has no other; the second of bank 1
    ]
    assert chosen.progress[0, :, 0].tolist() == [2, 1, 0, 1]
    torch.testing.assert_close(chosen.log_probs[0], totals[0, [1, 0, 0, 1]] + log_probs[0, [1, 0, 0, 1], [2, 1, 0, 1]])


@pytest.mark.parametrize("phrases", [[[3, 1], [1, 2]], [[3], [0, 2]]], ids=str)
def test_a_phrase_that_is_met_hides_no_token_of_another(phrases: list[list[int]]) -> None:
    """Of `3 1` nothing is wanted any more, so that the 1 of `1 2` is: however improbable, it heads the best bank."""
    watched = Phrases([phrases], 1, 4, 8, None, torch.device("cpu"))
    progress = watched.begin(1)
    for token in [*phrases[0], 3]:
        progress = watched.advance(progress, torch.tensor([[token]]))
    assert progress.tolist() == [[[len(phrases[0]), 0]]]
    log_probs = torch.tensor([[[0.01, 0.01, 0.01, 0.97]]]).log()
    chosen = best_of_each_bank(torch.zeros(1, 1), log_probs, 1, None, progress, watched)
    assert chosen.tokens.tolist() == [[phrases[1][0]]]
