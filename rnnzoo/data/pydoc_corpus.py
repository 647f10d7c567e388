"""The standard library's own English documentation as a corpus: no download, on every machine with Python."""

from __future__ import annotations

import hashlib
import platform
import re

from rnnzoo.data.files import Text
from rnnzoo.data.splits import Splits

HELD_OUT = 0.1
_RULE = re.compile(r"[^\w\s]{3,}")  # a line under a heading


def pydoc_splits() -> Splits:
    """The topics of `pydoc` (`help('FOR')` shows one), a passage a line, split by topic.

    A passage is what stands between blank lines, its line breaks and runs of spaces made single spaces. Lines under
    headings and drawn tables are left out: they are no prose, and their borders repeat. Whole passages stand in
    several topics; only the first is kept (one that differs in nothing but case, spaces and punctuation counts as
    repeated), so that no passage of a held-out topic was trained on. A tenth of the characters, in whole topics, is
    test text and a tenth validation text: the topics in the order of a hash of their names, as long as they fit.

    The text differs between Python versions; the description names the version.
    """
    topics = distinct_passages()
    sizes = {topic: sum(map(len, passages)) for topic, passages in topics.items()}
    room = dict.fromkeys(("test", "validation"), HELD_OUT * sum(sizes.values()))
    splits: dict[str, list[Text]] = {"train": [], "validation": [], "test": []}
    for topic in sorted(topics, key=lambda name: hashlib.sha256(name.encode()).digest()):
        split = next((name for name, free in room.items() if sizes[topic] <= free), "train")
        if split in room:
            room[split] -= sizes[topic]
        text = "".join(f"{passage}\n" for passage in topics[topic])
        splits[split].append(Text(f"pydoc topic {topic!r}", text))
    return Splits(**splits, description=f"pydoc topics of Python {platform.python_version()}")


def distinct_passages() -> dict[str, list[str]]:
    """The passages of each topic, without those that an earlier topic has; topics left with none are left out."""
    from pydoc_data.topics import topics

    seen: set[str] = set()
    kept: dict[str, list[str]] = {}
    for topic, text in topics.items():
        for passage in passages(text):
            key = re.sub(r"\W+", "", passage.lower())
            if key not in seen:
                seen.add(key)
                kept.setdefault(topic, []).append(passage)
    return kept


def passages(text: str) -> list[str]:
    r"""The passages of a topic, each one line.

    >>> passages("Title\n*****\n\nOne\n   two.\n\n+---+---+\n| a | b |\n+---+---+\n")
    ['Title', 'One two.']
    """
    found = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in block.strip().split("\n")]
        if lines[0].startswith("+--"):
            continue
        words = " ".join(line for line in lines if not _RULE.fullmatch(line)).split()
        if words:
            found.append(" ".join(words))
    return found
