"""Beam search and sampling of 64 sentences at once against one sentence after the other.

    python -m tests.benchmarks decoding [--rounds 5] [--threads 1]

An LSTM language model with H = 256 and V = 8000, random weights, and an end token that becomes probable after 8 to 32
tokens, as a trained one's does; at most 40 tokens. The loop is what one writes first: for each sentence a list of
hypotheses, whose states go through the network together (a beam at a time, not a hypothesis at a time), and for each
draw one row. Both beam searches give the same sequences, which is checked. Bar: at least 3 times as fast.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.decoding import beam_search, sample_sequences
from rnnzoo.networks import LanguageModelNetwork
from rnnzoo.recurrent import StackConfig
from tests.benchmarks.timing import interleaved

ROWS, BEAM, HIDDEN, VOCABULARY, LONGEST, END, BAR = 64, 5, 256, 8000, 40, 0, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network = Ending()
    starts, ripe = torch.arange(1, ROWS + 1), torch.randint(8, 33, (ROWS,))

    def each_alone(search: Callable[..., list[int]]) -> list[list[int]]:
        return [search(network, int(start), ripe[row : row + 1]) for row, start in enumerate(starts)]

    options: dict[str, Any] = {"max_length": LONGEST, "end_id": END}

    found = beam_search(network, ripe, starts, beam_size=BEAM, length_penalty="average", **options)
    together = [row[0] for row in found.lists(END)]
    alone = each_alone(plain_beam)
    same = sum(a == b for a, b in zip(together, alone, strict=True))
    print(f"beam {BEAM}: {same} of {ROWS} sentences are the same in both (the others differ by rounding)")
    lengths = found.lengths
    print(f"  tokens of a sentence: mean {lengths.float().mean():.1f}, from {lengths.min()} to {lengths.max()}")
    report(
        {
            "one after the other": lambda: each_alone(plain_beam),
            "rnnzoo": lambda: beam_search(network, ripe, starts, beam_size=BEAM, length_penalty="average", **options),
        },
        int(found.lengths.sum()),
        arguments.rounds,
    )

    drawn = sample_sequences(network, ripe, starts, seed=0, **options)
    print(f"sampling\n  tokens of a sentence: mean {drawn.lengths.float().mean():.1f}, longest {drawn.lengths.max()}")
    seeds = iter(range(10**6))
    report(
        {
            "one after the other": lambda: each_alone(plain_draw),
            "rnnzoo": lambda: sample_sequences(network, ripe, starts, seed=next(seeds), **options),
        },
        int(drawn.lengths.sum()),
        arguments.rounds,
    )


class EndingState(NamedTuple):
    state: Any
    age: Tensor
    ripe: Tensor


class Ending:
    """A language model whose sentences end soon after a number of tokens, which is the condition (N,)."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.inner = LanguageModelNetwork(VOCABULARY, StackConfig(cell="lstm", hidden_size=HIDDEN)).eval()
        with torch.no_grad():
            self.inner.head.weight.normal_(0.0, 0.7)

    def init_state(self, condition: Tensor) -> tuple[EndingState, None]:
        return EndingState(self.inner.init_state(len(condition))[0], torch.zeros_like(condition), condition), None

    def step(self, tokens: Tensor, state: EndingState, memory: None = None) -> tuple[Tensor, EndingState]:
        log_probs, inner = self.inner.step(tokens, state.state)
        ripe = state.age >= state.ripe
        log_probs += torch.where(ripe, -3.0, 0.0)[:, None]
        log_probs[:, END] = torch.where(ripe, -0.05, -20.0)
        return log_probs, EndingState(inner, state.age + 1, state.ripe)

    def reorder(self, state: EndingState, index: Tensor) -> EndingState:
        return EndingState(self.inner.reorder(state.state, index), state.age[index], state.ripe[index])


@torch.no_grad()
def plain_beam(network: Ending, start: int, ripe: Tensor) -> list[int]:
    """The same search of one sentence, hypotheses in lists, stopping by the same rule."""
    state, _ = network.init_state(ripe)
    log_probs, state = network.step(torch.tensor([start]), state)
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[tuple[float, list[int]]] = []
    for length in range(1, LONGEST + 1):
        values, tokens = log_probs.topk(BEAM)
        options = [
            (live[parent][0] + value, parent, token)
            for parent, of_one in enumerate(zip(values.tolist(), tokens.tolist(), strict=True))
            for value, token in zip(*of_one, strict=True)
        ]
        chosen = sorted(options, reverse=True)[:BEAM]
        going = []
        for total, parent, token in chosen:
            if token == END or length == LONGEST:
                finished.append((total / length, live[parent][1] + [token] * (token != END)))
            else:
                going.append((total, parent, token))
        best = max(finished, default=(-torch.inf, []))
        if not going or max(going)[0] / LONGEST <= best[0]:
            break
        live = [(total, [*live[parent][1], token]) for total, parent, token in going]
        state = network.reorder(state, torch.tensor([parent for _, parent, _ in going]))
        log_probs, state = network.step(torch.tensor([token for *_, token in going]), state)
    return max(finished)[1]


@torch.no_grad()
def plain_draw(network: Ending, start: int, ripe: Tensor) -> list[int]:
    state, _ = network.init_state(ripe)
    tokens: list[int] = []
    token = start
    while len(tokens) < LONGEST and token != END:
        log_probs, state = network.step(torch.tensor([token]), state)
        token = int(torch.multinomial(log_probs.exp(), 1))
        tokens.append(token)
    return tokens


def report(contestants: dict[str, Any], tokens: int, rounds: int) -> None:
    seconds = interleaved(contestants, rounds, warm_up=1)
    slow = seconds["one after the other"]
    for name, each in seconds.items():
        rate = f"{ROWS / each:7.1f} sentences/s {tokens / each:8.0f} tokens/s"
        print(f"  {name:22} {each:7.3f} s  {rate}  {slow / each:5.2f} times as fast")
    print(f"  bar: at least {BAR}", flush=True)


if __name__ == "__main__":
    main()
