"""What the language models share, whichever network predicts the next token."""

import math
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torchmetrics import Metric

from rnnzoo.baselines import Comparison, compare_language_model
from rnnzoo.batches import LanguageModelBatch
from rnnzoo.decoding import sample
from rnnzoo.errors import RnnzooError, require_list
from rnnzoo.metrics import BitsPerCharacter, Perplexity
from rnnzoo.networks import LanguageModelNetwork, WindowLanguageModelNetwork
from rnnzoo.tasks.carried_state import CarriedStates
from rnnzoo.tasks.checkpoints import HYPER_PARAMETERS
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.transducer import Transducer
from rnnzoo.text import Tokenizer, Vocabulary, build_tokenizer

ROWS = 32  # texts that are scored at once
WINDOW = 1024  # tokens of a stream that are scored at once


class TextScore(NamedTuple):
    """How probable a text is: `log_prob` in nats, summed over its `tokens`."""

    log_prob: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """exp(-log_prob / tokens)."""
        return math.exp(-self.log_prob / self.tokens)


class LanguageModelData(Protocol):
    """What `compare` asks of a DataModule; `rnnzoo.data.LanguageModelDataModule` has it."""

    level: str
    mode: str
    corpus_description: str

    def train_ids(self) -> Tensor: ...
    def validation_ids(self) -> Tensor: ...
    def test_ids(self) -> Tensor: ...


