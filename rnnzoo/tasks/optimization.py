"""Optimizers and learning-rate schedules, as they are given: functions that make them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from rnnzoo.errors import RnnzooError
from rnnzoo.networks.inputs import pretrained_input
from rnnzoo.networks.inputs.pretrained import Part

OptimizerCallable = Callable[[Iterable], Optimizer]  # type: ignore[type-arg]  # jsonargparse needs it bare
LRSchedulerCallable = Callable[[Optimizer], LRScheduler]


def parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """The trained parameters in one group for each part of a network, named after it: `embedding`, `stack`, `head`.

    A shared parameter is in the group of the part that comes first. The names let a callback clip each part apart.
    A trained reader with `layer_decay` (`rnnzoo.networks.inputs.PretrainedInput`) has a group for each of its layers,
    named `pretrained.<part>`, since each has a learning rate of its own.

    >>> network = nn.ModuleDict({"stack": nn.Linear(2, 2), "head": nn.Linear(2, 3)})
    >>> [group["name"] for group in parameter_groups(network)]
    ['stack', 'head']
    """
    taken: set[nn.Parameter] = set()
    groups: list[dict[str, Any]] = []
    parts = [(name, part.parameters()) for name, part in _slower(module).items()]
    parts += [(name, list(child.parameters())) for name, child in module.named_children()]
    parts.append(("network", list(module.parameters())))  # last: what belongs to no part
    for name, candidates in parts:
        parameters = [p for p in candidates if p.requires_grad and p not in taken]
        taken.update(parameters)
        if parameters:
            groups.append({"name": name, "params": parameters})
    return groups


def slow_down(optimizer: Optimizer, module: nn.Module) -> None:
    """Give each layer of a trained reader its share of the learning rate (Howard & Ruder 2018, section 3.2)."""
    for group, part in _slowed(optimizer, module):
        group["lr"] = group["lr"] * part.rate


def require_slower(optimizer: Optimizer, module: nn.Module) -> None:
    """Refuse a schedule that sets the learning rates of the groups itself, so that the shares are lost.

    Raises:
        RnnzooError: such a schedule, as `OneCycleLR` is.
    """
    top = max(group.get("initial_lr", group["lr"]) for group in optimizer.param_groups)
    for group, part in _slowed(optimizer, module):
        if part.rate < 1 and group.get("initial_lr", group["lr"]) >= top:
            raise RnnzooError(
                "model.scheduler sets the learning rate of all parameters itself, so input.layer_decay has no effect: "
                "choose a schedule that scales the optimizer's rates, such as CosineAnnealingLR or LambdaLR"
            )


def _slower(module: nn.Module) -> dict[str, Part]:
    reader = pretrained_input(module)
    if reader is None or reader.freeze or reader.layer_decay == 1:
        return {}
    return {f"pretrained.{part.name}": part for part in reader.parts()}


def _slowed(optimizer: Optimizer, module: nn.Module) -> Iterator[tuple[dict[str, Any], Part]]:
    parts = _slower(module)
    for group in optimizer.param_groups:
        if group.get("name") in parts:
            yield group, parts[group["name"]]
