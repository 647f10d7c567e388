"""``ls``, ``cat``, ``cp``, and what answers without PyTorch."""

import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.cli import COMMANDS
from rnnzoo.cli.recipes import Recipe, shipped


@pytest.mark.parametrize("arguments", [["ls"], ["--help"], ["fit", "transducer/pydoc-word-lstm", "--help"]])
def test_answers_without_what_takes_long_to_import(arguments: list[str]) -> None:
    heavy = {"torch", "lightning", "torchmetrics", "jsonargparse", "numpy", "wandb", "matplotlib"}
    program = f"import sys, rnnzoo.cli; code = rnnzoo.cli.main({arguments}); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{program}; sys.exit(code)"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_ls_has_a_line_for_each_recipe(rnnzoo) -> None:
    lines = rnnzoo("ls").out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", *shipped()]
    quickstart = next(line for line in lines if line.startswith("transducer/pydoc-word-lstm "))
    header = shipped()["transducer/pydoc-word-lstm"].header()
    assert header["data"] in quickstart
    assert header["offline"] == "yes"


def test_header_lines_carry_on(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# about: one\n#   two\n# nothing: else\n# data: three: four\nmodel: 1\n# offline: no\n")
    assert Recipe("a", path).header() == {"about": "one two", "data": "three: four"}


def test_cat_prints_the_file(rnnzoo) -> None:
    name = "transducer/pydoc-word-lstm"
    assert rnnzoo("cat", name).out == shipped()[name].path.read_text()


def test_cp_does_not_overwrite(rnnzoo) -> None:
    name = "transducer/pydoc-word-lstm"
    assert rnnzoo("cp", name, "mine.yaml").code == 0
    assert Path("mine.yaml").read_text() == shipped()[name].path.read_text()
    Path("mine.yaml").write_text("changed")
    refused = rnnzoo("cp", name, "mine.yaml")
    assert (refused.code, refused.err) == (
        2,
        "rnnzoo: mine.yaml is there already: give another name, or --force to overwrite it\n",
    )
    assert Path("mine.yaml").read_text() == "changed"
    assert rnnzoo("cp", name, "mine.yaml", "--force").code == 0
    assert Path("mine.yaml").read_text() == shipped()[name].path.read_text()
    assert rnnzoo("cp", name, ".").out.startswith("pydoc-word-lstm.yaml: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sl"], "unknown command 'sl': did you mean 'ls'"),
        (["cat", "transducer/pydoc-word-lstn"], "unknown recipe 'transducer/pydoc-word-lstn': did you mean"),
        (["cat", "qqqq"], "unknown recipe 'qqqq': rnnzoo ls lists them; a file of your own ends in .yaml\n"),
        (
            ["test", "runs/best.ckpt"],
            "runs/best.ckpt is a checkpoint, and a recipe or the config.yaml of its run is expected, as in rnnzoo test "
            "RECIPE --ckpt_path runs/best.ckpt\n",
        ),
        (["cat", "none.yaml"], "no such recipe file: none.yaml (rnnzoo ls lists the recipes"),
        (["cp", "transducer/pydoc-word-lstm", "nowhere/x.yaml"], "no such folder: nowhere"),
        (["cp", "transducer/pydoc-word-lstm", "mine"], "mine: a recipe's file must end in .yaml"),
        (["ls", "--patern"], "ls: unknown option '--patern' (known: --help)"),
        (["cat"], "cat: the following arguments are required: name"),
    ],
)
def test_mistakes_are_one_line(rnnzoo, arguments: list[str], message: str) -> None:
    result = rnnzoo(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"rnnzoo: {message}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_is_short_and_names_the_command(rnnzoo, command: str) -> None:
    result = rnnzoo(command, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: rnnzoo {command}")
    assert len(result.out.splitlines()) < 33  # of those, `write` has one for each of its 17 options
