"""Training tokens per second of LanguageModel under the Trainer, against a loop in plain PyTorch.

    python -m tests.benchmarks trainer_overhead [--sizes quickstart] [--steps 100] [--rounds 5] [--clock cpu]

Both train the same model (embedding, 2-layer LSTM, softmax) on the same lanes with the same dropout, clipping and
optimizer; the loop is what one writes by hand with nn.Embedding, nn.LSTM and nn.Linear, state carried. They
take turns in one process; medians over the rounds are compared. Bar (issue 2): at least 0.95 of the loop's tokens.
On a machine that others use too, the time of the process (`--clock cpu --threads 1`) says more than that of the wall.

glibc hands freed memory back to the system and takes it again, page by page, in one run for the one contestant and in
the next for the other: 0 to 15,000 page faults and 0 to 40 ms a step. Here it keeps it for both, as `rnnzoo fit` has it
do, so that what the Trainer itself costs remains.
"""

import argparse
import logging
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from rnnzoo.callbacks import GradientClipping
from rnnzoo.cli.memory import keep_freed_memory
from rnnzoo.data.lanes import LaneLoader
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel

SIZES = {  # V, H, N, T, dropout, tied
    "zaremba-small": (10_000, 200, 20, 20, 0.0, False),
    "quickstart": (10_000, 256, 20, 35, 0.5, True),
    "wikitext2-200": (33_278, 200, 20, 35, 0.2, False),
    "characters": (100, 256, 32, 100, 0.2, False),
}
WARM_UP = 5
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class PlainModel(nn.Module):
    """The model as one writes it by hand."""

    def __init__(self, vocabulary: int, hidden: int, dropout: float, tied: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(hidden, hidden, 2, dropout=dropout, batch_first=True)
        self.out = nn.Linear(hidden, vocabulary)
        if tied:
            self.out.weight = self.embedding.weight
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        outputs, state = self.lstm(self.dropout(self.embedding(inputs)), state)
        return self.out(self.dropout(outputs)), state


class Clock(Callback):
    """Seconds of the steps after the warm-up."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == WARM_UP:
            self.start = self.now()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds = self.now() - self.start


def plain_seconds(
    model: PlainModel, stream: Tensor, rows: int, window: int, steps: int, now: Callable[[], float]
) -> float:
    length = (len(stream) - 1) // rows
    inputs, targets = stream[: rows * length].view(rows, length), stream[1 : rows * length + 1].view(rows, length)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    state = None
    start = 0.0
    for step in range(steps + WARM_UP):
        if step == WARM_UP:
            start = now()
        at = slice(step * window, (step + 1) * window)
        logits, state = model(inputs[:, at], state)
        state = tuple(part.detach() for part in state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, at].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    return now() - start


def trainer_seconds(
    task: LanguageModel, stream: Tensor, rows: int, window: int, steps: int, now: Callable[[], float]
) -> float:
    clock = Clock(now)
    trainer = Trainer(
        accelerator="cpu",
        max_steps=steps + WARM_UP,
        callbacks=[GradientClipping(max_norm=5.0), clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, LaneLoader(stream[1:], rows, window, int(stream[0])))
    return clock.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    now = CLOCKS[arguments.clock]
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    how = f"{arguments.threads} threads, {arguments.clock} time, medians of {arguments.rounds} rounds"
    print(f"torch {torch.__version__}, {how}")
    for name in arguments.sizes:
        vocabulary, hidden, rows, window, dropout, tied = SIZES[name]
        torch.manual_seed(0)
        frequencies = 1 / torch.arange(1, vocabulary + 1, dtype=torch.float64)  # Zipf
        stream = torch.multinomial(frequencies, rows * window * (arguments.steps + WARM_UP + 1) + 1, replacement=True)
        plain = PlainModel(vocabulary, hidden, dropout, tied)
        task = LanguageModel(
            [str(at) for at in range(vocabulary)],
            "whitespace",
            StackConfig(cell="lstm", hidden_size=hidden, num_layers=2, dropout=dropout, engine=arguments.engine),
            tied=tied,
            dropout=dropout,
            input_dropout=dropout,
            optimizer=lambda p: torch.optim.SGD(p, lr=0.1),
        )
        seconds: dict[str, list[float]] = {"loop": [], "Trainer": []}
        for _ in range(arguments.rounds):
            seconds["loop"].append(plain_seconds(plain, stream, rows, window, arguments.steps, now))
            seconds["Trainer"].append(trainer_seconds(task, stream, rows, window, arguments.steps, now))
        tokens = rows * window * arguments.steps
        loop, trained = (tokens / statistics.median(times) for times in seconds.values())
        print(
            f"{name:14} loop {loop:9,.0f} tokens/s, Trainer {trained:9,.0f} tokens/s: {trained / loop:.3f}", flush=True
        )


if __name__ == "__main__":
    main()
