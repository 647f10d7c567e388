"""The decoder: a state is unrolled into a sequence, one token after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.errors import RnnzooError
from rnnzoo.layers import LinearHead, TokenEmbedding
from rnnzoo.layers.attention import Attention, build_attention
from rnnzoo.layers.bridge import StateBridge
from rnnzoo.layers.copy import CopyGate, mixture_log_probs, mixture_nll
from rnnzoo.layers.label_smoothing import smoothed_nll
from rnnzoo.layers.scheduled_sampling import mix_tokens
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import (
    DecoderCondition,
    DecoderMemory,
    DecoderOutput,
    DecoderState,
    StepParts,
    by_row,
    map_parts,
    select_memory,
    spread,
)
from rnnzoo.recurrent import RecurrentStack, StackNoise
from rnnzoo.recurrent.state import select


class DecoderNetwork(nn.Module):
    """``p(w_t | w_<t, condition)``: a stack that begins with a given state and reads what it wrote.

    With x_t the embedded token before, v the condition's vector (if it is concatenated) and m the memory:

    - without attention: ``y_t, s_t = stack([x_t; v], s_{t-1})``, features ``[y_t; v]``;
    - attention *after* the stack (Luong et al. 2015, section 3.1 and eq. 5): ``y_t, s_t = stack([x_t; r_{t-1}; v])``,
      ``c_t = attend(y_t, m)``, features ``r_t = tanh(W [c_t; y_t])``; r_{t-1} is read with input feeding alone;
    - attention *before* the stack (Bahdanau et al. 2015, appendix A.2.2): ``c_t = attend(O(s_{t-1}), m)``, O of the top
      layer, ``y_t, s_t = stack([x_t; c_t; r_{t-1}; v])``, features r_t as above. Deviation: a tanh layer where they
      have maxout.

    It has the decoding contract of `rnnzoo.decoding`; `forward` gives for a whole sequence what its steps give. Where
    nothing feeds back into the stack, the stack runs the sequence by its engine and all steps attend at once; else the
    run goes step by step.

    Args:
        vocabulary_size: V.
        config: the rest.
        bridge_source: what `DecoderCondition.state` will be: the width of a vector, an encoder's stack, or None where
            the bridge does not look at it.
        memory_size: the width of what is attended to.
        vector_size: the width of the vector that is concatenated.
        unknown_id: as which token a copied word is read that is not in the vocabulary.

    Raises:
        RnnzooError: the configuration needs a size, or the id, that is not given.
    """

    def __init__(
        self,
        vocabulary_size: int,
        config: DecoderConfig,
        bridge_source: int | RecurrentStack | None = None,
        memory_size: int | None = None,
        vector_size: int | None = None,
        unknown_id: int | None = None,
    ) -> None:
        super().__init__()
        _check_given(config, bridge_source, memory_size, vector_size, unknown_id)
        self.vocabulary_size = vocabulary_size
        self.config = config
        self.unknown_id = unknown_id
        self.embedding = TokenEmbedding(
            vocabulary_size, config.embedding_size or config.stack.hidden_size, config.embedding_dropout
        )
        embedding_size = self.embedding.embedding_size
        self.input_dropout = nn.Dropout(config.input_dropout)
        context_size = memory_size or 0
        self.attends_before = config.attention is not None and config.attention_order == "before"
        self.vector_at_input = config.concatenate in ("input", "both")
        self.vector_at_output = config.concatenate in ("output", "both")
        width = embedding_size + context_size * self.attends_before + (vector_size or 0) * self.vector_at_input
        self.stack = RecurrentStack(width + config.stack.hidden_size * config.input_feeding, config.stack)
        features = self.stack.output_size
        self.attention: Attention | None = None
        self.context_gate: nn.Linear | None = None
        self.copy_gate: CopyGate | None = None
        if config.attention is not None:
            query_size = self._top_cell.output_size if self.attends_before else features
            self.attention = build_attention(
                config.attention, query_size, context_size, config.attention_size, **config.attention_options
            )
            readout_size = context_size + features + embedding_size * config.deep_output
            if config.context_gate:
                self.context_gate = nn.Linear(query_size, 1)
            if config.copy:
                self.copy_gate = CopyGate(context_size, features, embedding_size)
            features = config.stack.hidden_size
            self.readout = nn.Linear(readout_size, features, bias=False)
        self.output_dropout = nn.Dropout(config.dropout)
        self.head = LinearHead(
            features + (vector_size or 0) * self.vector_at_output,
            vocabulary_size,
            tied_to=self.embedding.weight if config.tied else None,
        )
        self.bridge = StateBridge(self.stack, 0 if bridge_source is None else bridge_source, config.bridge)

    @property
    def _top_cell(self) -> Any:
        return self.stack.cells[-1]

    @property
    def runs_at_once(self) -> bool:
        """Whether a whole sequence is run by the stack's engine: nothing of a step is needed by the next but s."""
        if self.attention is None:
            return True
        asks = self.attends_before and (self.attention.reads_query or self.context_gate is not None)
        return not (self.config.input_feeding or self.attention.recurrent or asks)

    def init_state(self, condition: DecoderCondition) -> tuple[DecoderState, DecoderMemory]:
        """The state before the first token of each row, and what all steps look at."""
        stack = self.bridge(condition.state, self.stack.initial_state(condition.rows))
        memory, attention = None, ()
        if self.attention is not None:
            if condition.values is None:
                raise RnnzooError(f"{self.config.attention} attention needs the values that are attended to")
            memory = self.attention.init(condition.values, condition.lengths)
            attention = self.attention.initial_state(memory, condition.rows)
        vector = condition.vector if self.vector_at_input or self.vector_at_output else None
        source = condition.source if self.copy_gate is not None else None
        if self.copy_gate is not None and source is None:
            raise RnnzooError("copying needs the source's ids in the extended vocabulary")
        width = self.config.stack.hidden_size if self.config.input_feeding else 0
        fed = self.embedding.weight.new_zeros(condition.rows, width)
        return DecoderState(stack, attention, fed), DecoderMemory(memory, vector, source)

    def step(self, tokens: Tensor, state: DecoderState, memory: DecoderMemory) -> tuple[Tensor, DecoderState]:
        """Read one token a row, (M,) int64: log p(next token), (M, V), and the new state; M is a multiple of N.

        With copying V is the extended vocabulary's.
        """
        parts, state = self._advance(self._embed(tokens), state, memory, None)
        seen = (memory.vector, memory.attention and memory.attention.values)
        rows = next((part.shape[0] for part in seen if part is not None), tokens.shape[0])
        output = self._output(map_parts(lambda part: by_row(part, rows), parts), memory)
        return self.log_probs(output).flatten(0, 1), state

    def reorder(self, state: DecoderState, index: Tensor) -> DecoderState:
        """The rows `index` of a state."""
        chosen: DecoderState = select(state, index)
        return chosen

    def select_memory(self, memory: DecoderMemory, index: Tensor) -> DecoderMemory:
        """The rows `index` of a memory."""
        return select_memory(memory, index)

    def coverage(self, state: DecoderState, memory: DecoderMemory) -> Tensor:
        """How much each position was attended to so far, in sum: (M, S), 1 in padding.

        Raises:
            RnnzooError: this decoder has no attention.
        """
        if memory.attention is None:
            raise RnnzooError("a decoder without attention covers nothing: give it attention, or no coverage penalty")
        padding = memory.attention.padding
        total: Tensor = state.attention.coverage
        return total if padding is None else by_row(total, len(padding)).masked_fill(padding, 1.0).flatten(0, 1)

    def forward(
        self,
        inputs: Tensor,
        memory: DecoderMemory,
        state: DecoderState,
        lengths: Tensor | None = None,
        gold_probability: float = 1.0,
    ) -> DecoderOutput:
        """Whole sequences with the true tokens as inputs, or, drawn for each step and row, the decoder's own.

        Args:
            inputs: (N, T) int64, the first the start token, T at least 1.
            memory: as `init_state` gives it.
            state: as `init_state` gives it.
            lengths: (N,); None: every row is full. What stands past a row's end means nothing.
            gold_probability: of the true token, from the second step on (scheduled sampling: Bengio et al. 2015). Below
                1 the run goes step by step; masks of dropout of word types are then drawn for each step.

        Raises:
            RnnzooError: no steps.
        """
        if inputs.dim() != 2 or inputs.shape[1] < 1:
            raise RnnzooError(f"inputs must be (N, T) with at least one token a row, and are {tuple(inputs.shape)}")
        if gold_probability < 1 or not self.runs_at_once:
            return self._run_steps(inputs, memory, state, gold_probability)
        embedded = self._embed(inputs)
        contexts = weights = None
        if memory.attention is not None and self.attends_before:
            contexts, weights = self._attention.attend_steps(embedded, memory.attention, state.attention)
        outputs = self.stack(self._stack_input(embedded, contexts, state, memory), lengths, state.stack).outputs
        if memory.attention is not None and not self.attends_before:
            contexts, weights = self._attention.attend_steps(outputs, memory.attention, state.attention)
            contexts = self._gated(contexts, outputs)
        return self._output(StepParts(embedded, outputs, contexts, weights), memory)

    def log_probs(self, output: DecoderOutput) -> Tensor:
        """Log p(. | what was read) at each place, (N, Q, V); with copying V is the extended vocabulary's."""
        log_probs = self.head.log_probs(output.features)
        if output.source is None or output.gate is None or output.weights is None:
            return log_probs
        return mixture_log_probs(log_probs, output.gate, output.weights, output.source)

    def nll(self, output: DecoderOutput, targets: Tensor) -> Tensor:
        """-log p(target) in nats at each place, (N, Q); targets of the extended vocabulary with copying."""
        return self._mixed(self.head.nll(output.features, self._own(targets)), output, targets)

    def loss(
        self, output: DecoderOutput, targets: Tensor, mask: Tensor | None = None, label_smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """The summed loss of the real tokens, and how many they are; the caller divides.

        Args:
            output: of a run over N rows and T steps.
            targets: (N, T) int64; any valid id where the mask is false.
            mask: (N, T) bool; None: all are real.
            label_smoothing: see `rnnzoo.layers.label_smoothing.smoothed_nll`; with copying the spread share is that of
                the vocabulary's distribution alone.
        """
        if not label_smoothing and output.source is None:
            return self.head.loss(output.features, targets, mask)
        if label_smoothing:
            log_probs = self.head.log_probs(output.features)
            nll = -log_probs.gather(-1, self._own(targets).unsqueeze(-1)).squeeze(-1)
            losses = smoothed_nll(self._mixed(nll, output, targets), log_probs, label_smoothing)
        else:
            losses = self.nll(output, targets)
        if mask is None:
            return losses.sum(), targets.new_full((), targets.numel())
        return losses.masked_fill(~mask, 0.0).sum(), mask.sum()

    def _own(self, targets: Tensor) -> Tensor:
        """Targets that the head knows: any for a word that can only be copied."""
        return targets if self.copy_gate is None else targets.masked_fill(targets >= self.vocabulary_size, 0)

    def _mixed(self, nll: Tensor, output: DecoderOutput, targets: Tensor) -> Tensor:
        if output.source is None or output.gate is None or output.weights is None:
            return nll
        return mixture_nll(nll, output.gate, output.weights, output.source, targets, self.vocabulary_size)

    @property
    def _attention(self) -> Attention:
        assert self.attention is not None  # where the memory has a part for it
        return self.attention

    def _embed(self, tokens: Tensor) -> Tensor:
        if self.copy_gate is not None and self.unknown_id is not None:
            tokens = tokens.masked_fill(tokens >= self.vocabulary_size, self.unknown_id)
        embedded: Tensor = self.input_dropout(self.embedding(tokens))
        return embedded

    def _run_steps(
        self, inputs: Tensor, memory: DecoderMemory, state: DecoderState, gold_probability: float
    ) -> DecoderOutput:
        noise = self.stack.draw_noise(*inputs.shape)
        embedded = self._embed(inputs).unbind(1)
        steps: list[StepParts] = []
        for t, now in enumerate(embedded):
            if t and gold_probability < 1:
                with torch.no_grad():
                    last = self._output(map_parts(lambda part: part.unsqueeze(1), steps[-1]), memory)
                    tokens = mix_tokens(inputs[:, t], self.log_probs(last).squeeze(1), gold_probability)
                now = self._embed(tokens)
            parts, state = self._advance(now, state, memory, noise.at(t))
            steps.append(parts)
        together = (None if same[0] is None else torch.stack(same, 1) for same in zip(*steps, strict=True))
        return self._output(StepParts._make(together), memory)

    def _advance(
        self, embedded: Tensor, state: DecoderState, memory: DecoderMemory, noise: StackNoise | None
    ) -> tuple[StepParts, DecoderState]:
        """One step of M rows."""
        context, attention = None, state.attention
        if memory.attention is not None and self.attends_before:
            query = self._top_cell.output(state.stack[-1])
            context, attention = self._attention(query, memory.attention, attention)
            context = self._gated(context, query)
        output, stack = self.stack.step(self._stack_input(embedded, context, state, memory), state.stack, noise)
        if memory.attention is not None and not self.attends_before:
            context, attention = self._attention(output, memory.attention, attention)
            context = self._gated(context, output)
        weights = None if memory.attention is None else attention.weights
        parts = StepParts(embedded, output, context, weights)
        if self.config.input_feeding and context is not None:
            parts = parts._replace(readout=self._readout(context, parts))
        return parts, DecoderState(stack, attention, state.fed if parts.readout is None else parts.readout)

    def _stack_input(
        self, embedded: Tensor, context: Tensor | None, state: DecoderState, memory: DecoderMemory
    ) -> Tensor:
        """(M, width) of a step, or (N, T, width)."""
        parts = [embedded]
        if self.attends_before and context is not None:
            parts.append(context)
        if self.config.input_feeding:
            parts.append(state.fed)
        if self.vector_at_input and memory.vector is not None:
            parts.append(spread(memory.vector, embedded))
        return torch.cat(parts, -1) if len(parts) > 1 else embedded

    def _gated(self, context: Tensor, query: Tensor) -> Tensor:
        return context if self.context_gate is None else context * torch.sigmoid(self.context_gate(query))

    def _readout(self, context: Tensor, parts: StepParts) -> Tensor:
        """``r = tanh(W [c; y (; x)])``."""
        read = [context, parts.output] + [parts.embedded] * self.config.deep_output
        return torch.tanh(self.readout(torch.cat(read, -1)))

    def _output(self, parts: StepParts, memory: DecoderMemory) -> DecoderOutput:
        """What N rows give at Q places: parts (N, Q, width)."""
        features, gate = parts.output, None
        if parts.context is not None:
            features = self._readout(parts.context, parts) if parts.readout is None else parts.readout
            if self.copy_gate is not None and parts.weights is not None:
                gate = self.copy_gate(parts.context, parts.output, parts.embedded)
                gate = gate.masked_fill((parts.weights == 0).all(-1), torch.inf)  # nothing is there to copy
        if self.vector_at_output and memory.vector is not None:
            features = torch.cat((features, spread(memory.vector, features)), -1)
        return DecoderOutput(self.output_dropout(features), parts.weights, gate, memory.source)


def _check_given(
    config: DecoderConfig,
    bridge_source: int | RecurrentStack | None,
    memory_size: int | None,
    vector_size: int | None,
    unknown_id: int | None,
) -> None:
    if config.bridge in ("copy", "projected") and bridge_source is None:
        raise RnnzooError(
            f"the bridge {config.bridge!r} needs a vector or an encoder's state, and there is none: take 'learned' or "
            "'zero'"
        )
    if config.attention is not None and memory_size is None:
        raise RnnzooError(f"{config.attention} attention needs something to attend to, and there is none")
    if config.concatenate != "none" and vector_size is None:
        raise RnnzooError(f"decoder.concatenate is {config.concatenate!r}, and there is no vector to concatenate")
    if config.copy and unknown_id is None:
        raise RnnzooError("copying needs unknown_id: as which token a copied word is read")
