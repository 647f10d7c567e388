"""DataModules: text and other data as typed batches."""

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.captioned_files import CaptionedFilesDataModule
from rnnzoo.data.captions import CaptionDataModule
from rnnzoo.data.chatterbot import ChatterbotDataModule
from rnnzoo.data.cloze import ClozeDataModule
from rnnzoo.data.coco import CocoCaptionsDataModule
from rnnzoo.data.colours import ColourNamesDataModule
from rnnzoo.data.conditioned_text import ConditionedTextDataModule
from rnnzoo.data.dates import DateDataModule
from rnnzoo.data.dialogue import DialogueDataModule
from rnnzoo.data.docstring_summaries import DocstringSummaryDataModule
from rnnzoo.data.docstrings import DocstringsDataModule
from rnnzoo.data.examples import Example, ExampleDataModule
from rnnzoo.data.flickr8k import Flickr8kDataModule
from rnnzoo.data.forecast import ForecastDataModule
from rnnzoo.data.formal_languages import FormalLanguageDataModule
from rnnzoo.data.formal_prefixes import FormalPrefixDataModule
from rnnzoo.data.glyphs import GlyphDataModule
from rnnzoo.data.identifier_roles import IdentifierRolesDataModule
from rnnzoo.data.image_sequences import ImageSequencesDataModule
from rnnzoo.data.karpathy import KarpathyDataModule
from rnnzoo.data.labelled_series import LabelledSeriesDataModule
from rnnzoo.data.labelled_text import LabelledTextDataModule
from rnnzoo.data.labelled_wavs import LabelledWavsDataModule
from rnnzoo.data.language_model import LanguageModelDataModule
from rnnzoo.data.long_range import AddingProblemDataModule, CopyMemoryDataModule
from rnnzoo.data.moving_glyphs import MovingGlyphDataModule
from rnnzoo.data.paired_text import PairedTextDataModule
from rnnzoo.data.pairs import PairDataModule
from rnnzoo.data.parallel_text import Multi30kDataModule, ParallelTextDataModule
from rnnzoo.data.pronunciations import PronunciationDataModule
from rnnzoo.data.spoken_digits import SpokenDigitWritingDataModule
from rnnzoo.data.stocks import StocksDataModule
from rnnzoo.data.stsbenchmark import STSBenchmarkDataModule
from rnnzoo.data.surname_writing import SurnameWritingDataModule
from rnnzoo.data.surnames import SurnamesDataModule
from rnnzoo.data.tagged_text import TaggedTextDataModule
from rnnzoo.data.tagger import TaggerDataModule
from rnnzoo.data.text_folders import TextFoldersDataModule
from rnnzoo.data.treebank import TreebankDataModule
from rnnzoo.data.treebank_tags import ConlluDataModule
from rnnzoo.data.videos import VideoCaptionDataModule, VideoFilesDataModule

__all__ = [
    "AcceptorDataModule",
    "AddingProblemDataModule",
    "CaptionDataModule",
    "CaptionedFilesDataModule",
    "ChatterbotDataModule",
    "ClozeDataModule",
    "CocoCaptionsDataModule",
    "ColourNamesDataModule",
    "ConditionedTextDataModule",
    "ConlluDataModule",
    "CopyMemoryDataModule",
    "DateDataModule",
    "DialogueDataModule",
    "DocstringSummaryDataModule",
    "DocstringsDataModule",
    "Example",
    "ExampleDataModule",
    "Flickr8kDataModule",
    "ForecastDataModule",
    "FormalLanguageDataModule",
    "FormalPrefixDataModule",
    "GlyphDataModule",
    "IdentifierRolesDataModule",
    "ImageSequencesDataModule",
    "KarpathyDataModule",
    "LabelledSeriesDataModule",
    "LabelledTextDataModule",
    "LabelledWavsDataModule",
    "LanguageModelDataModule",
    "MovingGlyphDataModule",
    "Multi30kDataModule",
    "PairDataModule",
    "PairedTextDataModule",
    "ParallelTextDataModule",
    "PronunciationDataModule",
    "STSBenchmarkDataModule",
    "SpokenDigitWritingDataModule",
    "StocksDataModule",
    "SurnameWritingDataModule",
    "SurnamesDataModule",
    "TaggedTextDataModule",
    "TaggerDataModule",
    "TextFoldersDataModule",
    "TreebankDataModule",
    "VideoCaptionDataModule",
    "VideoFilesDataModule",
]
