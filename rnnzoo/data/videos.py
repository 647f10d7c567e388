"""Videos and what is written of them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from rnnzoo.batches import SequenceInputs
from rnnzoo.data.examples import Example
from rnnzoo.data.split_files import SplitFiles
from rnnzoo.data.table_files import read_table
from rnnzoo.data.text_vocabulary import TextVocabulary
from rnnzoo.data.writing import WritingDataModule
from rnnzoo.encodings.video import VideoEncoding
from rnnzoo.errors import RnnzooError


class VideoCaptionDataModule(WritingDataModule):
    """Videos with one or several captions each, for `Seq2Seq`; a subclass reads them (see `WritingDataModule`).

    An example's input is what `VideoEncoding` reads. All frames are kept in memory, decoded and scaled.

    Args:
        height: to which frames are scaled.
        width: as the height.
        channels: 1: grey, 3: colours.
        target: how captions become tokens.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        height: int,
        width: int,
        channels: int,
        target: TextVocabulary,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(target, batch_size, max_steps_per_batch, seed, workers)
        self._size = (height, width, channels)
        VideoEncoding(*self._size)

    def fit_encoding(self, examples: Sequence[Example]) -> VideoEncoding:
        """One mean and one scale of all pixels of the first 200 training videos."""
        plain, found = VideoEncoding(*self._size), []
        for example in examples[:200]:
            try:
                found.append(plain.encode(example.inputs)["values"].flatten())
            except RnnzooError as error:
                raise RnnzooError(f"{example.place}: {error}") from None
        pixels = torch.cat(found).double()
        return VideoEncoding(*self._size, pixels.mean().item(), pixels.std(unbiased=False).item() or 1.0)

    def source_batch(self, split: str, rows: Tensor) -> SequenceInputs:
        """The videos."""
        return self.stored(split).batch(rows)


class VideoFilesDataModule(VideoCaptionDataModule):
    """Folders of frames, or `.npy` files, that a table lists with their captions.

    Args:
        train_files: `.tsv`, `.csv` or `.jsonl` files to learn from: a video and a caption a row; a video is the path of
            a folder of frames or of a `.npy` file, below the folder of the table.
        validation_files: files to choose by.
        test_files: files to report on.
        columns: of the video and of the caption: names in the header, or positions from 0.
        header: whether the first line of a `.tsv` or `.csv` file names the columns.
        height: to which frames are scaled.
        width: as the height.
        channels: 1: grey, 3: colours.
        min_frequency: words that occur less often in the training captions are `<unk>`.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.
    """

    def __init__(
        self,
        train_files: list[str],
        validation_files: list[str],
        test_files: list[str] | None = None,
        columns: list[str | int] = ["video", "caption"],  # noqa: B006  # never changed
        header: bool = True,
        height: int = 64,
        width: int = 64,
        channels: int = 3,
        min_frequency: int = 1,
        batch_size: int = 16,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        target = TextVocabulary("word", min_frequency, lowercase=True)
        super().__init__(height, width, channels, target, batch_size, max_steps_per_batch, seed, workers)
        if len(columns) != 2:
            raise RnnzooError(f"data.columns {columns}: two are needed, of the video and of the caption")
        self.files = SplitFiles(train_files, validation_files, test_files or [], None, 0)
        self._columns, self._header = columns, header

    @property
    def description(self) -> str:
        """The files' names."""
        return self.files.description

    def read(self, split: str) -> Sequence[Example]:
        """The rows of the files of a split."""
        return self.files.read(split, self.read_file)

    def read_file(self, path: str) -> list[Example]:
        """The rows of a table.

        Raises:
            RnnzooError: a video that is not there, or an empty caption; file and line are named.
        """
        found = []
        for (video, caption), place in read_table(path, self._columns, self._header):
            for value, what in ((video, "video"), (caption, "caption")):
                if not isinstance(value, str) or not value.strip():
                    raise RnnzooError(f"{place}: the {what} is {value!r}: give one, or remove the row")
            where = Path(path).parent / video
            if not where.exists():
                raise RnnzooError(f"{place}: the video {where} does not exist")
            found.append(Example(str(where), caption, place))
        return found
