"""The CRF head against the package pytorch-crf (torchcrf): loss with gradient, and decoding.

    python -m tests.benchmarks crf [--size 32,50,20] [--rounds 11] [--threads 1] [--lengths full|ragged]

At (N, T, K), float32, contestants interleaved in one process, on the same emissions and with the same scores (checked
first); a turn is `CALLS` calls, so that a slice of the scheduler on a busy machine is not what is timed. Both losses
run from emissions to the gradients of emissions and scores. `torchcrf.decode` returns lists and ours a tensor, so ours
is also timed with the lists of it, which is what compares. Bars: loss at least 2x as fast, decoding at least 5x.
"""

import argparse
from collections.abc import Callable

import torch
import torchcrf  # type: ignore[import-untyped]  # the package has no types
from torch import Tensor, nn

from rnnzoo.layers.crf import CRFHead
from tests.benchmarks.timing import interleaved

CALLS = 20
BARS = {"loss with gradient": 2.0, "decoding to lists": 5.0, "decoding to a tensor": 5.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="32,50,20", metavar="N,T,K")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lengths", choices=("full", "ragged"), default="full")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rows, steps, tags = map(int, arguments.size.split(","))
    lengths = torch.full((rows,), steps) if arguments.lengths == "full" else torch.randint(1, steps + 1, (rows,))
    lengths[0] = steps
    mask = torch.arange(steps) < lengths.unsqueeze(1)
    emissions, targets = torch.randn(rows, steps, tags).requires_grad_(), torch.randint(tags, (rows, steps))
    ours, theirs = contestants(tags)

    def their_loss() -> Tensor:
        loss: Tensor = -theirs(emissions, targets, mask)
        return loss

    def our_loss() -> Tensor:
        return ours.loss(emissions, targets, mask)[0]

    def our_lists() -> list[list[int]]:
        return [row[:n] for row, n in zip(ours.decode(emissions, mask).tolist(), lengths.tolist(), strict=True)]

    found = gradients(our_loss(), ours, emissions), gradients(their_loss(), theirs, emissions)
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)  # theirs are sums in float32
    assert our_lists() == theirs.decode(emissions, mask)
    contests = {
        "torchcrf loss": lambda: gradients(their_loss(), theirs, emissions),
        "loss with gradient": lambda: gradients(our_loss(), ours, emissions),
        "torchcrf decode": lambda: theirs.decode(emissions, mask),
        "decoding to lists": our_lists,
        "decoding to a tensor": lambda: ours.decode(emissions, mask),
    }
    turns = {name: repeated(run) for name, run in contests.items()}
    seconds = {name: each / CALLS for name, each in interleaved(turns, arguments.rounds).items()}
    print(f"torch {torch.__version__}, {arguments.threads} threads, medians of {arguments.rounds} rounds, "
          f"N,T,K {arguments.size}, {arguments.lengths} lengths")  # fmt: skip
    for name, bar in BARS.items():
        base = seconds["torchcrf loss" if name.startswith("loss") else "torchcrf decode"]
        ratio = base / seconds[name]
        print(f"{name:22} {1e3 * seconds[name]:8.2f} ms  torchcrf {1e3 * base:8.2f} ms  {ratio:6.1f}x  "
              f"{bar:.0f}x {'met' if ratio >= bar else 'MISSED'}")  # fmt: skip


def repeated(run: Callable[[], object]) -> Callable[[], object]:
    def turn() -> None:
        for _ in range(CALLS):
            run()

    return turn


def contestants(tags: int) -> tuple[CRFHead, torchcrf.CRF]:
    """Heads of equal scores; ours without its projection, which torchcrf does not have."""
    ours, theirs = CRFHead(tags, tags), torchcrf.CRF(tags, batch_first=True)
    ours.projection = nn.Identity()  # type: ignore[assignment]  # emissions are given
    with torch.no_grad():
        theirs.start_transitions.copy_(ours.start)
        theirs.transitions.copy_(ours.transitions)
        theirs.end_transitions.copy_(ours.end)
    return ours, theirs


def gradients(loss: Tensor, head: nn.Module, emissions: Tensor) -> dict[tuple[int, ...], Tensor]:
    """Of emissions and transitions, by shape, as those of the package have other names."""
    head.zero_grad()
    emissions.grad = None
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    found = [emissions, *head.parameters()]
    return {tuple(each.shape): each.grad for each in found if each.dim() > 1 and each.grad is not None}


if __name__ == "__main__":
    main()
