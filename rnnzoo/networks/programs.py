"""Networks as functions of named tensors, which `torch.export` makes programs of.

A program takes a dictionary of tensors and gives one. One that reads takes `lengths` and what its input layer reads.
One that writes has the decoding contract: `init_state` gives every part of the state and of the memory under a name of
its own, and `step` takes these with `tokens` and gives `log_probs` and the new state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.layers import GaussianHead, RegressionHead
from rnnzoo.layers.crf import CRFHead
from rnnzoo.networks.acceptor import AcceptorNetwork
from rnnzoo.networks.cloze import ClozeNetwork
from rnnzoo.networks.encoder import EncoderNetwork
from rnnzoo.networks.forecaster import ForecasterNetwork
from rnnzoo.networks.tagger import TaggerNetwork

Tensors = dict[str, Tensor]


class ReadingProgram(nn.Module):
    """``answer(network, inputs)``, the inputs named as in `SequenceInputs`.

    Args:
        network: what reads.
        answer: what is said of a batch.
    """

    def __init__(self, network: nn.Module, answer: Callable[[Any, SequenceInputs], Tensors]) -> None:
        super().__init__()
        self.network, self.answer = network, answer

    def forward(self, parts: Tensors) -> Tensors:
        """`lengths` (N,), and `tokens` (N, T), `characters` (N, T, C) or `values` (N, T, ...)."""
        return self.answer(self.network, sequences(parts))


def sequences(parts: Tensors) -> SequenceInputs:
    """What a reader reads."""
    return SequenceInputs(parts["lengths"], parts.get("tokens"), parts.get("characters"), parts.get("values"))


def accept(network: AcceptorNetwork, inputs: SequenceInputs) -> Tensors:
    """`log_probs` (N, K) of classes or labels, or `values` (N, D)."""
    features = network(inputs)
    if isinstance(network.head, RegressionHead):
        return {"values": network.head(features)}
    return {"log_probs": network.head.log_probs(features)}


def tag(network: TaggerNetwork, inputs: SequenceInputs, columns: Sequence[str]) -> Tensors:
    """`log_probs` (N, T, K) of a column's tags; with a CRF `tags` (N, T), the best path, and `emissions` (N, T, K).

    Of several columns each name is followed by ``/<column>``. What stands past a row's end means nothing.
    """
    features, found = network(inputs), {}
    for column, head in zip(columns, network.heads, strict=True):
        of = f"/{column}" if len(columns) > 1 else ""
        if isinstance(head, CRFHead):
            found[f"tags{of}"] = head.decode(features, inputs.mask)
            found[f"emissions{of}"] = head.emissions(features)
        else:
            found[f"log_probs{of}"] = head.log_probs(features)  # type: ignore[operator]  # a ModuleList
    return found


def forecast(network: ForecasterNetwork, inputs: SequenceInputs) -> Tensors:
    """The next `values` (N, T, h, D) after each step, standardised; of a Gaussian head `mean` and `deviation`."""
    features, values = network(inputs), inputs.values
    assert values is not None  # the network has read them
    if isinstance(network.head, GaussianHead):
        mean, deviation = network.distribution(features, values)
        return {"mean": mean, "deviation": deviation}
    return {"values": network.next_values(features, values)}


def encode(network: EncoderNetwork, inputs: SequenceInputs) -> Tensors:
    """`vectors` (N, D)."""
    return {"vectors": network(inputs)}


def fill(network: ClozeNetwork, inputs: SequenceInputs) -> Tensors:
    """`log_probs` (N, T - 2, V) of each token between the borders of a row."""
    assert inputs.tokens is not None  # it reads nothing else
    return {"log_probs": network.head.log_probs(network(inputs.tokens, inputs.lengths))}


class PairProgram(nn.Module):
    """What is told of pairs of vectors.

    Args:
        network: what made the vectors.
    """

    def __init__(self, network: EncoderNetwork) -> None:
        super().__init__()
        self.head = network.head

    def forward(self, parts: Tensors) -> Tensors:
        """Vectors `first` (N, D) and `second` (N, D) to `told` (N,), or (N, K) of classes."""
        return {"told": self.head.tell(parts["first"], parts["second"])}


class InitStateProgram(nn.Module):
    """The state before the first token, and the memory.

    Args:
        network: what writes: `rnnzoo.decoding.Decodable`.
        condition: makes what `network.init_state` takes from the named tensors.
    """

    def __init__(self, network: nn.Module, condition: Callable[[Tensors], Any]) -> None:
        super().__init__()
        self.network, self.condition = network, condition

    def forward(self, parts: Tensors) -> Tensors:
        """What is written from, to ``state_...`` and ``memory_...``."""
        state, memory = self.network.init_state(self.condition(parts))  # type: ignore[operator]  # see the class
        return named("state", state) | named("memory", memory)


class StepProgram(nn.Module):
    """One step: the memory has as many rows as the state.

    Args:
        network: what writes.
        state: a state, for its structure.
        memory: a memory, for its structure.
    """

    def __init__(self, network: nn.Module, state: Any, memory: Any) -> None:
        super().__init__()
        self.network, self.structures = network, {"state": state, "memory": memory}

    def forward(self, parts: Tensors) -> Tensors:
        """`tokens` (N,), state and memory, to `log_probs` (N, V) and the new state."""
        given = [_rebuilt(name, structure, parts) for name, structure in self.structures.items()]
        log_probs, state = self.network.step(parts["tokens"], *given)  # type: ignore[operator]  # see the class
        return {"log_probs": log_probs} | named("state", state)


def named(name: str, tree: Any) -> Tensors:
    """The tensors of a state or memory, each named after its place.

    >>> import torch
    >>> from rnnzoo.cells.base import HiddenState
    >>> list(named("state", (HiddenState(torch.zeros(1)), None, HiddenState(torch.ones(1)))))
    ['state_0_h', 'state_2_h']
    """
    if tree is None:
        return {}
    if isinstance(tree, Tensor):
        return {} if _empty(tree) else {name: tree}
    return {key: part for place, below in _places(tree) for key, part in named(f"{name}_{place}", below).items()}


def _rebuilt(name: str, structure: Any, parts: Mapping[str, Tensor]) -> Any:
    """What `named` has taken apart."""
    if structure is None:
        return None
    if isinstance(structure, Tensor):
        return structure.new_zeros(parts["tokens"].shape[0], 0) if _empty(structure) else parts[name]
    found = [_rebuilt(f"{name}_{place}", below, parts) for place, below in _places(structure)]
    return type(structure)._make(found) if hasattr(structure, "_make") else tuple(found)


def _empty(part: Tensor) -> bool:
    """Whether there is nothing in a part, as in what is fed without input feeding."""
    return part.dim() == 2 and part.shape[1] == 0


def _places(tree: Any) -> list[tuple[str, Any]]:
    return list(zip(getattr(tree, "_fields", map(str, range(len(tree)))), tree, strict=True))
