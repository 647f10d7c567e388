import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data.lanes import LaneLoader, RandomWindowLaneLoader
from rnnzoo.errors import RnnzooError

START = 99


def read(loaders):
    """The lanes as lists of (input, target) pairs, put together from the windows of all processes."""
    lanes = []
    for loader in loaders:
        rows = None
        for number, batch in enumerate(loader):
            assert batch.first == (number == 0)
            pairs = torch.stack((batch.inputs, batch.targets), dim=2)
            rows = rows or [[] for _ in pairs]
            for row, pair, mask in zip(rows, pairs, batch.mask, strict=True):
                row += [tuple(p) for p in pair[mask].tolist()]
        lanes += rows
    return lanes


@given(
    tokens=st.integers(1, 60),
    lanes=st.integers(1, 7),
    window=st.integers(1, 9),
    world=st.integers(1, 3),
    random=st.booleans(),
)
def test_the_lanes_put_together_are_the_stream(tokens, lanes, window, world, random):
    if tokens < lanes:
        with pytest.raises(RnnzooError, match=f"{lanes} lanes cannot be cut from {tokens} tokens"):
            LaneLoader(torch.arange(tokens), lanes, window, START)
        return
    ids = torch.arange(tokens)
    loaders = [
        RandomWindowLaneLoader(ids, lanes, window, START, seed=3, rank=rank, world=world)
        if random
        else LaneLoader(ids, lanes, window, START, rank, world)
        for rank in range(world)
    ]
    pairs = [pair for lane in read(loaders) for pair in lane]
    assert pairs == list(zip([START, *range(tokens - 1)], range(tokens), strict=True))
    assert len({len(loader) for loader in loaders}) == 1


def test_windows_by_hand():
    batches = list(LaneLoader(torch.arange(11), lanes=2, window=2, start_id=START))
    assert [batch.inputs.tolist() for batch in batches] == [
        [[99, 0], [5, 6]],
        [[1, 2], [7, 8]],
        [[3, 4], [9, 0]],
    ]
    assert [batch.targets[0].tolist() for batch in batches] == [[0, 1], [2, 3], [4, 5]]
    assert [None if b.lengths is None else b.lengths.tolist() for b in batches] == [None, None, [2, 1]]
    assert [batch.num_tokens for batch in batches] == [4, 4, 3]
    assert [batch.first for batch in batches] == [True, False, False]


def test_two_processes_read_the_lanes_of_one():
    ids = torch.randint(50, (403,))
    whole = list(LaneLoader(ids, 4, 7, START))
    shares = zip(*(LaneLoader(ids, 4, 7, START, rank, 2) for rank in range(2)), strict=True)
    for batch, share in zip(whole, shares, strict=True):
        assert torch.equal(torch.cat([part.inputs for part in share]), batch.inputs)
        assert torch.equal(torch.cat([part.mask for part in share]), batch.mask)


def test_random_windows_are_alike_on_all_ranks_and_differ_between_epochs():
    ids = torch.arange(40_000)
    ranks = [RandomWindowLaneLoader(ids, 4, 70, START, seed=1, rank=rank, world=2) for rank in range(2)]
    epochs = []
    for epoch in range(3):
        for loader in ranks:
            loader.set_epoch(epoch)
        assert [b.inputs.shape for b in ranks[0]] == [b.inputs.shape for b in ranks[1]]
        epochs.append(ranks[0].windows())
    assert epochs[0] != epochs[1] != epochs[2]
    assert len({len(windows) for windows in epochs}) == 1
    assert all(sum(windows) == 10_000 for windows in epochs)
    assert RandomWindowLaneLoader(ids, 4, 70, START, seed=2, world=2).windows() != epochs[0]


def test_random_windows_have_the_published_lengths():
    windows = RandomWindowLaneLoader(torch.zeros(2_000_000, dtype=torch.int64), 1, 70, START, seed=0).windows()
    lengths = torch.tensor(windows[:-1], dtype=torch.float64)
    short = lengths < 52.5  # between the two bases, 3.5 standard deviations from each
    # int() cuts off half a token on average
    assert short.double().mean() == pytest.approx(0.05, abs=0.006)
    assert lengths[~short].mean() == pytest.approx(69.5, abs=0.15)
    assert lengths[~short].std() == pytest.approx(5.0, abs=0.15)
    assert lengths[short].mean() == pytest.approx(34.5, abs=0.6)
    small = RandomWindowLaneLoader(torch.zeros(9_999, dtype=torch.int64), 1, 3, START, seed=0).windows()
    assert min(small[:-1]) == 5


@pytest.mark.parametrize(("lanes", "window"), [(0, 5), (2, 0)])
def test_sizes_below_one_are_refused(lanes, window):
    with pytest.raises(RnnzooError, match="must be at least 1"):
        LaneLoader(torch.arange(20), lanes, window, START)
