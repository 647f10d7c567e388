"""The recurrent language model as a task."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.networks import LanguageModelNetwork
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.tasks.next_token import NextTokenTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable


class LanguageModel(NextTokenTask):
    """A recurrent language model: `rnnzoo.networks.LanguageModelNetwork`, to be used as `NextTokenTask` says.

    Args:
        vocabulary: the tokens in the order of their ids.
        tokenizer: a name or the data that `rnnzoo.text.build_tokenizer` takes.
        stack: the recurrent layers; a dictionary with the keys of `StackConfig` will do.
        embedding_size: None: the stack's hidden size.
        tied: the output matrix is the embedding's.
        head: `linear` or `adaptive`.
        cutoffs: where the clusters of the adaptive head begin.
        dropout: of the stack's outputs, before the head.
        input_dropout: of the embedded tokens.
        embedding_dropout: of word types.
        locked_dropout: `dropout` and `input_dropout` draw one mask for all steps of a row.
        init_range: a: every parameter starts as U(-a, a); None: each layer's own start.
        loss_scale: `mean` or `window`; see `NextTokenTask`.
        optimizer: as in `SequenceTask`, and so are the last two.
        scheduler: see there.
        scheduler_interval: see there.

    Example:
        >>> task = LanguageModel(["<unk>", "<eos>", "a", "b"], stack=StackConfig(hidden_size=8))
        >>> task.score(["a b a"])[0].tokens
        4
    """

    network: LanguageModelNetwork

    def __init__(
        self,
        vocabulary: list[str],
        tokenizer: str | dict[str, Any] = "word",
        stack: StackConfig = StackConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        embedding_size: int | None = None,
        tied: bool = False,
        head: Literal["linear", "adaptive"] = "linear",
        cutoffs: list[int] | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        locked_dropout: bool = False,
        init_range: float | None = None,
        loss_scale: Literal["mean", "window"] = "mean",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
    ) -> None:
        super().__init__(vocabulary, tokenizer, optimizer, scheduler, scheduler_interval, loss_scale)

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        return LanguageModelNetwork(
            len(given["vocabulary"]),
            StackConfig.from_dict(given["stack"]),
            embedding_size=given["embedding_size"],
            tied=given["tied"],
            head=given["head"],
            cutoffs=given["cutoffs"],
            dropout=given["dropout"],
            input_dropout=given["input_dropout"],
            embedding_dropout=given["embedding_dropout"],
            locked_dropout=given["locked_dropout"],
            init_range=given["init_range"],
        )

    def last_step_probe(self, batch: LanguageModelBatch) -> tuple[RecurrentStack, Tensor, Callable[[Tensor], Tensor]]:
        """What the picture of gradients through time needs: the stack, its inputs, and the loss at the last step only.

        Rows shorter than the longest are left out.

        Returns:
            The stack; inputs (N, T, D) without history; the function from the outputs at T, (N, D'), to the mean loss.
        """
        inputs, targets = batch.inputs, batch.targets
        if batch.lengths is not None:
            longest = int(batch.lengths.max())
            full = batch.lengths == longest
            inputs, targets = inputs[full, :longest], targets[full, :longest]

        def loss(outputs: Tensor) -> Tensor:
            return self.network.head.nll(outputs, targets[:, -1]).mean()

        return self.network.stack, self.network.embedding(inputs).detach(), loss
