"""The recipes of the pages about own data run, on files that begin as the pages show them."""

import json
import math
import re
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rnnzoo.cli import main

PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("own-data.md", "own-data-to-write.md")]
BLOCKS = {
    title: text
    for page in PAGES
    for title, text in re.findall(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
}
REPEATS = 60
HEADED = ("reviews.tsv", "sales.csv", "gestures.csv", "sounds-of-animals.tsv", "pairs.tsv", "films.tsv")


def make_tables() -> None:
    """Each table of the pages, its rows again and again where the page has dots; a series then begins anew."""
    for name, text in BLOCKS.items():
        body, dots, _ = text.partition("...\n")
        if not dots:
            Path(name).write_text(text, encoding="utf-8")
            continue
        head, rows = body.split("\n", 1) if name in HEADED else ("", body)
        table = [rows] * REPEATS
        if name == "gestures.csv":
            table = [
                re.sub(r"^(\d)", lambda found, at=at: f"{at}{found[1]}", rows, flags=re.M) for at in range(REPEATS)
            ]
        Path(name).write_text(f"{head}\n".lstrip() + "".join(table), encoding="utf-8")


def make_media() -> None:
    """Sounds of two labels, three images, and two films, in three tables."""
    for label, hertz in (("low", 200), ("high", 900)):
        Path("sounds", label).mkdir(parents=True)
        for number in range(8):
            tone = [int(9000 * math.sin(2 * math.pi * hertz * at / 8000 + number)) for at in range(800)]
            with wave.open(f"sounds/{label}/{number}.wav", "wb") as file:
                file.setparams((1, 2, 8000, len(tone), "NONE", ""))
                file.writeframes(struct.pack(f"<{len(tone)}h", *tone))
    draw = np.random.default_rng(1)
    Path("photos").mkdir()
    for image in json.loads(BLOCKS["captions.json"])["images"]:
        Image.fromarray(draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(Path("photos", image["filename"]))
    films = Path("films.tsv").read_text(encoding="utf-8").splitlines()[:3]
    for split in ("", "-validation", "-test"):
        names = []
        for row in films[1:]:
            video, caption = row.split("\t")
            names.append(f"{split}{video}\t{caption}\n")
            np.save(f"{split}{video}", draw.integers(0, 255, (3, 16, 16, 3), dtype=np.uint8))
        Path(f"films{split}.tsv").write_text(f"{films[0]}\n{''.join(names)}", encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("recipe", [name for name in BLOCKS if name.endswith(".yaml")])
def test_the_recipe_reads_the_files_of_its_page(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    make_tables()
    make_media()
    assert main(["fit", recipe, "--trainer.fast_dev_run", "true", "--trainer.accelerator", "cpu"]) == 0, (
        capsys.readouterr().err
    )
