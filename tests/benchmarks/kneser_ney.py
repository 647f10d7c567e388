"""Kneser-Ney on WikiText-2: perplexity of the test text, seconds to count and estimate, peak memory of the process.

python tests/benchmarks/kneser_ney.py --data-root FOLDER    (or RNNZOO_DATA=FOLDER)
python tests/benchmarks/kneser_ney.py --train ptb.train.txt --test ptb.test.txt    (any tokenised text, .gz or plain)

Each model is fitted in a process of its own, so that the memory is its own. Closed vocabulary of the training text,
one `<eos>` a line, predicted and counted.
"""

from __future__ import annotations

import argparse
import gzip
import math
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path

import torch

from rnnzoo.baselines import build_ngram


def words(path: Path) -> list[str]:
    if not path.exists():
        sys.exit(f"{path} is not there: --data-root (or RNNZOO_DATA) is the folder that has wikitext-2/train.txt.gz")
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8") as lines:
        return [word for line in lines for word in [*line.split(), "<eos>"]]


def measure(train: Path, test: Path, smoothing: str, order: int, bounded: bool) -> None:
    torch.set_num_threads(1)
    train_words = words(train)
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(train_words))}
    train_ids = torch.tensor([vocabulary[word] for word in train_words])
    test_words = words(test)
    if missing := sorted(set(test_words) - set(vocabulary)):
        sys.exit(f"{len(missing)} words of {test} are not in {train}, such as {missing[0]!r}: the vocabulary is closed")
    test_ids = torch.tensor([vocabulary[word] for word in test_words])
    before = time.perf_counter()
    sentence_end = vocabulary["<eos>"] if bounded else None
    model = build_ngram(smoothing, order, len(vocabulary), sentence_end=sentence_end).fit(train_ids)
    fitting = time.perf_counter() - before
    before = time.perf_counter()
    perplexity = math.exp(-float(model.token_log_probs(test_ids).mean()))
    scoring = time.perf_counter() - before
    units = 1024**2 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units
    history = "sentence-bounded history" if bounded else "continuous stream"
    print(
        f"{model.name}, {history}: perplexity {perplexity:.2f} on {len(test_ids):,} tokens; counted "
        f"{len(train_ids):,} tokens, V = {len(vocabulary):,}, in {fitting:.1f} s; scored in {scoring:.2f} s; "
        f"peak {peak:.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", default=os.environ.get("RNNZOO_DATA"), help="has wikitext-2/ (else RNNZOO_DATA)")
    parser.add_argument("--train", type=Path, help="a training text instead of WikiText-2's")
    parser.add_argument("--test", type=Path, help="a test text instead of WikiText-2's")
    parser.add_argument("--order", type=int, default=5)
    given = parser.parse_args()
    if (given.train is None) != (given.test is None):
        parser.error("--train and --test go together")
    if given.train is None:
        if given.data_root is None:
            parser.error("no data: give --data-root or set RNNZOO_DATA")
        folder = Path(given.data_root) / "wikitext-2"
        given.train, given.test = folder / "train.txt.gz", folder / "test.txt.gz"
    context = multiprocessing.get_context("spawn")
    for smoothing in ("kneser_ney", "modified_kneser_ney"):
        for bounded in (True, False):
            process = context.Process(target=measure, args=(given.train, given.test, smoothing, given.order, bounded))
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
