"""Bidirectional word prediction as a task."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from rnnzoo.baselines import AddDelta, Table, build_ngram
from rnnzoo.batches import LanguageModelBatch
from rnnzoo.errors import RnnzooError, require_pairs
from rnnzoo.metrics import Perplexity
from rnnzoo.networks.cloze import ClozeNetwork
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.acceptor_baselines import whole
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.transducer import Transducer
from rnnzoo.text import Tokenizer, Vocabulary, build_tokenizer

ORDER = 5  # of the n-gram model in the table


class Cloze(Transducer):
    """Predicts each word of a sentence from the words on both sides of it: `rnnzoo.networks.ClozeNetwork`.

    Beside the loss: `val/pseudo_perplexity` and `test/pseudo_perplexity`, ``exp(-1/M sum_i log p(x_i | the others))``
    over the M words. The product of these probabilities is no probability of a sentence, so the number cannot be
    compared with a language model's perplexity. The border of a sentence, `<eos>`, is read but not predicted: that
    nothing follows would tell it.

    Args:
        vocabulary: the tokens in the order of their ids, `<eos>` among them.
        tokenizer: a name or the data that `rnnzoo.text.build_tokenizer` takes.
        stack: the recurrent layers of each direction; a dictionary with the keys of `StackConfig` will do.
        embedding_size: None: the stack's hidden size.
        tied: the output matrix is the embedding's.
        cutoffs: where the clusters of an adaptive softmax begin; None: a softmax over all words.
        dropout: of the features, before the head.
        input_dropout: of the embedded words.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.

    Raises:
        RnnzooError: a vocabulary without `<eos>`, and as `ClozeNetwork`.

    Example:
        >>> task = Cloze(["<unk>", "<eos>", "a", "b"], stack=StackConfig(hidden_size=8))
        >>> len(task.predict([("a b", "a")], count=3)[0])
        3
    """

    network: ClozeNetwork

    def __init__(
        self,
        vocabulary: list[str],
        tokenizer: str | dict[str, Any] = "word",
        stack: StackConfig = StackConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        embedding_size: int | None = None,
        tied: bool = False,
        cutoffs: list[int] | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        self._words = Vocabulary(vocabulary)
        self._tokenizer: Tokenizer = build_tokenizer(tokenizer)
        if self._words.end_id is None:
            raise RnnzooError("the vocabulary has no <eos>, the border of a sentence: give data.mode sentences")
        self._border: int = self._words.end_id
        super().__init__(optimizer, scheduler, scheduler_interval)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        return ClozeNetwork(
            len(given["vocabulary"]),
            StackConfig.from_dict(given["stack"]),
            embedding_size=given["embedding_size"],
            tied=given["tied"],
            cutoffs=given["cutoffs"],
            dropout=given["dropout"],
            input_dropout=given["input_dropout"],
        )

    def build_metrics(self) -> dict[str, Metric]:
        """The pseudo-perplexity."""
        return {"pseudo_perplexity": Perplexity()}

    def batch_loss(self, batch: LanguageModelBatch, stage: str) -> tuple[Tensor, Tensor]:
        """Summed nats and number of the words of a batch of sentences.

        Raises:
            RnnzooError: the batch is a window of lanes, whose rows are no sentences.
        """
        tokens, lengths, mask = self._framed(batch)
        loss_sum, count = self.network.head.loss(self.network(tokens, lengths), tokens[:, 1:-1], mask)
        for metric in self.stage_metrics(stage).values():
            metric.update(loss_sum.detach(), count)
        return loss_sum, count

    def scale_loss(self, loss_sum: Tensor, global_count: Tensor, batch: LanguageModelBatch) -> Tensor:
        """As in `SequenceTask`; 0 where a batch has blank lines only."""
        return super().scale_loss(loss_sum, global_count.clamp(min=1), batch)

    def predict(self, gaps: Sequence[tuple[str, str]], count: int = 5) -> list[list[tuple[str, float]]]:
        """For each gap the likeliest words with their probabilities: `count`, or all V where V is smaller.

        Args:
            gaps: pairs of what stands to the left and to the right of one missing word, up to the sentence's borders.
            count: how many words.

        Raises:
            RnnzooError: `count` is below 1, what is no pair of texts, a line's end within a sentence, or words that a
                closed vocabulary lacks.
        """
        if count < 1:
            raise RnnzooError(f"count must be at least 1, not {count}")
        gaps, found = require_pairs("(left, right)", gaps), []
        with self.evaluating():
            for left, right in gaps:
                before, after = self._ids(left), self._ids(right)
                # What stands in the gap is not read, so that any token will do.
                row = [self._border, *before, self._border, *after, self._border]
                features = self.network(torch.tensor([row], device=self.device))[0, len(before)]
                best = self.network.head.log_probs(features).topk(min(count, len(self._words)))
                words = self._words.lookup(best.indices.tolist())
                found.append(list(zip(words, best.values.exp().tolist(), strict=True)))
        return found

    def predict_step(self, batch: LanguageModelBatch, batch_idx: int) -> list[Tensor]:
        """Log p of each word of each sentence of a batch."""
        tokens, lengths, mask = self._framed(batch)
        losses = self.network.head.nll(self.network(tokens, lengths), tokens[:, 1:-1])
        return [-row[real] for row, real, length in zip(losses, mask, lengths.tolist(), strict=True) if length]

    def compare(self, data: Any) -> Table:
        """The model beside two that know less, on the words of the test text: one reads the left side only, one none.

        A Kneser-Ney 5-gram model and a unigram model; both, and the model, also spread probability on `<eos>`.
        """
        train_ids, test_ids = data.train_ids(), data.test_ids()
        words = test_ids != self._border
        size = len(self._words)
        models = [build_ngram("kneser_ney", ORDER, size, sentence_end=self._border), AddDelta(1, size)]
        rows = {type(self).__name__: self._pseudo_perplexity(data)}
        for model, side in zip(models, ("left side", "neither side"), strict=True):
            log_probs = model.fit(train_ids).token_log_probs(test_ids)[words]
            rows[f"{model.name} ({side})"] = float((-log_probs.double().mean()).exp())
        title = f"{data.corpus_description}: {int(words.sum()):,} test words, vocabulary {size:,}"
        note = "pseudo-perplexity is not comparable with the perplexity of a language model"
        return Table(title, {name: {"pseudo-perplexity": value} for name, value in rows.items()}, (note,))

    def _pseudo_perplexity(self, data: Any) -> float:
        metric = Perplexity()
        with self.evaluating(), whole(data):
            for batch in data.test_dataloader():
                metric.update(*(part.cpu() for part in self.batch_loss(batch.to(self.device), "predict")))
        return float(metric.compute())

    def _framed(self, batch: LanguageModelBatch) -> tuple[Tensor, Tensor, Tensor]:
        """The sentences with both borders (N, T + 1), their lengths, and which of the tokens between are words."""
        if batch.lengths is None:
            raise RnnzooError("a cloze needs sentences, not windows of a stream: give data.mode sentences")
        tokens = torch.cat((batch.inputs[:, :1], batch.targets), 1)
        steps = torch.arange(tokens.shape[1] - 2, device=tokens.device)
        return tokens, batch.lengths + (batch.lengths > 0), steps < batch.lengths[:, None] - 1

    def _ids(self, text: str) -> list[int]:
        if not isinstance(text, str):
            raise RnnzooError(f"each side of a gap is a text, not {text!r}")
        if "\n" in text:
            raise RnnzooError(f"{text!r} has a line's end: each gap stands in one sentence, which is a line")
        tokens = self._tokenizer.split(text)
        missing = sorted({token for token in tokens if token not in self._words})
        if missing and self._words.unknown_id is not None:
            warnings.warn(f"not in the vocabulary, read as <unk>: {', '.join(map(repr, missing))}", stacklevel=3)
        return self._words.ids(tokens)
