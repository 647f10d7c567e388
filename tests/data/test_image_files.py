"""Image files in folders and archives: how they are named, and what cannot be read."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from rnnzoo.data.images import ImageFiles
from rnnzoo.errors import RnnzooError


def _images(folder: Path, names: list[str]) -> Path:
    """Files that are not decoded here."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode() * 100)
    return folder


def _tar(path: Path, folder: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, f"images/{file.name}")
    return path


def test_image_files(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images" / "deep", ["one.png", "two.png"])
    _images(tmp_path / "images" / "other", ["two.png"])
    (folder / "notes.txt").write_text("no image")
    files = ImageFiles(tmp_path / "images")
    assert files.names == ["deep/one.png", "deep/two.png", "other/two.png"]
    assert files.find("one.png") == files.find("deep/one.png") == "deep/one.png"
    assert files.find("ne.png") is files.find("elsewhere/one.png") is None
    with pytest.raises(RnnzooError, match=r"may be deep/two\.png or other/two\.png"):
        files.find("two.png")
    archive = ImageFiles(_tar(tmp_path / "x.tar", folder))
    assert archive.names == ["images/one.png", "images/two.png"]
    assert archive.read("images/two.png") == (folder / "two.png").read_bytes()
    whole = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(whole))
    (tmp_path / "cut.tar").write_bytes(whole[:700])
    (tmp_path / "half.tar").write_bytes(whole[:300])
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04" + whole)
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("x.tar.gz", r"x\.tar\.gz: is compressed, and cannot be read at any place: decompress it \(gunzip\)$"),
        ("x.zip", r"is compressed, .*: unpack it \(unzip\), and give the folder$"),
        ("cut.tar", r"is no tar archive, or is cut short or damaged \(.*\): copy it anew$"),
        ("half.tar", r"is no tar archive, or is cut short or damaged \(.*\): copy it anew$"),
        ("none", "no such folder"),
        ("empty", "has no images"),
    ):
        with pytest.raises(RnnzooError, match=message):
            ImageFiles(tmp_path / name)


def test_members_outside_the_archive_are_never_written(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        entry = tarfile.TarInfo("../../evil.png")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    files = ImageFiles(tmp_path / "x.tar")
    assert files.names == ["../../evil.png"]
    assert files.read("../../evil.png") == b"abc"
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]
