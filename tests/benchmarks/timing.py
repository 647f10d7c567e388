"""How the benchmarks take times: contestants in turn, so that a busy spell of the machine meets all of them."""

import statistics
import time
from collections.abc import Callable


def interleaved(contestants: dict[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, float]:
    """Median seconds of each contestant over `rounds` rounds in which each runs once."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(warm_up + rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if turn >= warm_up:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
