import os
import signal
import subprocess
import sys
import textwrap
import time

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from rnnzoo.callbacks import ExactResume, InterruptCheckpoint

RUN = {"max_epochs": 2, "val_check_interval": 4, "accumulate_grad_batches": 3}


@pytest.fixture
def interruptible(noisy):
    class Interruptible(noisy):
        """Presses Ctrl-C, or raises, in the n-th call of a step."""

        def __init__(self, where="", call=0, how=lambda: signal.raise_signal(signal.SIGINT)):
            super().__init__()
            self.where, self.remaining, self.how = where, call, how

        def strike(self, where):
            if where == self.where:
                self.remaining -= 1
                if self.remaining == 0:
                    self.how()

        def training_step(self, batch, batch_idx):
            self.strike("training")
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            if not self.trainer.sanity_checking:
                self.strike("validation")
            super().validation_step(batch, batch_idx)

    return Interruptible


def seed():
    lightning.seed_everything(7, verbose=False)


# accumulating (1, 2, 5), just before a step (3), a step that validation follows (12, the epoch's last, too), in
# validation: its first, second and last batch, and the one at the epoch's end
@pytest.mark.parametrize(
    ("where", "call"),
    [("training", n) for n in (1, 2, 3, 5, 12, 13, 24)] + [("validation", n) for n in (1, 2, 3, 9)],
)
def test_ctrl_c_then_resume_is_the_run_without_it(interruptible, fit, tmp_path, capsys, where, call):
    seed()
    whole = interruptible()
    fit(whole, None, [ExactResume(), InterruptCheckpoint()], **RUN)

    seed()
    handler = signal.getsignal(signal.SIGINT)
    first = interruptible(where, call)
    with pytest.raises(SystemExit):
        fit(first, None, [InterruptCheckpoint("rnnzoo fit quick", str(tmp_path)), ExactResume()], **RUN)
    assert signal.getsignal(signal.SIGINT) is handler
    path = tmp_path / "interrupted.ckpt"
    assert [file.name for file in tmp_path.iterdir()] == ["interrupted.ckpt"]
    assert f"resume with: rnnzoo fit quick --ckpt_path {path}\n" in capsys.readouterr().err

    lightning.seed_everything(99, verbose=False)
    second = interruptible()
    fit(second, None, [ExactResume(), InterruptCheckpoint()], ckpt_path=path, **RUN)
    assert torch.equal(second.flat(), whole.flat())
    assert first.validated + second.validated == whole.validated  # none left out, none twice


@pytest.mark.parametrize("where", ["training", "validation"])
def test_an_interrupt_raised_in_a_hook_leaves_a_checkpoint_that_resumes(interruptible, fit, tmp_path, where):
    def strike():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        fit(interruptible(where, 5, strike), None, [InterruptCheckpoint(folder=str(tmp_path))], **RUN)
    resumed = interruptible()
    trainer = fit(resumed, None, [], ckpt_path=tmp_path / "interrupted.ckpt", **RUN)
    assert trainer.current_epoch == 2
    assert torch.isfinite(resumed.flat()).all()


def test_ctrl_c_twice_stops_at_once_and_saves_nothing(interruptible, fit, tmp_path, capsys):
    def twice():
        signal.raise_signal(signal.SIGINT)
        assert "Ctrl-C again stops at once" in capsys.readouterr().err
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one did not stop it")

    with pytest.raises(SystemExit):
        fit(interruptible("training", 4, twice), None, [InterruptCheckpoint(folder=str(tmp_path))], **RUN)
    assert list(tmp_path.iterdir()) == []


def test_stands_beside_the_other_checkpoints(interruptible, fit, tmp_path):
    callbacks = [InterruptCheckpoint(), ModelCheckpoint(tmp_path / "kept")]
    with pytest.raises(SystemExit):
        fit(interruptible("training", 4), None, callbacks, **(RUN | {"enable_checkpointing": True}))
    assert (tmp_path / "kept" / "interrupted.ckpt").exists()


def test_gives_ctrl_c_back(interruptible, fit):
    def fail():
        raise RuntimeError("of the user")

    handler = signal.getsignal(signal.SIGINT)
    fit(interruptible(), None, [InterruptCheckpoint()], **RUN)
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(RuntimeError, match="of the user"):
        fit(interruptible("training", 4, fail), None, [InterruptCheckpoint()], **RUN)
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize(
    ("processes", "of_the_first"),
    # a job in the background ignores Ctrl-C until training takes it over, which the process that only waits never does
    [(1, signal.SIG_DFL), (2, signal.SIG_DFL), (2, signal.SIG_IGN)],
)
def test_a_signal_from_the_terminal(tmp_path, processes, of_the_first):
    strategy = "ddp_fork" if processes > 1 else "auto"
    program = textwrap.dedent(
        f"""
        import time, torch, lightning
        from rnnzoo.callbacks import InterruptCheckpoint

        class Slow(lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.ones(()))

            def training_step(self, batch, batch_idx):
                print(self.global_rank, flush=True)
                time.sleep(0.05)
                return self.weight * batch.sum()

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.1)

        trainer = lightning.Trainer(
            accelerator="cpu", devices={processes}, strategy={strategy!r}, log_every_n_steps=2, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            max_steps=10**6, callbacks=[InterruptCheckpoint(folder={str(tmp_path)!r})],
        )
        trainer.fit(Slow(), torch.utils.data.DataLoader(torch.ones(10**6)))
        """
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, of_the_first),
        start_new_session=True,  # to be sent the signal as a group, which is what a terminal does
    )
    assert process.stdout is not None
    try:
        training = set()
        while len(training) < processes:  # a process that is not there yet has nothing to save
            training.add(process.stdout.readline())
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1
    path = tmp_path / "interrupted.ckpt"
    saved = torch.load(path, weights_only=True)
    assert saved["state_dict"]["weight"].item() == pytest.approx(1 - 0.1 * saved["global_step"], abs=1e-5)
    assert f"interrupted at step {saved['global_step']}; resume with: rnnzoo fit RECIPE --ckpt_path {path}" in errors
    assert "Traceback" not in errors
    assert saved["global_step"] % (2 if processes > 1 else 1) == 0  # they agreed
