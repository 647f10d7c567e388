"""Series in NumPy's archives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnnzoo.data.series import Series, check_missing, without_gaps
from rnnzoo.errors import RnnzooError, unknown


def read_npz(path: str | Path, missing: str = "error") -> list[Series]:
    """The series of an `.npz` archive of NumPy, which is read without pickle.

    It has `values` (N, T, D) or (N, T), and may have `lengths` (N,), how many steps of each are real (all, where it has
    none), and `labels` (N,), numbers or strings.

    Args:
        path: The file.
        missing: As in `rnnzoo.data.series.without_gaps`; a gap is NaN. What stands behind the
            length of a series is not looked at.

    Raises:
        RnnzooError: It cannot be read, has other arrays or other shapes, or a series has a gap; with the row.
    """
    check_missing(missing)
    arrays = _npz_arrays(Path(path))
    values = arrays["values"]
    if values.dtype.kind not in "fiub" or values.ndim not in (2, 3) or not values.size:
        raise RnnzooError(f"{path}: values must be numbers (N, T, D) or (N, T), not {values.shape} of {values.dtype}")
    values = values.astype(np.float64).reshape(*values.shape[:2], -1)
    count, steps, _ = values.shape
    lengths = arrays.get("lengths", np.full(count, steps))
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise RnnzooError(f"{path}: lengths must be whole numbers ({count},), not {lengths.shape} of {lengths.dtype}")
    labels = arrays.get("labels")
    if labels is not None and (labels.shape != (count,) or labels.dtype.kind not in "iufbU"):
        raise RnnzooError(f"{path}: labels must be ({count},) numbers or strings, not {labels.shape} of {labels.dtype}")
    found = []
    for row, length in enumerate(lengths.tolist()):
        place = f"{path}: row {row}"
        if not 1 <= length <= steps:
            raise RnnzooError(f"{place}: has the length {length}, which must be within 1 and {steps}")
        filled, conversion = without_gaps(values[row, :length], missing, place)
        found.append(Series(filled, None if labels is None else str(labels[row].item()), place, conversion))
    return found


def _npz_arrays(path: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    known = ("values", "lengths", "labels")
    if not path.is_file():
        raise RnnzooError(f"{path}: no such .npz file")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # numpy and zipfile say nowhere what they raise for damaged bytes
        raise RnnzooError(f"{path}: is no .npz file without pickles, or damaged ({error})") from None
    for name in arrays:
        if name not in known:
            raise RnnzooError(f"{path}: {unknown('array', name, known)}")
    if "values" not in arrays:
        raise RnnzooError(f"{path}: has no array 'values'")
    return arrays
