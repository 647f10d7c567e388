"""The CRF head against enumeration of all tag sequences, in float64 and by other code."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import crf_chain
from rnnzoo.layers.crf import CRFHead
from rnnzoo.layers.crf_chain import log_partition, scaled_sums
from rnnzoo.text.schemes import constraints

TAGS = ["O", "B-X", "I-X", "E-X"]
LENGTHS = (4, 0, 1, 3, 2)
IOBES = constraints(TAGS, "IOBES")


def head(constrained: bool = False, scale: float = 1.0) -> CRFHead:
    """On features that are the emissions, so that enumeration needs no projection."""
    torch.manual_seed(0)
    made = CRFHead(4, 4, IOBES if constrained else None).double()
    made.projection = nn.Identity()  # type: ignore[assignment]  # the emissions are given
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_().mul_(scale)
    return made


def batch(scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions with NaN past the ends, targets that IOBES allows, and the mask."""
    torch.manual_seed(1)
    mask = torch.arange(5) < torch.tensor(LENGTHS).unsqueeze(1)
    emissions = (torch.randn(5, 5, 4).double() * scale).masked_fill(~mask.unsqueeze(-1), torch.nan)
    targets = torch.full((5, 5), 3)  # E-X may come neither first nor after O: what is past an end must not count
    for row, tags in enumerate([[0, 1, 2, 3], [], [0], [1, 3, 0], [1, 3]]):
        targets[row, : len(tags)] = torch.tensor(tags, dtype=torch.long)
    return emissions, targets, mask


def paths(crf: CRFHead, emissions: Tensor, length: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """All tag sequences that the constraints allow and their scores, by Python's arithmetic."""
    start, step, end = crf.start.tolist(), crf.transitions.tolist(), crf.end.tolist()
    first, following = crf.forbidden_first.tolist(), crf.forbidden_next.tolist()
    x = emissions.tolist()
    for tags in itertools.product(range(4), repeat=length):
        bad = [first[tag] for tag in tags[:1]] + [following[tag][4] for tag in tags[-1:]]
        bad += [following[a][b] for a, b in itertools.pairwise(tags)]
        if not any(bad):
            ends = start[tags[0]] + end[tags[-1]] if tags else 0.0
            yield (
                tags,
                ends
                + sum(x[t][tag] for t, tag in enumerate(tags))
                + sum(step[a][b] for a, b in itertools.pairwise(tags)),
            )


def log_sum(scores: list[float]) -> float:
    top = max(scores)
    return top + math.log(math.fsum(math.exp(score - top) for score in scores))


@pytest.mark.parametrize("constrained", [False, True], ids=["free", "constrained"])
def test_loss_marginals_and_best_paths_are_those_of_enumeration(constrained: bool) -> None:
    crf = head(constrained)
    emissions, targets, mask = batch()
    nll, marginals, decoded = (
        crf.nll(emissions, targets, mask),
        crf.marginals(emissions, mask),
        crf.decode(emissions, mask),
    )
    several, log_probs = crf.k_best(emissions, mask, k=6)
    for row, length in enumerate(LENGTHS):
        every = dict(paths(crf, emissions[row], length))
        log_z = log_sum(list(every.values()))
        gold = every[tuple(targets[row, :length].tolist())]
        assert nll[row].item() == pytest.approx(log_z - gold, abs=1e-12)
        wanted = torch.zeros(5, 4, dtype=torch.double)
        for tags, score in every.items():
            for t, tag in enumerate(tags):
                wanted[t, tag] += math.exp(score - log_z)
        torch.testing.assert_close(marginals[row], wanted, rtol=1e-11, atol=1e-14)
        ranked = sorted(every, key=lambda tags: -every[tags])[:6]
        assert decoded[row].tolist() == [*ranked[0], *[0] * (5 - length)]
        for rank in range(6):
            tags = ranked[rank] if rank < len(ranked) else ()
            assert several[row, rank].tolist() == [*tags, *[0] * (5 - len(tags))]
            expected = every[tags] - log_z if rank < len(ranked) else -math.inf
            assert log_probs[row, rank].item() == pytest.approx(expected, rel=1e-6)
    total, count = crf.loss(emissions, targets, mask)
    assert total.item() == pytest.approx(nll.sum().item())
    assert count.item() == sum(LENGTHS)


def test_the_hidden_markov_model_of_two_coins_in_closed_form() -> None:
    """All scores 0 but one transition, log 2: of the sequences a..ab..b, those with the change weigh twice."""
    crf = CRFHead(1, 2, ([True, True], [[True, True], [False, True]], [True, True])).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.zero_()
        crf.transitions[0, 1] = math.log(2)
    features = torch.zeros(1, 9, 1, dtype=torch.double)
    weight = 2 + 8 * 2  # aaa, bbb, and 8 places of the change
    assert crf.nll(features, torch.zeros(1, 9, dtype=torch.long)).item() == pytest.approx(math.log(weight))
    at_last = crf.marginals(features)[0, :, 1]
    assert at_last.tolist() == pytest.approx([(1 + 2 * t) / weight for t in range(9)])


@pytest.mark.parametrize("constrained", [False, True], ids=["free", "constrained"])
def test_first_and_second_derivatives(constrained: bool) -> None:
    crf = head(constrained)
    emissions, targets, mask = (each[1:4] for each in batch())  # lengths 0, 1 and 3
    emissions = emissions.nan_to_num(0.0).requires_grad_()
    inputs = (emissions, *crf.parameters())

    def loss(x: Tensor, *_: Tensor) -> Tensor:
        return crf.nll(x, targets, mask)

    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs)


