"""Two gloo processes with two lanes each against one process with four: the weights after the same steps.

python tests/benchmarks/two_processes.py [--steps 50] [--resume_at 23]

Then the same with the two processes stopped in the middle of an epoch and resumed from the checkpoint. No dropout: its
masks are drawn per process.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from rnnzoo.callbacks import ExactResume, GradientClipping
from rnnzoo.data import LanguageModelDataModule
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel

BAR = 1e-6


def train(
    processes: int, folder: Path, steps: int, save_at: int | None = None, resume: Path | None = None
) -> LanguageModel:
    """A language model after so many steps."""
    lightning.seed_everything(3, verbose=False)
    data = LanguageModelDataModule(
        corpus="pydoc", min_frequency=3, batch_size=4 // processes, window=20, random_window=True
    )
    task = LanguageModel(
        data.vocabulary,
        data.tokenizer_config,
        StackConfig(hidden_size=24, num_layers=2),
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


def difference(a: LanguageModel, b: LanguageModel) -> float:
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
    with tempfile.TemporaryDirectory() as folder:
        one = train(1, Path(folder), arguments.steps)
        start = train(1, Path(folder), 0)
        two = train(2, Path(folder), arguments.steps, save_at=arguments.resume_at)
        resumed = train(2, Path(folder), arguments.steps, resume=Path(folder) / f"step={arguments.resume_at}.ckpt")
    print(f"largest change of a weight in {arguments.steps} steps: {difference(one, start):.3f}")
    whole, halves = difference(one, two), difference(one, resumed)
    print(f"one process, four lanes / two processes, two lanes each: largest difference of a weight {whole:.1e}")
    print(f"the same, resumed at step {arguments.resume_at} in the middle of the epoch: {halves:.1e}")
    print(f"two processes, resumed / not stopped: {difference(two, resumed):.1e}")
    sys.exit(max(whole, halves) > BAR)


if __name__ == "__main__":
    main()
