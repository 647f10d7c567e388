"""A module whose gradients are its batches, so that every norm is known by hand."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn

EMBEDDING, WEIGHT, BIAS = slice(0, 2), slice(2, 6), slice(6, 8)  # where in a batch each parameter's gradient stands


class KnownGradients(LightningModule):
    """L = Σ θ_i b_i: the gradient of θ is the batch b (8,)."""

    def __init__(self, learning_rate: float = 1.0, optimizer: type = torch.optim.SGD, **options: Any) -> None:
        super().__init__()
        embedding, layer = nn.Linear(2, 1, bias=False), nn.Linear(2, 2)
        self.network = nn.ModuleDict({"embedding": embedding, "layers": nn.ModuleList([layer])})
        for parameter in self.parameters():
            nn.init.ones_(parameter)
        self.make_optimizer = lambda parameters: optimizer(parameters, lr=learning_rate, **options)
        self.history: list[dict[str, Tensor]] = []

    def loss(self, batch: Tensor) -> Tensor:
        theta = torch.cat([parameter.flatten() for parameter in self.parameters()])
        return (theta * batch.to(theta)).sum()

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def on_train_batch_end(self, *_: Any) -> None:
        logged = {name: value.clone() for name, value in self.trainer.callback_metrics.items()}
        self.history.append(logged)

    def configure_optimizers(self) -> Any:
        return self.make_optimizer(self.parameters())

    def flat(self) -> Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in self.parameters()])


class ManualGradients(KnownGradients):
    """The same, with two optimizers stepped by hand; gradients are gone before the batch ends."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.automatic_optimization = False

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.manual_backward(self.loss(batch))
        for optimizer in self.optimizers():
            optimizer.step()
            optimizer.zero_grad()

    def configure_optimizers(self) -> Any:
        return [self.make_optimizer(self.network[name].parameters()) for name in ("embedding", "layers")]


class Batches:
    """A loader: Lightning takes a bare list for several loaders."""

    def __init__(self, batches: Sequence[Any]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


class Stream:
    """Twelve batches an epoch; resumes where a checkpoint left it, as rnnzoo's loaders do."""

    batch_sampler = dataset = None

    def __init__(self) -> None:
        self.position = 0

    def __len__(self) -> int:
        return 12

    def __iter__(self) -> Iterator[Tensor]:
        for index in range(self.position, len(self)):
            self.position = (index + 1) % len(self)
            yield torch.randn(8, generator=torch.Generator().manual_seed(index))

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = state["position"]


class Noisy(KnownGradients):
    """Training and validation draw from every global random generator; it tells what it validated on."""

    def __init__(self) -> None:
        super().__init__(0.01, torch.optim.Adam)
        self.validated: list[float] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        mask = torch.nn.functional.dropout(torch.ones(8), 0.5)
        return self.loss(batch * mask + random.random() + np.random.rand())

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        torch.rand(3), random.random(), np.random.rand()
        if not self.trainer.sanity_checking:
            self.validated.append(float(self.flat().sum()))

    def train_dataloader(self) -> Any:
        return Stream()

    def val_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(torch.zeros(3, 1), generator=torch.Generator())


@pytest.fixture
def noisy() -> type[Noisy]:
    return Noisy


@pytest.fixture
def known() -> type[KnownGradients]:
    return KnownGradients


@pytest.fixture
def manual() -> type[ManualGradients]:
    return ManualGradients


@pytest.fixture
def fit(tmp_path: Any) -> Callable[..., Trainer]:
    """Fit a module to batches for one epoch."""

    def run(
        module: LightningModule,
        batches: Any = None,
        callbacks: Sequence[Any] = (),
        ckpt_path: Any = None,
        **options: Any,
    ) -> Trainer:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "log_every_n_steps": 1,
            "default_root_dir": tmp_path,
        }
        trainer = lightning.Trainer(callbacks=list(callbacks), **(defaults | options))
        loader = Batches(batches) if isinstance(batches, (list, Tensor)) else batches
        trainer.fit(module, loader, ckpt_path=ckpt_path)
        return trainer

    return run
