"""One plain module per usage pattern: what is compiled, exported, decoded, reused inside another model."""

from rnnzoo.networks.acceptor import AcceptorNetwork
from rnnzoo.networks.language_model import LanguageModelNetwork
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.networks.window_language_model import WindowLanguageModelNetwork, WindowState

__all__ = ["AcceptorNetwork", "LanguageModelNetwork", "SequenceReader", "WindowLanguageModelNetwork", "WindowState"]