def test_padding_and_forbidden_transitions_get_no_gradient_and_no_nan() -> None:
    crf = head(constrained=True)
    emissions, targets, mask = batch()
    emissions.requires_grad_()
    crf.loss(emissions, targets, mask)[0].backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    by_emissions, by_transitions, by_end = (each.grad for each in (emissions, crf.transitions, crf.end))
    assert by_emissions is not None
    assert by_transitions is not None
    assert by_end is not None
    assert not by_emissions[~mask].any()
    assert (by_emissions[mask] != 0).all(1).any()
    allowed = torch.tensor(IOBES.transitions)
    assert not by_transitions[~allowed].any()
    assert by_transitions[allowed].any()
    assert by_end.tolist()[1:3] == [0, 0]  # B-X and I-X may not come last
    assert torch.isfinite(by_transitions).all()


def test_a_path_has_the_same_loss_alone_and_in_a_batch() -> None:
    crf = head()
    emissions, targets, mask = batch()
    together = crf.nll(emissions, targets, mask)
    for row, length in enumerate(LENGTHS):
        alone = crf.nll(emissions[row : row + 1, :length], targets[row : row + 1, :length])
        assert alone.item() == pytest.approx(together[row].item(), abs=1e-12)


@pytest.mark.parametrize("scale", [1.0, 100.0, 3000.0])
def test_scores_of_any_range_give_the_values_of_enumeration(scale: float) -> None:
    """From some 300 nats on the scaled sums refuse and the exact recursion takes over: values and gradients."""
    crf = head(constrained=True, scale=scale)
    emissions, targets, mask = batch(scale)
    sums = scaled_sums(crf._chain(emissions, mask), both_ways=True)
    assert bool(sums.smallest > 0) == (scale == 1.0)
    clean = emissions.nan_to_num(0.0).requires_grad_()
    nll = crf.nll(clean, targets, mask)
    (grad,) = torch.autograd.grad(nll.sum(), clean)
    marginals = crf.marginals(emissions, mask)
    for row, length in enumerate(LENGTHS):
        every = dict(paths(crf, emissions[row], length))
        log_z = log_sum(list(every.values()))
        expected = log_z - every[tuple(targets[row, :length].tolist())]
        assert nll[row].item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
        wanted = torch.zeros(5, 4, dtype=torch.double)
        for tags, score in every.items():
            for t, tag in enumerate(tags):
                wanted[t, tag] += math.exp(score - log_z)
        torch.testing.assert_close(marginals[row], wanted, rtol=1e-7, atol=1e-9)
        for t in range(length):
            wanted[t, targets[row, t]] -= 1
        torch.testing.assert_close(grad[row], wanted, rtol=1e-7, atol=1e-9)


