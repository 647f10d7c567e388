"""DataModules: text and other data as typed batches."""

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example, ExampleDataModule
from rnnzoo.data.language_model import LanguageModelDataModule

__all__ = ["AcceptorDataModule", "Example", "ExampleDataModule", "LanguageModelDataModule"]
