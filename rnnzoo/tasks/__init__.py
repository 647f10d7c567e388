"""What trains a network: one LightningModule per usage pattern."""

from rnnzoo.tasks.acceptor import Acceptor
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.language_model import LanguageModel
from rnnzoo.tasks.next_token import NextTokenTask, TextScore
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask
from rnnzoo.tasks.seq2seq import Seq2Seq
from rnnzoo.tasks.tagger import Tagger
from rnnzoo.tasks.window_language_model import WindowLanguageModel

__all__ = [
    "Acceptor",
    "LRSchedulerCallable",
    "LanguageModel",
    "NextTokenTask",
    "OptimizerCallable",
    "ReadingTask",
    "Seq2Seq",
    "SequenceTask",
    "Tagger",
    "TextScore",
    "WindowLanguageModel",
]
