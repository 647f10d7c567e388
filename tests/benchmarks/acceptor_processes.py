"""Buckets on two gloo processes against one on the same global batches; resuming with 0 and 2 workers.

python -m tests.benchmarks acceptor_processes [--steps 50] [--resume_at 23]

The weights of an acceptor after the same steps: one process with 16 rows a batch, two with 8 each, and each of them
stopped in the middle of an epoch and resumed from the checkpoint. Sequences are of 1 to 40 letters. No dropout with two
processes: its masks are drawn per process; the resumed runs of one process have it, and must end bit for bit alike.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from rnnzoo.callbacks import ExactResume, GradientClipping
from rnnzoo.data import AcceptorDataModule, Example
from rnnzoo.encodings import TextEncoding
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor

BAR = 1e-6
ROWS = 16


class Letters(AcceptorDataModule):
    """Rows of letters and which of two is the more frequent one; 37 batches of 16 an epoch, the last of 9."""

    def read(self, split: str) -> Sequence[Example]:
        draw = random.Random(split)
        rows = [draw.choices("abcdefgh", k=draw.randint(1, 40)) for _ in range(585 if split == "train" else 50)]
        return [Example(row, "ab"[row.count("a") > row.count("b")], f"row {at}") for at, row in enumerate(rows)]

    def fit_encoding(self, examples: Sequence[Example]) -> TextEncoding:
        return TextEncoding("whitespace", ["<unk>", *"abcdefgh"])


def train(
    folder: Path,
    steps: int,
    processes: int = 1,
    workers: int = 0,
    dropout: float = 0.0,
    save_at: int | None = None,
    resume: Path | None = None,
) -> Acceptor:
    """An acceptor after so many steps."""
    lightning.seed_everything(3, verbose=False)
    data = Letters(batch_size=ROWS // processes, seed=5, workers=workers)
    task = Acceptor(
        data.encoding,
        data.answer,
        {"embedding_size": 12},
        StackConfig(hidden_size=16, bidirectional=True),
        pooling=["final", "max"],
        dropout=dropout,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    )
    callbacks: list[lightning.Callback] = [ExactResume(), GradientClipping(max_norm=0.5)]
    if save_at is not None:
        callbacks.append(ModelCheckpoint(folder, filename="{step}", every_n_train_steps=save_at, save_top_k=-1))
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp_fork" if processes > 1 else "auto",
        max_steps=steps,
        val_check_interval=10,
        limit_val_batches=2,
        callbacks=callbacks,
        enable_checkpointing=save_at is not None,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(task, datamodule=data, ckpt_path=resume)
    return task


def difference(a: Acceptor, b: Acceptor) -> float:
    """The largest difference between two weights."""
    return max(
        (x - y).abs().max().item() for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--resume_at", type=int, default=23)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    steps, resume_at = arguments.steps, arguments.resume_at
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one, start = train(folder, steps), train(folder, 0)
        print(f"largest change of a weight in {steps} steps: {difference(one, start):.3f}", flush=True)
        two = train(folder / "two", steps, processes=2, save_at=resume_at)
        resumed = train(folder, steps, processes=2, resume=folder / "two" / f"step={resume_at}.ckpt")
        whole, halves = difference(one, two), difference(one, resumed)
        print(f"one process, 16 rows / two processes, 8 rows each: largest difference of a weight {whole:.1e}")
        print(f"the same, resumed at step {resume_at} in the middle of the epoch: {halves:.1e}", flush=True)
        exact = True
        plain = train(folder / "plain", steps, dropout=0.3, save_at=resume_at)
        for workers in (0, 2):
            saved = folder / f"workers{workers}"
            stopped = train(saved, resume_at, workers=workers, dropout=0.3, save_at=resume_at)
            again = train(saved, steps, workers=workers, dropout=0.3, resume=saved / f"step={resume_at}.ckpt")
            off, moved = difference(plain, again), difference(stopped, again)
            exact = exact and off == 0 and moved > 0
            print(f"one process with dropout, {workers} workers, resumed at step {resume_at} / not stopped: {off:.1e}")
    sys.exit(max(whole, halves) > BAR or not exact)


if __name__ == "__main__":
    main()
