"""One plain module per usage pattern: what is compiled, exported, decoded, reused inside another model."""

from rnnzoo.networks.acceptor import AcceptorNetwork
from rnnzoo.networks.captioner import CaptionerNetwork
from rnnzoo.networks.cloze import ClozeNetwork
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderCondition, DecoderMemory, DecoderOutput, DecoderState
from rnnzoo.networks.decoder_start import start_from_language_model
from rnnzoo.networks.encoder import EncoderNetwork
from rnnzoo.networks.generator import GeneratorNetwork
from rnnzoo.networks.language_model import LanguageModelNetwork
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.networks.seq2seq import CopyInputs, Seq2SeqNetwork
from rnnzoo.networks.tagger import TaggerNetwork
from rnnzoo.networks.window_language_model import WindowLanguageModelNetwork, WindowState
from rnnzoo.networks.writer import WriterNetwork

__all__ = [
    "AcceptorNetwork",
    "CaptionerNetwork",
    "ClozeNetwork",
    "CopyInputs",
    "DecoderCondition",
    "DecoderConfig",
    "DecoderMemory",
    "DecoderNetwork",
    "DecoderOutput",
    "DecoderState",
    "EncoderNetwork",
    "GeneratorNetwork",
    "LanguageModelNetwork",
    "Seq2SeqNetwork",
    "SequenceReader",
    "TaggerNetwork",
    "WindowLanguageModelNetwork",
    "WindowState",
    "WriterNetwork",
    "start_from_language_model",
]
