import pytest
import torch
from lightning import LightningModule, Trainer

from rnnzoo.data import LanguageModelDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.text import Vocabulary, build_tokenizer

TRAIN = "the cat sat\nthe dog sat\nthe cat ran\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.txt").write_text(TRAIN)
    (tmp_path / "valid.txt").write_text("the dog ran\n\nthe bird sat")
    (tmp_path / "test.txt").write_text("a cat\n")
    return tmp_path


def module(folder, **options):
    return LanguageModelDataModule(folder=str(folder), **{"batch_size": 2, "window": 3, **options})


def test_vocabulary_and_streams_by_hand(folder):
    data = module(folder)
    assert data.vocabulary == ["<unk>", "<eos>", "the", "cat", "sat", "dog", "ran"]
    assert data.train_ids().tolist() == [2, 3, 4, 1, 2, 5, 4, 1, 2, 3, 6, 1]
    assert data.validation_ids().tolist() == [2, 5, 6, 1, 1, 2, 0, 4, 1]
    assert data.test_ids().tolist() == [0, 3, 1]
    assert data.train_ids().dtype == torch.int64
    assert data.level == "word"
    assert data.tokenizer_config == {"name": "word", "end_of_line": True, "lowercase": False}


def test_the_training_text_alone_makes_the_vocabulary(folder):
    assert module(folder, min_frequency=2).vocabulary == ["<unk>", "<eos>", "the", "cat", "sat"]
    assert module(folder, max_vocabulary=4).vocabulary == ["<unk>", "<eos>", "the", "cat"]
    assert module(folder, max_vocabulary=4).train_ids().tolist() == [2, 3, 0, 1, 2, 0, 0, 1, 2, 3, 0, 1]
    closed = module(folder, unknown=False)
    assert closed.vocabulary == ["<eos>", "the", "cat", "sat", "dog", "ran"]
    assert closed.train_ids().min() == 0


def test_an_unknown_token_of_a_closed_vocabulary_is_found(folder):
    with pytest.raises(RnnzooError, match=r"valid.txt, line 3: the token 'bird' does not occur .*data.unknown to true"):
        module(folder, unknown=False).validation_ids()


def test_characters_have_the_newline_as_a_symbol(folder):
    data = module(folder, tokenizer="character")
    assert "".join(data.vocabulary[i] for i in data.train_ids()) == TRAIN
    assert "<eos>" not in data.vocabulary
    assert data.level == "character"
    first = next(iter(data.train_dataloader()))
    assert data.vocabulary[first.inputs[0, 0]] == "\n"


def test_subwords_are_learned_from_the_training_text_and_lose_nothing(folder):
    data = module(folder, tokenizer={"name": "subword", "size": 270})
    rebuilt = build_tokenizer(data.tokenizer_config)
    text = [data.vocabulary[i] for i in data.validation_ids()]
    assert rebuilt.join(text) == "the dog ran\n\nthe bird sat\n"
    assert len(data.vocabulary) <= 272
    assert Vocabulary(data.vocabulary).ids(rebuilt.split("the bird"))[0] > 1
    assert data.level == "subword"


def test_lowercase_goes_with_the_tokenizer(folder):
    (folder / "train.txt").write_text("The CAT\nthe cat\n")
    data = module(folder, lowercase=True)
    assert data.vocabulary == ["<unk>", "<eos>", "cat", "the"]
    assert build_tokenizer(data.tokenizer_config).split("The Cat") == ["the", "cat"]


def test_the_tokenizers_own_lowercase(folder):
    (folder / "train.txt").write_text("The CAT\nthe cat\n")
    data = module(folder, tokenizer={"name": "word", "lowercase": True})
    assert data.vocabulary == ["<unk>", "<eos>", "cat", "the"]


def test_printing_reads_nothing(folder):
    assert str(LanguageModelDataModule(folder="absent")) == "LanguageModelDataModule(absent)"
    assert str(LanguageModelDataModule(train_files=["a", "b"], fractions=[0.8, 0.2, 0])) == (
        "LanguageModelDataModule(a, b)"
    )


def test_a_text_too_small_is_named_by_its_own_files(folder):
    data = LanguageModelDataModule(
        train_files=[str(folder / "train.txt")], validation_files=[str(folder / "valid.txt")], batch_size=99
    )
    with pytest.raises(RnnzooError, match=r"^the training text \([^,]*train\.txt\) has 12 tokens, fewer than the 99"):
        data.train_dataloader()


