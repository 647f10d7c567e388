"""Tests of memory over long distances: the adding problem and copy memory."""

import math
from typing import Any

import torch
from torch import Tensor

from rnnzoo.batches import LabelledBatch, SequenceInputs, TaggedBatch
from rnnzoo.data.drawn import DrawnDataModule
from rnnzoo.encodings import SeriesEncoding, TextEncoding
from rnnzoo.errors import RnnzooError

COPIED = 10  # symbols to be kept
KINDS = 8  # of them
BLANK, RECALL = "_", ":"


class AddingProblemDataModule(DrawnDataModule):
    """Add the two marked ones of many numbers (Hochreiter & Schmidhuber 1997, section 5.4).

    At each step stand a number, uniform on [0, 1), and a mark, 1 at two steps and 0 elsewhere; the answer is the sum of
    the two marked numbers. As in Arjovsky et al. (2016, section 4.2), one mark stands in the first half and one in the
    second; Hochreiter and Schmidhuber drew the numbers from [-1, 1], the length from [T, T + T / 10], and the first
    mark among the first ten steps. To answer 1 always has a mean squared error of 1/6, the variance of the sum.

    Args:
        steps: T.
        train_size: As in `DrawnDataModule`, and so is the rest.
        validation_size: See there.
        test_size: See there.
        batch_size: See there.
        seed: See there.

    Raises:
        RnnzooError: If T or a size is too small.

    Example:
        >>> batch = next(iter(AddingProblemDataModule(steps=200).train_dataloader()))
        >>> numbers, marks = batch.inputs.values.unbind(-1)
        >>> marks.sum(1).unique(), torch.equal((numbers * marks).sum(1, keepdim=True), batch.targets)
        (tensor([2.]), True)
    """

    def __init__(
        self,
        steps: int = 200,
        train_size: int = 10_000,
        validation_size: int = 1_000,
        test_size: int = 2_000,
        batch_size: int = 50,
        seed: int = 0,
    ) -> None:
        super().__init__(train_size, validation_size, test_size, batch_size, seed)
        if steps < 2:
            raise RnnzooError(f"data.steps: {steps} must be at least 2, one for each number to add")
        self.steps = steps

    @property
    def description(self) -> str:
        """The problem and T, for the title of a table."""
        return f"adding problem, {self.steps} steps"

    @property
    def encoding(self) -> dict[str, Any]:
        """Number and mark, as they are."""
        return SeriesEncoding([0.0, 0.0], [1.0, 1.0]).config()

    @property
    def answer(self) -> dict[str, Any]:
        """One number."""
        return {"kind": "value", "size": 1}

    @property
    def baseline_mse(self) -> float:
        """The mean squared error of the best answer that looks at nothing: the variance of the sum, 1/6."""
        return 1 / 6

    def example_settings(self) -> dict[str, int]:
        """T."""
        return {"data.steps": self.steps}

    def draw(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Numbers with marks (count, T, 2), and sums (count, 1)."""
        numbers = torch.rand(count, self.steps, generator=random)
        half = self.steps // 2
        first = torch.randint(half, (count, 1), generator=random)
        second = torch.randint(half, self.steps, (count, 1), generator=random)
        at = torch.cat((first, second), 1)
        marks = torch.zeros_like(numbers).scatter_(1, at, 1.0)
        return torch.stack((numbers, marks), -1), numbers.gather(1, at).sum(1, keepdim=True)

    def make_batch(self, steps: Tensor, targets: Tensor, lengths: Tensor) -> LabelledBatch:
        """Sequences of numbers with marks, and their sums."""
        return LabelledBatch(SequenceInputs(lengths, values=steps), targets)


class CopyMemoryDataModule(DrawnDataModule):
    """Keep ten symbols over a long time, then write them (Arjovsky et al. 2016, section 4.1).

    The input is ten symbols out of eight, T - 1 blanks, a signal to recall and ten blanks; to be answered are T + 10
    blanks and then the ten symbols, in order. One who remembers nothing answers blanks and then guesses, at a loss of
    ``10 log 8 / (T + 20)`` nats a step.

    Args:
        delay: T.
        train_size: As in `DrawnDataModule`, and so is the rest.
        validation_size: See there.
        test_size: See there.
        batch_size: See there.
        seed: See there.

    Raises:
        RnnzooError: If T or a size is below 1.

    Example:
        >>> data = CopyMemoryDataModule(delay=3)
        >>> batch = next(iter(data.train_dataloader()))
        >>> read = "".join(data.symbols[at] for at in batch.inputs.tokens[0])
        >>> written = "".join(data.tags["written"][at] for at in batch.targets[0, :, 0])
        >>> read[10:], written[:13], read[:10] == written[13:]
        ('__:__________', '_____________', True)
    """

    def __init__(
        self,
        delay: int = 100,
        train_size: int = 10_000,
        validation_size: int = 1_000,
        test_size: int = 2_000,
        batch_size: int = 50,
        seed: int = 0,
    ) -> None:
        super().__init__(train_size, validation_size, test_size, batch_size, seed)
        if delay < 1:
            raise RnnzooError(f"data.delay: {delay} must be at least 1")
        self.delay = delay

    @property
    def description(self) -> str:
        """The problem and T, for the title of a table."""
        return f"copy memory, delay {self.delay}"

    @property
    def symbols(self) -> list[str]:
        """What is read: the digits 0 to 7, the blank and the signal, in the order of their ids."""
        return [*map(str, range(KINDS)), BLANK, RECALL]

    @property
    def tags(self) -> dict[str, list[str]]:
        """What is written, one column: the digits and the blank, whose ids are those of what is read."""
        return {"written": self.symbols[:-1]}

    @property
    def encoding(self) -> dict[str, Any]:
        """Each symbol is a token."""
        return TextEncoding("character", self.symbols).config()

    @property
    def baseline_loss(self) -> float:
        """The loss in nats a step of one who remembers nothing."""
        return COPIED * math.log(KINDS) / (self.delay + 2 * COPIED)

    def example_settings(self) -> dict[str, int]:
        """T."""
        return {"data.delay": self.delay}

    def draw(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Ids of symbols (count, T + 20), and of what is to be written, (count, T + 20, 1)."""
        kept = torch.randint(KINDS, (count, COPIED), generator=random)
        blank = self.symbols.index(BLANK)
        steps = torch.full((count, self.delay + 2 * COPIED), blank)
        targets = steps.clone()
        steps[:, :COPIED] = kept
        steps[:, COPIED + self.delay - 1] = self.symbols.index(RECALL)
        targets[:, -COPIED:] = kept
        return steps, targets.unsqueeze(-1)

    def make_batch(self, steps: Tensor, targets: Tensor, lengths: Tensor) -> TaggedBatch:
        """Sequences of symbols, and what is to be written at each step."""
        empty = (lengths == 0)[:, None, None]
        return TaggedBatch(SequenceInputs(lengths, tokens=steps), targets.masked_fill(empty, -1))
