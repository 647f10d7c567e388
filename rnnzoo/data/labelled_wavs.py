"""Labelled sound: wav files in folders or archives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lightning.pytorch.utilities import rank_zero_warn

from rnnzoo.data.acceptor import AcceptorDataModule
from rnnzoo.data.examples import Example
from rnnzoo.data.files import read_text
from rnnzoo.data.roots import dataset_folder
from rnnzoo.data.split_files import check_fractions, share_out
from rnnzoo.data.wav_files import FOLDER_IS_LABEL, read_wavs
from rnnzoo.encodings import AudioEncoding
from rnnzoo.errors import RnnzooError, unknown

_FSDD = "https://github.com/Jakobovski/free-spoken-digit-dataset"
SETS = ("fsdd",)
_NOISE = "_background_noise_"  # beside the words of the Speech Commands (Warden 2018)


class _File(NamedTuple):
    """A wav file as an example, with what its name says by the fields of the pattern, and its name below the folder."""

    example: Example
    fields: dict[str, str]
    name: str


class LabelledWavsDataModule(AcceptorDataModule):
    """A sound, read as frames of log mel energies (`rnnzoo.layers.mel.LogMel`), and its class.

    Mean and scale of each band are those of the training sounds.

    Args:
        dataset: `fsdd`, the free spoken digits (Jackson et al. 2018), six speakers at 8 kHz: the files
            `{label}_{speaker}_{index}.wav` of the folder `fsdd` below the root, or of a tar archive in it. Its indexes
            0 to 4 are the test, as published; of the others, 5 is for validation. None: the folder that is given.
        folder: of wav files, or a tar archive of them.
        pattern: how the names are to be read, with `{label}` and other fields, see `rnnzoo.data.wav_files.read_wavs`.
        split_by: a field of the pattern that says which split a file belongs to; None: `fractions`.
        test: the values of that field that are the test.
        validation: the values that are for validation; the others are to learn from.
        validation_list: a text file with a name a line, such as `bed/0a7c2a8d_nohash_0.wav`, of the files that are for
            validation, as the Speech Commands (Warden 2018) have it; with `test_list`, in place of a field.
        test_list: the same of the test; files in neither list are to learn from.
        fractions: shares of training, validation and test files, drawn, where neither a field nor lists say it.
        split_seed: of that draw.
        ignore: names of files and folders that are passed over, such as `_background_noise_`.
        sample_rate: in Hz, of all files; None: that of the first.
        convert: whether several channels are averaged and other rates resampled; else they are errors.
        window: of a frame, in seconds.
        hop: from one frame to the next, in seconds.
        bands: of each frame.
        root: where published sets lie; else the environment variable `RNNZOO_DATA`, else the user's cache.
        batch_size: as in `ExampleDataModule`, and so are the rest.
        max_steps_per_batch: see there.
        seed: see there.
        workers: see there.

    Raises:
        RnnzooError: keys that do not go together; what is wrong with the files is said when they are first needed.
    """

    def __init__(
        self,
        dataset: str | None = None,
        folder: str | None = None,
        pattern: str = FOLDER_IS_LABEL,
        split_by: str | None = None,
        test: list[str] = [],  # noqa: B006  # never changed
        validation: list[str] = [],  # noqa: B006
        validation_list: str | None = None,
        test_list: str | None = None,
        fractions: list[float] = [0.8, 0.1, 0.1],  # noqa: B006
        split_seed: int = 0,
        ignore: list[str] = [],  # noqa: B006
        sample_rate: int | None = None,
        convert: bool = False,
        window: float = 0.025,
        hop: float = 0.010,
        bands: int = 40,
        root: str | None = None,
        batch_size: int = 32,
        max_steps_per_batch: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__(batch_size, max_steps_per_batch, seed, workers)
        if (dataset is None) == (folder is None):
            raise RnnzooError(
                "give exactly one of data.dataset and data.folder (--data.dataset null unsets a recipe's)"
            )
        if dataset is not None:
            if dataset not in SETS:
                raise RnnzooError(unknown("data.dataset", dataset, SETS))
            if pattern != FOLDER_IS_LABEL or split_by or sample_rate:
                raise RnnzooError(f"data.dataset {dataset} has its own pattern, split_by and sample_rate: unset them")
            if test or validation or validation_list or test_list or ignore:
                raise RnnzooError(
                    f"data.dataset {dataset} has its own test and validation: unset them, and data.ignore"
                )
            pattern, split_by, sample_rate = "{label}_{speaker}_{index}.wav", "index", 8000
            test, validation = [str(index) for index in range(5)], ["5"]
        elif root:
            raise RnnzooError("data.root is where published sets lie, but data.folder is given: unset one")
        if bool(split_by) != bool(test) or bool(split_by) != bool(validation) or set(test) & set(validation):
            raise RnnzooError("data.split_by needs data.test and data.validation, values of that field, none in both")
        if bool(validation_list) != bool(test_list) or (validation_list and split_by):
            raise RnnzooError("data.validation_list and data.test_list (in place of data.split_by) go together")
        check_fractions(fractions)
        self._dataset, self._folder, self._root, self._pattern = dataset, folder, root, pattern
        self._split_by, self._test, self._validation = split_by, set(test), set(validation)
        self._lists = {"validation": validation_list, "test": test_list} if validation_list and test_list else None
        self._ignore = ignore
        self._done: Counter[str] = Counter()
        self._fractions, self._split_seed = fractions, split_seed
        self._rate, self._convert, self._frames = sample_rate, convert, {"window": window, "hop": hop, "bands": bands}

    @property
    def description(self) -> str:
        """Which sounds, and what was done to those that were read."""
        name = self._dataset or f"wav files of {self._folder}"
        done = "; ".join(f"{count} files: {what}" for what, count in self._done.items())
        return f"{name} ({done})" if done else name

    def read(self, split: str) -> Sequence[Example]:
        """The sounds of a split.

        Raises:
            RnnzooError: a file cannot be read, or is of another rate; a name that does not fit; an unknown field.
        """
        return self._splits[split]

    def fit_encoding(self, examples: Sequence[Example]) -> AudioEncoding:
        """Mean and scale of the training frames."""
        frames = {"sample_rate": self._rate, **self._frames}
        return AudioEncoding.fit((example.inputs for example in examples), frames, self._convert)

    @cached_property
    def _splits(self) -> dict[str, list[Example]]:
        found = self._read_files()
        if self._lists is not None:
            return _listed(found, self._lists, self._path())
        if self._split_by is None:
            return share_out([one.example for one in found], self._fractions, self._split_seed)
        splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
        for one in found:
            if self._split_by not in one.fields:
                raise RnnzooError(unknown("data.split_by: field of the pattern", self._split_by, list(one.fields)))
            value = one.fields[self._split_by]
            split = "test" if value in self._test else "validation" if value in self._validation else "train"
            splits[split].append(one.example)
        self._check_asked({one.fields[self._split_by] for one in found})
        return splits

    def _read_files(self) -> list[_File]:
        """All files, each read once, so that what is wrong with one is said before anything is trained.

        An example of a folder is the path of its file, which is read anew when it is encoded: the waveforms of a large
        set together would be gigabytes. Those of an archive, in which no file is found at once, are kept.
        """
        path, found = self._path(), []
        for one in read_wavs(path, self._pattern, self._rate, self._convert, self._ignore):
            sound = one.place if Path(path).is_dir() else one.waveform
            found.append(_File(Example(sound, one.label, one.place), one.fields, one.name))
            self._rate = one.waveform.rate  # if it was not given, that of the first
            if one.waveform.conversion:
                self._done[one.waveform.conversion] += 1
        if noise := sum(one.example.target == _NOISE for one in found):
            said = f"{noise} file{' has' if noise == 1 else 's have'} the label {_NOISE}"
            rank_zero_warn(f"{path}: {said}: unless noise is to be a class, give data.ignore: [{_NOISE}]")
        return found

    def _check_asked(self, known: set[str]) -> None:
        """Refuse values of the field that no file has."""
        for key, asked in (("test", self._test), ("validation", self._validation)):
            for value in sorted(asked - known):
                raise RnnzooError(unknown(f"data.{key}: {self._split_by}", value, known))

    def _path(self) -> str:
        if self._folder is not None:
            return self._folder
        folder = dataset_folder(str(self._dataset), _FSDD, self._root)
        archives = sorted(path for path in folder.iterdir() if path.name.endswith((".tar", ".tar.gz", ".tgz")))
        if len(archives) > 1:
            raise RnnzooError(f"{folder} has several archives, {archives[0].name} and {archives[1].name}: leave one")
        return str(archives[0] if archives else folder)


def _listed(found: Sequence[_File], lists: Mapping[str, str], path: str) -> dict[str, list[Example]]:
    """The files of each split, as lists of names say; those in none are to learn from."""
    split_of: dict[str, str] = {}
    places: dict[str, str] = {}
    for split, file in lists.items():
        for number, line in enumerate(read_text(file).text.split("\n"), 1):
            name, place = line.strip(), f"{file}:{number}"
            if name in places:
                raise RnnzooError(f"{place}: {name} stands in {places[name]} already: remove one of them")
            if name:
                split_of[name], places[name] = split, place
    depths = {name.count("/") + 1 for name in places}
    splits: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for one in found:
        parts = one.name.split("/")
        names = [name for depth in depths if (name := "/".join(parts[-depth:])) in split_of]
        splits[split_of.pop(names[0]) if names else "train"].append(one.example)
    for name in split_of:
        raise RnnzooError(f"{places[name]}: there is no wav file {name} in {path}: remove the line, or get the file")
    return splits
