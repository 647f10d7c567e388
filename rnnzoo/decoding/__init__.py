"""Searches over what a network offers: `init_state`, `step` and `reorder`, nothing else.

**Rows.** N inputs are decoded at once, B hypotheses ("beams") of each. `init_state` gives a state of N rows and a
memory of N rows. A search then repeats each row of the *state* B times by `reorder(state, [0]*B + [1]*B + ...)`, and
from then on a step has ``M = N * B`` rows: ``tokens (M,)``, every field of the state ``(M, ...)``, and
``log_probs (M, V)``, row-major by input: row ``n * B + b`` is hypothesis b of input n. The *memory* keeps its N rows
and is never repeated or reordered; at most the rows of inputs that have ended are left out, here and in the state. So a
network with a memory finds B from the shapes, ``B = M // N``, and views what it computes from the state as
``(N, B, ...)`` beside a memory ``(N, S, ...)``; additive attention, for one::

    query = self.query(hidden).view(N, -1, 1, A)        # (M, H) -> (N, B, 1, A)
    scores = self.v(tanh(query + memory.keys.unsqueeze(1)))  # keys (N, 1, S, A), by broadcasting: no copy a beam
    context = weights @ memory.values                   # (N, B, S) @ (N, S, D) -> (N, B, D), viewed as (M, D)

A search only ever exchanges hypotheses of one input, so row n * B + b always belongs to row n of the memory. What
depends on the input *and* changes from step to step (input feeding, coverage) lives in the state.

**V** is the width of `log_probs`, the same at each step. A network that copies source words gives a wider V than its
own vocabulary, and itself reads those ids as unknown words. Log-probabilities are at most 0; -inf is "impossible".

**Three optional parts of a network.** `vocabulary_size`: tokens that are read before the first decision are checked
against it. `coverage(state, memory) -> (M, S)`: what attention each source position was given so far, by all steps that
made this state, summed; 1 where a position is padding. The coverage penalty of `beam_search` asks for it.
`select_memory(memory, index) -> memory`: the rows `index` of a memory. With it, or where the memory is None, a search
leaves out the inputs that have ended.
"""

from rnnzoo.decoding.beam import beam_search
from rnnzoo.decoding.beam_stream import stream_beam_search
from rnnzoo.decoding.contract import Covering, Decodable, Decoded, Narrowing, Started
from rnnzoo.decoding.filters import filter_log_probs
from rnnzoo.decoding.sampling import greedy_search, sample, sample_sequences, stream
from rnnzoo.decoding.stochastic_beam import stochastic_beam_search

__all__ = [
    "Covering",
    "Decodable",
    "Decoded",
    "Narrowing",
    "Started",
    "beam_search",
    "filter_log_probs",
    "greedy_search",
    "sample",
    "sample_sequences",
    "stochastic_beam_search",
    "stream",
    "stream_beam_search",
]
