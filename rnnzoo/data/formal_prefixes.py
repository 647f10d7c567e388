"""Formal languages for a tagger: after each symbol, whether what was read so far is accepted."""

from collections.abc import Sequence

from rnnzoo.data.examples import Example
from rnnzoo.data.formal_languages import ACCEPTED, REJECTED
from rnnzoo.data.formal_splits import FormalDataModule
from rnnzoo.data.tagger import TaggerDataModule


class FormalPrefixDataModule(FormalDataModule, TaggerDataModule):
    """Strings with an answer after each symbol; the arguments are those of `FormalDataModule`.

    The machine runs as a transducer (`Recognizer.trace`): the tag of step t says whether the first t symbols are
    accepted, so the last tag is about the whole string. For a tagger whose states see no later symbol
    (`stack.bidirectional: false`).

    Example:
        >>> example = FormalPrefixDataModule("parity", train_size=10).examples("train")[0]
        >>> example.inputs[:4], example.target[0][:4]
        ('1110', ['accepted', 'rejected', 'accepted', 'accepted'])
    """

    columns = ("prefix",)

    def read(self, split: str) -> Sequence[Example]:
        """The strings of a split, accepted and rejected in turn, with the tags of their steps."""
        strings = self.strings(split)
        symbols, lengths = self.machine.encode(strings)
        traced = self.machine.trace(symbols)[:, 1:].tolist()
        return [
            Example(string, [[ACCEPTED if yes else REJECTED for yes in row[:length]]], f"{split} string {at}")
            for at, (string, row, length) in enumerate(zip(strings, traced, lengths.tolist(), strict=True))
        ]
