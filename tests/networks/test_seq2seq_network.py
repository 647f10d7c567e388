"""Sequence to sequence against torch.nn's encoder and decoder, and what leads from one to the other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.decoding import Decoded, beam_search
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.networks.seq2seq import CopyInputs, Seq2SeqNetwork
from rnnzoo.recurrent import StackConfig

N, S, T, V, E, H = 3, 6, 4, 8, 3, 5
LENGTHS = torch.tensor([6, 1, 4])


class Embedded(InputLayer):
    """Rows of a matrix, nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(V, E))
        self.output_size = E

    def forward(self, inputs: SequenceInputs) -> Tensor:
        assert inputs.tokens is not None
        return self.weight[inputs.tokens]


def make(encoder: dict[str, Any] | None = None, unknown_id: int | None = None, **options: Any) -> Seq2SeqNetwork:
    torch.manual_seed(0)
    reader = SequenceReader(Embedded(), StackConfig.from_dict({"hidden_size": H} | (encoder or {})))
    stack = options.pop("stack", {"hidden_size": H})
    config = DecoderConfig.from_dict({"stack": stack} | options)
    return Seq2SeqNetwork(reader, V, config, unknown_id).double().eval()


def source() -> SequenceInputs:
    return SequenceInputs(LENGTHS, tokens=torch.randint(V, (N, S), generator=torch.Generator().manual_seed(1)))


def written() -> Tensor:
    return torch.randint(V, (N, T), generator=torch.Generator().manual_seed(2))


def torch_lstm(cells: list[Any], size: int, **options: Any) -> nn.LSTM:
    lstm = nn.LSTM(size, H, batch_first=True, **options).double()
    for cell, suffix in zip(cells, ("_l0", "_l0_reverse"), strict=False):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, name + suffix).data.copy_(getattr(cell, name))
    return lstm


def log_probs(network: Seq2SeqNetwork, given: Any = None) -> Tensor:
    return network.decoder.log_probs(network(source() if given is None else given, written()))


def test_bridge_only_is_torchs_encoder_and_decoder() -> None:
    network = make(bridge="copy")
    encoder = torch_lstm(list(network.encoder.stack.cells), E)
    decoder = torch_lstm(list(network.decoder.stack.cells), H)
    found = log_probs(network)
    for n in range(N):
        read = network.encoder.inputs.weight[source().tokens[n, : LENGTHS[n]]]
        _, state = encoder(read[None])
        outputs, _ = decoder(network.decoder.embedding.weight[written()[n]][None], state)
        logits = outputs[0] @ network.decoder.head.weight.T + network.decoder.head.bias
        torch.testing.assert_close(found[n], logits.log_softmax(-1), rtol=0, atol=1e-10)


def test_the_vector_at_each_step_is_the_final_output_of_both_directions() -> None:
    network = make({"bidirectional": True, "num_layers": 2}, bridge="zero", concatenate="input")
    given = network.encode(source())
    outputs, _ = network.encoder(source())
    for n in range(N):
        forward, backward = outputs[n, LENGTHS[n] - 1, :H], outputs[n, 0, H:]
        torch.testing.assert_close(given.vector[n], torch.cat((forward, backward)))
    decoder = torch_lstm(list(network.decoder.stack.cells), H + 2 * H)
    beside = given.vector[:, None].expand(N, T, 2 * H)
    hidden, _ = decoder(torch.cat((network.decoder.embedding.weight[written()], beside), -1))
    logits = hidden @ network.decoder.head.weight.T + network.decoder.head.bias
    torch.testing.assert_close(log_probs(network), logits.log_softmax(-1), rtol=0, atol=1e-10)


def test_attention_looks_at_the_outputs_of_the_encoder() -> None:
    network = make({"bidirectional": True}, attention="general")
    outputs, _ = network.encoder(source())
    _, memory = network.init_state(source())
    assert torch.equal(memory.attention.values, outputs)
    weights = network(source(), written()).weights
    mask = torch.arange(S) < LENGTHS[:, None]
    torch.testing.assert_close((weights * mask[:, None]).sum(-1), torch.ones(N, T, dtype=torch.float64))


def test_aligned_output_depends_on_its_own_encoder_output_and_those_before() -> None:
    network = make(bridge="zero", attention="aligned", attention_order="before")
    tokens = source().tokens.clone()
    tokens[0, 2] = (tokens[0, 2] + 1) % V
    before, after = log_probs(network), log_probs(network, SequenceInputs(LENGTHS, tokens=tokens))
    assert torch.equal(before[0, :2], after[0, :2])
    assert not torch.allclose(before[0, 2], after[0, 2])
    assert torch.equal(before[1:], after[1:])


