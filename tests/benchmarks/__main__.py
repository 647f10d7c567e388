"""Run a benchmark: ``python -m tests.benchmarks NAME [its arguments]``; without a name, say which there are."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("__main__", "__init__", "timing"))


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(__doc__)
        for name in NAMES:
            about = (HERE / f"{name}.py").read_text(encoding="utf-8").splitlines()[0].strip('"')
            print(f"  {name:20} {about}")
        sys.exit(2 if len(sys.argv) > 1 else 0)
    sys.argv = sys.argv[1:]
    importlib.import_module(f"tests.benchmarks.{sys.argv[0]}").main()


if __name__ == "__main__":
    main()
