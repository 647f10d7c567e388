"""Word vectors of characters against the definition, word by word."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.characters import CharacterCNN, CharacterComposer, CharacterLSTM

WORDS = [[[5, 3, 2, 7], [1], []], [[2, 2], [5, 3, 2, 7], [6, 1, 1]]]  # a word twice, one of no character


def padded(words: list[list[list[int]]], width: int) -> Tensor:
    return torch.tensor([[word + [0] * (width - len(word)) for word in row] for row in words])


def cnn_by_hand(layer: CharacterCNN, word: list[int]) -> Tensor:
    """max_i tanh(b + W . window_i) over every window with a character of the word in it."""
    found = []
    table = layer.embedding.weight
    for convolution, width in zip(layer.convolutions, layer.widths, strict=True):
        zero = torch.zeros(table.shape[1], dtype=table.dtype)
        column = [zero] * (width - 1) + [table[c] for c in word] + [zero] * (width - 1)
        for weight, bias in zip(convolution.weight, convolution.bias, strict=True):
            values = [
                torch.tanh(bias + sum(weight.view(width, -1)[j] @ column[i + j] for j in range(width)))
                for i in range(len(word) + width - 1)
            ]
            found.append(torch.stack(values).max())
    return torch.stack(found)


def lstm_by_hand(layer: CharacterLSTM, word: list[int]) -> Tensor:
    oracle = torch.nn.LSTM(layer.embedding.embedding_dim, layer.output_size // 2, bidirectional=True).double()
    with torch.no_grad():
        for cell, suffix in zip(layer.stack.cells, ("", "_reverse"), strict=True):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(oracle, f"{name}_l0{suffix}").copy_(getattr(cell, name))
    _, (h, _) = oracle(layer.embedding.weight[word])
    return torch.cat([h[0], h[1]])


def layers() -> list[CharacterComposer]:
    torch.manual_seed(0)
    return [
        CharacterCNN(9, 4, widths=[1, 3, 6], filters=[2, 3, 2]).double(),
        CharacterLSTM(9, 4, hidden_size=3).double(),
    ]


@pytest.mark.parametrize(("at", "by_hand"), [(0, cnn_by_hand), (1, lstm_by_hand)], ids=["cnn", "lstm"])
def test_each_word_is_what_the_definition_gives(at, by_hand):
    layer = layers()[at]
    assert {name for name, _ in layer.named_parameters()} > {"embedding.weight"}
    vectors = layer(padded(WORDS, 4))
    assert vectors.shape == (2, 3, layer.output_size)
    for row, words in enumerate(WORDS):
        for position, word in enumerate(words):
            expected = by_hand(layer, word) if word else torch.zeros(layer.output_size, dtype=torch.float64)
            torch.testing.assert_close(vectors[row, position], expected, rtol=0, atol=1e-12)


def test_gradients_are_those_of_the_definition():
    layer = layers()[0]
    weights = torch.randn(2, 3, layer.output_size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parameters = list(layer.parameters())
    found = torch.autograd.grad((layer(padded(WORDS, 4)) * weights).sum(), parameters)
    loss = sum(
        (cnn_by_hand(layer, word) * weights[row, at]).sum()
        for row, words in enumerate(WORDS)
        for at, word in enumerate(words)
        if word
    )
    for one, other in zip(found, torch.autograd.grad(loss, parameters), strict=True):
        # a row of zeros is no parameter: id 0 is padding
        other = other if other.shape != layer.embedding.weight.shape else other.index_fill(0, torch.tensor(0), 0)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("at", [0, 1], ids=["cnn", "lstm"])
def test_padding_changes_nothing(at):
    layer = layers()[at]
    narrow = layer(padded(WORDS, 4))
    wide = layer(torch.nn.functional.pad(padded(WORDS, 9), (0, 0, 0, 2, 0, 1)))  # more C, T and N
    assert wide.shape == (3, 5, layer.output_size)
    torch.testing.assert_close(wide[:2, :3], narrow, rtol=0, atol=1e-12)
    assert wide[2:].eq(0).all()
    assert wide[:, 3:].eq(0).all()

    def gradients(vectors: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(vectors.square().sum(), list(layer.parameters()))

    for one, other in zip(gradients(narrow), gradients(wide), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("at", [0, 1], ids=["cnn", "lstm"])
def test_a_batch_without_any_word(at):
    layer = layers()[at]
    vectors = layer(torch.zeros(2, 3, 4, dtype=torch.long))
    assert torch.equal(vectors, torch.zeros(2, 3, layer.output_size, dtype=torch.float64))
    vectors.sum().backward()  # the parameters take part, which training on several processes needs
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in layer.parameters())
    assert layer(torch.zeros(2, 0, 4, dtype=torch.long)).shape == (2, 0, layer.output_size)
    assert layer(torch.zeros(2, 3, 0, dtype=torch.long)).shape == (2, 3, layer.output_size)


def test_under_autocast():
    layer = CharacterCNN(9, 4)
    with torch.autocast("cpu", torch.bfloat16):
        vectors = layer(padded(WORDS, 4))
    torch.testing.assert_close(vectors.float(), layer(padded(WORDS, 4)), rtol=0.02, atol=0.02)


def test_a_filter_of_a_character_finds_it_wherever_it_stands():
    layer = CharacterCNN(4, 2, widths=[2], filters=[1])
    with torch.no_grad():
        layer.embedding.weight.copy_(torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]]))
        layer.convolutions[0].weight.copy_(torch.tensor([[1.0, 0, 0, 1]]))  # first feature, then second
        layer.convolutions[0].bias.zero_()
    found = layer(torch.tensor([[[1, 2, 0], [2, 1, 0], [2, 2, 1], [2, 1, 2]]])).flatten().tolist()
    assert found == pytest.approx([math.tanh(2), math.tanh(1), math.tanh(1), math.tanh(2)])


def test_errors_name_the_fault():
    with pytest.raises(RnnzooError, match=r"widths \[2, 3\], filters \[5\]"):
        CharacterCNN(9, widths=[2, 3], filters=[5])
    with pytest.raises(RnnzooError, match="all at least 1"):
        CharacterCNN(9, widths=[0], filters=[5])
    with pytest.raises(RnnzooError, match="at least 1: 0 and 25"):
        CharacterLSTM(0)
    with pytest.raises(RnnzooError, match=r"int64 \(..., C\), not \(3,\) of torch.int64"):
        CharacterCNN(9)(torch.ones(3, dtype=torch.long))
    with pytest.raises(RnnzooError, match=r"of torch.float32"):
        CharacterCNN(9)(torch.ones(3, 2))
