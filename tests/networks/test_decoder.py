"""The decoder against decoders written out with torch.nn, and its whole run against its steps."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.copy import CopySource
from rnnzoo.networks import decoder as decoder_module
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderCondition, DecoderMemory, DecoderState

N, T, S, V, H, M, D = 3, 5, 4, 9, 6, 6, 2
SOURCE_LENGTHS = torch.tensor([4, 2, 1])

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two layers of another cell": {"stack": {"cell": "peephole_lstm", "num_layers": 2}},
    "residual, normalised": {"stack": {"num_layers": 2, "connections": "residual", "normalize": True}},
    "vector at both": {"concatenate": "both", "embedding_size": 5},
    "tied, another width": {"tied": True, "embedding_size": 5, "bridge": "learned"},
    "luong dot": {"attention": "dot"},
    "luong general fed": {"attention": "general", "input_feeding": True, "stack": {"cell": "gru"}},
    "luong scaled gated deep": {"attention": "scaled", "context_gate": True, "deep_output": True},
    "luong additive with vector": {"attention": "additive", "concatenate": "both", "attention_size": 5},
    "luong coverage": {"attention": "coverage", "copy": True},
    "luong aligned": {"attention": "aligned", "tied": True},
    "luong aligned fed": {"attention": "aligned", "input_feeding": True},
    "luong aligned copying": {"attention": "aligned", "copy": True},
    "bahdanau": {"attention": "additive", "attention_order": "before", "stack": {"cell": "gru", "num_layers": 2}},
    "bahdanau location": {"attention": "location", "attention_order": "before", "attention_options": {"width": 3}},
    "bahdanau gated deep": {
        "attention": "additive",
        "attention_order": "before",
        "context_gate": True,
        "deep_output": True,
        "concatenate": "input",
    },
    "bahdanau coverage copy": {"attention": "coverage", "attention_order": "before", "copy": True, "tied": True},
    "bahdanau fed": {"attention": "dot", "attention_order": "before", "input_feeding": True},
    "bahdanau aligned": {"attention": "aligned", "attention_order": "before"},
    "copying": {"attention": "general", "copy": True},
    "projected lstm": {
        "attention": "general",
        "attention_order": "before",
        "stack": {"cell": "projected_lstm", "hidden_size": 8, "cell_options": {"projection_size": 3}},
    },
}


def make(seed: int = 0, **options: Any) -> DecoderNetwork:
    torch.manual_seed(seed)
    stack = {"hidden_size": H, "engine": "auto"} | options.pop("stack", {})
    config = DecoderConfig.from_dict({"stack": stack} | options)
    network = DecoderNetwork(V, config, bridge_source=D, memory_size=M, vector_size=D, unknown_id=1).double()
    for parameter in network.parameters():  # large enough that each part is seen in the result
        nn.init.uniform_(parameter, -0.7, 0.7)
    return network.eval()


def condition(rows: int = N, seed: int = 5) -> DecoderCondition:
    generator = torch.Generator().manual_seed(seed)
    vector = torch.randn(rows, D, dtype=torch.float64, generator=generator)
    values = torch.randn(rows, S, M, dtype=torch.float64, generator=generator)
    ids = torch.randint(V + 2, (rows, S), generator=generator)
    return DecoderCondition(rows, vector, vector, values, SOURCE_LENGTHS[:rows], CopySource(ids, 2))


def tokens(steps: int = T, size: int = V) -> Tensor:
    return torch.randint(size, (N, steps), generator=torch.Generator().manual_seed(7))


def run_by_steps(network: DecoderNetwork, inputs: Tensor, given: DecoderCondition) -> Tensor:
    state, memory = network.init_state(given)
    found = []
    for column in inputs.unbind(1):
        log_probs, state = network.step(column, state, memory)
        found.append(log_probs)
    return torch.stack(found, 1)


@pytest.mark.parametrize("name", list(OPTIONS))
def test_the_whole_run_is_the_steps(name: str) -> None:
    network = make(**OPTIONS[name])
    inputs = tokens(size=V + 2 if OPTIONS[name].get("copy") else V)
    state, memory = network.init_state(condition())
    found = network.log_probs(network(inputs, memory, state))
    torch.testing.assert_close(found, run_by_steps(network, inputs, condition()), rtol=0, atol=1e-10)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(N, T, dtype=torch.float64))


def test_what_can_run_at_once_does() -> None:
    at_once = {name for name, options in OPTIONS.items() if make(**options).runs_at_once}
    assert at_once == {
        "plain",
        "two layers of another cell",
        "residual, normalised",
        "vector at both",
        "tied, another width",
        "luong dot",
        "luong scaled gated deep",
        "luong additive with vector",
        "luong aligned",
        "luong aligned copying",
        "bahdanau aligned",
        "copying",
    }


@pytest.mark.parametrize("name", list(OPTIONS))
def test_hypotheses_share_the_memory_and_go_on_as_reordered(name: str) -> None:
    network = make(**OPTIONS[name])
    inputs, pairs = tokens(), torch.tensor([1, 2, 3, 4, 5, 6])
    state, memory = network.init_state(condition())
    _, state = network.step(inputs[:, 0], state, memory)
    state = network.reorder(state, torch.tensor([0, 0, 1, 1, 2, 2]))
    log_probs, state = network.step(pairs, state, memory)
    index = torch.tensor([1, 0, 3, 3, 5, 4])  # the hypotheses of rows 0 and 2 exchanged, one of row 1 twice
    state = network.reorder(state, index)
    last, state = network.step(inputs[:, 1].repeat_interleave(2), state, memory)

    given = condition()
    ids = given.source.ids.repeat_interleave(2, 0)
    twice = [part.repeat_interleave(2, 0) for part in (given.vector, given.vector, given.values, given.lengths)]
    copied = DecoderCondition(2 * N, *twice, CopySource(ids, 2))
    start, end = inputs[:, 0].repeat_interleave(2), inputs[:, 1].repeat_interleave(2)
    torch.testing.assert_close(log_probs, run_by_steps(network, torch.stack((start, pairs), 1), copied)[:, -1])
    history = torch.stack((start, pairs[index], end), 1)
    torch.testing.assert_close(last, run_by_steps(network, history, copied)[:, -1])
    if memory.attention is not None and network.attention is not None:
        assert memory.attention.values.shape[0] == N
        covered = network.coverage(state, memory)
        assert (covered.view(N, 2, S)[1, :, 2:] == 1).all()  # padding of row 1
        if network.attention.reads_query:  # weights of 3 steps, and ones in padding
            torch.testing.assert_close(covered.sum(1), (3 + S - SOURCE_LENGTHS.double()).repeat_interleave(2))


@pytest.mark.parametrize("name", list(OPTIONS))
def test_padding_changes_nothing(name: str) -> None:
    network = make(**OPTIONS[name])
    given, lengths = condition(), torch.tensor([5, 2, 0])
    inputs = tokens()
    spoilt_inputs, spoilt_values = inputs.clone(), given.values.clone()
    for n in range(N):
        spoilt_inputs[n, lengths[n] :] = 3
        spoilt_values[n, SOURCE_LENGTHS[n] :] = 1e6
    state, memory = network.init_state(given)
    other_state, other_memory = network.init_state(given._replace(values=spoilt_values))
    found = network.log_probs(network(inputs, memory, state, lengths))
    other = network.log_probs(network(spoilt_inputs, other_memory, other_state, lengths))
    whole = network.log_probs(network(inputs, memory, state))
    mask = torch.arange(T) < lengths[:, None]
    torch.testing.assert_close(found[mask], whole[mask], rtol=0, atol=1e-10)
    torch.testing.assert_close(other[mask], whole[mask], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["luong dot", "bahdanau aligned", "copying", "vector at both"])
def test_gradients_of_the_run_at_once_are_those_of_the_steps(name: str) -> None:
    network = make(**OPTIONS[name])
    gradients = []
    for run in (network.forward, lambda *given: network._run_steps(*given, gold_probability=1.0)):
        state, memory = network.init_state(condition())
        total, _ = network.loss(run(tokens(), memory, state), tokens(size=4))
        gradients.append(torch.autograd.grad(total, list(network.parameters()), allow_unused=True))
    for once, steps in zip(*gradients, strict=True):
        assert (once is None) == (steps is None)
        if once is not None:
            torch.testing.assert_close(once, steps, rtol=1e-8, atol=1e-10)


def test_plain_decoder_is_torchs_lstm() -> None:
    network = make(concatenate="both")
    given = condition()
    lstm = nn.LSTM(H + D, H, batch_first=True).double()
    cell = network.stack.cells[0]
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(lstm, f"{name}_l0").data.copy_(getattr(cell, name))
    start = torch.tanh(given.vector @ network.bridge.linear.weight.T + network.bridge.linear.bias)
    beside = given.vector[:, None].expand(N, T, D)
    read = torch.cat((network.embedding.weight[tokens()], beside), -1)
    outputs, _ = lstm(read, (start[None, :, :H].contiguous(), start[None, :, H:].contiguous()))
    logits = torch.cat((outputs, beside), -1) @ network.head.weight.T + network.head.bias
    state, memory = network.init_state(given)
    found = network.log_probs(network(tokens(), memory, state))
    torch.testing.assert_close(found, logits.log_softmax(-1), rtol=0, atol=1e-10)


def copy_gru(network: DecoderNetwork, size: int) -> nn.GRUCell:
    gru = nn.GRUCell(size, H).double()
    gru.load_state_dict({name: getattr(network.stack.cells[0], name) for name in gru.state_dict()})
    return gru


def test_luong_with_input_feeding_written_out() -> None:
    network = make(attention="general", input_feeding=True, stack={"cell": "gru"})
    given = condition()
    gru = copy_gru(network, 2 * H)
    state, memory = network.init_state(given)
    found = network(tokens(), memory, state)
    for n in range(N):
        h = state.stack[0].h[n]
        fed = torch.zeros(H, dtype=torch.float64)
        source = given.values[n, : SOURCE_LENGTHS[n]]
        for t in range(T):
            h = gru(torch.cat((network.embedding.weight[tokens()[n, t]], fed))[None], h[None])[0]
            scores = torch.stack([h @ (network.attention.weight.weight @ m) for m in source])
            weights = scores.exp() / scores.exp().sum()
            context = sum(a * m for a, m in zip(weights, source, strict=True))
            fed = torch.tanh(network.readout.weight @ torch.cat((context, h)))  # eq. 5
            torch.testing.assert_close(found.features[n, t], fed, rtol=0, atol=1e-10)
            torch.testing.assert_close(found.weights[n, t, : len(source)], weights, rtol=0, atol=1e-10)


def test_bahdanau_with_xus_gate_and_output_written_out() -> None:
    network = make(
        attention="additive", attention_order="before", context_gate=True, deep_output=True, stack={"cell": "gru"}
    )
    given = condition()
    gru = copy_gru(network, H + M)
    state, memory = network.init_state(given)
    found = network(tokens(), memory, state)
    attention: Any = network.attention
    for n in range(N):
        h = state.stack[0].h[n]
        source = given.values[n, : SOURCE_LENGTHS[n]]
        for t in range(T):
            energies = [
                attention.score_weight.weight[0]
                @ torch.tanh(attention.query_weight.weight @ h + attention.key_weight(m))
                for m in source
            ]
            weights = torch.stack(energies).softmax(0)
            beta = 1 / (1 + math.exp(-(network.context_gate.weight[0] @ h + network.context_gate.bias).item()))
            context = beta * (weights @ source)
            x = network.embedding.weight[tokens()[n, t]]
            h = gru(torch.cat((x, context))[None], h[None])[0]
            expected = torch.tanh(network.readout.weight @ torch.cat((context, h, x)))
            torch.testing.assert_close(found.features[n, t], expected, rtol=0, atol=1e-10)


def test_the_query_before_the_stack_is_the_top_layers_state() -> None:
    network = make(**OPTIONS["bahdanau"])
    queries: list[Tensor] = []
    network.attention.register_forward_pre_hook(lambda _, arguments: queries.append(arguments[0]))
    state, memory = network.init_state(condition())
    _, after = network.step(tokens()[:, 0], state, memory)
    network.step(tokens()[:, 1], after, memory)
    assert torch.equal(queries[0], state.stack[1].h)
    assert torch.equal(queries[1], after.stack[1].h)


def test_a_copied_word_that_is_not_in_the_vocabulary_is_read_as_unknown() -> None:
    network = make(**OPTIONS["copying"])
    state, memory = network.init_state(condition())
    found, _ = network.step(torch.tensor([V, V + 1, 4]), state, memory)
    expected, _ = network.step(torch.tensor([1, 1, 4]), state, memory)
    assert torch.equal(found, expected)


def test_loss_is_cross_entropy_of_the_real_tokens() -> None:
    network = make(attention="dot")
    state, memory = network.init_state(condition())
    output, targets = network(tokens(), memory, state), tokens(size=5)
    mask = torch.arange(T) < torch.tensor([5, 0, 3])[:, None]
    log_probs = network.log_probs(output)[mask]
    for smoothing in (0.0, 0.2):
        total, count = network.loss(output, targets, mask, smoothing)
        expected = F.cross_entropy(log_probs, targets[mask], reduction="sum", label_smoothing=smoothing)
        torch.testing.assert_close(total, expected)
        assert int(count) == 8
    assert network.loss(output, targets)[1] == N * T


def test_loss_with_copying_reaches_words_past_the_vocabulary() -> None:
    network = make(attention="dot", copy=True)
    given = condition()
    ids = torch.tensor([[9, 3, 10, 3], [2, 9, 0, 0], [4, 0, 0, 0]])
    state, memory = network.init_state(given._replace(source=CopySource(ids, 2)))
    output = network(tokens(), memory, state)
    targets = torch.tensor([[9, 10, 3, 1, 0], [9, 2, 9, 0, 0], [4, 3, 2, 1, 0]])
    expected = -network.log_probs(output).gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close(network.nll(output, targets), expected)
    total, _ = network.loss(output, targets)
    torch.testing.assert_close(total, expected.sum())
    own = targets.clamp(max=V - 1)
    uniform = -network.head.log_probs(output.features).mean(-1)
    total, _ = network.loss(output, targets, None, 0.1)
    torch.testing.assert_close(total, (0.9 * expected + 0.1 * uniform).sum())
    assert not torch.equal(own, targets)
    total.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", ["plain", "luong general fed", "bahdanau coverage copy"])
def test_scheduled_sampling_reads_what_it_drew(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make(**OPTIONS[name])
    seen: list[tuple[Tensor, Tensor]] = []

    def mix(gold: Tensor, log_probs: Tensor, probability: float) -> Tensor:
        assert probability == 0.25
        assert torch.equal(gold, tokens()[:, len(seen) + 1])
        drawn = torch.where(torch.tensor([True, False, True]), log_probs.argmax(-1), gold)
        seen.append((log_probs, drawn))
        return drawn

    monkeypatch.setattr(decoder_module, "mix_tokens", mix)
    state, memory = network.init_state(condition())
    found = network.log_probs(network(tokens(), memory, state, None, gold_probability=0.25))
    assert len(seen) == T - 1
    read = torch.cat((tokens()[:, :1], torch.stack([drawn for _, drawn in seen], 1)), 1)
    assert not torch.equal(read, tokens())
    torch.testing.assert_close(found, run_by_steps(network, read, condition()), rtol=0, atol=1e-10)
    torch.testing.assert_close(torch.stack([p for p, _ in seen], 1), found[:, :-1], rtol=0, atol=1e-10)


def test_dropout_of_the_stack_is_drawn_as_for_a_whole_sequence() -> None:
    stack = {"num_layers": 2, "dropout": 0.5, "variational": True, "recurrent_dropout": 0.3, "zoneout": 0.2}
    network = make(attention="dot", stack=stack).train()
    state, memory = network.init_state(condition())
    torch.manual_seed(3)
    whole = network(tokens(), memory, state).features
    torch.manual_seed(3)
    steps = network._run_steps(tokens(), memory, state, 1.0).features
    torch.testing.assert_close(steps, whole, rtol=0, atol=1e-10)
    torch.manual_seed(4)
    assert not torch.allclose(network(tokens(), memory, state).features, whole)


def test_dropouts_act_where_they_are_said_to() -> None:
    network = make(dropout=0.5, input_dropout=0.25).train()
    state, memory = network.init_state(condition())
    assert network.input_dropout.p == 0.25
    zero = (network(tokens(), memory, state).features == 0).double().mean()
    assert 0.2 < zero < 0.8
    assert (network.eval()(tokens(), memory, state).features != 0).all()


def test_conditions_that_are_missing() -> None:
    network = make(attention="dot", copy=True)
    with pytest.raises(RnnzooError, match="needs the values that are attended to"):
        network.init_state(condition()._replace(values=None))
    with pytest.raises(RnnzooError, match="copying needs the source's ids"):
        network.init_state(condition()._replace(source=None))
    plain = make()
    state, memory = plain.init_state(condition())
    with pytest.raises(RnnzooError, match="at least one token a row"):
        plain(torch.zeros(N, 0, dtype=torch.long), memory, state)
    with pytest.raises(RnnzooError, match="without attention covers nothing"):
        plain.coverage(state, memory)
    with pytest.raises(RnnzooError, match="copying needs unknown_id"):
        DecoderNetwork(V, network.config, bridge_source=D, memory_size=M)


def test_the_state_is_made_of_tensors_whose_first_axis_is_the_batch() -> None:
    state, memory = make(attention="dot", input_feeding=True).init_state(condition())
    assert isinstance(state, DecoderState)
    assert isinstance(memory, DecoderMemory)
    assert state.fed.shape == (N, H)
    assert {len(field) for part in (*state.stack, state.attention, [state.fed]) for field in part} == {N}
