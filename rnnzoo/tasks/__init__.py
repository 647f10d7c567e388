"""What trains a network: one LightningModule per usage pattern."""

from rnnzoo.tasks.acceptor import Acceptor
from rnnzoo.tasks.base import SequenceTask
from rnnzoo.tasks.captioner import Captioner
from rnnzoo.tasks.cloze import Cloze
from rnnzoo.tasks.forecaster import Forecaster
from rnnzoo.tasks.generator import Generator
from rnnzoo.tasks.language_model import LanguageModel
from rnnzoo.tasks.next_token import NextTokenTask, TextScore
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.reading import ReadingTask
from rnnzoo.tasks.seq2seq import Seq2Seq
from rnnzoo.tasks.sequence_encoder import SequenceEncoder
from rnnzoo.tasks.tagger import Tagger
from rnnzoo.tasks.transducer import Transducer
from rnnzoo.tasks.window_language_model import WindowLanguageModel

__all__ = [
    "Acceptor",
    "Captioner",
    "Cloze",
    "Forecaster",
    "Generator",
    "LRSchedulerCallable",
    "LanguageModel",
    "NextTokenTask",
    "OptimizerCallable",
    "ReadingTask",
    "Seq2Seq",
    "SequenceEncoder",
    "SequenceTask",
    "Tagger",
    "TextScore",
    "Transducer",
    "WindowLanguageModel",
]
