"""Perplexity and bits per character against closed forms."""

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from rnnzoo.metrics import BitsPerCharacter, Perplexity


def test_perplexity_is_exp_of_the_cross_entropy_of_all_tokens() -> None:
    """In batches of unequal size: the average of the batches' perplexities is another number."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(100, 7, generator=generator, dtype=torch.float64) * 3
    targets = torch.randint(7, (100,), generator=generator)
    metric = Perplexity()
    single = []
    for x, y in zip(logits.split([80, 15, 5]), targets.split([80, 15, 5]), strict=True):
        single.append(float(metric(F.cross_entropy(x, y, reduction="sum"), len(y))))
        assert single[-1] == pytest.approx(float(F.cross_entropy(x, y).exp()))
    wanted = float(F.cross_entropy(logits, targets).exp())
    assert float(metric.compute()) == pytest.approx(wanted)
    assert abs(sum(single) / 3 - wanted) > 0.1


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary() -> None:
    metric = Perplexity()
    for tokens in (1, 70, 2100):
        metric.update(torch.tensor(tokens * math.log(10_000)), torch.tensor(tokens))
    assert float(metric.compute()) == pytest.approx(10_000, rel=1e-5)


def test_bits_per_character_of_words() -> None:
    """Three words of 1024 equally probable ones, in a text of 15 characters: 30 bits over 15."""
    metric = BitsPerCharacter()
    metric.update(2 * math.log(1024), 9)
    metric.update(math.log(1024), 6)
    assert float(metric.compute()) == pytest.approx(2)


def test_sums_are_float64() -> None:
    """2^24 nats and then ones: a float32 sum would stand still."""
    metric = Perplexity()
    metric.update(torch.tensor(2.0**24), 2**24)
    for _ in range(100):
        metric.update(torch.tensor(1.0), torch.tensor(0))
    assert float(metric.compute()) == pytest.approx(math.exp(1 + 100 / 2**24), rel=1e-12)


@pytest.mark.parametrize("convert", [lambda m: m.half(), lambda m: m.to(torch.bfloat16), lambda m: m.float()])
def test_a_model_in_half_precision_does_not_take_the_sums_along(
    convert: Callable[[torch.nn.Module], torch.nn.Module],
) -> None:
    """300 is no bfloat16 plus ones: such a sum stays at 256."""
    model = torch.nn.ModuleDict({"metric": Perplexity()})
    model["metric"].update(300.0, 300)
    metric = convert(model)["metric"]
    for _ in range(100):
        metric.update(torch.tensor(2.0), 1)
    assert float(metric.compute()) == pytest.approx(math.exp(500 / 400), rel=1e-12)
    metric.reset()
    assert metric.nats.dtype == torch.float64


def test_sums_follow_a_model_to_its_device() -> None:
    assert Perplexity().to("meta").nats.device.type == "meta"


@pytest.mark.parametrize("kind", [Perplexity, BitsPerCharacter])
def test_ranks_add_up(kind: type[Perplexity] | type[BitsPerCharacter]) -> None:
    """Two ranks of 3 and 50 tokens, gathered as torchmetrics does it, equal one that saw all."""
    alone = kind()
    other = kind()
    gathered = {"nats": torch.tensor(200.0, dtype=torch.float64), "count": torch.tensor(50.0, dtype=torch.float64)}
    states = iter(gathered.values())
    rank = kind(dist_sync_fn=lambda state, group=None: [state, next(states)], distributed_available_fn=lambda: True)
    rank.update(6.0, 3)
    other.update(200.0, 50)
    alone.update(206.0, 53)
    assert float(rank.compute()) == float(alone.compute())
    assert float(other.compute()) != float(alone.compute())
    merged = kind()
    merged.update(6.0, 3)
    merged.merge_state(other)
    assert float(merged.compute()) == float(alone.compute())


def test_reset_forgets() -> None:
    metric = Perplexity()
    metric.update(1e9, 1)
    metric.reset()
    metric.update(math.log(3), 1)
    assert float(metric.compute()) == pytest.approx(3)


@pytest.mark.parametrize("kind", [Perplexity, BitsPerCharacter])
def test_of_nothing_it_is_nan(kind: type[Perplexity] | type[BitsPerCharacter]) -> None:
    metric = kind()
    metric.update(torch.tensor(0.0), torch.tensor(0))
    assert math.isnan(float(metric.compute()))


def test_what_is_added_needs_no_graph() -> None:
    nats = torch.tensor(2.0, requires_grad=True)
    metric = Perplexity()
    metric.update(nats * 1, 1)
    assert not metric.compute().requires_grad
