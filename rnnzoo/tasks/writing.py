"""What the tasks that write share: the loss of each written token, searches, and scores of what was written."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from rnnzoo.baselines import Table
from rnnzoo.batches import WritingBatch
from rnnzoo.decoding import beam_search, greedy_search
from rnnzoo.encodings import TextEncoding, build_encoding
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.scheduled_sampling import ScheduledSampling
from rnnzoo.metrics import Perplexity
from rnnzoo.networks.writer import WriterNetwork
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.writing_scores import build_scores

ROWS = 64  # sources that are written at once


class WritingTask(SequenceTask):
    """Writes a text, token by token; a subclass says from what.

    Trained by teacher forcing: each token is predicted from the true ones before it, or, with scheduled sampling, from
    some of its own. A text starts from `<eos>` and ends with it.

    Beside the loss (nats a token): `val/perplexity` and `test/perplexity`. What is written, and how good it is by the
    `scores`, is told by `compare` after a test: greedy and by beam search.

    Args:
        target_encoding: how written texts become tokens; from the data.
        scores: how what is written is measured: names of `rnnzoo.tasks.writing_scores.SCORES`.
        label_smoothing: of the training loss; see `rnnzoo.layers.label_smoothing`.
        scheduled_sampling: the arguments of `ScheduledSampling`; None: always the true tokens.
        beam_size: of a search that is not told otherwise; 1 is greedy.
        max_length: tokens of a text that is written, at most, the end included.
        length_penalty: of a search by beam: `none`, `average` or `wu`.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.
    """

    network: WriterNetwork

    def __init__(
        self,
        target_encoding: dict[str, Any],
        scores: list[str],
        label_smoothing: float = 0.0,
        scheduled_sampling: dict[str, Any] | None = None,
        beam_size: int = 5,
        max_length: int = 100,
        length_penalty: str = "average",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: str = "epoch",
    ) -> None:
        encoding = build_encoding(target_encoding)
        if not isinstance(encoding, TextEncoding):
            raise RnnzooError(f"what is written must be text, not of the kind {encoding.kind}")
        if encoding.vocabulary.end_id is None:
            raise RnnzooError("what is written needs <eos> in its vocabulary: the token that it starts and ends with")
        if not 0 <= label_smoothing < 1:
            raise RnnzooError(f"model.label_smoothing must be at least 0 and below 1, not {label_smoothing}")
        build_scores(scores)
        self._written = encoding
        self._label_smoothing = label_smoothing
        self._schedule = None if scheduled_sampling is None else ScheduledSampling(**scheduled_sampling)
        self._search = (beam_size, max_length, length_penalty)
        self._scores = scores
        super().__init__(optimizer, scheduler, scheduler_interval)

    def build_metrics(self) -> dict[str, Metric]:
        """Perplexity."""
        return {"perplexity": Perplexity()}

    def batch_loss(self, batch: WritingBatch, stage: str) -> tuple[Tensor, Tensor]:
        """Summed nats and number of a batch's written tokens."""
        training = stage == "train"
        gold = self._schedule.gold_probability(self.global_step) if training and self._schedule is not None else 1.0
        output = self.network(batch.source, batch.inputs, batch.lengths, gold)
        smoothing = self._label_smoothing if training else 0.0
        loss_sum, count = self.network.loss(output, batch.targets, batch.mask, smoothing)
        for metric in self.stage_metrics(stage).values():
            metric.update(loss_sum.detach(), count)
        return loss_sum, count

    def sources(self, raw: Sequence[Any]) -> Any:
        """Raw sources as what the network writes from, on the task's device; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define sources(raw)")

    def predict(
        self,
        raw: Sequence[Any],
        beam_size: int | None = None,
        max_length: int | None = None,
        length_penalty: str | None = None,
    ) -> list[str]:
        """The text that is written for each raw source.

        Args:
            raw: the sources.
            beam_size: hypotheses of each; 1 is greedy. None: as the model was made, and so the next two.
            max_length: tokens of a text at most.
            length_penalty: `none`, `average` or `wu`.

        Raises:
            RnnzooError: a source that cannot be read, its position is named; an argument out of its range.
        """
        tokenizer = self._written.tokenizer
        return [tokenizer.join(tokens) for tokens in self.write(raw, beam_size, max_length, length_penalty)]

    def write(
        self,
        raw: Sequence[Any],
        beam_size: int | None = None,
        max_length: int | None = None,
        length_penalty: str | None = None,
    ) -> list[list[str]]:
        """As `predict`, but the tokens."""
        beam, longest, penalty = self._search
        beam, longest = beam if beam_size is None else beam_size, longest if max_length is None else max_length
        penalty = penalty if length_penalty is None else length_penalty
        written: list[list[str]] = []
        with self.evaluating():
            for start in range(0, len(raw), ROWS):
                written += self._write(raw[start : start + ROWS], beam, longest, penalty)
        return written

    def predict_step(self, batch: WritingBatch, batch_idx: int) -> list[str]:
        """What is written for each source of a batch."""
        beam, longest, penalty = self._search
        tokenizer = self._written.tokenizer
        return [
            tokenizer.join(tokens) for tokens in self._decode(batch.source, len(batch.inputs), beam, longest, penalty)
        ]

    def compare(self, data: Any) -> Table | None:
        """What is written for the test sources, greedily and by beam search, scored against the references."""
        pairs = data.references("test")
        raw = [source for source, _ in pairs]
        references = [[self._tokens(one) for one in own] for _, own in pairs]
        rows: dict[str, dict[str, float]] = {}
        for name, beam in dict.fromkeys((("greedy", 1), (f"beam {self._search[0]}", self._search[0]))):
            if name == "greedy" or beam > 1:
                rows[f"{type(self).__name__}, {name}"] = self.score(self.write(raw, beam), references)
        baselines: dict[str, list[Any]] = getattr(data, "baselines", lambda: {})()
        for name, written in baselines.items():
            rows[name] = self.score([self._tokens(one) for one in written], references)
        return Table(f"{data.description}: {len(raw):,} test sources", rows)

    def score(self, written: Sequence[list[str]], references: Sequence[Sequence[list[str]]]) -> dict[str, float]:
        """The scores of what was written, tokens against the tokens of one or several references each."""
        join = self._written.tokenizer.join
        found: dict[str, float] = {}
        for name, score in build_scores(self._scores).items():
            if score.of_tokens:
                score.metric.update(list(written), [list(own) for own in references])
            else:
                score.metric.update([join(one) for one in written], [[join(one) for one in own] for own in references])
            found[name] = float(score.metric.compute())
        return found

    def _tokens(self, text: Any) -> list[str]:
        return self._written.split(text)

    def _write(self, raw: Sequence[Any], beam: int, longest: int, penalty: str) -> list[list[str]]:
        return self._decode(self.sources(raw), len(raw), beam, longest, penalty)

    def _decode(self, source: Any, rows: int, beam: int, longest: int, penalty: str) -> list[list[str]]:
        vocabulary = self._written.vocabulary
        start, end = torch.full((rows,), vocabulary.start_id, device=self.device), vocabulary.end_id
        if beam == 1:
            found = greedy_search(self.network, source, start, max_length=longest, end_id=end)
        else:
            found = beam_search(
                self.network,
                source,
                start,
                beam_size=beam,
                max_length=longest,
                end_id=end,
                length_penalty=penalty,
            )
        return [vocabulary.lookup(row[0]) if row else [] for row in found.lists(end)]
