"""The captioner from a vector and from a grid, with the model of Show, Attend and Tell written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.captioner import CaptionerNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.image_backbones import ChannelsFirst

N, P, D, T, V, H = 2, 4, 3, 5, 7, 6


class Grid(nn.Module):
    """Images (N, P, 2) to (N, P, D), with batch normalisation: what a frozen encoder must not move."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, D)
        self.norm = nn.BatchNorm1d(D)

    def forward(self, images: Tensor) -> Tensor:
        return self.norm(self.linear(images).transpose(1, 2)).transpose(1, 2)


class Vector(Grid):
    """The same, (N, D)."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).amax(1)


def make(encoder: nn.Module, frozen: bool = False, **options: Any) -> CaptionerNetwork:
    config = DecoderConfig.from_dict({"stack": {"hidden_size": H}} | options)
    network = CaptionerNetwork(encoder, D, V, config, frozen).double()
    for parameter in network.parameters():
        nn.init.uniform_(parameter, -0.8, 0.8)
    return network.eval()


def images() -> Tensor:
    return torch.randn(N, P, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def written() -> Tensor:
    return torch.randint(V, (N, T), generator=torch.Generator().manual_seed(2))


def test_show_attend_and_tell_written_out() -> None:
    torch.manual_seed(0)
    network = make(
        Grid(), attention="additive", attention_order="before", context_gate=True, deep_output=True, dropout=0.5
    )
    decoder: Any = network.decoder
    lstm = nn.LSTMCell(H + D, H).double()
    lstm.load_state_dict({name: getattr(decoder.stack.cells[0], name) for name in lstm.state_dict()})
    grid = network.encoder(images())
    found = decoder.log_probs(network(images(), written()))
    for n in range(N):
        mean = grid[n].mean(0)
        start = torch.tanh(decoder.bridge.linear(mean))  # f_init of the mean, one layer
        h, c = start[:H], start[H:]
        for t in range(T):
            keys, query = decoder.attention.key_weight(grid[n]), decoder.attention.query_weight(h)
            alpha = decoder.attention.score_weight(torch.tanh(keys + query))[:, 0].softmax(0)  # eq. 4 to 6
            z = torch.sigmoid(decoder.context_gate(h)) * (alpha @ grid[n])  # section 4.2.1
            x = decoder.embedding.weight[written()[n, t]]
            h, c = (part[0] for part in lstm(torch.cat((x, z))[None], (h[None], c[None])))
            features = torch.tanh(decoder.readout(torch.cat((z, h, x))))
            expected = (features @ decoder.head.weight.T + decoder.head.bias).log_softmax(0)
            torch.testing.assert_close(found[n, t], expected, rtol=0, atol=1e-10)


def test_the_mean_of_a_grid_is_the_vector_without_attention() -> None:
    torch.manual_seed(0)
    network = make(Grid(), concatenate="output")
    mean = network.encoder(images()).mean(1)
    given = network.encode(images())
    torch.testing.assert_close(given.vector, mean)
    torch.testing.assert_close(given.state, mean)


def test_a_vector_starts_the_decoder() -> None:
    torch.manual_seed(0)
    network = make(Vector())
    vector = network.encoder(images())
    state, memory = network.init_state(images())
    expected = torch.tanh(network.decoder.bridge.linear(vector))
    torch.testing.assert_close(torch.cat((state.stack[0].h, state.stack[0].c), 1), expected)
    assert memory.attention is None
    other, _ = network.init_state(images() + 1)
    assert not torch.allclose(other.stack[0].h, state.stack[0].h)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_encoder_stays_as_it_is(frozen: bool) -> None:
    torch.manual_seed(0)
    network = make(Grid(), frozen, attention="dot", stack={"hidden_size": D}).train()
    before = {name: value.clone() for name, value in network.encoder.state_dict().items()}
    total, count = network.loss(network(images(), written()), written())
    (total / count).backward()
    after = network.encoder.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    has_gradient = network.encoder.linear.weight.grad is not None
    assert (bool(moved), has_gradient) == (not frozen, not frozen)
    assert network.encoder.training is not frozen
    assert network.decoder.embedding.weight.grad is not None


def test_what_cannot_be_says_what_to_do() -> None:
    with pytest.raises(RnnzooError, match="would not see the image"):
        make(Grid(), bridge="zero")
    with pytest.raises(RnnzooError, match="an image has no words to copy"):
        make(Grid(), attention="additive", copy=True)
    with pytest.raises(RnnzooError, match="gave one vector an image"):
        make(Vector(), attention="additive").init_state(images())
    with pytest.raises(RnnzooError, match=r"must give \(N, 3\) or \(N, P, 3\), and gave \(2, 4, 2\)"):
        make(nn.Identity()).init_state(images())


class Levels(nn.Module):
    """Gives a map for each level, as segmenters and `features_only` of timm do."""

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images, images[:, :, ::2, ::2]]


def test_an_encoder_that_gives_no_single_tensor_is_named() -> None:
    with pytest.raises(RnnzooError, match="the image encoder Levels gave a list, not one tensor"):
        make(ChannelsFirst(Levels())).init_state(torch.zeros(N, 4, 4, D))
