"""The corpora that have a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rnnzoo.data.files import read_text
from rnnzoo.data.pydoc_corpus import pydoc_splits
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.splits import Splits, cut, splits_from_folder
from rnnzoo.errors import RnnzooError, unknown

_WIKITEXT_2 = "https://huggingface.co/datasets/Salesforce/wikitext (the configuration wikitext-2-v1)"
_TINY_SHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"


def corpus_splits(name: str, root: str | None = None) -> Splits:
    """The splits of a named corpus.

    - `pydoc`: the standard library's documentation, see `pydoc_splits`.
    - `wikitext-2`: Wikipedia articles, tokenized, rare words as `<unk>` (Merity et al. 2017): the three files of
      `<root>/wikitext-2` whose names contain train, valid and test; read with the tokenizer `whitespace`.
    - `tinyshakespeare`: 40,000 lines of Shakespeare (Karpathy 2015): `<root>/tinyshakespeare/input.txt`, cut into
      90, 5 and 5 percent of its characters at line ends.

    Args:
        name: One of the above.
        root: Where the downloaded ones lie, see `rnnzoo.data.roots.data_root`.

    Raises:
        RnnzooError: If there is no corpus of the name or it is not at the root; with where it is published.
    """
    if name not in _CORPORA:
        raise RnnzooError(unknown("corpus", name, _CORPORA))
    return _CORPORA[name](root)


def corpus_names() -> list[str]:
    """The names that `corpus_splits` knows."""
    return sorted(_CORPORA)


def _pydoc(root: str | None) -> Splits:
    return pydoc_splits()


def _wikitext_2(root: str | None) -> Splits:
    splits = splits_from_folder(dataset_folder("wikitext-2", _WIKITEXT_2, root))
    return replace(splits, description="WikiText-2")


def _tiny_shakespeare(root: str | None) -> Splits:
    folder = dataset_folder("tinyshakespeare", _TINY_SHAKESPEARE, root)
    text = read_text(_plain_or_compressed(folder / "input.txt"))
    train, validation, test = cut([text], [0.9, 0.05, 0.05])
    return Splits(train, validation, test, "Tiny Shakespeare")


def _plain_or_compressed(path: Path) -> Path:
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.exists() and not path.exists() else path


_CORPORA: dict[str, Callable[[str | None], Splits]] = {
    "pydoc": _pydoc,
    "tinyshakespeare": _tiny_shakespeare,
    "wikitext-2": _wikitext_2,
}
