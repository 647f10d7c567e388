"""What a recurrent model is held against: n-gram language models, and the table of the comparison."""

from rnnzoo.baselines.add_delta import AddDelta
from rnnzoo.baselines.comparison import Comparison, Score, compare_language_model
from rnnzoo.baselines.interpolation import fit_weight, mix
from rnnzoo.baselines.kneser_ney import KneserNey, ModifiedKneserNey
from rnnzoo.baselines.ngram import NGram
from rnnzoo.baselines.smoothing import SMOOTHINGS, build_ngram
from rnnzoo.baselines.stupid_backoff import StupidBackoff
from rnnzoo.baselines.table import Table

__all__ = [
    "SMOOTHINGS",
    "AddDelta",
    "Comparison",
    "KneserNey",
    "ModifiedKneserNey",
    "NGram",
    "Score",
    "StupidBackoff",
    "Table",
    "build_ngram",
    "compare_language_model",
    "fit_weight",
    "mix",
]
