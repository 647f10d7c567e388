"""How much of a loss at the last step reaches the states before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor


class Steps(Protocol):
    """What is needed of a stack: a step, and a state to start from."""

    def step(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step: inputs (N, D) and the state before to ``(outputs (N, D'), state)``."""

    def initial_state(self, batch_size: int) -> Any:
        """s_0."""


def temporal_gradient_norms(stack: Steps, inputs: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """``‖∂L/∂h_{T-k}‖`` of each layer against the lag k, for a loss at step T only: (layers, T), float64.

    h is the first field of a layer's state. The derivative is the total one, through all layers and all later steps:
    the stack is unrolled by ``.step``, since the gradient that reaches a fused kernel's outputs holds the direct term
    only. Norms are 2-norms per row, averaged over the rows. ``.grad`` of the parameters is not touched.

    Args:
        stack: unrolled over `inputs` from its initial state; in one direction.
        inputs: (N, T, D).
        loss: of the outputs (N, D') of the last step, a scalar.

    Example:
        >>> class Halving:  # h_t = h_{t-1} / 2 + x_t, so that ∂h_T/∂h_{T-k} = 2^-k
        ...     def step(self, inputs, state):
        ...         h = state[0][0] / 2 + inputs
        ...         return h, ((h,),)
        ...
        ...     def initial_state(self, batch_size):
        ...         return ((torch.zeros(batch_size, 1),),)
        >>> temporal_gradient_norms(Halving(), torch.ones(1, 4, 1), torch.sum)
        tensor([[1.0000, 0.5000, 0.2500, 0.1250]], dtype=torch.float64)
    """
    with torch.enable_grad():
        inputs = inputs.detach().requires_grad_()  # so that there is a graph also where every weight is frozen
        state = stack.initial_state(inputs.shape[0])
        hidden: list[Tensor] = []
        outputs = inputs[:, 0]
        for x in inputs.unbind(1):
            outputs, state = stack.step(x, state)
            hidden.extend(hidden_states(state))
        gradients = torch.autograd.grad(loss(outputs), hidden, allow_unused=True)
    norms = torch.stack(
        [
            # in float64, where the squares of what float32 can still hold do not underflow
            torch.linalg.vector_norm(
                torch.zeros_like(h) if gradient is None else gradient, dim=1, dtype=torch.float64
            ).mean()
            for h, gradient in zip(hidden, gradients, strict=True)
        ]
    )
    return norms.detach().cpu().view(inputs.shape[1], -1).flip(0).T


def hidden_states(state: Any) -> Iterator[Tensor]:
    """The h of each layer: the first tensor of each innermost tuple of a stack's state."""
    if isinstance(state[0], Tensor):
        yield state[0]
    else:
        for part in state:
            yield from hidden_states(part)
