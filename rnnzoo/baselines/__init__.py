"""What a recurrent model is held against: n-gram models, bags of words, naive forecasts, and the tables."""

from rnnzoo.baselines.add_delta import AddDelta
from rnnzoo.baselines.bag import BagOfNGrams
from rnnzoo.baselines.comparison import Comparison, Score, compare_language_model
from rnnzoo.baselines.interpolation import fit_weight, mix
from rnnzoo.baselines.kneser_ney import KneserNey, ModifiedKneserNey
from rnnzoo.baselines.majority import MajorityClass
from rnnzoo.baselines.most_frequent_tag import MostFrequentTag
from rnnzoo.baselines.ngram import NGram
from rnnzoo.baselines.seasonal import drift_forecast, naive_forecast, seasonal_naive_forecast
from rnnzoo.baselines.smoothing import SMOOTHINGS, build_ngram
from rnnzoo.baselines.stupid_backoff import StupidBackoff
from rnnzoo.baselines.table import Table
from rnnzoo.baselines.tfidf import TfIdf

__all__ = [
    "SMOOTHINGS",
    "AddDelta",
    "BagOfNGrams",
    "Comparison",
    "KneserNey",
    "MajorityClass",
    "ModifiedKneserNey",
    "MostFrequentTag",
    "NGram",
    "Score",
    "StupidBackoff",
    "Table",
    "TfIdf",
    "build_ngram",
    "compare_language_model",
    "drift_forecast",
    "fit_weight",
    "mix",
    "naive_forecast",
    "seasonal_naive_forecast",
]
