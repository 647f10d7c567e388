"""The image files of a folder or of a tar archive, by name."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path, PurePosixPath

from rnnzoo.errors import RnnzooError

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_COMPRESSED = {
    b"\x1f\x8b": "decompress it (gunzip)",
    b"BZh": "decompress it (bunzip2)",
    b"\xfd7zXZ\x00": "decompress it (unxz)",
    b"\x28\xb5\x2f\xfd": "decompress it (unzstd)",
    b"PK\x03\x04": "unpack it (unzip), and give the folder",
}


class ImageFiles:
    """Image files below a folder, at any depth, or in a tar archive that is not compressed.

    A file is named by its path below the folder or in the archive, or by its last part where only one has it. Files
    that are no images by their suffix are left aside. Members of an archive are read in memory, where they lie in it,
    and never unpacked; so any of them is found at once, and processes can read it side by side.

    Args:
        path: the folder or the archive.

    Raises:
        RnnzooError: there is no such folder or archive, it is compressed or damaged, or it has no images.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            self._members = None
            self.names = sorted(
                (Path(folder) / file).relative_to(self.path).as_posix()
                for folder, _, files in os.walk(self.path)
                for file in files
                if file.lower().endswith(SUFFIXES)
            )
        else:
            self._members = _members(self.path)
            self.names = sorted(self._members)
        if not self.names:
            raise RnnzooError(f"{self.path}: has no images (files that end in {', '.join(SUFFIXES)})")
        self._by_last: dict[str, list[str]] = {}
        for name in self.names:
            self._by_last.setdefault(PurePosixPath(name).name, []).append(name)
        self._all = set(self.names)

    def find(self, name: str) -> str | None:
        """The full name of the file that is so named; None: there is none.

        Raises:
            RnnzooError: several files end in this name.
        """
        if name in self._all:
            return name
        found = [full for full in self._by_last.get(PurePosixPath(name).name, []) if f"/{full}".endswith(f"/{name}")]
        if len(found) > 1:
            raise RnnzooError(f"{self.path}: {name!r} may be {' or '.join(found[:3])}: name it by its whole path")
        return found[0] if found else None

    def read(self, name: str) -> bytes:
        """The bytes of a file by its full name.

        Raises:
            RnnzooError: it cannot be read any more.
        """
        try:
            if self._members is None:
                return (self.path / name).read_bytes()
            start, size = self._members[name]
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(size)
        except OSError as error:
            raise RnnzooError(f"{self.path}: {name} cannot be read: {error.strerror or error}") from None


def _members(path: Path) -> dict[str, tuple[int, int]]:
    """Where each image of an archive begins in it, and its size."""
    if not path.is_file():
        raise RnnzooError(f"{path}: there is no such folder or tar archive of images")
    try:
        with tarfile.open(path, "r:") as archive:
            files = [(entry.name, entry.offset_data, entry.size, entry.sparse) for entry in archive if entry.isreg()]
    except tarfile.TarError as error:
        with path.open("rb") as file:
            first = file.read(6)
        for mark, what in _COMPRESSED.items():
            if first.startswith(mark):
                raise RnnzooError(f"{path}: is compressed, and cannot be read at any place: {what}") from None
        raise RnnzooError(f"{path}: is no tar archive, or is cut short or damaged ({error}): copy it anew") from None
    found: dict[str, tuple[int, int]] = {}
    for member, start, size, sparse in files:
        name = PurePosixPath(member).as_posix()
        if not name.lower().endswith(SUFFIXES) or sparse:
            continue
        if name in found:
            raise RnnzooError(f"{path}: has two files of the name {name}: remove one of them")
        if start + size > path.stat().st_size:
            raise RnnzooError(f"{path}: is cut short in {name}: copy it anew")
        found[name] = (start, size)
    return found
