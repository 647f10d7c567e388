"""Images with captions: files that fit each other, augmentation, batches by hand, and what is wrong with files."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.data import CocoCaptionsDataModule, Flickr8kDataModule, GlyphDataModule, KarpathyDataModule
from rnnzoo.data.augmentation import Augmentation
from rnnzoo.data.flickr8k import LISTS
from rnnzoo.encodings.image import ImageEncoding
from rnnzoo.errors import RnnzooError

Image = pytest.importorskip("PIL.Image", reason="images are decoded by Pillow")
NAMES = ["a.png", "b.png", "c.png", "d.png"]


def _picture(number: int) -> Any:
    return np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)


def _images(folder: Path, names: list[str] = NAMES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(_picture(number)).save(folder / name)
    return folder


def _tar(path: Path, folder: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, f"images/{file.name}")
    return path


def _flickr(root: Path) -> Path:
    """Training: a and b, validation: c, test: d; two captions each."""
    folder = root / "flickr8k"
    _images(folder / "pictures")
    _tar(folder / "images.tar", folder / "pictures")
    lines = [f"{name}#{number}\t{name[0]} picture {number} ." for name in NAMES for number in range(2)]
    with gzip.open(folder / "Flickr8k.token.txt.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    for split, names in (("train", NAMES[:2]), ("validation", NAMES[2:3]), ("test", NAMES[3:])):
        (folder / LISTS[split]).write_text("\n".join(names))
    return folder


def _data(folder: Path, **options: Any) -> Flickr8kDataModule:
    given = {"root": str(folder.parent), "height": 6, "width": 8, "min_frequency": 1, "mirror": False, **options}
    return Flickr8kDataModule(**given)


def test_a_batch_has_the_images_and_the_captions(tmp_path: Path) -> None:
    folder = _flickr(tmp_path)
    for images in ("images.tar", "pictures", str(folder / "pictures")):
        data = _data(folder, images=images)
        batch = data.make_batch("train", torch.tensor([3, -1, 0]))
        pixels = np.stack([_picture(number) for number in range(2)]) / 255
        mean, scale = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
        expected = (pixels[[1, 0]] - mean) / scale
        torch.testing.assert_close(batch.source[[0, 2]], torch.from_numpy(expected).float(), rtol=1e-4, atol=1e-4)
        assert batch.source[1].abs().sum() == 0
        assert batch.lengths.tolist() == [5, 0, 5]
        words = data.target_encoding["vocabulary"]
        assert [words[at] for at in batch.targets[0]] == ["b", "picture", "1", ".", "<eos>"]
    raw, references = data.references("test")[0]
    assert references == ["d picture 0 .", "d picture 1 ."]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(raw))), _picture(3))


def test_workers_make_the_same_batches(tmp_path: Path) -> None:
    folder = _flickr(tmp_path)
    batches = [
        list(_data(folder, batch_size=2, shift=2, mirror=True, workers=workers).train_dataloader())
        for workers in (0, 1)
    ]
    assert len(batches[0]) == 2
    for alone, helped in zip(*batches, strict=True):
        assert torch.equal(alone.source, helped.source)
        assert torch.equal(alone.targets, helped.targets)


def test_augmentation_is_a_function_of_its_draw() -> None:
    image = torch.arange(30.0).view(5, 6, 1)
    augment = Augmentation(shift=2, mirror=True)
    draws = [augment(image, (0, epoch, row)) for epoch in range(5) for row in range(20)]
    again = [augment(image, (0, epoch, row)) for epoch in range(5) for row in range(20)]
    assert all(map(torch.equal, draws, again))
    middles = {float(one[2, 3, 0]) for one in draws}
    sources = {float(flipped[2 + down, 3 + right, 0]) for flipped in (image, image.flip(1))
               for down in range(-2, 3) for right in range(-2, 3)}  # fmt: skip
    assert middles <= sources
    assert len(middles) > 15
    assert torch.equal(Augmentation()(image, (0, 0, 0)), image)
    shifted = next(one for one in draws if not torch.equal(one, image))
    assert set(shifted.flatten().tolist()) <= set(image.flatten().tolist())
    with pytest.raises(RnnzooError, match=r"data\.shift: -1"):
        Augmentation(shift=-1)


def test_only_training_images_are_changed_and_anew_each_epoch(tmp_path: Path) -> None:
    folder = _flickr(tmp_path)
    data, plain = _data(folder, shift=3, mirror=True), _data(folder)
    rows = torch.arange(2)
    assert torch.equal(data.source_batch("test", rows), plain.source_batch("test", rows))
    assert not torch.equal(data.source_batch("train", rows), plain.source_batch("train", rows))
    assert torch.equal(
        data.source_batch("train", rows), _data(folder, shift=3, mirror=True).source_batch("train", rows)
    )

    class Later:
        current_epoch = 1

    before = data.source_batch("train", torch.arange(4))
    data.trainer = Later()  # type: ignore[assignment]  # all that is asked of it
    assert not torch.equal(data.source_batch("train", torch.arange(4)), before)


def test_captions_without_images_and_images_without_captions(tmp_path: Path) -> None:
    folder = _flickr(tmp_path)
    (folder / "pictures" / "b.png").unlink()
    with pytest.raises(RnnzooError, match=r"Flickr8k\.token\.txt\.gz:3: the image b\.png is not in .*; 1 images"):
        _data(folder, images="pictures").examples("train")
    _images(folder / "pictures", [*NAMES, "x.png"])
    with pytest.raises(RnnzooError, match=r"1 of 5 images have no caption, such as x\.png.*skip_missing"):
        _data(folder, images="pictures").examples("train")
    (folder / "pictures" / "d.png").unlink()
    data = _data(folder, images="pictures", skip_missing=True)
    with pytest.warns(UserWarning, match="pictures: 1 of 4 images have no caption and are left out"):
        assert {one.inputs for one in data.examples("train")} == {"a.png", "b.png"}
    with (
        pytest.warns(UserWarning, match="test: captions of 1 images that are missing are left out"),
        pytest.raises(RnnzooError, match="there is no test example"),
    ):
        data.examples("test")
    assert data.description == "Flickr8k (1 listed test images left out)"


def test_images_that_do_not_decode_are_named_and_skipped_only_when_asked(tmp_path: Path) -> None:
    folder = _flickr(tmp_path)
    (folder / "pictures" / "b.png").write_text("no image")
    data = _data(folder, images="pictures")
    message = (  # the same where mean and scale are computed and in a batch
        r"Flickr8k\.token\.txt\.gz:3: b\.png: the image does not decode: it is of no format that Pillow knows: replace "
        r"it, or set data\.skip_broken: true, which leaves such images out$"
    )
    with pytest.raises(RnnzooError, match=message):
        _ = data.encoding
    data.image_encoding = ImageEncoding(6, 8)
    with pytest.raises(RnnzooError, match=message.replace(":3", ":4")):
        data.make_batch("train", torch.tensor([3]))
    kept = _data(folder, images="pictures", skip_broken=True)
    with pytest.warns(UserWarning, match=r"^train: 1 images that do not decode are left out: b\.png$"):
        assert {one.inputs for one in kept.examples("train")} == {"a.png"}
    assert kept.left_out == {"train": 1}


def test_all_images_that_do_not_decode_are_named(tmp_path: Path) -> None:
    names = [f"{number:02}.png" for number in range(14)]
    _images(tmp_path / "pictures", names)
    for name in names[2:]:
        (tmp_path / "pictures" / name).write_text("no image")
    files = [_coco(tmp_path / "train.json", [*names[2:], names[0]]), _coco(tmp_path / "val.json", names[1:2])]
    data = CocoCaptionsDataModule(*files, images=str(tmp_path / "pictures"), skip_broken=True)
    with pytest.warns(UserWarning, match=f"train: 12 images that do not decode are left out: {', '.join(names[2:])}$"):
        data.examples("train")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_told_alike_with_workers_and_without(tmp_path: Path, workers: int) -> None:
    folder = _flickr(tmp_path)
    data = _data(folder, images="pictures", workers=workers)
    loader = data.train_dataloader()
    _ = data.encoding
    (folder / "pictures" / "b.png").write_text("no image")
    with pytest.raises(RnnzooError) as caught:
        list(loader)
    expected = (
        ":[34]: b.png: the image does not decode: it is of no format that Pillow knows: replace it, or set "
        "data.skip_broken: true, which leaves such images out"
    )
    assert re.fullmatch(re.escape(str(folder / "Flickr8k.token.txt.gz")) + expected, str(caught.value))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.png a dog"], ":1: .* is not of the form"),
        (["a.png#0\ta dog", "a.png#x\ta dog"], ":2: .* is not of the form"),
        (["a.png#0\ta dog", "a.png#0\ta cat"], ":2: a.png#0 stands in line 1 already"),
        (["a.png#0\t "], ":1: the caption is ' '"),
        (
            ["a.png#0\ta dog"],
            r"trainImages\.txt:2: the image b\.png has no caption: .* or set data\.skip_missing: true",
        ),
    ],
    ids=["no-tab", "no-number", "twice", "empty", "in-a-list-only"],
)
def test_what_is_wrong_with_a_token_file(tmp_path: Path, lines: list[str], message: str) -> None:
    folder = _flickr(tmp_path)
    (folder / "Flickr8k.token.txt").write_text("\n".join(lines))
    with pytest.raises(RnnzooError, match=message):
        _data(folder, images="pictures").examples("train")


def test_an_image_stands_in_one_list_and_once(tmp_path: Path) -> None:
    folder = _flickr(tmp_path)
    for split, names, place in (
        ("validation", "c.png\na.png", "devImages.txt:2"),
        ("train", "a.png\n\na.png\n", "trainImages.txt:3"),
    ):
        before = (folder / LISTS[split]).read_text()
        (folder / LISTS[split]).write_text(names)
        with pytest.raises(RnnzooError, match=rf"{place}: the image a\.png stands in .*trainImages\.txt:1 already"):
            _data(folder, images="pictures").examples("train")
        (folder / LISTS[split]).write_text(before)


def test_images_without_captions_are_left_out_when_asked(tmp_path: Path) -> None:
    _images(tmp_path / "pictures", [*NAMES, "e.png"])
    options: dict[str, Any] = {"height": 6, "width": 8, "min_frequency": 1}
    without = {"images": [{"id": at, "file_name": name} for at, name in enumerate(("d.png", "e.png"))]}
    files = [_coco(tmp_path / "train.json", NAMES[:2]), _coco(tmp_path / "val.json", NAMES[2:3])]
    files.append(_coco(tmp_path / "test.json", [], **without, annotations=[{"image_id": 0, "caption": "d"}]))
    coco = {"train": files[0], "validation": files[1], "test": files[2], "images": str(tmp_path / "pictures")}
    message = r"images\[1\]: the image e\.png has no caption: give it one, remove it, or set data\.skip_missing: true"
    with pytest.raises(RnnzooError, match=rf"test\.json: {message}"):
        CocoCaptionsDataModule(**coco, **options).examples("test")
    data = CocoCaptionsDataModule(**coco, **options, skip_missing=True)
    with pytest.warns(UserWarning, match="test: 1 listed images without a caption are left out"):
        assert [one.inputs for one in data.examples("test")] == ["d.png"]
    assert data.description.endswith("(1 listed test images left out)")
    file = _karpathy(tmp_path, b={"sentences": []})
    with pytest.raises(RnnzooError, match=r"images\[1\]: the image pictures/b\.png has no caption: give it one"):
        KarpathyDataModule(file, str(tmp_path), **options).examples("train")
    data = KarpathyDataModule(file, str(tmp_path), **options, skip_missing=True)
    with pytest.warns(UserWarning, match="train: 1 listed images without a caption are left out"):
        assert [one.inputs for one in data.examples("train")] == ["pictures/a.png"]


def _write(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def _karpathy(folder: Path, **changed: Any) -> str:
    splits = dict(zip(NAMES, ("train", "restval", "val", "test"), strict=True))
    images = [
        {"filename": name, "filepath": "pictures", "split": split, "sentences": [{"raw": f"Picture {name[0]}."}]}
        | changed.get(name[0], {})
        for name, split in splits.items()
    ]
    return _write(folder / "dataset.json", {"images": images, "dataset": "toy"})


def test_karpathys_splits(tmp_path: Path) -> None:
    _images(tmp_path / "pictures")
    options: dict[str, Any] = {"images": str(tmp_path), "height": 6, "width": 8, "min_frequency": 1}
    data = KarpathyDataModule(_karpathy(tmp_path), **options)
    found = {s: [(e.inputs, e.target) for e in data.examples(s)] for s in ("train", "validation", "test")}
    assert found == {
        "train": [("pictures/a.png", "Picture a."), ("pictures/b.png", "Picture b.")],
        "validation": [("pictures/c.png", "Picture c.")],
        "test": [("pictures/d.png", "Picture d.")],
    }
    assert set(data.target_encoding["vocabulary"]) == {"<unk>", "<eos>", "picture", ".", "a", "b"}
    for changed, message in (
        ({"b": {"split": "tran"}}, r"images\[1\]: .*tran.*train"),
        ({"b": {"sentences": []}}, r"images\[1\]: the image pictures/b.png has no caption"),
        ({"b": {"sentences": [{"raw": ""}]}}, r"images\[1\]\.sentences\[0\]: the caption is ''"),
        ({"b": {"filename": "a.png"}}, r"images\[1\]: the image pictures/a.png stands there twice"),
        ({"b": {"filename": 7}}, r"images\[1\]: filename is 7: a text is expected$"),
        ({"b": {"filepath": 7}}, r"images\[1\]: filepath is 7: a text is expected$"),
        ({"b": {"split": ["train"]}}, r"images\[1\]: split is \['train'\]: a text is expected$"),
        ({"b": {"sentences": None}}, r"images\[1\]: sentences is None: a list is expected$"),
        ({"b": {"sentences": [{"raw": "\ud800"}]}}, r"dataset\.json: '\\ud800' is half of a character"),
        (
            {name[0]: {"filepath": "val2014"} for name in NAMES},
            r"no image in it has a caption: captions are of val2014/a\.png and the like, images are pictures/a\.png ",
        ),
    ):
        with pytest.raises(RnnzooError, match=message):
            KarpathyDataModule(_karpathy(tmp_path, **changed), **options).examples("train")
    (tmp_path / "broken.json").write_text('{\n"images": [}')
    with pytest.raises(RnnzooError, match=r"broken\.json:2: is no JSON"):
        KarpathyDataModule(str(tmp_path / "broken.json"), **options).examples("train")


def _coco(path: Path, names: list[str], **changed: Any) -> str:
    images = [{"id": 10 + at, "file_name": name} for at, name in enumerate(names)]
    annotations = [
        {"image_id": image["id"], "caption": f"{image['file_name']} {n}"} for n in (0, 1) for image in images
    ]
    return _write(path, {"images": images, "annotations": annotations, **changed})


def test_coco(tmp_path: Path) -> None:
    _images(tmp_path / "pictures")
    files = [
        _coco(tmp_path / f"{split}.json", names)
        for split, names in (("train", NAMES[:2]), ("val", NAMES[2:3]), ("test", NAMES[3:]))
    ]
    options: dict[str, Any] = {"images": str(tmp_path / "pictures"), "height": 6, "width": 8, "min_frequency": 1}
    data = CocoCaptionsDataModule(files[0], files[1], test=files[2], **options)
    assert [(e.inputs, e.target) for e in data.examples("train")] == [
        ("a.png", "a.png 0"), ("a.png", "a.png 1"), ("b.png", "b.png 0"), ("b.png", "b.png 1"),
    ]  # fmt: skip
    assert data.make_batch("test", torch.tensor([0])).source.shape == (1, 6, 8, 3)
    of_a, twice = {"image_id": 10, "caption": "x"}, [{"id": 1, "file_name": name} for name in NAMES]
    for changed, message in (
        ({"annotations": [of_a]}, r"images\[1\]: the image b\.png has no caption"),
        (
            {"images": [{"id": [1], "file_name": "a.png"}]},
            r"images\[0\]: id is \[1\]: a whole number or a text is expected",
        ),
        ({"images": [{"id": 1, "file_name": None}]}, r"images\[0\]: file_name is None: a text is expected$"),
        ({"annotations": [{"image_id": {}, "caption": "x"}]}, r"annotations\[0\]: image_id is \{\}: a whole number or"),
        ({"images": [{"id": n, "file_name": "a.png"} for n in (1, 2)]}, r"a\.png stands in .*images\[0\] already"),
        ({"annotations": [of_a, {"image_id": 9, "caption": "x"}]}, r"annotations\[1\]: there is no image of the id 9"),
        ({"annotations": [{"caption": "x"}]}, r"annotations\[0\]: has no image_id"),
        ({"images": twice}, r"images\[1\]: the id 1 is that of a\.png too"),
    ):
        wrong = _coco(tmp_path / "wrong.json", NAMES[:2], **changed)
        with pytest.raises(RnnzooError, match=message):
            CocoCaptionsDataModule(wrong, files[1], **options).examples("train")
    with pytest.raises(RnnzooError, match=r"the image c\.png is in data\.validation too"):
        CocoCaptionsDataModule(files[0], files[1], test=files[1], **options).examples("train")


def test_glyphs_are_pictures_of_new_names() -> None:
    pytest.importorskip("matplotlib", reason="the fonts come with it")
    data = GlyphDataModule(size=24)
    names = {split: {one.target for one in data.examples(split)} for split in ("train", "validation", "test")}
    assert not names["train"] & names["test"]
    assert sum(map(len, names.values())) > 5000
    letters = {one.target: data.load(one.inputs) for split in names for one in data.examples(split)}
    dot, bar = letters["full stop"], letters["vertical line"]
    assert 0 < (dot > 127).sum() < (bar > 127).sum()
    rows = np.nonzero(dot.any(1))[0]
    assert rows.max() == 17  # on the baseline, three quarters down
    assert np.nonzero(bar.any(1))[0].max() > 17
    assert bar.shape == (24, 24)
    assert abs(np.nonzero(bar.any(0))[0].mean() - 11.5) <= 1
    with pytest.raises(RnnzooError, match=r"no font 'x\.ttf': it has .*DejaVuSans\.ttf"):
        GlyphDataModule(font="x.ttf").examples("train")


def test_training_batches_do_not_hold_captions_of_like_lengths() -> None:
    pytest.importorskip("matplotlib", reason="the fonts come with it")
    data = GlyphDataModule(size=16, batch_size=64)
    lengths = data.written("train").lengths.double()
    within = torch.stack([batch.lengths.double().var() for batch in data.train_dataloader()]).mean()
    assert within > 0.8 * lengths.var()


def test_flickr8k_as_published() -> None:
    from rnnzoo.data.roots import data_root

    if not (data_root() / "flickr8k").is_dir():
        pytest.skip("no flickr8k below RNNZOO_DATA")
    data = Flickr8kDataModule(skip_missing=True, height=32, width=32)
    counts = {split: len({one.inputs for one in data.examples(split)}) for split in LISTS}
    assert counts == {"train": 753, "validation": 113, "test": 125}
    assert all(len(own) == 5 for _, own in data.references("test"))
    image = data.make_batch("test", torch.tensor([0])).source
    assert image.shape == (1, 32, 32, 3)
    assert ImageEncoding(**data.encoding).encode(data.load(data.examples("test")[0].inputs)).equal(image[0])
