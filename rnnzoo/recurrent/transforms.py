"""What PyTorch may do to tensors that makes writing to their memory wrong."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.autograd import forward_ad


def at_work(tensors: Iterable[Tensor]) -> str | None:
    """What is done to these tensors that only ordinary operations follow, in words; None: nothing is."""
    if torch.compiler.is_exporting() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]  # public
        return "it is being exported"
    for tensor in tensors:
        if type(tensor) not in (Tensor, torch.nn.Parameter):
            return f"a tensor is a {type(tensor).__name__}"
        try:
            tensor.data_ptr()
        except RuntimeError:  # wrapped by torch.func, fake or symbolic
            return "a torch.func transform or a tracer is at work"
        if forward_ad.unpack_dual(tensor).tangent is not None:  # type: ignore[no-untyped-call]  # PyTorch leaves it so
            return "forward-mode differentiation is at work"
    return None
