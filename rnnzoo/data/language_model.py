"""Text for language models: from files, folders and named corpora to batches."""

from functools import cached_property
from typing import Any, Literal

from lightning import LightningDataModule
from torch import Tensor

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.data.encoding import encode, index_texts, learn_vocabulary
from rnnzoo.data.files import Text
from rnnzoo.data.lanes import LaneLoader, RandomWindowLaneLoader
from rnnzoo.data.loader import StatefulLoader
from rnnzoo.data.sentences import BucketedSentenceLoader, SentenceLoader
from rnnzoo.data.sources import TextSource
from rnnzoo.data.splits import Splits
from rnnzoo.errors import RnnzooError, require_seed, unknown
from rnnzoo.text import Tokenizer, Vocabulary, build_tokenizer
from rnnzoo.text.vocabulary import END, UNKNOWN

_WINDOW = 35
_EVALUATION_WINDOW = 256


class LanguageModelDataModule(LightningDataModule):
    """Batches of a text for a language model: contiguous lanes with carried state, or sentences.

    Exactly one of `corpus`, `folder` and `train_files` says which text. The vocabulary is that of the training text;
    other tokens of the validation and test text are `<unk>`. Each token of a split, line ends among them, is a target
    exactly once per epoch, in training and evaluation, on any number of processes.

    Args:
        corpus: The name of a corpus: `pydoc`, `tinyshakespeare` or `wikitext-2`; see `rnnzoo.data.corpora`.
        folder: A folder with one file each whose name contains train, valid (or val, dev) and test; or with
            `fractions`, of any text files.
        train_files: UTF-8 text files to learn from, gzip-compressed where the name ends in `.gz`.
        validation_files: Files to choose by.
        test_files: Files to report on.
        fractions: Shares of training, validation and test text, cut one after the other from `train_files`, or from all
            files of `folder` in the order of their names.
        root: Where downloaded corpora lie; else the environment variable `RNNZOO_DATA`, else the user's cache.
        tokenizer: `whitespace`, `word`, `character` or `subword`, or a dictionary of the name and the tokenizer's own
            arguments, such as `{name: subword, size: 8000}`.
        min_frequency: Tokens that occur less often in the training text are `<unk>`.
        max_vocabulary: Of the others at most so many, the frequent first; `<unk>` and `<eos>` count.
        unknown: Whether the vocabulary has `<unk>`. Without it a validation or test token that the training text
            lacks is an error.
        end_of_line: Whether a line's end is the token `<eos>`; else a newline is white space, or at character and
            subword level a symbol like others, and there is no `<eos>`. None is true but at character level in lanes.
        lowercase: Whether all text is turned into lower case.
        mode: `lanes`: the text as one stream, state carried from batch to batch; `sentences`: each line a row of its
            own, in batches of like lengths.
        batch_size: Rows of a training batch (lanes, or sentences), per process, as everywhere in Lightning; of
            sentences also in evaluation.
        window: Tokens of a lane in a training batch: how far gradients go back; None: 35.
        random_window: Whether training windows have random lengths; see `RandomWindowLaneLoader`.
        evaluation_window: Tokens of a lane in an evaluation batch; None: 256. The state is carried, so it changes time
            and memory but no result.
        evaluation_batch_size: Lanes in evaluation, over all processes; None: one, which is exact: every token has all
            tokens before it as context. More are faster on a GPU, and each lane begins without context.
        seed: Of the order of sentences and of random windows.

    Raises:
        RnnzooError: If a key or a combination makes no sense, naming it; whatever is wrong with the text itself is
            said when it is first needed, by `vocabulary` or a loader.
    """

    def __init__(
        self,
        corpus: str | None = None,
        folder: str | None = None,
        train_files: list[str] | None = None,
        validation_files: list[str] | None = None,
        test_files: list[str] | None = None,
        fractions: list[float] | None = None,
        root: str | None = None,
        tokenizer: str | dict[str, Any] = "word",
        min_frequency: int = 1,
        max_vocabulary: int | None = None,
        unknown: bool = True,
        end_of_line: bool | None = None,
        lowercase: bool = False,
        mode: Literal["lanes", "sentences"] = "lanes",
        batch_size: int = 20,
        window: int | None = None,
        random_window: bool = False,
        evaluation_window: int | None = None,
        evaluation_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = TextSource(corpus, folder, train_files, validation_files, test_files, fractions, root)
        self.min_frequency, self.max_vocabulary, self.unknown = min_frequency, max_vocabulary, unknown
        self.mode, self.batch_size, self.random_window, self.seed = mode, batch_size, random_window, seed
        self._check_mode(
            window=window,
            random_window=random_window or None,
            evaluation_window=evaluation_window,
            evaluation_batch_size=evaluation_batch_size,
        )
        self.window = _WINDOW if window is None else window
        self.evaluation_window = _EVALUATION_WINDOW if evaluation_window is None else evaluation_window
        self.evaluation_batch_size = 1 if evaluation_batch_size is None else evaluation_batch_size
        self._check_sizes()
        self._unfitted = _tokenizer(tokenizer, end_of_line, lowercase, mode)
        self.level = self._unfitted.level
        self._check_vocabulary_keys()

    def __str__(self) -> str:
        """The class and its source; Lightning's own would read all loaders."""
        source = self.source.corpus or self.source.folder or ", ".join(self.source.train_files or [])
        return f"{type(self).__name__}({source})"

    @property
    def vocabulary(self) -> list[str]:
        """The tokens in the order of their ids, from the training text; read once, without a trainer."""
        return self._encoded_train[0].tokens

    @property
    def tokenizer_config(self) -> dict[str, Any]:
        """Plain data from which `rnnzoo.text.build_tokenizer` makes the tokenizer, with what it learned."""
        return self._tokenizer.config()

    @property
    def corpus_description(self) -> str:
        """The text in a few words, for the title of a table."""
        return self._splits.description

    def train_ids(self) -> Tensor:
        """The training text as (L,) int64: the targets that the loader's lanes or sentences are cut from."""
        return self._encoded_train[1]

    def validation_ids(self) -> Tensor:
        """The validation text as (L,) int64."""
        return self._encoded_validation

    def test_ids(self) -> Tensor:
        """The test text as (L,) int64.

        Raises:
            RnnzooError: If there is none.
        """
        return self._encoded_test

    def train_dataloader(self) -> StatefulLoader[LanguageModelBatch]:
        """The training batches of this process.

        Raises:
            RnnzooError: If the text has fewer tokens than lanes, or a lane is shorter than a window.
        """
        loader = self._train_loader(*self._process())
        if self.trainer is not None:
            loader.train_by(self.trainer)
        return loader

    def val_dataloader(self) -> StatefulLoader[LanguageModelBatch]:
        """The validation batches of this process."""
        return self._evaluation_loader("validation", self.validation_ids())

    def test_dataloader(self) -> StatefulLoader[LanguageModelBatch]:
        """The test batches of this process."""
        return self._evaluation_loader("test", self.test_ids())

    def predict_dataloader(self) -> StatefulLoader[LanguageModelBatch]:
        """The test text in its order: as one lane, or sentence after sentence."""
        if self.mode == "sentences":
            end_id = self._encoded_train[0].id(END)
            return SentenceLoader(self.test_ids(), self.batch_size, end_id, *self._process())
        return LaneLoader(self.test_ids(), 1, self.evaluation_window, self._encoded_train[0].start_id, *self._process())

    def _train_loader(self, rank: int, world: int) -> StatefulLoader[LanguageModelBatch]:
        ids, vocabulary = self.train_ids(), self._encoded_train[0]
        if self.mode == "sentences":
            return BucketedSentenceLoader(ids, self.batch_size, vocabulary.id(END), self.seed, rank, world)
        lanes = self.batch_size * world
        self._check_lanes("training", len(ids), lanes, "data.batch_size", self.window)
        if self.random_window:
            return RandomWindowLaneLoader(ids, lanes, self.window, vocabulary.start_id, self.seed, rank, world)
        return LaneLoader(ids, lanes, self.window, vocabulary.start_id, rank, world)

    def _evaluation_loader(self, split: str, ids: Tensor) -> StatefulLoader[LanguageModelBatch]:
        vocabulary = self._encoded_train[0]
        if self.mode == "sentences":
            return BucketedSentenceLoader(ids, self.batch_size, vocabulary.id(END), self.seed, *self._process())
        self._check_lanes(split, len(ids), self.evaluation_batch_size, "data.evaluation_batch_size", 1)
        return LaneLoader(
            ids, self.evaluation_batch_size, self.evaluation_window, vocabulary.start_id, *self._process()
        )

    def _process(self) -> tuple[int, int]:
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    @cached_property
    def _splits(self) -> Splits:
        return self.source.read()

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return self._unfitted.fit(text.text for text in self._splits.train)

    @cached_property
    def _encoded_train(self) -> tuple[Vocabulary, Tensor]:
        texts = self._splits.train
        tokens, positions = index_texts(texts, self._tokenizer)
        counts = dict(zip(tokens, positions.bincount(minlength=len(tokens)).tolist(), strict=True))
        specials = [UNKNOWN] * self.unknown + [END] * self._tokenizer.end_of_line
        vocabulary = learn_vocabulary(
            counts, self._tokenizer, specials, self.min_frequency, self.max_vocabulary, _sources(texts)
        )
        return vocabulary, encode(tokens, positions, texts, self._tokenizer, vocabulary)

    @cached_property
    def _encoded_validation(self) -> Tensor:
        return self._encode(self._splits.validation)

    @cached_property
    def _encoded_test(self) -> Tensor:
        if not self._splits.test:
            raise RnnzooError("there is no test text: give data.test_files, or a test share in data.fractions")
        return self._encode(self._splits.test)

    def _encode(self, texts: list[Text]) -> Tensor:
        return encode(*index_texts(texts, self._tokenizer), texts, self._tokenizer, self._encoded_train[0])

    def _check_lanes(self, split: str, tokens: int, lanes: int, key: str, window: int) -> None:
        texts = {"training": self._splits.train, "validation": self._splits.validation, "test": self._splits.test}
        named = _sources(texts[split]) if self.source.train_files else self.corpus_description
        where = f"the {split} text ({named}) has {tokens} tokens"
        if tokens < lanes:
            raise RnnzooError(f"{where}, fewer than the {lanes} lanes: lower {key}, or give more text")
        if tokens // lanes < window:
            raise RnnzooError(
                f"{where}: each of {lanes} lanes gets {tokens // lanes}, less than a window of {window}; "
                f"lower {key} or data.window, or give more text"
            )

    def _check_mode(self, **of_lanes: int | None) -> None:
        if self.mode not in ("lanes", "sentences"):
            raise RnnzooError(unknown("data.mode", self.mode, ["lanes", "sentences"]))
        given = [key for key, value in of_lanes.items() if value is not None]
        if self.mode == "sentences" and given:
            raise RnnzooError(f"data.{given[0]} is about lanes, but data.mode is sentences: unset one")

    def _check_sizes(self) -> None:
        for key in ("min_frequency", "batch_size", "window", "evaluation_window", "evaluation_batch_size"):
            value = getattr(self, key)
            if type(value) is not int:
                raise RnnzooError(f"data.{key}: {value!r} must be a whole number")
            if value < 1:
                raise RnnzooError(f"data.{key}: {value} must be at least 1")
        require_seed("data.seed", self.seed)

    def _check_vocabulary_keys(self) -> None:
        limited = [
            key
            for key, given in (("min_frequency", self.min_frequency > 1), ("max_vocabulary", self.max_vocabulary))
            if given
        ]
        if limited and self.level == "subword":
            raise RnnzooError(
                f"data.{limited[0]} does not limit subwords: give size or min_frequency in data.tokenizer, "
                "such as {name: subword, size: 8000}"
            )
        if limited and not self.unknown:
            raise RnnzooError(f"data.{limited[0]} needs <unk> for what it leaves out, but data.unknown is false")


def _tokenizer(given: str | dict[str, Any], end_of_line: bool | None, lowercase: bool, mode: str) -> Tokenizer:
    options: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    if end_of_line is None:
        end_of_line = options.get("end_of_line", mode == "sentences" or options.get("name") != "character")
    if not lowercase:  # the default, which the tokenizer's own key may change
        lowercase = options.get("lowercase", False)
    for key, value in (("end_of_line", end_of_line), ("lowercase", lowercase)):
        if options.setdefault(key, value) != value:
            raise RnnzooError(f"data.{key} is {value} but data.tokenizer says {options[key]}: say it as data.{key}")
    tokenizer = build_tokenizer(options)
    if mode == "sentences" and not tokenizer.end_of_line:
        raise RnnzooError("data.mode sentences needs lines that end in <eos>, but data.end_of_line is false")
    return tokenizer


def _sources(texts: list[Text]) -> str:
    names = list(dict.fromkeys(text.source for text in texts))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
