"""How well a model does, from sums: exact over batches and processes."""

from rnnzoo.metrics.captions import CaptionScores
from rnnzoo.metrics.classification import ClassScores, ConfusionMatrix, MultiLabelF1, class_scores
from rnnzoo.metrics.corpus_bleu import CHRF, CorpusBLEU
from rnnzoo.metrics.correlation import Pearson, Spearman
from rnnzoo.metrics.error_rate import ErrorRate, ExactMatch, SequenceErrorRate
from rnnzoo.metrics.forecasting import MAE, MASE, RMSE, SMAPE, Coverage, GaussianNLL, naive_scale
from rnnzoo.metrics.likelihood import BitsPerCharacter, Perplexity
from rnnzoo.metrics.retrieval import CorpusRetrieval, InBatchRetrieval
from rnnzoo.metrics.rouge import RougeL
from rnnzoo.metrics.treebank_words import caption_words

__all__ = [
    "CHRF",
    "MAE",
    "MASE",
    "RMSE",
    "SMAPE",
    "BitsPerCharacter",
    "CaptionScores",
    "ClassScores",
    "ConfusionMatrix",
    "CorpusBLEU",
    "CorpusRetrieval",
    "Coverage",
    "ErrorRate",
    "ExactMatch",
    "GaussianNLL",
    "InBatchRetrieval",
    "MultiLabelF1",
    "Pearson",
    "Perplexity",
    "RougeL",
    "SequenceErrorRate",
    "Spearman",
    "caption_words",
    "class_scores",
    "naive_scale",
]
