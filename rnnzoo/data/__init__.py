"""DataModules: text and other data as typed batches."""

from rnnzoo.data.language_model import LanguageModelDataModule

__all__ = ["LanguageModelDataModule"]