def test_the_scaled_and_the_exact_recursion_agree_on_long_rows() -> None:
    torch.manual_seed(2)
    crf = CRFHead(7, 7).double()
    emissions, mask = torch.randn(3, 200, 7).double() * 3, torch.arange(200) < torch.tensor([[200], [17], [1]])
    arguments = (emissions.requires_grad_(), mask, *crf._states(emissions))
    fast, exact = log_partition(*arguments), crf_chain._exact_log_partition(*arguments, check=True)
    torch.testing.assert_close(fast, exact, rtol=1e-13, atol=0)
    (by_fast,), (by_exact,) = (torch.autograd.grad(each.sum(), emissions) for each in (fast, exact))
    torch.testing.assert_close(by_fast, by_exact, rtol=1e-10, atol=1e-14)


def test_loss_and_paths_are_those_of_pytorch_crf() -> None:
    torchcrf = pytest.importorskip("torchcrf", reason="the package pytorch-crf is not installed")
    ours, theirs = head(), torchcrf.CRF(4, batch_first=True).double()
    with torch.no_grad():
        theirs.start_transitions.copy_(ours.start)
        theirs.transitions.copy_(ours.transitions)
        theirs.end_transitions.copy_(ours.end)
    torch.manual_seed(3)
    emissions, targets = torch.randn(20, 30, 4).double(), torch.randint(4, (20, 30))
    lengths = torch.randint(1, 31, (20,))
    mask = torch.arange(30) < lengths.unsqueeze(1)
    expected = -theirs(emissions, targets, mask, reduction="none")
    torch.testing.assert_close(ours.nll(emissions, targets, mask), expected)
    decoded = ours.decode(emissions, mask)
    assert [row[:n].tolist() for row, n in zip(decoded, lengths, strict=True)] == theirs.decode(emissions, mask)


def test_decoding_never_breaks_the_scheme_whatever_the_scores() -> None:
    crf = head(constrained=True, scale=5.0)
    torch.manual_seed(4)
    decoded = crf.decode(torch.randn(300, 6, 4).double() * 20)
    crf.check_targets(decoded)
    assert len(set(map(tuple, decoded.tolist()))) > 20
    unconstrained = head(scale=5.0).decode(torch.randn(300, 6, 4).double() * 20)
    with pytest.raises(RnnzooError, match="the constraints forbid"):
        crf.check_targets(unconstrained)


def test_a_forbidden_target_has_an_infinite_loss_and_finite_gradients() -> None:
    crf = head(constrained=True)
    emissions = torch.randn(1, 2, 4).double().requires_grad_()
    loss = crf.nll(emissions, torch.tensor([[0, 2]]))
    assert loss.item() == math.inf
    loss.sum().backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    assert all(torch.isfinite(each.grad).all() for each in (emissions, *crf.parameters()) if each.grad is not None)


@pytest.mark.parametrize(
    ("second_row", "message"),
    [
        ([2, 3, 0], "row 1 at step 0: tag 2 may not come first"),
        ([0, 0, 2], "row 1 at step 2: tag 2 may not follow tag 0"),
        ([0, 0, 1], "row 1 at step 2: tag 1 may not come last"),
        ([0, 1], "row 1 at step 1: tag 1 may not come last"),
    ],
)
def test_check_targets_names_row_and_step(second_row: list[int], message: str) -> None:
    crf = head(constrained=True)
    targets, mask = torch.tensor([[0, 1, 3], [*second_row, 3][:3]]), torch.ones(2, 3, dtype=torch.bool)
    mask[1, len(second_row) :] = False
    with pytest.raises(RnnzooError, match=message):
        crf.check_targets(targets, mask)


