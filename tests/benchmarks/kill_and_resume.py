"""Kill -9 at random steps, resume, compare: the weights must be those of the run that was not killed, bit for bit.

python tests/benchmarks/kill_and_resume.py [--kills 10] [--seed 0]

The run has dropout everywhere, validation inside the epoch and accumulation over 2 batches, and goes through the
command line. Each kill strikes in a hook drawn at random: before a batch, after a backward pass, before an optimizer
step, or after a batch and before what the step would save is saved.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning import Callback

STEPS = 60
SAVE_EVERY = 4
HOOKS = ("on_train_batch_start", "on_after_backward", "on_before_optimizer_step", "on_train_batch_end")
RECIPE = f"""\
seed_everything: 7
model:
  class_path: rnnzoo.tasks.LanguageModel
  init_args:
    stack: {{cell: lstm, hidden_size: 32, num_layers: 2, dropout: 0.3}}
    dropout: 0.3
    input_dropout: 0.3
    embedding_dropout: 0.1
    optimizer: {{class_path: torch.optim.AdamW, init_args: {{lr: 0.003}}}}
    scheduler: {{class_path: torch.optim.lr_scheduler.StepLR, init_args: {{step_size: 10}}}}
    scheduler_interval: step
data:
  class_path: rnnzoo.data.LanguageModelDataModule
  init_args: {{corpus: pydoc, tokenizer: word, min_frequency: 2, batch_size: 32, window: 35, random_window: true}}
trainer:
  max_steps: {STEPS}
  accumulate_grad_batches: 2
  val_check_interval: 10
  limit_val_batches: 3
  log_every_n_steps: 5
  callbacks:
    - class_path: rnnzoo.callbacks.GradientClipping
      init_args: {{max_norm: 1.0}}
    - class_path: kill_and_resume.Kill
    - class_path: lightning.pytorch.callbacks.ModelCheckpoint
      init_args: {{every_n_train_steps: {SAVE_EVERY}, save_last: true, save_top_k: 1, filename: newest}}
"""


class Kill(Callback):
    """Kills its process, as the environment variable KILL says: "HOOK STEP"."""

    def __init__(self) -> None:
        hook, step = os.environ.get("KILL", "none 0").split()
        if hook in HOOKS:
            setattr(
                self,
                hook,
                lambda trainer, *_: trainer.global_step == int(step) and os.kill(os.getpid(), signal.SIGKILL),
            )


def fit(recipe: Path, runs: Path, *flags: str, kill: str | None = None) -> int:
    """Run ``rnnzoo fit`` in a process of its own and return its exit code."""
    environment = {**os.environ, **({"KILL": kill} if kill else {})}
    command = [sys.executable, "-m", "rnnzoo", "fit", str(recipe), "--wandb", "off"]
    done = subprocess.run(
        [*command, "--trainer.default_root_dir", str(runs), *flags],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, -signal.SIGKILL):
        sys.exit(done.stdout + done.stderr)
    return done.returncode


def newest(runs: Path) -> Path:
    """The last checkpoint that the newest run saved."""
    return max(runs.rglob("last.ckpt"), key=lambda path: path.stat().st_mtime)


def tensors(value: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in nested dictionaries and lists, by its place."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict | list | tuple):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors(inner, f"{path}/{key}")


def final(runs: Path) -> dict[str, torch.Tensor]:
    """Weights, optimizer state and carried state at the end."""
    checkpoint = torch.load(newest(runs), weights_only=True)
    if checkpoint["global_step"] != STEPS:
        sys.exit(f"the newest checkpoint in {runs} is of step {checkpoint['global_step']}, not {STEPS}")
    return dict(tensors({name: checkpoint[name] for name in ("state_dict", "optimizer_states", "carried_state")}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(RECIPE)
        fit(recipe, Path(folder) / "whole")
        expected = final(Path(folder) / "whole")
        differing = 0
        for number in range(arguments.kills):
            runs = Path(folder) / f"killed{number}"
            kill = f"{draw.choice(HOOKS)} {draw.randrange(SAVE_EVERY + 1, STEPS)}"
            started = time.perf_counter()
            if fit(recipe, runs, kill=kill) != -signal.SIGKILL:
                sys.exit(f"the run was not killed at {kill}")
            resumed_from = torch.load(newest(runs), weights_only=True)["global_step"]
            fit(recipe, runs, "--ckpt_path", str(newest(runs)))
            found = final(runs)
            wrong = [name for name in expected if not torch.equal(expected[name], found[name])]
            differing += bool(wrong)
            print(
                f"killed in {kill}, resumed from step {resumed_from}: "
                f"{len(wrong)} of {len(expected)} tensors differ {wrong[:3]} ({time.perf_counter() - started:.0f} s)",
                flush=True,
            )
    print(f"{arguments.kills - differing} of {arguments.kills} resumed runs end bit-identical at step {STEPS}")
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
