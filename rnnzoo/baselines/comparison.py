"""The table that holds a model against its baselines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rnnzoo.baselines.add_delta import AddDelta
from rnnzoo.baselines.interpolation import fit_weight, mix
from rnnzoo.baselines.smoothing import build_ngram
from rnnzoo.errors import RnnzooError


@dataclass(frozen=True)
class Score:
    """How well one model predicts a text: sums, from which the averages are made.

    Attributes:
        name: of the model.
        nats: -log p of the whole text, natural logarithm.
        tokens: how many tokens were predicted.
        characters: of the text, where bits per character are wanted.
    """

    name: str
    nats: float
    tokens: int
    characters: int | None = None

    @property
    def perplexity(self) -> float:
        """exp(nats / tokens); infinite where that is no float."""
        mean = self.nats / self.tokens
        return math.exp(mean) if mean < 709 else math.nan if math.isnan(mean) else math.inf

    @property
    def bits_per_character(self) -> float | None:
        """Nats / ln 2 / characters; None where these are unknown."""
        return None if self.characters is None else self.nats / math.log(2) / self.characters


@dataclass(frozen=True)
class Comparison:
    """A title and a score for each model, the same text for all.

    >>> table = Comparison("toy text, 4 tokens", (Score("model", 4.0, 4, 20), Score("unigram", 8.0, 4, 20)))
    >>> print(table.plain())
    toy text, 4 tokens
    model    perplexity  bits per character
    model          2.72               0.289
    unigram        7.39               0.577
    """

    title: str
    scores: tuple[Score, ...]

    def as_rows(self) -> list[dict[str, Any]]:
        """Plain data, a dictionary a model: model, perplexity, bits_per_character (if it is known), nats, tokens."""
        rows: list[dict[str, Any]] = []
        for score in self.scores:
            row: dict[str, Any] = {"model": score.name, "perplexity": score.perplexity}
            if score.characters is not None:
                row["bits_per_character"] = score.bits_per_character
            rows.append({**row, "nats": score.nats, "tokens": score.tokens})
        return rows

    def columns(self) -> list[list[str]]:
        """The table as text, a list a column, heading first: model, perplexity, and bits per character if known."""
        columns = [
            ["model", *(score.name for score in self.scores)],
            ["perplexity", *(f"{score.perplexity:.2f}" for score in self.scores)],
        ]
        bits = [score.bits_per_character for score in self.scores]
        if any(value is not None for value in bits):
            columns.append(["bits per character", *("" if value is None else f"{value:.3f}" for value in bits)])
        return columns

    def plain(self) -> str:
        """The title and an aligned table of text: names to the left, numbers to the right."""
        names, *numbers = self.columns()
        width = max(map(len, names))
        aligned = [[name.ljust(width) for name in names]]
        aligned += [[cell.rjust(max(map(len, column))) for cell in column] for column in numbers]
        return "\n".join([self.title, *("  ".join(line) for line in zip(*aligned, strict=True))])


def compare_language_model(
    model_validation: Tensor,
    model_test: Tensor,
    train_ids: Tensor,
    validation_ids: Tensor,
    test_ids: Tensor,
    vocabulary_size: int,
    *,
    order: int = 5,
    smoothing: str = "kneser_ney",
    sentence_end: int | None = None,
    title: str = "",
    model_name: str = "model",
    characters: int | None = None,
) -> Comparison:
    """A language model, an n-gram model, their mixture and a unigram model on the test text.

    The n-gram model counts the training stream; the weight of the mixture is fitted on the validation stream and named
    in its row; the unigram model is `AddDelta` of order 1 with one occurrence added to each type. The same tokens are
    scored by all.

    Args:
        model_validation: log p of every token of `validation_ids` by the model, (L,), natural logarithms.
        model_test: the same of `test_ids`.
        train_ids: what the model was trained on, (L,) int64.
        validation_ids: (L,) int64.
        test_ids: (L,) int64.
        vocabulary_size: V, that of the model.
        order: n of the n-gram model.
        smoothing: of the n-gram model, a name of `build_ngram`.
        sentence_end: id at which the n-gram model's history ends; None for a model that carries its state over lines.
        title: of the table: the corpus, its size.
        model_name: of the model's row.
        characters: of the test text, for bits per character: `<eos>` counts as one where it stands for a line's end.

    Raises:
        RnnzooError: log-probabilities that are not one for each token, and as `NGram` and `fit_weight`.
    """
    for split, log_probs, ids in (("validation", model_validation, validation_ids), ("test", model_test, test_ids)):
        if log_probs.shape != ids.shape:
            raise RnnzooError(
                f"the model scored {log_probs.numel()} tokens of the {split} text, which has {ids.numel()}: "
                "a comparison needs the log-probability of each token of it, the first included"
            )
    ngram = build_ngram(smoothing, order, vocabulary_size, sentence_end=sentence_end).fit(train_ids)
    unigram = AddDelta(1, vocabulary_size).fit(train_ids)
    ngram_test = ngram.token_log_probs(test_ids)
    weight = fit_weight(model_validation, ngram.token_log_probs(validation_ids))
    scored = [
        (model_name, model_test),
        (ngram.name, ngram_test),
        (f"{weight:.2f} {model_name} + {1 - weight:.2f} {ngram.name}", mix(model_test, ngram_test, weight)),
        (unigram.name, unigram.token_log_probs(test_ids)),
    ]
    return Comparison(
        title,
        tuple(Score(name, -float(x.double().sum()), len(test_ids), characters) for name, x in scored),
    )