def test_what_cannot_be_used_is_an_error() -> None:
    with pytest.raises(RnnzooError, match=r"constraints of transitions are torch.bool of shape \(2,\)"):
        CRFHead(3, 2, ([True, True], [True, True], [True, True]))  # type: ignore[list-item]  # the mistake
    crf, gap = head(), torch.tensor([[True, False, True]])
    with pytest.raises(RnnzooError, match="the mask of row 0 has a real step after padding"):
        crf.nll(torch.zeros(1, 3, 4).double(), torch.zeros(1, 3, dtype=torch.long), gap)
    stuck = CRFHead(1, 2, ([True, False], [[False, True], [False, False]], [True, True]))  # at most a, b
    for method in (stuck.marginals, stuck.decode, stuck.k_best):
        with pytest.raises(RnnzooError, match=r"the constraints admit no tags .*row 1"):
            method(torch.zeros(2, 3, 1), torch.tensor([[True, True, False], [True, True, True]]))
    with pytest.raises(RnnzooError, match="k must be at least 1"):
        crf.k_best(torch.zeros(1, 3, 4), k=0)


def test_a_batch_without_a_step() -> None:
    crf, features = head(), torch.zeros(2, 0, 4).double()
    assert crf.nll(features, torch.zeros(2, 0, dtype=torch.long)).tolist() == [0, 0]
    assert crf.decode(features).shape == (2, 0)
    assert crf.marginals(features).shape == (2, 0, 4)
    tags, log_probs = crf.k_best(features, k=2)
    assert tags.shape == (2, 2, 0)
    assert log_probs.tolist() == [[0, -math.inf]] * 2


def test_under_autocast_and_in_inference_mode_the_values_stay() -> None:
    torch.manual_seed(5)
    crf, features = CRFHead(8, 4), torch.randn(2, 6, 8)
    with torch.inference_mode():
        marginals = crf.marginals(features)
        assert crf.nll(features, torch.zeros(2, 6, dtype=torch.long)).dtype == torch.float
    torch.testing.assert_close(marginals.sum(-1), torch.ones(2, 6))
    with torch.autocast("cpu", torch.bfloat16):
        rough = crf.marginals(features)
    assert rough.dtype == torch.float
    torch.testing.assert_close(rough.sum(-1), torch.ones(2, 6))
    torch.testing.assert_close(rough, marginals, rtol=0, atol=0.02)


def test_a_checkpoint_keeps_the_constraints() -> None:
    saved = head(constrained=True).state_dict()
    fresh = CRFHead(4, 4)
    fresh.load_state_dict(saved, strict=False)  # these heads have no projection
    with pytest.raises(RnnzooError, match="tag 2 may not come first"):
        fresh.check_targets(torch.tensor([[2]]))


def test_it_learns_what_a_softmax_cannot() -> None:
    """Tags alternate and the features say nothing after the first step: only transitions can tell."""
    torch.manual_seed(6)
    first = torch.randint(2, (64, 1))
    targets = (first + torch.arange(9)) % 2
    features = torch.zeros(64, 9, 2)
    features[:, 0] = nn.functional.one_hot(first[:, 0], 2).float()
    crf = CRFHead(2, 2)
    optimizer = torch.optim.Adam(crf.parameters(), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        total, count = crf.loss(features, targets)
        (total / count).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        optimizer.step()
    decoded = crf.decode(features)
    assert torch.equal(decoded, targets)
    crf.nll(features, decoded).sum().backward()  # type: ignore[no-untyped-call]  # what was decoded can be a target
    assert (total / count).item() < 0.02
