"""The fixed-window neural language model as a task: a baseline that has no recurrence."""

from typing import Any, Literal

import torch
from torch import nn

from rnnzoo.networks import WindowLanguageModelNetwork
from rnnzoo.tasks.next_token import NextTokenTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable


class WindowLanguageModel(NextTokenTask):
    """The model of Bengio et al. 2003; see `rnnzoo.networks.WindowLanguageModelNetwork`.

    Args:
        vocabulary: the tokens in the order of their ids.
        tokenizer: a name or the data that `rnnzoo.text.build_tokenizer` takes.
        order: n: the next token depends on the n-1 last ones.
        embedding_size: of a token.
        hidden_size: of the tanh layer.
        direct: whether the embeddings also reach the head past the tanh layer.
        dropout: of the features, before the head.
        loss_scale: `mean` or `window`; see `NextTokenTask`.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.
    """

    network: WindowLanguageModelNetwork

    def __init__(
        self,
        vocabulary: list[str],
        tokenizer: str | dict[str, Any] = "word",
        order: int = 5,
        embedding_size: int = 60,
        hidden_size: int = 100,
        direct: bool = False,
        dropout: float = 0.0,
        loss_scale: Literal["mean", "window"] = "mean",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        super().__init__(vocabulary, tokenizer, optimizer, scheduler, scheduler_interval, loss_scale)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        return WindowLanguageModelNetwork(
            len(given["vocabulary"]),
            order=given["order"],
            embedding_size=given["embedding_size"],
            hidden_size=given["hidden_size"],
            direct=given["direct"],
            dropout=given["dropout"],
        )
