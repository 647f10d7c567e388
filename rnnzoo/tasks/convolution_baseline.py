"""A convolution with max-over-time pooling, trained to answer what an acceptor answers."""

import copy
import sys
import time
from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.batches import LabelledBatch
from rnnzoo.encodings import InputEncoding
from rnnzoo.layers.convolution import ConvolutionEncoder
from rnnzoo.networks.inputs import build_input
from rnnzoo.tasks.answers import Answer

EPOCHS, STEPS = 10, 500  # it is trained for at most the more of the two
PATIENCE, PATIENT_STEPS = 2, 60  # and ends when it is not better for the more of the two
LONG = 5.0  # seconds of an epoch from which on progress is told


class ConvolutionAcceptor(nn.Module):
    """Input layer, convolutions of widths 3, 4 and 5 with 100 filters each, their maxima, dropout 0.5, head.

    Kim 2014, figure 1 and section 3.1, from random vectors (CNN-rand). The input layer is the encoding's plain one,
    whatever the acceptor's is.

    Args:
        answer: makes the head.
        encoding: of the inputs.
    """

    def __init__(self, answer: Answer, encoding: InputEncoding) -> None:
        super().__init__()
        self.inputs = build_input(encoding, {})
        self.encoder = ConvolutionEncoder(self.inputs.output_size)
        self.dropout = nn.Dropout(0.5)
        self.head: Any = answer.make_head(self.encoder.output_size)
        self._answer = answer

    def forward(self, batch: LabelledBatch) -> Tensor:
        """Features (N, D)."""
        features: Tensor = self.dropout(self.encoder(self.inputs(batch.inputs), batch.inputs.lengths))
        return features

    @torch.no_grad()
    def decide(self, batch: LabelledBatch) -> Tensor:
        """What is decided about a batch, as `Answer.decide`."""
        self.eval()
        return self._answer.decide(self.head, self(batch))


def train_convolution(
    answer: Answer, encoding: InputEncoding, data: Any, device: torch.device, seed: int = 0
) -> ConvolutionAcceptor:
    """The network after at most ten epochs of Adam (learning rate 0.001), as it was best on the validation data.

    It ends when two epochs in a row were not better by the first of the answer's metrics. Of little data more epochs
    are made: 500 steps, and 60 that were not better. The global random state is left as it was. Epochs that take
    long are told on stderr.

    Args:
        answer: the kind of answer.
        encoding: of the inputs.
        data: a DataModule whose loaders give `LabelledBatch`es.
        device: where to train.
        seed: of the weights and of dropout.
    """
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
        torch.manual_seed(seed)
        network = ConvolutionAcceptor(answer, encoding).to(device)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
        loader = data.train_dataloader()
        epochs, patience = max(EPOCHS, -(-STEPS // len(loader))), max(PATIENCE, -(-PATIENT_STEPS // len(loader)))
        best, best_epoch, weights = float("-inf"), -1, copy.deepcopy(network.state_dict())
        for epoch in range(epochs):
            start = time.monotonic()
            loader.set_epoch(epoch)
            _train_epoch(network, optimizer, loader, device)
            name, value, better = answer.main_score(network.decide, (b.to(device) for b in data.val_dataloader()))
            if better > best:
                best, best_epoch, weights = better, epoch, copy.deepcopy(network.state_dict())
            seconds = time.monotonic() - start
            if seconds > LONG:
                said = f"convolution baseline: epoch {epoch + 1}/{epochs}  val/{name} {value:.5g}  ({seconds:.0f} s)"
                print(said, file=sys.stderr, flush=True)
            if epoch - best_epoch >= patience:
                break
        network.load_state_dict(weights)
    return network.eval()


def _train_epoch(
    network: ConvolutionAcceptor, optimizer: torch.optim.Optimizer, loader: Any, device: torch.device
) -> None:
    network.train()
    for batch in loader:
        batch = batch.to(device)
        optimizer.zero_grad()
        loss_sum, count = network.head.loss(network(batch), batch.targets, batch.inputs.real)
        torch.autograd.backward(loss_sum / count)
        optimizer.step()
