"""Machines that recognize formal languages: the oracles of what a recurrent network learned of them."""

from rnnzoo.baselines.automata.dfa import DFA
from rnnzoo.baselines.automata.dyck import Dyck
from rnnzoo.baselines.automata.languages import AnyRecognizer, build_recognizer, email, language_names, parity, tomita
from rnnzoo.baselines.automata.position_automaton import from_regular_expression
from rnnzoo.baselines.automata.recognizer import Recognizer

__all__ = [
    "DFA",
    "AnyRecognizer",
    "Dyck",
    "Recognizer",
    "build_recognizer",
    "email",
    "from_regular_expression",
    "language_names",
    "parity",
    "tomita",
]