@pytest.mark.parametrize("mode", ["lanes", "sentences"])
def test_every_token_is_a_target_once_in_each_split(folder, mode):
    data = LanguageModelDataModule(
        folder=str(folder), batch_size=2, mode=mode, **({"window": 3} if mode == "lanes" else {})
    )
    streams = [data.train_ids(), data.validation_ids(), data.test_ids(), data.test_ids()]
    loaders = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader(), data.predict_dataloader()]
    for stream, loader in zip(streams, loaders, strict=True):
        targets = torch.cat([batch.targets[batch.mask] for batch in loader])
        assert targets.sort().values.tolist() == stream.sort().values.tolist()
    predicted = torch.cat([batch.targets[batch.mask] for batch in data.predict_dataloader()])
    assert predicted.tolist() == data.test_ids().tolist()
    first = next(iter(data.test_dataloader()))
    assert (first.inputs[0, 0], first.first) == (1, True)


def test_evaluation_is_one_lane_unless_asked(folder):
    assert next(iter(module(folder).val_dataloader())).inputs.shape == (1, 9)
    data = module(folder, evaluation_batch_size=2, evaluation_window=4)
    assert [batch.inputs.shape for batch in data.val_dataloader()] == [(2, 4), (2, 1)]
    assert sum(batch.num_tokens for batch in data.val_dataloader()) == 9


def test_random_windows_are_drawn_from_the_seed(tmp_path):
    (tmp_path / "all.txt").write_text("a b c\n" * 2000)
    files = {"train_files": [str(tmp_path / "all.txt")], "fractions": [0.8, 0.1, 0.1], "random_window": True}
    widths = [
        [
            batch.inputs.shape[1]
            for batch in LanguageModelDataModule(**files, batch_size=4, seed=seed).train_dataloader()
        ]
        for seed in (0, 0, 1)
    ]
    assert widths[0] == widths[1] != widths[2]
    assert sum(widths[0]) == 1600
    assert len(set(widths[0])) > 5


def test_fractions_cut_the_files(tmp_path):
    (tmp_path / "all.txt").write_text("a b c\n" * 10)
    data = LanguageModelDataModule(train_files=[str(tmp_path / "all.txt")], fractions=[0.5, 0.3, 0.2])
    assert [len(data.train_ids()), len(data.validation_ids()), len(data.test_ids())] == [20, 12, 8]
    assert data.corpus_description == "file all.txt"


def test_without_test_text_the_rest_works(folder):
    data = LanguageModelDataModule(
        train_files=[str(folder / "train.txt")], validation_files=[str(folder / "valid.txt")], batch_size=2, window=3
    )
    assert len(data.validation_ids()) == 9
    with pytest.raises(RnnzooError, match=r"there is no test text: give data\.test_files"):
        data.test_dataloader()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no text given: give exactly one of data.corpus, data.folder and data.train_files"),
        ({"corpus": "pydoc", "folder": "x"}, r"data.corpus and data.folder given: .*--data.corpus null"),
        (
            {"corpus": "pydoc", "fractions": [0.8, 0.1, 0.1]},
            "data.fractions need data.train_files, but data.corpus is given",
        ),
        ({"folder": "x", "root": "y"}, "data.root is where named corpora lie"),
        ({"train_files": ["x"]}, "needs either data.validation_files .* or data.fractions"),
        ({"train_files": ["x"], "fractions": [1], "validation_files": ["y"]}, "needs either"),
        ({"train_files": ["x"], "fractions": [1], "test_files": ["y"]}, "unset it or data.test_files"),
        ({"train_files": "a.txt"}, r"data.train_files is a list, not the text 'a.txt': write \[a.txt\]"),
        ({"corpus": "pydoc", "batch_size": 2.5}, "data.batch_size: 2.5 must be a whole number"),
        ({"corpus": "pydoc", "batch_size": 0}, "data.batch_size: 0 must be at least 1"),
        ({"corpus": "pydoc", "seed": 10**20}, "data.seed must be a whole number from 0 to 4294967295, not 1000"),
        ({"corpus": "pydoc", "seed": -1}, "data.seed must be a whole number from 0 to 4294967295, not -1"),
        ({"corpus": "pydoc", "mode": "sentence"}, "unknown data.mode 'sentence': did you mean 'sentences'"),
        ({"corpus": "pydoc", "mode": "sentences", "random_window": True}, "data.random_window is about lanes"),
        ({"corpus": "pydoc", "mode": "sentences", "window": 35}, "data.window is about lanes"),
        ({"corpus": "pydoc", "mode": "sentences", "evaluation_window": 256}, "data.evaluation_window is about lanes"),
        ({"corpus": "pydoc", "mode": "sentences", "evaluation_batch_size": 1}, "evaluation_batch_size is about lanes"),
        ({"corpus": "pydoc", "mode": "sentences", "end_of_line": False}, "data.mode sentences needs lines"),
        ({"corpus": "pydoc", "tokenizer": "wrod"}, "unknown tokenizer 'wrod'"),
        (
            {"corpus": "pydoc", "lowercase": True, "tokenizer": {"name": "word", "lowercase": False}},
            "data.lowercase is True but data.tokenizer says False: say it as data.lowercase",
        ),
        ({"corpus": "pydoc", "tokenizer": "subword", "min_frequency": 2}, "data.min_frequency does not limit subwords"),
        ({"corpus": "pydoc", "max_vocabulary": 9, "unknown": False}, "data.max_vocabulary needs <unk>"),
    ],
)
def test_keys_that_make_no_sense_are_named(options, message):
    with pytest.raises(RnnzooError, match=message):
        LanguageModelDataModule(**options)