class NextTokenTask(Transducer):
    """Predicts each token of a text from those before it; a subclass gives the network.

    Where the stream of a batch goes on from the batch before, the network gets the state that the last one left,
    detached: truncated backpropagation through time. A checkpoint holds that state, so that a resumed run is the same.

    A text is read as the training text was: it starts as if a line had just ended, and, where line ends are tokens, its
    last line has one. Words outside the vocabulary are `<unk>`, with a warning that names them; without an `<unk>` in
    the vocabulary they are an error.

    Beside the loss: `val/perplexity` and `test/perplexity`, and, at character level, `val/bits_per_character` and
    `test/bits_per_character`.

    Args:
        vocabulary: the tokens in the order of their ids.
        tokenizer: a name or the data that `rnnzoo.text.build_tokenizer` takes.
        optimizer: as in `SequenceTask`, and so are the next two.
        scheduler: see there.
        scheduler_interval: see there.
        loss_scale: what is differentiated. `mean`: the mean loss of a token. `window`: the loss of a row, summed over
            its window, averaged over rows, that is T times the mean. Zaremba et al. 2014 have it so: their learning
            rate 1 and clipping norm 5 belong to it. With random windows it also weighs a window by its length, as
            Merity et al. 2018, section 4.1, rescale the learning rate (theirs is the rate here times their T).
    """

    network: LanguageModelNetwork | WindowLanguageModelNetwork

    def __init__(
        self,
        vocabulary: list[str],
        tokenizer: str | dict[str, Any] = "word",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: str = "epoch",
        loss_scale: str = "mean",
    ) -> None:
        if loss_scale not in ("mean", "window"):
            raise RnnzooError(f"model.loss_scale must be mean or window, not {loss_scale!r}")
        self._words = Vocabulary(vocabulary)
        self._tokenizer: Tokenizer = build_tokenizer(tokenizer)
        self._loss_scale = loss_scale
        super().__init__(optimizer, scheduler, scheduler_interval)
        self._states = CarriedStates()

    def setup(self, stage: str) -> None:
        """Refuse a DataModule of another vocabulary, whose ids would mean other tokens, or none."""
        super().setup(stage)
        theirs = getattr(getattr(self.trainer, "datamodule", None), "vocabulary", None)
        if isinstance(theirs, list) and theirs != self.hparams["vocabulary"]:
            raise RnnzooError(
                f"the model's vocabulary has {len(self._words)} tokens and is not that of the data, which has "
                f"{len(theirs)}: make the model with data.vocabulary and data.tokenizer_config"
            )

    def build_metrics(self) -> dict[str, Metric]:
        """Perplexity, and bits where the tokens are characters."""
        metrics: dict[str, Metric] = {"perplexity": Perplexity()}
        if self._tokenizer.level == "character":
            metrics["bits_per_character"] = BitsPerCharacter()
        return metrics

    def batch_loss(self, batch: LanguageModelBatch, stage: str) -> tuple[Tensor, Tensor]:
        """Summed nats and number of a window's tokens; the state goes on to the next window."""
        features = self._features(batch, stage)
        mask = None if batch.lengths is None else batch.mask
        loss_sum, count = self.network.head.loss(features, batch.targets, mask)
        for metric in self.stage_metrics(stage).values():
            metric.update(loss_sum.detach(), count)
        return loss_sum, count

    def scale_loss(self, loss_sum: Tensor, global_count: Tensor, batch: LanguageModelBatch) -> Tensor:
        """See `loss_scale`."""
        if self._loss_scale == "window":
            return loss_sum / batch.inputs.shape[0]
        return super().scale_loss(loss_sum, global_count, batch)

    def predict_step(self, batch: LanguageModelBatch, batch_idx: int) -> Tensor:
        """Log p of each target of a batch, (N, T); 0 where there is none."""
        features = self._features(batch, "predict")
        losses: Tensor = self.network.head.nll(features, batch.targets)
        return -losses * batch.mask

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        """How probable each text is.

        Raises:
            RnnzooError: a text without a token, or with words that a closed vocabulary lacks.
        """
        texts = _as_texts(texts)
        rows = [self._ids(text, complete=True) for text in texts]
        for row, text in zip(rows, texts, strict=True):
            if not row:
                raise RnnzooError(f"there is nothing to score in the text {text!r}: it has no token")
        scored = self._score_rows([torch.tensor(row) for row in rows])
        return [TextScore(float(log_probs.double().sum()), len(log_probs)) for log_probs in scored]

    def predict(self, texts: Sequence[str], count: int = 5) -> list[list[tuple[str, float]]]:
        """For each text the likeliest next tokens with their probabilities: `count`, or all V where V is smaller.

        Raises:
            RnnzooError: `count` is below 1, or words that a closed vocabulary lacks.
        """
        if count < 1:
            raise RnnzooError(f"count must be at least 1, not {count}")
        found = []
        with self.evaluating():
            for text in _as_texts(texts):
                inputs = self._with_start(self._ids(text, complete=False))
                features = self.network(inputs).outputs[:, -1]
                log_probs: Tensor = self.network.head.log_probs(features)[0]
                best = log_probs.topk(min(count, len(self._words)))
                found.append(
                    list(zip(self._words.lookup(best.indices.tolist()), best.values.exp().tolist(), strict=True))
                )
        return found

    def generate(
        self,
        prompt: str = "",
        max_length: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> str:
        """The prompt and what the model writes after it, up to the end of the line where line ends are tokens.

        Args:
            prompt: how the text begins; empty: at the start of a line.
            max_length: at most so many tokens are written.
            temperature: 0 is greedy; see `rnnzoo.decoding.filter_log_probs`, also for the next two.
            top_k: see there.
            top_p: see there.
            seed: of the draws; None: another text each time. The global random state is left alone.

        Raises:
            RnnzooError: an argument outside its range, or words that a closed vocabulary lacks.
        """
        if not isinstance(prompt, str):
            raise RnnzooError(f"the prompt is a text, not {prompt!r}")
        if top_k is not None and not 1 <= top_k <= len(self._words):
            raise RnnzooError(f"top_k must be from 1 to the vocabulary's {len(self._words)} tokens, not {top_k}")
        begun = self._tokenizer.split(prompt)
        inputs = self._with_start(self._known_ids(begun))
        end_id = self._words.end_id
        with self.evaluating():
            tokens = sample(
                self.network,
                inputs,
                max_length,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                end_id=end_id,
                seed=seed,
            )[0].tolist()
        if tokens[-1] == end_id:
            tokens.pop()
        return self._tokenizer.join([*begun, *self._words.lookup(tokens)])

    def token_log_probs(self, ids: Tensor, end_of_row: int | None = None) -> Tensor:
        """Log p of every token of a stream, in nats, the first included: (L,) int64 to (L,) on the CPU.

        Args:
            ids: the stream. What stands before it is the token that lines end in.
            end_of_row: each row that ends in this id is a stream of its own, as in sentence mode; None: all is one.
        """
        if end_of_row is None:
            return self._score_stream(ids)
        ends = (ids == end_of_row).nonzero().flatten() + 1
        cuts = [0, *ends.tolist(), *([] if len(ends) and ends[-1] == len(ids) else [len(ids)])]
        rows = [ids[a:b] for a, b in pairwise(cuts)]
        return torch.cat(self._score_rows(rows)) if len(ids) else torch.empty(0)

    def compare(self, data: LanguageModelData) -> Comparison:
        """The model, a Kneser-Ney model, their interpolation and a unigram model on the test text.

        The n-gram order is 5 for words and subwords and 8 for characters.
        """
        row_end = self._words.end_id if data.mode == "sentences" else None
        test_ids = data.test_ids()
        characters = data.level == "character"
        return compare_language_model(
            self.token_log_probs(data.validation_ids(), row_end),
            self.token_log_probs(test_ids, row_end),
            data.train_ids(),
            data.validation_ids(),
            test_ids,
            len(self._words),
            order=8 if characters else 5,
            sentence_end=row_end,
            title=f"{data.corpus_description}: {len(test_ids):,} test tokens, vocabulary {len(self._words):,}",
            model_name=type(self).__name__,
            characters=len(test_ids) if characters else None,
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the carried state of all ranks."""
        super().on_save_checkpoint(checkpoint)
        self._states.save(self, checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the carried state; refuse a checkpoint of another vocabulary, whose weights might fit by chance."""
        super().on_load_checkpoint(checkpoint)
        theirs, own = checkpoint[HYPER_PARAMETERS]["vocabulary"], self.hparams["vocabulary"]
        if theirs != own:
            at = next(
                (i for i, (a, b) in enumerate(zip(theirs, own, strict=False)) if a != b), min(len(theirs), len(own))
            )
            raise RnnzooError(
                f"the checkpoint has another vocabulary ({len(theirs)} tokens, not {len(own)}; they differ from id "
                f"{at} on): give the data, tokenizer and vocabulary settings that it was trained with"
            )
        self._states.load(checkpoint)

    def on_train_start(self) -> None:
        """Put a loaded state to use."""
        self._states.restore(self, self.network)

    def _features(self, batch: LanguageModelBatch, stage: str) -> Tensor:
        state = self._states.get(stage, batch.first, batch.inputs.shape[0])
        features, state = self.network(batch.inputs, batch.lengths, state)
        self._states.set(stage, state)
        result: Tensor = features
        return result

    def _ids(self, text: str, complete: bool) -> list[int]:
        if complete and self._tokenizer.end_of_line and not text.endswith("\n"):
            text += "\n"
        return self._known_ids(self._tokenizer.split(text))

    def _known_ids(self, tokens: list[str]) -> list[int]:
        missing = sorted({token for token in tokens if token not in self._words})
        if missing:
            said = ", ".join(map(repr, missing[:10])) + (f" and {len(missing) - 10} more" if missing[10:] else "")
            if self._words.unknown_id is None:
                raise RnnzooError(
                    f"not in the vocabulary, which has no <unk>: {said}. Leave them out, or train "
                    "with data.unknown true"
                )
            warnings.warn(f"not in the vocabulary, read as <unk>: {said}", stacklevel=2)
        return self._words.ids(tokens)

    def _with_start(self, ids: list[int]) -> Tensor:
        return torch.tensor([[self._words.start_id, *ids]], device=self.device)

    def _score_rows(self, rows: list[Tensor]) -> list[Tensor]:
        """Log p of the tokens of rows that each start from s_0."""
        scored: list[Tensor] = [torch.empty(0)] * len(rows)
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        with self.evaluating():
            for start in range(0, len(order), ROWS):
                chosen = order[start : start + ROWS]
                lengths = torch.tensor([len(rows[at]) for at in chosen])
                targets = torch.nn.utils.rnn.pad_sequence([rows[at] for at in chosen], batch_first=True).to(self.device)
                inputs = torch.cat((targets.new_full((len(chosen), 1), self._words.start_id), targets[:, :-1]), 1)
                features = self.network(inputs, lengths.to(self.device)).outputs
                losses = self.network.head.nll(features, targets).cpu()
                for at, length, row in zip(chosen, lengths.tolist(), losses, strict=True):
                    scored[at] = -row[:length]
        return scored

    def _score_stream(self, ids: Tensor) -> Tensor:
        pieces, state = [], None
        inputs = torch.cat((ids.new_tensor([self._words.start_id]), ids[:-1]))[: len(ids)]
        with self.evaluating():
            for x, target in zip(torch.split(inputs, WINDOW), torch.split(ids, WINDOW), strict=True):
                features, state = self.network(x.unsqueeze(0).to(self.device), None, state)
                pieces.append(-self.network.head.nll(features[0], target.to(self.device)).cpu())
        return torch.cat(pieces)


def _as_texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise RnnzooError("give a list of texts, not one text: [text]")
    found = require_list("texts", texts)
    for text in found:
        if not isinstance(text, str):
            raise RnnzooError(f"give a list of texts: {text!r} is none")
    return found
