"""A trained reader as the input of another network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.inputs.base import InputLayer
from rnnzoo.recurrent import RecurrentStack, StackConfig


class Part(NamedTuple):
    """What is frozen or tuned together: a name, the modules, the share of the learning rate, what is never tuned."""

    name: str
    modules: list[nn.Module]
    rate: float
    fixed: frozenset[nn.Parameter] = frozenset()

    def parameters(self) -> list[nn.Parameter]:
        """The parameters of the modules that can be tuned."""
        every = [parameter for module in self.modules for parameter in module.parameters()]
        return [parameter for parameter in every if parameter not in self.fixed]


class PretrainedInput(InputLayer):
    """The outputs ``y_1 .. y_T`` of a trained input layer and stack, as vectors for a further stack.

    Dai & Le 2015 start a reader from a language model; Peters et al. 2017, section 3, read a language model's outputs
    with a further stack, as here.

    Args:
        inputs: the input layer of the trained reader.
        stack: its recurrent part.
        freeze: whether it stays as it was trained: no gradients, no dropout. Otherwise it is tuned with the rest.
        layer_decay: how much slower each part learns than the one above it: the top layer of the reader with
            ``lr / d``, the next with ``lr / d^2``, ..., its input layer last (Howard & Ruder 2018, section 3.2:
            d = 2.6). 1: all alike.

    Raises:
        RnnzooError: a decay below 1.
    """

    def __init__(self, inputs: InputLayer, stack: StackConfig, freeze: bool = False, layer_decay: float = 1.0) -> None:
        super().__init__()
        if layer_decay < 1:
            raise RnnzooError(f"input.layer_decay must be at least 1, not {layer_decay}: lower parts learn slower")
        self.inputs = inputs
        self.stack = RecurrentStack(inputs.output_size, stack)
        self.output_size = self.stack.output_size
        self.freeze, self.layer_decay = freeze, layer_decay
        self._fixed = {name for name, parameter in self.named_parameters() if not parameter.requires_grad}
        if freeze:
            self.requires_grad_(False)
            self.train(False)

    def forward(self, inputs: SequenceInputs) -> Tensor:
        """Outputs (N, T, D') of the trained stack."""
        outputs: Tensor = self.stack(self.inputs(inputs), inputs.lengths).outputs
        return outputs

    def train(self, mode: bool = True) -> PretrainedInput:
        """Frozen, it has no dropout in training either."""
        return super().train(mode and not self.freeze)

    @torch.no_grad()
    def start_from(self, weights: dict[str, Tensor], unknown_id: int | None) -> None:
        """Take over trained weights.

        Embedding rows behind those of the trained vocabulary are new words: each starts as the row of `<unk>`, so that
        at first they are read as they were in training (Howard & Ruder's code takes the mean row).

        Args:
            weights: by the names of this module's own.
            unknown_id: the row of `<unk>`; None: new rows keep their own start.

        Raises:
            RnnzooError: other names or shapes.
        """
        own = self.state_dict()
        if set(own) != set(weights):
            raise RnnzooError(f"other weights than this reader's: {', '.join(sorted(set(own) ^ set(weights))[:4])}")
        for name, value in own.items():
            trained = weights[name]
            if value.shape[1:] != trained.shape[1:] or value.shape[:1] < trained.shape[:1]:
                raise RnnzooError(f"{name} was trained as {tuple(trained.shape)} and is {tuple(value.shape)} here")
            if value.shape == trained.shape:
                value.copy_(trained)
            else:
                value[: len(trained)] = trained
                if unknown_id is not None:
                    value[len(trained) :] = trained[unknown_id]

    def parts(self) -> list[Part]:
        """Its layers from the top down, its input layer last; if that is a trained reader too, that one's parts.

        What the reader itself keeps as it was, frozen vectors or a frozen reader, is in no part.
        """
        modules: list[list[nn.Module]] = []
        names: list[str] = []
        for layer in reversed(range(self.stack.config.num_layers)):
            beside = [group[layer] for group in (self.stack.norms, self.stack.gates) if len(group)]
            modules.append([*self.stack.layer(layer), *beside])
            names.append(f"stack.{layer}")
        inner = self.inputs if isinstance(self.inputs, PretrainedInput) else None
        if inner is None:
            modules.append([self.inputs])
            names.append("inputs")
        rates = [self.layer_decay ** -(depth + 1) for depth in range(len(modules))]
        fixed = frozenset(parameter for name, parameter in self.named_parameters() if name in self._fixed)
        found = [Part(*part, fixed) for part in zip(names, modules, rates, strict=True)]
        for part in [] if inner is None else inner.parts():
            found.append(Part(f"inputs.{part.name}", part.modules, part.rate * rates[-1], fixed))
        return [part for part in found if part.parameters()]


def pretrained_input(network: nn.Module) -> PretrainedInput | None:
    """The outermost trained reader of a network, if it has one."""
    return next((module for module in network.modules() if isinstance(module, PretrainedInput)), None)