def test_text_too_small_is_named(folder):
    with pytest.raises(
        RnnzooError, match=r"training text \(folder .*\) has 12 tokens, fewer than the 13 lanes: lower data.batch_size"
    ):
        module(folder, batch_size=13).train_dataloader()
    with pytest.raises(
        RnnzooError, match=r"each of 3 lanes gets 4, less than a window of 5; lower data.batch_size or data.window"
    ):
        module(folder, batch_size=3, window=5).train_dataloader()
    with pytest.raises(
        RnnzooError, match=r"the test text .* has 3 tokens, fewer than the 4 lanes: lower data.evaluation_b"
    ):
        module(folder, evaluation_batch_size=4).test_dataloader()
    with pytest.raises(RnnzooError, match="at most 2 tokens has no room"):
        _ = module(folder, max_vocabulary=2).vocabulary
    (folder / "train.txt").write_text("word word\nword\n")
    with pytest.raises(RnnzooError, match=r"train.txt: the vocabulary has 1 token beside <unk>, <eos>"):
        _ = module(folder).vocabulary
    (folder / "train.txt").write_text("")
    with pytest.raises(RnnzooError, match=r"train.txt: is empty"):
        _ = module(folder).vocabulary


class Sums(LightningModule):
    """The count and sum of all targets of two processes."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.first = []

    def training_step(self, batch, batch_idx):
        self.log(
            "targets",
            batch.targets[batch.mask].sum().float(),
            on_epoch=True,
            sync_dist=True,
            reduce_fx="sum",
            batch_size=1,
        )
        return self.layer(batch.inputs[:1, :1].float()).sum()

    def validation_step(self, batch, batch_idx):
        values = torch.tensor([batch.num_tokens, batch.targets[batch.mask].sum()], dtype=torch.float32)
        for name, value in zip(("count", "sum"), values, strict=True):
            self.log(name, value, sync_dist=True, reduce_fx="sum", batch_size=1)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


@pytest.mark.parametrize("mode", ["lanes", "sentences"])
def test_two_processes_count_every_token_once(folder, mode):
    data = LanguageModelDataModule(
        folder=str(folder), batch_size=2, mode=mode, **({"window": 3} if mode == "lanes" else {})
    )
    trainer = Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp_fork",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(Sums(), datamodule=data)
    assert trainer.callback_metrics["count"] == 9
    assert trainer.callback_metrics["sum"] == data.validation_ids().sum()
    assert trainer.callback_metrics["targets_epoch"] == data.train_ids().sum()


def test_the_trainer_s_limit_reaches_the_loader(folder):
    data = module(folder, window=1)
    data.trainer = Trainer(accelerator="cpu", limit_train_batches=0.5, logger=False, enable_checkpointing=False)
    assert (len(data.train_dataloader()), data.train_dataloader().limit) == (6, 3)
    data.trainer.limit_train_batches = 4
    assert data.train_dataloader().limit == 4
