"""What a user runs on a cell or task of their own; the contract tests run the same on those of rnnzoo."""

from typing import TYPE_CHECKING, Any

from rnnzoo.testing.cells import check_cell

if TYPE_CHECKING:
    from rnnzoo.testing.tasks import check_task

__all__ = ["check_cell", "check_task"]


def __getattr__(name: str) -> Any:
    """`check_task` when it is asked for: it imports Lightning, which a cell does not need."""
    if name == "check_task":
        from rnnzoo.testing.tasks import check_task

        return check_task
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
