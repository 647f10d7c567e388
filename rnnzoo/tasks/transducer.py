"""The transducer as a task."""

from rnnzoo.tasks.base import SequenceTask


class Transducer(SequenceTask):
    """Answers at each step, ``y_i = O(s_i)``; its loss sums over the steps (Goldberg 2017, section 14.3.2).

    `Tagger`, `LanguageModel`, `Forecaster` and `Cloze` are transducers; what they say at a step is their own.
    """
