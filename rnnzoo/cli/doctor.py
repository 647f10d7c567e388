"""``rnnzoo doctor``: what this machine has, and what rnnzoo will make of it."""

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from rnnzoo.cli.arguments import Arguments

PACKAGES = ("rnnzoo", "torch", "lightning", "torchmetrics", "torchtext", "jsonargparse", "wandb", "rich")
OPTIONAL = ("matplotlib", "tokenizers")


def doctor(argv: Sequence[str]) -> int:
    """Print versions, devices, the compiler, the engine of each cell, the data sets and the mode of W&B."""
    Arguments("doctor", "Say what this machine has: versions, devices, compiler, engines, data.").parse(argv)
    for title, lines in (
        ("versions", _versions()),
        ("devices", _devices()),
        ("engine of each cell", _engines()),
        ("data", _data()),
        ("metrics", _metrics()),
    ):
        print(title)
        for line in lines:
            print(f"  {line}")
    return 0


def _versions() -> Iterator[str]:
    yield f"python {platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in (*PACKAGES, *OPTIONAL):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name}: not installed" + (' (pip install "rnnzoo[recipes]")' if name in OPTIONAL else "")


def _devices() -> Iterator[str]:
    import torch

    threads = torch.get_num_threads()
    capability = torch.backends.cpu.get_cpu_capability()
    yield f"CPU: {os.cpu_count()} cores, {capability}, {threads} threads (change: OMP_NUM_THREADS)"
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        memory = f"{device.total_memory / 2**30:.0f} GiB"
        yield f"GPU {index}: {device.name}, {memory}, compute capability {device.major}.{device.minor}"
    if not torch.cuda.is_available():
        yield "GPU: none that this torch can use"
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++", "c++")), None)
    yield f"C++ compiler: {compiler or 'none: torch.compile on the CPU needs one (install g++)'}"


def _engines() -> Iterator[str]:
    import torch

    from rnnzoo.cells import CELLS, build_cell
    from rnnzoo.recurrent.engine import choose

    steps, rows, size = 35, 20, 200
    yield f"training on the CPU at T {steps}, N {rows}, H {size}; the choice depends on device, size and mode"
    for name in sorted(CELLS):
        choice = choose(build_cell(name, size, size), torch.zeros(steps, rows, size))
        yield f"{name}: {choice.name} ({choice.reason})"


def _data() -> Iterator[str]:
    from rnnzoo.data.roots import data_root

    root = data_root()
    yield f"root {root} (change: RNNZOO_DATA or --data.root)"
    sets = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    yield f"sets there: {', '.join(sets) or 'none'}"


def _metrics() -> Iterator[str]:
    yield f"W&B: {os.environ.get('WANDB_MODE', 'offline')} unless --wandb says otherwise; metrics.csv in each run"
