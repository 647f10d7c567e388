"""Where a run is kept: ``runs/<recipe>/<time>/`` under the current folder, and which one is the newest."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rnnzoo.errors import RnnzooError

SHARED_NAME = "RNNZOO_RUN"


def new_run(root: Path, recipe: str) -> Path:
    """The folder of the run that starts now, made; every process of it gets the same one.

    Lightning starts the other processes of a DDP run with this one's environment, which carries the name. Processes
    that something else starts (torchrun, Slurm) must be given it.

    Raises:
        RnnzooError: the process is one of several and nothing says which run it belongs to; no folder can be made
            there.
    """
    name = os.environ.get(SHARED_NAME)
    if name is None:
        if "TORCHELASTIC_RUN_ID" in os.environ or int(os.environ.get("SLURM_NTASKS", "1")) > 1:
            raise RnnzooError(
                f"this is one of several processes: set the environment variable {SHARED_NAME} to a name for the run, "
                f"so that they share its folder"
            )
        name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        count = 1
        while (root / recipe / name).exists():
            count += 1
            name = f"{name[:19]}-{count}"
    run = root / recipe / name
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RnnzooError(
            f"the run's folder {run} cannot be made ({error.strerror}): give a folder that can be written, "
            f"--trainer.default_root_dir FOLDER"
        ) from None
    return run


@contextmanager
def gone_if_unused(run: Callable[[], Path | None]) -> Iterator[None]:
    """Within, an error that comes before anything but the recipe was written takes the run's folder away again."""
    try:
        yield
    except BaseException:
        folder = run()
        if folder is not None and all(path.name == "config.yaml" for path in folder.rglob("*") if path.is_file()):
            shutil.rmtree(folder)
        raise


def folder_of(checkpoint: Path, root: Path, recipe: str, trains: bool) -> Path:
    """The run that goes on from a checkpoint, or that measures it: the checkpoint's own.

    Training that goes on from a checkpoint other than the newest of its run is a new run: in the old folder it would
    overwrite what came after.
    """
    run = checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent
    if not trains:
        return run
    newest = max(checkpoint.parent.glob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    own = run.parent.resolve() == (root / recipe).resolve()
    return run if own and checkpoint.samefile(newest) else new_run(root, recipe)


@contextmanager
def shared(run: Path) -> Iterator[None]:
    """Within, the processes that this one starts know the run."""
    before = os.environ.get(SHARED_NAME)
    os.environ[SHARED_NAME] = run.name
    try:
        yield
    finally:
        if before is None:
            del os.environ[SHARED_NAME]


def folders(root: Path, recipe: str) -> list[Path]:
    """The runs of a recipe that have a checkpoint, oldest first."""
    found = [path for path in (root / recipe).glob("*") if any((path / "checkpoints").glob("*.ckpt"))]
    return sorted(found, key=lambda path: max(file.stat().st_mtime for file in (path / "checkpoints").glob("*.ckpt")))


def checkpoint(root: Path, recipe: str, recipe_file: Path, which: str) -> Path:
    """The best or the last checkpoint of a recipe's newest run; of a run's own ``config.yaml``, that run's.

    Args:
        root: the folder of all runs.
        recipe: its name.
        recipe_file: its file.
        which: ``"best"`` (smallest val/loss, or what the recipe's ModelCheckpoint monitors) or ``"last"``.

    Raises:
        RnnzooError: there is no such run or checkpoint.
    """
    run = recipe_file.parent
    of_a_run = (run / "checkpoints").is_dir() or run.parent.resolve() == (root / recipe).resolve()
    runs = [run] if recipe_file.name == "config.yaml" and of_a_run else folders(root, recipe)
    if not runs:
        raise RnnzooError(
            f"no run of {recipe} with a checkpoint in {root / recipe}: run `rnnzoo fit {recipe}` first, or give "
            f"one with --ckpt_path FILE"
        )
    folder = runs[-1] / "checkpoints"
    newest = sorted(folder.glob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    if not newest:
        raise RnnzooError(
            f"no checkpoint in {folder}: run `rnnzoo fit {recipe}` again, or give one with --ckpt_path FILE"
        )
    if which == "last":
        return newest[-1]
    named = folder / "best.ckpt"
    return named if named.is_file() else _best_by_record(newest[-1])


def _best_by_record(newest: Path) -> Path:
    """What the recipe's own ModelCheckpoint recorded as its best, in the newest checkpoint."""
    from rnnzoo.cli.checkpoints import load

    for name, state in load(newest).get("callbacks", {}).items():
        if name.startswith(("ModelCheckpoint", "LastCheckpoint")) and state.get("best_model_path"):
            best = newest.parent / Path(state["best_model_path"]).name
            if best.is_file():
                return best
    raise RnnzooError(f"{newest.parent} records no best checkpoint: name one, for instance --ckpt_path {newest}")
