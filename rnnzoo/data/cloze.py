"""Sentences whose words are predicted from both sides."""

from torch import Tensor

from rnnzoo.data.language_model import LanguageModelDataModule
from rnnzoo.text.vocabulary import END


class ClozeDataModule(LanguageModelDataModule):
    """`LanguageModelDataModule` in the mode `sentences`, without the blank lines: there is no word in them to predict.

    Its keys are those of `LanguageModelDataModule`, to which `mode: sentences` must be given.
    """

    def train_ids(self) -> Tensor:
        """The training text without blank lines, (L,) int64."""
        return self._without_blank_lines(super().train_ids())

    def validation_ids(self) -> Tensor:
        """The validation text without blank lines, (L,) int64."""
        return self._without_blank_lines(super().validation_ids())

    def test_ids(self) -> Tensor:
        """The test text without blank lines, (L,) int64."""
        return self._without_blank_lines(super().test_ids())

    def _without_blank_lines(self, ids: Tensor) -> Tensor:
        ends = ids == self._encoded_train[0].id(END)
        begins = ends.roll(1)
        begins[0] = True  # a text begins as if a line had just ended
        return ids[~(ends & begins)]
