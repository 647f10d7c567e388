"""Where the toy recipe lies, and where its runs do."""

from pathlib import Path

HERE = Path(__file__).parent


def runs(root: Path = Path("runs")) -> list[Path]:
    """The folders of all runs of the toy recipe, oldest first."""
    return sorted((root / "toy").iterdir())
