"""A network whose every sequence has its own log-probabilities, and the plain searches over it: the oracles.

Everything here goes over sequences one by one, in Python and float64.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

END = 0


class TreeState(NamedTuple):
    node: Tensor  # (M,): which sequence was read
    attention: Tensor  # (M, S): its summed attention


class Tree:
    """p(next | all that was read, input): a table row for each of the V + V^2 + ... sequences, drawn from a seed.

    The memory is the number of each input, (N,), and has N rows while the state has N * B: the convention of
    `rnnzoo.decoding`. Only `live` of the `vocabulary_size` tokens are possible.
    """

    def __init__(self, seed: int, inputs: int, depth: int, live: int = 4, vocabulary_size: int = 4) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.live, self.vocabulary_size = live, vocabulary_size
        nodes = sum(live**length for length in range(depth))
        scores = torch.randn(inputs, nodes, live, generator=generator, dtype=torch.float64)
        self.table = (1.5 * scores).log_softmax(-1)
        self.sources = torch.tensor([3, 2, 4, 1, 3])[:inputs].repeat(inputs)[:inputs]
        weights = torch.randn(inputs, nodes, 4, generator=generator, dtype=torch.float64)
        self.padding = torch.arange(4) >= self.sources[:, None]
        self.weights = weights.masked_fill(self.padding[:, None], -torch.inf).softmax(-1)
        self.steps = 0
        self.rows: list[int] = []  # of each step

    def init_state(self, condition: Tensor) -> tuple[TreeState, Tensor]:
        node = torch.full_like(condition, -1)
        return TreeState(node, torch.zeros(len(condition), 4, dtype=torch.float64)), condition

    def step(self, tokens: Tensor, state: TreeState, memory: Tensor) -> tuple[Tensor, TreeState]:
        """Node 0 is where nothing is written yet (the start token was read), child v of node i is i * live + v + 1."""
        self.steps += 1
        self.rows.append(len(tokens))
        last = self.table.shape[1] - 1  # ended hypotheses are read too: what is given for those means nothing
        node = (state.node * self.live + tokens + 1).where(state.node >= 0, 0).clamp(max=last)
        rows = memory.repeat_interleave(len(tokens) // len(memory))
        log_probs = torch.full((len(tokens), self.vocabulary_size), -torch.inf, dtype=torch.float64)
        log_probs[:, : self.live] = self.table[rows, node]
        return log_probs, TreeState(node, state.attention + self.weights[rows, node])

    def reorder(self, state: TreeState, index: Tensor) -> TreeState:
        return TreeState(state.node[index], state.attention[index])

    def select_memory(self, memory: Tensor, index: Tensor) -> Tensor:
        return memory[index]

    def coverage(self, state: TreeState, memory: Tensor) -> Tensor:
        padding = self.padding[memory].repeat_interleave(len(state.node) // len(memory), 0)
        return state.attention.masked_fill(padding, 1.0)

    def log_prob(self, row: int, sequence: tuple[int, ...]) -> float:
        """By following the table."""
        node, total = 0, 0.0
        for token in sequence:
            total += float(self.table[row, node, token])
            node = node * self.live + token + 1
        return total

    def attention(self, row: int, sequence: tuple[int, ...]) -> list[float]:
        """Of each real source position, summed over the steps that wrote the sequence."""
        node, summed = 0, [0.0] * int(self.sources[row])
        for token in sequence:
            summed = [a + float(b) for a, b in zip(summed, self.weights[row, node], strict=False)]
            node = node * self.live + token + 1
        return summed


class Rules(NamedTuple):
    """The arguments of `beam_search`, as plain data."""

    max_length: int
    min_length: int = 0
    length_penalty: str = "none"
    alpha: float = 0.6
    coverage_penalty: float = 0.0
    no_repeat_ngram_size: int = 0
    prefix: tuple[int, ...] = ()
    phrases: tuple[tuple[int, ...], ...] = ()

    def name(self) -> str:
        """What is not as by default, for the name of a test."""
        plain = Rules(self.max_length)._asdict()
        changed = [f"{name}={value}" for name, value in self._asdict().items() if value != plain[name]]
        return "-".join([str(self.max_length), *changed]).replace(" ", "")

    def allow(self, sequence: tuple[int, ...]) -> bool:
        """Whether a (not necessarily finished) sequence breaks no rule but the one of phrases."""
        if sequence[: len(self.prefix)] != self.prefix[: len(sequence)]:
            return False
        if END in sequence and (sequence.index(END) < len(sequence) - 1 or len(sequence) - 1 < self.min_length):
            return False
        n = self.no_repeat_ngram_size
        grams = [sequence[at : at + n] for at in range(len(sequence) - n + 1)] if n else []
        return not any(gram in grams[:at] for at, gram in enumerate(grams) if at + n > len(self.prefix))

    def contains_phrases(self, sequence: tuple[int, ...]) -> bool:
        spans = {sequence[a:b] for a, b in itertools.combinations(range(len(sequence) + 1), 2)}
        return all(phrase in spans for phrase in self.phrases)

    def score(self, tree: Tree, row: int, sequence: tuple[int, ...]) -> float:
        """Wu et al. 2016, equation (14)."""
        log_prob = tree.log_prob(row, sequence)
        penalty = {
            "none": 1.0,
            "average": float(len(sequence)),
            "wu": (5 + len(sequence)) ** self.alpha / (5 + 1) ** self.alpha,
        }[self.length_penalty]
        covered = sum(math.log(min(c, 1.0)) for c in tree.attention(row, sequence)) if self.coverage_penalty else 0.0
        return log_prob / penalty + self.coverage_penalty * covered


def is_finished(sequence: tuple[int, ...], max_length: int) -> bool:
    return len(sequence) == max_length or sequence[-1:] == (END,)


def every_sequence(tree: Tree, rules: Rules) -> list[tuple[int, ...]]:
    """All finished sequences that the rules allow."""
    finished = []
    for length in range(1, rules.max_length + 1):
        for sequence in itertools.product(range(tree.live), repeat=length):
            if is_finished(sequence, rules.max_length) and rules.allow(sequence) and rules.contains_phrases(sequence):
                finished.append(sequence)
    return finished


def exhaustive(tree: Tree, row: int, rules: Rules) -> list[tuple[float, tuple[int, ...]]]:
    """Scores and sequences, best first."""
    return sorted(((rules.score(tree, row, each), each) for each in every_sequence(tree, rules)), reverse=True)


def plain_beam(
    tree: Tree, row: int, rules: Rules, beam_size: int, groups: int = 1, diversity: float = 0.0, num_return: int = 1
) -> list[tuple[float, tuple[int, ...]]]:
    """Beam search of one input by lists, group after group, without any early stop."""
    live: list[list[tuple[int, ...]]] = [[()] for _ in range(groups)]
    done: list[list[tuple[int, ...]]] = [[] for _ in range(groups)]
    for _ in range(rules.max_length):
        taken = [0.0] * tree.live
        for group in range(groups):
            options = [
                (tree.log_prob(row, (*hypothesis, token)) - taken[token], (*hypothesis, token))
                for hypothesis in live[group]
                for token in range(tree.live)
                if rules.allow((*hypothesis, token))
            ]
            chosen = [sequence for _, sequence in sorted(options, reverse=True)[: beam_size // groups]]
            for sequence in chosen:
                taken[sequence[-1]] += diversity
            done[group] += [sequence for sequence in chosen if is_finished(sequence, rules.max_length)]
            live[group] = [sequence for sequence in chosen if not is_finished(sequence, rules.max_length)]
    kept = []
    for group in done:
        scored = sorted(((rules.score(tree, row, each), each) for each in group), reverse=True)
        kept += scored[: math.ceil(num_return / groups)]
    return sorted(kept, key=lambda pair: -pair[0])[:num_return]
