"""What a written sequence is scored against: one or more references each."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.errors import RnnzooError


def check_references(predictions: Sequence[object], references: Sequence[Sequence[object]]) -> None:
    """Refuses what would be scored silently wrong.

    Raises:
        RnnzooError: not as many lists of references as predictions, an empty one, or a text in the place of a list (its
            letters would be taken for references).
    """
    if isinstance(predictions, str) or len(predictions) != len(references):
        raise RnnzooError(
            f"{len(predictions)} predictions and {len(references)} lists of references: "
            "give a list of predictions, and for each of them the list of its references"
        )
    for row, own in enumerate(references):
        if isinstance(own, str):
            raise RnnzooError(
                f"the references of row {row} are the text {own!r}: give a list of references, also where there is one"
            )
        if len(own) == 0:
            raise RnnzooError(f"row {row} has no reference, so that its prediction cannot be scored")
