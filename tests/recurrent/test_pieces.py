import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.recurrent import pieces as module
from rnnzoo.recurrent.lengths import lengths_mask, reverse_sequences
from rnnzoo.recurrent.pieces import cut

STEPS = 7
some_lengths = st.lists(st.integers(0, STEPS), min_size=1, max_size=9)


@given(lengths=some_lengths, reverse=st.booleans(), least=st.sampled_from([0, 3, 10**6]))
def test_what_is_taken_is_put_back(lengths, reverse, least):
    """Put after take gives the batch with its padding zero; in between rows stand dense, in the wanted direction."""
    lens = torch.tensor(lengths)
    batch = torch.randn(STEPS, len(lengths), 2, dtype=torch.float64, requires_grad=True)
    pieces = cut(lens, STEPS, reverse, least)
    real = lengths_mask(lens, STEPS).t().unsqueeze(-1)
    taken = pieces.take(batch)
    sizes = [count * rows for count, rows in pieces.spans]
    back, ends = pieces.put(taken.split(sizes))
    assert torch.equal(back, batch * real)
    last = torch.zeros(len(lengths), dtype=torch.int64) if reverse else lens - 1
    assert torch.equal(ends, torch.where((lens > 0).unsqueeze(1), batch[last, torch.arange(len(lengths))], 0.0))
    assert torch.equal(pieces.take(batch.detach().masked_fill(~real, torch.nan)), taken)
    turned = reverse_sequences(batch.transpose(0, 1), lens).transpose(0, 1) if reverse else batch
    start = row = 0
    for (count, rows), steps in zip(pieces.spans, taken.split(sizes), strict=True):
        for row in range(rows):
            own = pieces.order[row]
            until = min(count, max(0, int(lens[own]) - start))
            assert torch.equal(steps.view(count, rows, 2)[:until, row], turned[start : start + until, own])
        start += count
    slope = 3 * batch.detach() ** 2 * real
    gradients = [
        torch.autograd.grad((some**3).sum(), batch, retain_graph=True)[0] for some in pieces.put(taken.split(sizes))
    ]
    ended = torch.zeros_like(slope)
    for row in range(len(lengths)):
        ended[last[row], row] = slope[last[row], row]
    torch.testing.assert_close(gradients, [slope, ended])
    both = sum((some**3).sum() for some in pieces.put(taken.split(sizes)))
    torch.testing.assert_close(torch.autograd.grad(both, batch)[0], slope + ended)


@given(lengths=some_lengths)
def test_nothing_is_run_past_the_longest_row(lengths):
    assert sum(count for count, _ in cut(torch.tensor(lengths), STEPS, False, 0).spans) == max(1, *lengths)


def test_a_cut_takes_the_largest_rectangle_of_padding():
    def spans(lengths, least):
        return cut(torch.tensor(lengths), 10, False, least).spans

    assert spans([10, 9, 4, 4], 1) == [(4, 4), (6, 2)]  # 2 rows * 6 steps; one step of one row more is below 4 %
    assert spans([10, 9, 4, 4], 12) == [(4, 4), (6, 2)]
    assert spans([10, 9, 4, 4], 13) == [(10, 4)]
    assert spans([2, 10, 6], 1) == [(2, 3), (4, 2), (4, 1)]
    assert spans([10, 10], 1) == [(10, 2)]
    assert spans([0, 0], 1) == [(1, 1)]


def test_all_padding_can_be_cut_off(monkeypatch):
    monkeypatch.setattr(module, "LEAST_SHARE", 0.0)
    lengths = [3, 7, 1, 7, 5]
    assert len(cut(torch.tensor(lengths), STEPS, False, 0).source) == sum(lengths)
