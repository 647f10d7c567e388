"""What a test ends with: the table of the model and its baselines, and a sample."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightning.pytorch import LightningModule

from rnnzoo.cli.console import print_table

SAMPLES = 5  # a language model that knows line ends writes a line each time

if TYPE_CHECKING:
    from rnnzoo.cli.lightning_cli import RecipeCLI


def print_comparison(cli: "RecipeCLI", results: Sequence[Mapping[str, float]]) -> None:
    """Print the task's table of the model against its baselines, else its metrics; keep it as ``test.csv``."""
    compare = getattr(cli.model, "compare", None)
    comparison = compare(cli.datamodule) if callable(compare) else None
    if comparison is None:
        rows = print_metrics(f"{cli.request.recipe.name}, test", results)
    else:
        rows = comparison.as_rows()
        print_table(comparison.title, comparison.columns())
        for note in getattr(comparison, "notes", ()):
            print(note)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(column for row in rows for column in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    cli.keep("test.csv", text.getvalue())


def print_metrics(title: str, results: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Print the metrics of each loader; the rows are returned."""
    rows: list[dict[str, Any]] = [
        {"metric": name, "value": float(value)} for result in results for name, value in result.items()
    ]
    print_table(title, [[key, *(_text(row[key]) for row in rows)] for key in ("metric", "value")])
    return rows


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"


def print_sample(model: LightningModule) -> None:
    """Print some of what the model writes by itself, if it writes; the same each time."""
    generate = getattr(type(model), "generate", None)
    if generate is not None:
        print("\nsample:")
        for seed in range(SAMPLES):
            print(generate(model, "", max_length=60, temperature=0.8, seed=seed))
