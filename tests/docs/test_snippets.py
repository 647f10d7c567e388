"""What the pages say is run: their Python, their command lines that end in an error, the names they give.

A block opened by ```python runs, in the order of its page, in a folder of its own with small texts in `texts/`.
A block with title="FILE" becomes that file. A block after `<!-- not run: WHY -->` is left alone.
In ```console blocks each `$ rnnzoo` must be a command, a recipe that is named must exist and take the flags beside it;
a block whose answer begins with `rnnzoo: ` is run, and must answer that, where `...` stands for anything. Recipes that
are named in the text must exist too.
"""

import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from rnnzoo.cli import COMMANDS, main
from rnnzoo.cli.recipes import shipped

ROOT = Path(__file__).parents[2]
# The cell of cells.md is tested by tests/cells/test_documentation.py.
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted(ROOT.glob("docs/*.md")) if page.name not in ("cells.md", "changelog.md")),
]
PATTERNS = sorted({name.partition("/")[0] for name in shipped()})
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n+)?^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)


def blocks(page, language):
    """(number of the line, title, text) of the page's blocks of a language that are not excused."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        if match[2] == language and not match[1]:
            yield text.count("\n", 0, match.start(4)) + 1, match[3], match[4]


def with_language(language):
    return [pytest.param(page, id=page.stem) for page in PAGES if any(True for _ in blocks(page, language))]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to be in, with a text of three sentences again and again."""
    lines = ["the cat sat on the mat", "the dog sat on the cat", "a cat and a dog ran"]
    (tmp_path / "texts").mkdir()
    for name, repeats in (("train", 30), ("valid", 5), ("test", 5)):
        (tmp_path / "texts" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines * repeats))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for variable in ("RNNZOO_DATA", "WANDB_MODE"):
        monkeypatch.delenv(variable, raising=False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", with_language("python"))
def test_the_python_of_the_page_runs(page, folder):
    names = {"__name__": "page"}
    for line, title, text in blocks(page, "python"):
        if title:
            Path(title).write_text(text, encoding="utf-8")
        else:
            exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)


@pytest.mark.parametrize("page", with_language("yaml"))
def test_the_yaml_of_the_page_is_yaml(page):
    for _, _, text in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(text), dict)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", with_language("console"))
def test_the_commands_of_the_page_exist(page, folder, capsys):
    for _, title, text in blocks(page, "yaml"):
        if title:
            Path(title).write_text(text, encoding="utf-8")
    for line, _, text in blocks(page, "console"):
        for command in re.findall(r"^\$ rnnzoo ([^#\n|]*)", text, re.M):
            if "rnnzoo: " in text:
                continue  # a mistake on purpose: the next test
            name, *rest = shlex.split(command)
            assert name in [*COMMANDS, "--help", "--version"], f"{page.name}:{line}: no command {name}"
            recipe = rest[0] if rest else ""
            if recipe.partition("/")[0] not in PATTERNS:
                continue  # a file of the reader's
            assert recipe in shipped(), f"{page.name}:{line}: no {recipe}"
            if name in ("run", "fit") and rest[1:]:
                assert main([name, *rest, "--print_config"]) == 0, f"{page.name}:{line}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES])
def test_the_recipes_that_the_page_names_exist(page):
    named = re.findall(rf"`(?:rnnzoo \w+ )?((?:{'|'.join(PATTERNS)})/[\w-]+)[ `]", page.read_text(encoding="utf-8"))
    assert set(named) <= {*shipped()}


def test_the_topics_name_all_patterns():
    named = (ROOT / "docs/courses.md").read_text(encoding="utf-8")
    assert all(f"`{pattern}/" in named for pattern in PATTERNS)


def mistakes():
    """Each command whose answer in a page is an error, with it."""
    for page in PAGES:
        for line, _, text in blocks(page, "console"):
            for command, answer in re.findall(r"^\$ rnnzoo ([^\n]*)\n(rnnzoo: (?:(?!\$ ).+\n)+)", text, re.M):
                yield pytest.param(command, answer, id=f"{page.stem}:{line}:{command}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("command", "answer"), list(mistakes()))
def test_a_mistake_of_the_page_is_answered_as_it_says(command, answer, folder, capsys):
    (folder / "own.yaml").write_text("model:\n  class_path: rnnzoo.tasks.LanguageModel\n  init_args: {tide: true}\n")
    assert main(shlex.split(command)) == 2
    said = " ".join(capsys.readouterr().err.split())
    expected = ".*".join(map(re.escape, re.split(r" *\.\.\.", " ".join(answer.split()))))
    assert re.search(f"{expected}$", said), said
