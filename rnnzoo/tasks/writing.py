"""What the tasks that write share: the loss of each written token, searches, and scores of what was written."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from rnnzoo.baselines import Table
from rnnzoo.batches import WritingBatch
from rnnzoo.decoding import Decoded, sample_sequences
from rnnzoo.encodings import TextEncoding, build_encoding
from rnnzoo.encodings.copying import written_words
from rnnzoo.errors import InputError, RnnzooError, require_list
from rnnzoo.layers.scheduled_sampling import ScheduledSampling
from rnnzoo.metrics import Perplexity
from rnnzoo.networks.decoder_parts import DecoderOutput
from rnnzoo.networks.writer import WriterNetwork
from rnnzoo.options import check_options
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.decoder_start import start_decoder
from rnnzoo.tasks.forced_words import phrase_ids, prefix_ids, prefix_tensors
from rnnzoo.tasks.last_written import LastWritten
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.searches import Search
from rnnzoo.tasks.writing_scores import WritingScores, check_scores

ROWS = 64  # sources that are written at once


class Hypothesis(NamedTuple):
    """One of several texts that were found for a source.

    Attributes:
        text: what was written.
        score: what the search orders by.
        log_prob: log p(text | source) by the model, in nats, the end token included.
    """

    text: str
    score: float
    log_prob: float


class WritingTask(SequenceTask):
    """Writes a text, token by token; a subclass says from what.

    Trained by teacher forcing: each token is predicted from the true ones before it, or, with scheduled sampling, from
    some of its own. A text starts from `<eos>` and ends with it.

    Beside the loss (nats a token): `val/perplexity` and `test/perplexity`. Where the DataModule tells `references`, as
    `rnnzoo.data.writing.WritingDataModule` does, what is written is scored too (`rnnzoo.tasks.writing_scores`):
    `test/...` of the task's own search at a test, `val/...` of greedy search at each validation, by which a checkpoint
    can be chosen; `compare` tells the scores of greedy and beam search beside baselines.

    Args:
        target_encoding: how written texts become tokens; from the data.
        scores: how what is written is measured: names of `rnnzoo.tasks.writing_scores.SCORES`.
        label_smoothing: of the training loss; see `rnnzoo.layers.label_smoothing`.
        scheduled_sampling: the arguments of `ScheduledSampling`; None: always the true tokens.
        beam_size: of a search that is not told otherwise; 1 is greedy.
        max_length: tokens of a text that is written, at most, the end included.
        length_penalty: of a search by beam: `none`, `average` or `wu`.
        optimizer: as in `SequenceTask`, and so are the next two.
        scheduler: see there.
        scheduler_interval: see there.
        validation_scores: names as in `scores`: what is written, greedily, is measured so at each validation too.
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
        validation_scores: list[str] = [],  # noqa: B006  # never changed
    ) -> None:
        encoding = build_encoding(target_encoding)
        if not isinstance(encoding, TextEncoding):
            raise RnnzooError(f"what is written must be text, not of the kind {encoding.kind}")
        if encoding.vocabulary.end_id is None:
            raise RnnzooError("what is written needs <eos> in its vocabulary: the token that it starts and ends with")
        if not 0 <= label_smoothing < 1:
            raise RnnzooError(f"model.label_smoothing must be at least 0 and below 1, not {label_smoothing}")
        for key, names in (("scores", scores), ("validation_scores", validation_scores)):
            check_scores(names, f"model.{key}")
            WritingScores(names, encoding)  # a package that is missing is told before training
        if scheduled_sampling is not None:
            check_options(scheduled_sampling, ScheduledSampling, "model.scheduled_sampling")
        self._written = encoding
        self._label_smoothing = label_smoothing
        self._schedule = None if scheduled_sampling is None else ScheduledSampling(**scheduled_sampling)
        try:
            self._search = Search(beam_size, max_length, length_penalty)
        except RnnzooError as error:
            raise RnnzooError(f"model.{error}") from None
        if beam_size > len(encoding.vocabulary):
            raise RnnzooError(
                f"model.beam_size {beam_size} is larger than the vocabulary of {len(encoding.vocabulary)} tokens that "
                "are written: give at most so many"
            )
        self._scores, self._validation_scores, self._last_written = scores, validation_scores, LastWritten()
        super().__init__(optimizer, scheduler, scheduler_interval)

    def setup(self, stage: str) -> None:
        """Where `decoder_from` is among the arguments, start from that language model, but not when going on."""
        super().setup(stage)
        if self._validation_scores and stage in ("fit", "validate") and not self._tells_references():
            raise RnnzooError(
                "model.validation_scores needs a DataModule that tells what may be written, as rnnzoo.data's do: "
                "references(split)"
            )
        if stage == "fit" and self.hparams.get("decoder_from") and self.trainer.ckpt_path is None:
            start_decoder(self.network.decoder, self._written, self.hparams["decoder_from"])

    def build_metrics(self) -> dict[str, Metric]:
        """Perplexity."""
        return {"perplexity": Perplexity()}

    def batch_loss(self, batch: WritingBatch, stage: str) -> tuple[Tensor, Tensor]:
        """Summed nats and number of a batch's written tokens; in training with smoothing and `training_penalty`."""
        training = stage == "train"
        gold = self._schedule.gold_probability(self.global_step) if training and self._schedule is not None else 1.0
        output = self.network(batch.source, batch.inputs, batch.lengths, gold)
        smoothing = self._label_smoothing if training else 0.0
        loss_sum, count = self.network.loss(output, batch.targets, batch.mask, smoothing)
        for metric in self.stage_metrics(stage).values():
            metric.update(loss_sum.detach(), count)
        penalty = self.training_penalty(output, batch) if training else None
        return loss_sum if penalty is None else loss_sum + penalty, count

    def training_penalty(self, output: DecoderOutput, batch: WritingBatch) -> Tensor | None:
        """What training adds to the summed loss; None: nothing."""
        return None

    def sources(self, raw: Sequence[Any]) -> Any:
        """Raw sources as what the network writes from, on the task's device; a subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define sources(raw)")

    def read_sources(self, raw: Sequence[Any], start: int, count: int = ROWS) -> Any:
        """`sources` of so many of the raw ones; an error names the position among all."""
        try:
            return self.sources(raw[start : start + count])
        except InputError as error:
            raise error.after(start) from None

    def copied_words(self, raw: Sequence[Any]) -> Sequence[Sequence[str] | None]:
        """Of each raw source the words that can be written only by copying; None: nothing is copied."""
        return [None] * len(raw)

    def predict(
        self,
        raw: Sequence[Any],
        beam_size: int | None = None,
        max_length: int | None = None,
        length_penalty: str | None = None,
        **options: Any,
    ) -> list[str]:
        """The text that is written for each raw source.

        Args:
            raw: the sources.
            beam_size: hypotheses of each; 1 is greedy. None: as the model was made, and so the next two.
            max_length: tokens of a text at most.
            length_penalty: `none`, `average` or `wu`.
            options: those of `hypotheses`.

        Raises:
            RnnzooError: a source that cannot be read, its position is named; an argument out of its range; a prefix or
                phrase with a word that the vocabulary lacks and that cannot be copied from the source.
        """
        join = self._written.tokenizer.join
        return [join(tokens) for tokens in self.write(raw, beam_size, max_length, length_penalty, **options)]

    def write(
        self,
        raw: Sequence[Any],
        beam_size: int | None = None,
        max_length: int | None = None,
        length_penalty: str | None = None,
        **options: Any,
    ) -> list[list[str]]:
        """As `predict`, but the tokens."""
        options |= {"beam_size": beam_size, "max_length": max_length, "length_penalty": length_penalty}
        found = self._find(raw, 1, options)
        return [own[0][0] if own else [] for own in found]

    def hypotheses(
        self,
        raw: Sequence[Any],
        num_return: int = 5,
        prefix: str | Sequence[str] | None = None,
        constraints: Sequence[Sequence[str]] | None = None,
        **options: Any,
    ) -> list[list[Hypothesis]]:
        """The best texts for each raw source, best first, each with its score.

        Args:
            raw: the sources.
            num_return: how many of each, at most the beam's size.
            prefix: how each text must begin: one for all, or one for each source.
            constraints: of each source the phrases that each of its texts must contain.
            options: those of `rnnzoo.tasks.searches.Search`: `beam_size`, `min_length`, `no_repeat_ngram_size` ...

        Raises:
            RnnzooError: as `predict`.
        """
        options |= {"prefix": prefix, "constraints": constraints}
        join = self._written.tokenizer.join
        return [
            [Hypothesis(join(tokens), score, log_prob) for tokens, score, log_prob in own]
            for own in self._find(raw, num_return, options)
        ]

    def sample(
        self,
        raw: Sequence[Any],
        num_return: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_length: int | None = None,
        prefix: str | Sequence[str] | None = None,
        seed: int | None = None,
    ) -> list[list[str]]:
        """Texts drawn for each raw source, `num_return` of each.

        Args:
            raw: the sources.
            num_return: how many of each.
            temperature: see `rnnzoo.decoding.filter_log_probs`, and so the next two.
            top_k: see there.
            top_p: see there.
            max_length: tokens of a text at most; None: as the model was made.
            prefix: how each text must begin: one for all, or one for each source.
            seed: of the draws; None: others each time. The global random state is left alone.

        Raises:
            RnnzooError: as `predict`.
        """
        longest = self._search.changed({"max_length": max_length}).max_length
        raw = as_sources(raw)
        prefixes = self._prefixes(prefix, raw)
        join, texts = self._written.tokenizer.join, []
        with self.evaluating():
            for start in range(0, len(raw), ROWS):
                rows = slice(start, start + ROWS)
                source = self.read_sources(raw, start)
                given, lengths = prefix_tensors(prefixes[rows], self.device)
                found = sample_sequences(
                    self.network,
                    source,
                    self._starts(len(raw[rows])),
                    max_length=longest,
                    end_id=self._written.vocabulary.end_id,
                    num_return=num_return,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p,
                    seed=None if seed is None else seed + start,
                    prefix=given,
                    prefix_lengths=lengths,
                )
                texts += [[join(tokens) for tokens, _, _ in own] for own in self._tell(found, source)]
        return texts

    def predict_step(self, batch: WritingBatch, batch_idx: int) -> list[str]:
        """What is written for each source of a batch."""
        found = self._decode(self._search, batch.source, len(batch.inputs))
        join, real = self._written.tokenizer.join, (batch.lengths > 0).tolist()
        return [
            join(own[0][0]) if own else ""
            for own, is_real in zip(self._tell(found, batch.source), real, strict=True)
            if is_real
        ]

    def compare(self, data: Any) -> Table | None:
        """What is written for the test sources, greedily and by beam search, scored against the references.

        Baselines are those of the DataModule: `data.baselines()`, texts for the test sources by name.
        """
        if not self._scores:
            return None
        pairs = data.references("test")
        raw = [source for source, _ in pairs]
        references = [own for _, own in pairs]
        written: dict[str, Sequence[Any]] = {}
        for beam in dict.fromkeys((1, self._search.beam_size)):
            name = "greedy" if beam == 1 else f"beam {beam}"
            known = (
                self._last_written.find(self.network, data, self._search) if beam == self._search.beam_size else None
            )
            written[f"{type(self).__name__}, {name}"] = self.write(raw, beam) if known is None else known
        written |= getattr(data, "baselines", lambda: {})()
        rows: dict[str, dict[str, float]] = {}
        notes: tuple[str, ...] = ()
        for name, texts in written.items():
            scores = WritingScores(self._scores, self._written, sync_on_compute=False)  # one process compares
            scores.update(texts, references)
            rows[name] = {score: float(value) for score, value in scores.compute().items()}
            notes = scores.notes()
        return Table(f"{data.description}: {len(raw):,} test sources", rows, notes)

    def on_validation_epoch_end(self) -> None:
        """Log `val/loss`, the metrics, and the `validation_scores`."""
        super().on_validation_epoch_end()
        if self._validation_scores and not self.trainer.sanity_checking:
            self._log_scores("val", "validation", self._validation_scores, beam_size=1)

    def on_test_epoch_end(self) -> None:
        """Log `test/loss`, the metrics, and the `scores` of the task's own search."""
        super().on_test_epoch_end()
        if self._scores and self._tells_references():
            self._log_scores("test", "test", self._scores, self._search.beam_size)

    def _log_scores(self, stage: str, split: str, names: list[str], beam_size: int) -> None:
        """Log how good is what the sources of a split make it write; each process writes its share of them."""
        trainer: Any = self.trainer
        pairs = trainer.datamodule.references(split)[trainer.global_rank :: trainer.world_size]
        scores = WritingScores(names, self._written).to(self.device)
        texts = self.write([source for source, _ in pairs], beam_size)
        if split == "test" and trainer.world_size == 1:
            self._last_written.keep(self.network, trainer.datamodule, self._search, texts)
        scores.update(texts, [own for _, own in pairs])
        for name, value in scores.compute().items():
            self.log(f"{stage}/{name}", value.float(), sync_dist=True)

    def _tells_references(self) -> bool:
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it, None without one
        return callable(getattr(data, "references", None))

    def _find(
        self, raw: Sequence[Any], num_return: int, options: dict[str, Any]
    ) -> list[list[tuple[list[str], float, float]]]:
        """Of each source the tokens, score and log p of its best texts."""
        raw = as_sources(raw)
        prefixes, constraints = self._prefixes(options.pop("prefix", None), raw), options.pop("constraints", None)
        if constraints is not None:
            constraints = phrase_ids(constraints, self._written, self.copied_words(raw))
        search = self._search.changed(options)
        found = []
        with self.evaluating():
            for start in range(0, len(raw), ROWS):
                rows = slice(start, start + ROWS)
                source = self.read_sources(raw, start)
                phrases = None if constraints is None else constraints[rows]
                decoded = self._decode(search, source, len(raw[rows]), num_return, prefixes[rows], phrases)
                found += self._tell(decoded, source)
        return found

    def _decode(
        self,
        search: Search,
        source: Any,
        rows: int,
        num_return: int = 1,
        prefixes: Sequence[list[int]] = (),
        constraints: Sequence[Sequence[Sequence[int]]] | None = None,
    ) -> Decoded:
        start, end = self._starts(rows), self._written.vocabulary.end_id
        given, lengths = prefix_tensors(prefixes, self.device)
        return search.find(self.network, source, start, end, num_return, given, lengths, constraints)

    def _tell(self, found: Decoded, source: Any) -> list[list[tuple[list[str], float, float]]]:
        vocabulary = self._written.vocabulary
        added = getattr(source, "words", ()) or [()] * len(found.tokens)
        rows = zip(found.lists(vocabulary.end_id), found.scores.tolist(), found.log_probs.tolist(), added, strict=True)
        return [
            [
                (written_words(ids, vocabulary, words), score, log_prob)
                for ids, score, log_prob in zip(sequences, scores, log_probs, strict=False)
            ]
            for sequences, scores, log_probs, words in rows
        ]

    def _starts(self, rows: int) -> Tensor:
        return torch.full((rows,), self._written.vocabulary.start_id, device=self.device)

    def _prefixes(self, prefix: str | Sequence[str] | None, raw: Sequence[Any]) -> list[list[int]]:
        if prefix is None or prefix == "":
            return [[] for _ in raw]
        return prefix_ids(prefix, self._written, self.copied_words(raw))


def as_sources(raw: Any) -> Sequence[Any]:
    """Raw sources of which a part can be taken; an array stays one, as only the encoding knows what its rows are."""
    if isinstance(raw, str):
        raise RnnzooError("give a list of sources, not one: [source]")
    return raw if hasattr(raw, "__getitem__") else require_list("sources", raw)
