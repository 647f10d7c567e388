"""Optimizers and learning-rate schedules, as they are given: functions that make them."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

OptimizerCallable = Callable[[Iterable], Optimizer]  # type: ignore[type-arg]  # jsonargparse needs it bare
LRSchedulerCallable = Callable[[Optimizer], LRScheduler]


def parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """The trained parameters in one group for each part of a network, named after it: `embedding`, `stack`, `head`.

    A shared parameter is in the group of the part that comes first. The names let a callback clip each part apart.

    >>> network = nn.ModuleDict({"stack": nn.Linear(2, 2), "head": nn.Linear(2, 3)})
    >>> [group["name"] for group in parameter_groups(network)]
    ['stack', 'head']
    """
    taken: set[nn.Parameter] = set()
    groups: list[dict[str, Any]] = []
    parts = [*module.named_children(), ("network", module)]  # last: what belongs to no part
    for name, part in parts:
        parameters = [p for p in part.parameters() if p.requires_grad and p not in taken]
        taken.update(parameters)
        if parameters:
            groups.append({"name": name, "params": parameters})
    return groups
