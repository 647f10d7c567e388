"""Examples in batches: every example once, like lengths together, the same on any number of processes, resumable."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from rnnzoo.batches import LabelledBatch
from rnnzoo.data import AcceptorDataModule, Example
from rnnzoo.data.example_loaders import BatchSize, BucketedLoader, OrderedLoader, SortedLoader
from rnnzoo.data.store import SequenceStore
from rnnzoo.encodings import TextEncoding, known_characters
from rnnzoo.errors import RnnzooError

LENGTHS = torch.tensor([random.Random(7).randint(1, 30) for _ in range(203)])
SIZES = [BatchSize(8), BatchSize(8, 60), BatchSize(1000, 90)]


def _rows(rows: Tensor) -> Tensor:
    return rows


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_example_once_and_as_many_batches_on_every_rank(size: BatchSize, world: int) -> None:
    for epoch in (0, 1):
        loaders = [BucketedLoader(LENGTHS, _rows, size, seed=3, rank=rank, world=world) for rank in range(world)]
        for loader in loaders:
            loader.set_epoch(epoch)
        found = [list(loader) for loader in loaders]
        assert len({len(batches) for batches in found}) == 1 == len({len(loader) for loader in loaders})
        seen = torch.cat([row for batches in found for row in batches])
        assert sorted(seen[seen >= 0].tolist()) == list(range(203))
        for batches in zip(*found, strict=True):
            assert max(map(len, batches)) <= size.rows
            together = torch.cat(batches)
            together = together[together >= 0]
            if size.steps and len(together) > 1:
                assert len(together) * int(LENGTHS[together].max()) <= size.steps * world


@pytest.mark.parametrize("size", SIZES)
def test_each_epoch_is_another_and_each_has_as_many_batches(size: BatchSize) -> None:
    loader = BucketedLoader(LENGTHS, _rows, size, seed=3)
    epochs = []
    for epoch in range(4):
        loader.set_epoch(epoch)
        epochs.append([rows.tolist() for rows in loader])
    assert len({str(batches) for batches in epochs}) == 4
    assert len({len(batches) for batches in epochs}) == 1
    again = BucketedLoader(LENGTHS, _rows, size, seed=3)
    again.set_epoch(2)
    assert [rows.tolist() for rows in again] == epochs[2]


def test_order_and_sorted_order() -> None:
    assert torch.equal(torch.cat(list(OrderedLoader(LENGTHS, _rows, BatchSize(9)))), torch.arange(203))
    lengths = LENGTHS[torch.cat(list(SortedLoader(LENGTHS, _rows, BatchSize(9))))]
    assert torch.equal(lengths, LENGTHS.sort().values)


def test_buckets_waste_little() -> None:
    lengths = torch.tensor([max(1, int(random.Random(i).gauss(20, 9))) for i in range(5000)])
    for size in (BatchSize(32), BatchSize(64, 1000)):
        padded = sum(len(rows) * int(lengths[rows].max()) for rows in BucketedLoader(lengths, _rows, size, seed=0))
        assert padded / int(lengths.sum()) < 1.08


class Letters(AcceptorDataModule):
    def __init__(self, count: int = 41, **given: int) -> None:
        super().__init__(**given)
        draw = random.Random(1)
        words = ["".join(draw.choices("abcd", k=draw.randint(1, 9))) for _ in range(count)]
        self._words = [Example(word, "ab"[word.count("a") % 2], f"letters:{i + 1}") for i, word in enumerate(words)]

    def read(self, split: str) -> list[Example]:
        return self._words if split == "train" else self._words[:7]

    def fit_encoding(self, examples):  # type: ignore[no-untyped-def]
        return TextEncoding({"name": "character"}, ["<unk>", *known_characters(e.inputs for e in examples)])


def test_a_batch_holds_the_examples_it_names() -> None:
    data = Letters(batch_size=5)
    batch = data.make_batch("train", torch.tensor([3, -1, 11]))
    assert isinstance(batch, LabelledBatch)
    words = data.examples("train")
    assert batch.inputs.lengths.tolist() == [len(words[3].inputs), 0, len(words[11].inputs)]
    tokens = data.input_encoding.vocabulary.tokens  # type: ignore[attr-defined]
    for row, at in ((0, 3), (2, 11)):
        length = int(batch.inputs.lengths[row])
        assert "".join(tokens[i] for i in batch.inputs.tokens[row, :length].tolist()) == words[at].inputs  # type: ignore[index]
        assert data.labels[batch.targets[row]] == words[at].target
    assert not batch.inputs.tokens[~batch.inputs.mask].any()  # type: ignore[index]


def test_characters_are_trimmed_to_the_longest_word_of_the_batch() -> None:
    encoding = TextEncoding("word", ["<unk>"], characters=["a", "b"])
    store = SequenceStore([encoding.encode(text) for text in (["a", "bab"], ["aaaaaaa"], ["b", "z", "ab"])])
    batch = store.batch(torch.tensor([2, 0]))
    assert batch.characters.tolist() == [  # type: ignore[union-attr]
        [[3, 0, 0], [1, 0, 0], [2, 3, 0]],
        [[2, 0, 0], [3, 2, 3], [0, 0, 0]],
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle_of_an_epoch(workers: int) -> None:
    def make() -> object:
        return Letters(batch_size=4, seed=5, workers=workers).train_dataloader()

    def told(batches) -> list[list[int]]:  # type: ignore[no-untyped-def]
        return [batch.inputs.tokens.flatten().tolist() + batch.targets.tolist() for batch in batches]

    whole = make()
    whole.set_epoch(3)  # type: ignore[attr-defined]
    expected = told(whole)
    stopped = make()
    stopped.set_epoch(3)  # type: ignore[attr-defined]
    steps = iter(stopped)  # type: ignore[call-overload]
    begun = [next(steps) for _ in range(6)]
    state = stopped.state_dict()  # type: ignore[attr-defined]
    resumed = make()
    resumed.load_state_dict(state)  # type: ignore[attr-defined]
    resumed.set_epoch(3)  # type: ignore[attr-defined]
    assert told(begun) + told(resumed) == expected


def test_workers_draw_nothing_from_the_global_generator() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(Letters(batch_size=4, workers=2).train_dataloader())
    assert torch.equal(before, torch.get_rng_state())


def test_a_position_in_other_data_is_refused() -> None:
    state = Letters(batch_size=4).train_dataloader().state_dict()
    with pytest.raises(RnnzooError, match="examples was 41, is 40"):
        Letters(count=40, batch_size=4).train_dataloader().load_state_dict(state)


def test_labels_that_training_lacks_are_named_with_their_place() -> None:
    data = Letters()
    data._words[2] = Example("abc", "q", "letters:3")
    data._read["train"] = data._words[7:]
    with pytest.raises(RnnzooError, match="letters:3: the label 'q' does not occur in the training data"):
        data.targets("validation")


@pytest.mark.parametrize("given", [{"batch_size": 0}, {"max_steps_per_batch": 0}, {"workers": -1}])
def test_sizes_below_their_least(given: dict[str, int]) -> None:
    with pytest.raises(RnnzooError, match=f"data.{next(iter(given))}: .* must be at least"):
        Letters(**given)
