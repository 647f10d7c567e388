"""A task and its data that the command line's tests run: small enough to fit in a fraction of a second."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from rnnzoo.errors import RnnzooError


@dataclass
class ToyStack:
    hidden_size: int = 4
    cell: str = "lstm"
    cell_options: dict[str, Any] = field(default_factory=dict)


class ToyComparison:
    title = "toy corpus, 16 test tokens"

    def __init__(self, loss: float) -> None:
        self.loss = loss

    def columns(self) -> list[list[str]]:
        return [["model", "toy", "unigram"], ["perplexity", f"{self.loss:.2f}", "3.00"]]

    def as_rows(self) -> list[dict[str, Any]]:
        return [{"model": "toy", "perplexity": self.loss}, {"model": "unigram", "perplexity": 3.0}]


class ToyTask(LightningModule):
    def __init__(
        self,
        vocabulary: list[str],
        tokenizer: dict[str, Any],
        stack: ToyStack | None = None,
        dropout: float = 0.0,
        fail_at: int | None = None,
        optimizer: OptimizerCallable = torch.optim.SGD,
    ) -> None:
        super().__init__()
        stack = stack or ToyStack()
        self.save_hyperparameters(
            {"vocabulary": vocabulary, "tokenizer": tokenizer, "stack": asdict(stack), "dropout": dropout}
        )
        self.optimizer = optimizer
        self.fail_at = fail_at
        self.linear = nn.Linear(2, stack.hidden_size)

    def _loss(self, batch: list[Tensor]) -> Tensor:
        return (self.linear(batch[0]) - 1).pow(2).mean()

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        if self.fail_at is not None and self.global_step == self.fail_at:
            raise KeyboardInterrupt
        loss = self._loss(batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], index: int) -> None:
        self.log("val/loss", self._loss(batch))

    def test_step(self, batch: list[Tensor], index: int) -> None:
        self.log("test/loss", self._loss(batch))

    def predict_step(self, batch: list[Tensor], index: int) -> Tensor:
        return self.linear(batch[0])

    def configure_optimizers(self) -> Any:
        return self.optimizer(self.parameters())

    def compare(self, data: LightningDataModule) -> ToyComparison:
        return ToyComparison(float(self._loss([data.rows("test")]).detach()))

    def generate(self, prompt: str, max_length: int, temperature: float, seed: int) -> str:
        return f"{prompt}written by {len(self.hparams['vocabulary'])} symbols"


class OtherTask(ToyTask):
    pass


class ToyData(LightningDataModule):
    def __init__(
        self, corpus: str | None = None, folder: str | None = None, size: int = 16, broken: bool = False
    ) -> None:
        super().__init__()
        if (corpus is None) == (folder is None):
            raise RnnzooError("give exactly one of data.corpus and data.folder")
        self.size, self.broken, self.corpus = size, broken, corpus

    @property
    def vocabulary(self) -> list[str]:
        return ["<eos>", *"abcdefghijkl"[: self.size // 2]]

    @property
    def tokenizer_config(self) -> dict[str, Any]:
        return {"name": "character"}

    def rows(self, split: str) -> Tensor:
        generator = torch.Generator().manual_seed({"train": 0, "val": 1, "test": 2}[split])
        return torch.randn(self.size, 2, generator=generator)

    def _loader(self, split: str) -> DataLoader[Any]:
        if self.broken:
            raise RnnzooError("data.broken: the text\nis broken")
        return DataLoader(TensorDataset(self.rows(split)), batch_size=4)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader("train")

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        return self._loader("test")


class FileData(ToyData):
    """With other keys than those of `ToyData`."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__(corpus="noise")
