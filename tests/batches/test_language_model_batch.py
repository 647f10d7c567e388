import dataclasses

import pytest
import torch

from rnnzoo.batches import LanguageModelBatch

IDS = torch.arange(6).view(2, 3)


def test_mask_and_count_follow_the_lengths():
    batch = LanguageModelBatch(IDS, IDS + 1, torch.tensor([2, 0]), first=True)
    assert batch.mask.tolist() == [[True, True, False], [False, False, False]]
    assert batch.num_tokens == 2


def test_without_lengths_every_position_is_real():
    batch = LanguageModelBatch(IDS, IDS + 1, None, first=False)
    assert batch.mask.tolist() == [[True] * 3] * 2
    assert batch.num_tokens == 6


def test_to_moves_every_tensor_and_keeps_the_count():
    batch = LanguageModelBatch(IDS, IDS + 1, torch.tensor([2, 1]), first=True).to("meta", non_blocking=True)
    assert {tensor.device.type for tensor in (batch.inputs, batch.targets, batch.lengths)} == {"meta"}
    assert batch.num_tokens == 3  # a meta tensor has no values: the count was taken before
    assert batch.first


def test_a_batch_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LanguageModelBatch(IDS, IDS, None, first=True).first = False
