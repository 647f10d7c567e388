import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.sentences import BucketedSentenceLoader, SentenceLoader

END = 1


def stream(sentences):
    return torch.tensor([token for sentence in sentences for token in (*sentence, END)])


def rows(batch):
    for inputs, targets, mask in zip(batch.inputs, batch.targets, batch.mask, strict=True):
        yield inputs[mask].tolist(), targets[mask].tolist()


@given(
    sentences=st.lists(st.lists(st.integers(2, 9), max_size=6), min_size=1, max_size=30),
    batch_size=st.integers(1, 4),
    world=st.integers(1, 3),
    bucketed=st.booleans(),
)
def test_each_sentence_is_a_row_once(sentences, batch_size, world, bucketed):
    ids = stream(sentences)
    loaders = [
        BucketedSentenceLoader(ids, batch_size, END, seed=5, rank=rank, world=world)
        if bucketed
        else SentenceLoader(ids, batch_size, END, rank, world)
        for rank in range(world)
    ]
    found = []
    for share in zip(*loaders, strict=True):
        assert len({batch.inputs.shape for batch in share}) == 1
        assert all(batch.first for batch in share)
        # rows stand in turn on the processes: row k of all is row k // world of process k % world
        found += [row for turn in zip(*(rows(batch) for batch in share), strict=True) for row in turn if row[1]]
    expected = [([END, *sentence], [*sentence, END]) for sentence in sentences]
    assert (sorted(found) == sorted(expected)) if bucketed else (found == expected)


def test_padding_is_marked_by_lengths():
    batch = next(iter(SentenceLoader(stream([[5, 6], [7]]), 3, END)))
    assert batch.inputs.tolist() == [[1, 5, 6], [1, 7, 0], [0, 0, 0]]
    assert batch.targets.tolist() == [[5, 6, 1], [7, 1, 0], [0, 0, 0]]
    assert batch.lengths.tolist() == [3, 2, 0]
    assert batch.num_tokens == 5


def test_batches_have_like_lengths_and_another_order_each_epoch():
    lengths = torch.randint(0, 40, (3_000,), generator=torch.Generator().manual_seed(0)).tolist()
    ids = stream([[2] * length for length in lengths])
    loader = BucketedSentenceLoader(ids, 10, END, seed=0)
    orders = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        batches = list(loader)
        assert sum(batch.num_tokens for batch in batches) == len(ids)
        padded = sum(batch.inputs.numel() for batch in batches)
        assert padded < 1.05 * len(ids)
        orders.append([batch.inputs.shape[1] for batch in batches])
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])
    assert sum(b.inputs.numel() for b in SentenceLoader(ids, 10, END)) > 1.5 * len(ids)
