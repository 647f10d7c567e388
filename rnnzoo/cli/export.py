"""``rnnzoo export``: a checkpoint as files that run without rnnzoo."""

from collections.abc import Sequence
from pathlib import Path

from rnnzoo.cli.arguments import Arguments
from rnnzoo.errors import RnnzooError


def export(argv: Sequence[str]) -> int:
    """Write the programs of a checkpoint; their names are printed."""
    arguments = Arguments(
        "export",
        "Write a checkpoint as programs of torch.export, which run without rnnzoo, on batches of any size and length,\n"
        "and beside them a JSON file that says what they take and give.",
        "A model that reads becomes one program; one that writes becomes two, init_state and step.",
    )
    arguments.add_argument("checkpoint", help="a .ckpt file, as in runs/RECIPE/TIME/checkpoints/best.ckpt")
    arguments.add_argument("--output", required=True, metavar="FILE", help="the program, such as model.pt2")
    arguments.trust()
    given = arguments.parse(argv)
    path, output = Path(given.checkpoint), Path(given.output)
    if output.suffix != ".pt2":
        raise RnnzooError(f"export: --output {output} must end in .pt2, as in {output.with_suffix('.pt2')}")

    from rnnzoo.cli import checkpoints, console
    from rnnzoo.cli.generate import trusted
    from rnnzoo.tasks import SequenceTask
    from rnnzoo.tasks.export import export as export_task

    console.quiet()
    checkpoints.load(path)  # says what is wrong with a file that is not one
    task = SequenceTask.load_from_checkpoint(path, map_location="cpu", trust=trusted(getattr(given, "import")))
    print("\n".join(map(str, export_task(task, output))))
    return 0
