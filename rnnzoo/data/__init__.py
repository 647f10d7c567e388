"""DataModules: text and other data as typed batches."""

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.dates import DateDataModule
from rnnzoo.data.examples import Example, ExampleDataModule
from rnnzoo.data.labelled_text import LabelledTextDataModule
from rnnzoo.data.language_model import LanguageModelDataModule
from rnnzoo.data.pronunciations import PronunciationDataModule
from rnnzoo.data.surnames import SurnamesDataModule
from rnnzoo.data.tagger import TaggerDataModule
from rnnzoo.data.treebank import TreebankDataModule
from rnnzoo.data.treebank_tags import ConlluDataModule

__all__ = [
    "AcceptorDataModule",
    "ConlluDataModule",
    "DateDataModule",
    "Example",
    "ExampleDataModule",
    "LabelledTextDataModule",
    "LanguageModelDataModule",
    "PronunciationDataModule",
    "SurnamesDataModule",
    "TaggerDataModule",
    "TreebankDataModule",
]
