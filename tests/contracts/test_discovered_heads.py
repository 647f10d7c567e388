"""Every exported head keeps the contract: a new one is found here without a new test."""

import inspect

import pytest
import torch

import rnnzoo.layers
from rnnzoo.layers import Head

EXPORTED = [
    value
    for value in (getattr(rnnzoo.layers, name) for name in rnnzoo.layers.__all__)
    if inspect.isclass(value) and issubclass(value, Head) and value is not Head
]
H, V = 8, 6
OPTIONS = {"AdaptiveHead": {"cutoffs": [2, 4], "div_value": 2.0}}


@pytest.mark.parametrize("head_type", EXPORTED)
def test_contract(head_type):
    torch.manual_seed(0)
    head = head_type(H, V, **OPTIONS.get(head_type.__name__, {})).double()
    features = torch.randn(3, 5, H, dtype=torch.float64)
    log_probs = head.log_probs(features)
    assert (head.vocabulary_size, tuple(log_probs.shape)) == (V, (3, 5, V))
    many_labels = head_type.__name__ == "MultiLabelHead"  # each a distribution of its own, of yes and no
    if many_labels:
        targets = torch.randint(2, (3, 5, V))
        expected = -torch.where(targets == 1, log_probs, torch.log1p(-log_probs.exp())).sum(-1)
    else:
        targets = torch.randint(V, (3, 5))
        torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(3, 5, dtype=torch.float64))
        expected = -torch.stack([log_probs[n, t, targets[n, t]] for n in range(3) for t in range(5)]).view(3, 5)
    torch.testing.assert_close(head.nll(features, targets), expected)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False], [False] * 5])
    for training in (True, False):
        loss_sum, count = head.train(training).loss(features, targets, mask)
        torch.testing.assert_close(loss_sum, expected[mask].sum())
        assert float(count) == 7
        whole, all_of_them = head.loss(features, targets)
        torch.testing.assert_close(whole, expected.sum())
        assert float(all_of_them) == 15
