"""The phoneme and word error rate of a letter-to-sound model and of the package g2p-en, on the same test words.

    python -m tests.benchmarks pronunciations CHECKPOINT [--limit N] [--file cmudict.dict]

The test words are those of `PronunciationDataModule` with its defaults, as `rnnzoo run seq2seq/cmudict-g2p-attention`
leaves them out; the dictionary is `--file`, or `cmudict` below `RNNZOO_DATA`. Each word is scored against the best of
its pronunciations, without stress marks. Of g2p-en only the network is asked (`G2p().predict`), which was trained on
the whole dictionary, these words included; its look-up in that dictionary would be no measure. It needs nothing but

    pip install --no-deps g2p-en

since stand-ins take the place of nltk and inflect, which its look-up and its reading of numbers need. The error rates
are checked on the first 500 words by an edit distance of this script's own.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Sequence
from unittest import mock

import torch

from rnnzoo.baselines import Table
from rnnzoo.data import PronunciationDataModule
from rnnzoo.metrics import ErrorRate, SequenceErrorRate
from rnnzoo.tasks import Seq2Seq

TEXT_PACKAGES = ("nltk", "nltk.corpus", "nltk.tokenize", "inflect")
CHECKED = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--limit", type=int, help="the first N test words only")
    parser.add_argument("--file", help="a dictionary in the format of cmudict.dict")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if not importlib.util.find_spec("g2p_en"):
        print("g2p-en is not installed: pip install --no-deps g2p-en")
        sys.exit(2)
    torch.set_num_threads(arguments.threads)
    task = Seq2Seq.load_from_checkpoint(arguments.checkpoint)
    data = PronunciationDataModule(arguments.file)
    pairs = data.references("test")[: arguments.limit]
    words = [word for word, _ in pairs]
    references = [[spoken.split() for spoken in own] for _, own in pairs]

    written: dict[str, list[list[str]]] = {}
    for name, beam in (("greedy", 1), ("beam 5", 5)):
        start = time.perf_counter()
        written[f"{type(task).__name__}, {name}"] = task.write(words, beam)
        print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
    written["g2p-en's network, trained on these words"] = g2p_en(words)

    rows = {name: rates(spoken, references) for name, spoken in written.items()}
    for name, spoken in written.items():
        check(spoken[:CHECKED], references[:CHECKED], name)
    shown = f"{data.description}: {len(words):,} test words, g2p-en was trained on them"
    apostrophes = sum("'" in word for word in words)
    note = f"{apostrophes} of the words have an apostrophe, which g2p-en's network does not know"
    print(Table(shown, rows, (note,)).plain())


def g2p_en(words: Sequence[str]) -> list[list[str]]:
    """What the network of g2p-en says, without stress marks."""
    with mock.patch.dict(sys.modules, {name: mock.MagicMock() for name in TEXT_PACKAGES}):
        from g2p_en import G2p
    model = G2p()
    return [[phoneme.rstrip("012") for phoneme in model.predict(word)] for word in words]


def rates(spoken: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> dict[str, float]:
    phonemes, words = ErrorRate(), SequenceErrorRate()
    phonemes.update(spoken, references)
    words.update([list(one) for one in spoken], references)
    return {"phoneme error rate": float(phonemes.compute()), "word error rate": float(words.compute())}


def check(spoken: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]], name: str) -> None:
    """Both rates by the plain recurrence of Levenshtein's distance."""
    edits, tokens, wrong = 0, 0, 0
    for own, known in zip(spoken, references, strict=True):
        best = min(known, key=lambda one: distance(own, one))  # the first of equals
        edits, tokens, wrong = edits + distance(own, best), tokens + len(best), wrong + (distance(own, best) > 0)
    found = rates(spoken, references)
    expected = {"phoneme error rate": edits / tokens, "word error rate": wrong / len(spoken)}
    if any(abs(found[key] - expected[key]) > 1e-9 for key in expected):
        sys.exit(f"{name}: the metrics give {found}, and counting gives {expected}")


def distance(first: Sequence[str], second: Sequence[str]) -> int:
    row = list(range(len(second) + 1))
    for at, token in enumerate(first, 1):
        above, row = row, [at]
        for place, other in enumerate(second):
            row.append(min(above[place + 1] + 1, row[-1] + 1, above[place] + (token != other)))
    return row[-1]


if __name__ == "__main__":
    main()
