"""Files of dialogues in the format of the package chatterbot-corpus."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.errors import RnnzooError


def corpus_files(language: str) -> list[Path]:
    """The files of a language of chatterbot-corpus.

    Raises:
        RnnzooError: the package or the language is absent.
    """
    try:
        import chatterbot_corpus  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        raise RnnzooError(
            'the dialogues come with the package chatterbot-corpus: pip install "rnnzoo[recipes]"'
        ) from None
    folder = Path(chatterbot_corpus.__file__).parent / "data"
    known = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if language not in known:
        raise RnnzooError(f"data.language: there is no {language!r}, there are: {', '.join(known)}")
    return sorted((folder / language).glob("*.yml"))


def read_dialogues(path: str | Path) -> list[Example]:
    """The turns of a file of dialogues in the format of chatterbot-corpus: each, and the next as its answer.

    The file is YAML with a list of `conversations`, each a list of texts. Dialogues of one text have no answer and are
    no example; equal pairs count once.

    Raises:
        RnnzooError: it is no such file; the file and the number of the dialogue are named.
    """
    try:
        content: Any = yaml.safe_load(read_text(path).text)
    except (yaml.YAMLError, ValueError) as error:
        raise RnnzooError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    dialogues = content.get("conversations") if isinstance(content, dict) else None
    if not isinstance(dialogues, list):
        raise RnnzooError(f"{path}: a mapping with a list of conversations is expected")
    found: dict[tuple[str, str], Example] = {}
    for number, dialogue in enumerate(dialogues, 1):
        place = f"{path}: conversation {number}"
        if isinstance(dialogue, str):
            continue  # a text alone, as some of the published dialogues are
        if not isinstance(dialogue, list) or not all(_is_text(turn) for turn in dialogue):
            raise RnnzooError(f"{place}: a list of texts is expected, not {str(dialogue)[:80]}")
        turns = [" ".join(str(turn).split()) for turn in dialogue]
        for said, answer in pairwise(turns):
            found.setdefault((said, answer), Example(said, answer, place))
    return list(found.values())


def _is_text(turn: object) -> bool:
    """Text, or what YAML makes of an unquoted answer, such as 42 or yes."""
    return isinstance(turn, (str, int, float)) and bool(str(turn).strip())