@pytest.mark.parametrize(
    "options",
    [
        {"bridge": "copy"},
        {"attention": "additive", "attention_order": "before", "stack": {"cell": "gru", "hidden_size": 7}},
        {"attention": "coverage", "input_feeding": True, "copy": True},
        {"attention": "aligned", "attention_order": "before", "bridge": "zero"},
    ],
)
def test_a_batch_is_each_row_alone_and_the_whole_is_the_steps(options: dict[str, Any]) -> None:
    network = make(unknown_id=1, **options)
    ids = torch.randint(V + 2, (N, S), generator=torch.Generator().manual_seed(3))
    given: Any = CopyInputs(source(), ids, 2) if options.get("copy") else source()
    found = log_probs(network, given)
    state, memory = network.init_state(given)
    for t in range(T):
        step, state = network.step(written()[:, t], state, memory)
        torch.testing.assert_close(step, found[:, t], rtol=0, atol=1e-10)
    for n in range(N):
        row = slice(n, n + 1)
        length = int(LENGTHS[n])
        alone: Any = SequenceInputs(LENGTHS[row], tokens=source().tokens[row, :length])
        if options.get("copy"):
            alone = CopyInputs(alone, ids[row, :length], 2)
        one = network.decoder.log_probs(network(alone, written()[row]))
        torch.testing.assert_close(one, found[row], rtol=0, atol=1e-10)


def test_rows_that_fill_a_batch_up_give_finite_gradients() -> None:
    network = make(attention="additive", attention_order="before", unknown_id=1, copy=True)
    inputs = SequenceInputs(torch.tensor([3, 0, 2]), tokens=source().tokens)
    output = network(CopyInputs(inputs, source().tokens, 0), written())
    mask = torch.tensor([[True] * T, [False] * T, [True] * T])
    total, count = network.loss(output, written(), mask)
    assert int(count) == 2 * T
    total.backward()
    assert total.isfinite()
    probabilities = network.decoder.log_probs(output).exp().sum(-1)  # nothing goes to words of an empty source
    torch.testing.assert_close(probabilities, torch.ones(N, T, dtype=torch.float64))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_copy_inputs_move_with_what_they_hold() -> None:
    moved = CopyInputs(source(), torch.zeros(N, S, dtype=torch.long), 1).to("meta")
    assert (moved.ids.device.type, moved.inputs.lengths.device.type) == ("meta", "meta")
    assert CopyInputs(source(), torch.zeros(N, S), 1).num_tokens == int(LENGTHS.sum())


def test_what_cannot_be_says_what_to_do() -> None:
    with pytest.raises(RnnzooError, match="would not know what was read"):
        make(bridge="learned")
    with pytest.raises(RnnzooError, match="h of layer 0 of the encoder has 5 features in each of 2 directions"):
        make({"bidirectional": True}, bridge="copy")
    network = make(attention="general", copy=True, unknown_id=1)
    with pytest.raises(RnnzooError, match=r"the ids to copy must be \(3, 6\), one for each step"):
        network.init_state(CopyInputs(source(), torch.zeros(N, 2, dtype=torch.long), 0))


@pytest.mark.parametrize(
    "options",
    [{"attention": "coverage", "copy": True, "input_feeding": True}, {"attention": "additive", "concatenate": "both"}],
)
def test_beam_search_over_a_shared_memory_finds_for_a_batch_what_it_finds_for_each_row(options: dict[str, Any]) -> None:
    network = make(unknown_id=1, **options)
    for parameter in network.parameters():
        nn.init.uniform_(parameter, -1.5, 1.5)
    ids = torch.randint(V + 2, (N, S), generator=torch.Generator().manual_seed(3))

    def search(inputs: SequenceInputs, ids: Tensor, beam_size: int) -> Decoded:
        given: Any = CopyInputs(inputs, ids, 2) if options.get("copy") else inputs
        rules: dict[str, Any] = {"max_length": 5, "end_id": 2, "num_return": min(beam_size, 2)}
        return beam_search(network, given, 3, beam_size=beam_size, coverage_penalty=0.3, **rules)

    found = search(source(), ids, 4)
    for n in range(N):
        length = int(LENGTHS[n])
        alone = search(SequenceInputs(LENGTHS[n : n + 1], tokens=source().tokens[n : n + 1]), ids[n : n + 1], 4)
        assert alone.lists(end_id=2)[0] == found.lists(end_id=2)[n]
        torch.testing.assert_close(alone.scores[0], found.scores[n])
        short = SequenceInputs(LENGTHS[n : n + 1], tokens=source().tokens[n : n + 1, :length])
        assert search(short, ids[n : n + 1, :length], 4).lists(end_id=2) == alone.lists(end_id=2)
    # What a sequence scores is what the teacher-forced run says of it.
    best, length = found.tokens[:, 0], found.lengths[:, 0]
    read = torch.cat((torch.full((N, 1), 3), best[:, :-1]), 1)
    output = network(CopyInputs(source(), ids, 2) if options.get("copy") else source(), read)
    nll = network.decoder.nll(output, best) * (torch.arange(best.shape[1]) < length[:, None])
    torch.testing.assert_close(-nll.sum(1), found.log_probs[:, 0])
