"""What a tagger is held against, learned from the same data: the most frequent tag, and what looks at a few steps."""

from collections import Counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnzoo.baselines import Table
from rnnzoo.batches import SequenceInputs, TaggedBatch
from rnnzoo.encodings import InputEncoding, TextEncoding
from rnnzoo.layers import ClassificationHead, WindowEncoder
from rnnzoo.networks.inputs import build_input
from rnnzoo.tasks.acceptor_baselines import whole

EPOCHS = 3
STEPS = 12
HIDDEN = 300  # as Collobert et al. 2011, table 5


def compare_tagger(tagger: Any, data: Any) -> Table:
    """A tagger and its baselines on all of the test data.

    Of text:

    - most frequent tag: the tag that a word has most often in the training data; the tag that is most frequent of all
      for `<unk>` and words that have none;
    - window: the embedded words of two neighbours on either side, a hidden layer of 300 and a softmax (Collobert &
      Weston 2008; Collobert et al. 2011, section 3.3.1), three epochs of Adam.

    Of series:

    - most frequent tag: of all training steps;
    - logistic regression on the values of the last 12 steps, this one among them, with zeros, the mean, before a
      series's first; none of later ones.

    Args:
        tagger: the trained `Tagger`.
        data: a DataModule whose loaders give `TaggedBatch`es.
    """
    with whole(data):
        rows = {type(tagger).__name__: tagger.scores(tagger.decide, data)}
        if isinstance(tagger.encoding, TextEncoding):
            rows["most frequent tag"] = tagger.scores(_frequent(data.train_dataloader(), tagger.device), data)
            rows["window of 5 words"] = tagger.scores(_window(tagger.encoding, data, tagger.device), data)
            counted = f"{sum(batch.num_tokens for batch in data.test_dataloader()):,} test tokens"
        else:
            rows["most frequent tag"] = tagger.scores(_constant(data.train_dataloader(), tagger.device), data)
            rows[f"regression on {STEPS} steps"] = tagger.scores(_regression(data, tagger.device), data)
            tagged = sum(int((batch.targets[..., 0] >= 0).sum()) for batch in data.test_dataloader())
            counted = f"{tagged:,} test steps"
    described = getattr(data, "description", type(data).__name__)
    return Table(f"{described}: {counted}", rows)


def _constant(loader: Any, device: torch.device) -> Any:
    """The most frequent tag of each column, as a function of a batch."""
    tags = torch.cat([batch.targets[batch.inputs.mask] for batch in loader])
    best = torch.stack([column[column >= 0].bincount().argmax() for column in tags.unbind(1)]).to(device)

    def decide(batch: TaggedBatch) -> Tensor:
        return best.expand(batch.targets.shape)

    return decide


def _last_steps(inputs: SequenceInputs) -> Tensor:
    """The values of each step and of those before it, (N, T, STEPS D)."""
    assert inputs.values is not None  # the encoding is of series
    return F.pad(inputs.values, (0, 0, STEPS - 1, 0)).unfold(1, STEPS, 1).flatten(2)


def _regression(data: Any, device: torch.device) -> Any:
    """Logistic regression for each column, as a function of a batch."""
    features, targets = [], []
    for batch in data.train_dataloader():
        mask = batch.inputs.mask
        features.append(_last_steps(batch.inputs)[mask])
        targets.append(batch.targets[mask])
    rows, columns = torch.cat(features).double(), torch.cat(targets)
    weights = [
        _fitted(rows[column >= 0], column[column >= 0], len(tags)).to(device)
        for column, tags in zip(columns.unbind(1), data.tags.values(), strict=True)
    ]

    def decide(batch: TaggedBatch) -> Tensor:
        read = _with_one(_last_steps(batch.inputs).double())
        return torch.stack([(read @ weight).argmax(-1) for weight in weights], -1)

    return decide


def _fitted(rows: Tensor, labels: Tensor, count: int) -> Tensor:
    """W (features + 1, C) float64 of ``softmax(W [x; 1])`` that minimises ``-sum log p + |W|^2 / 2``, by L-BFGS."""
    read = _with_one(rows)
    weight = torch.zeros(read.shape[1], count, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (F.cross_entropy(read @ weight, labels, reduction="sum") + 0.5 * weight.square().sum()) / len(labels)
        torch.autograd.backward(loss)
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]  # untyped in torch
    return weight.detach()


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat((rows, torch.ones_like(rows[..., :1])), -1)


def _frequent(loader: Any, device: torch.device) -> Any:
    """Each word's most frequent tag of each column, as a function of a batch."""
    words: list[Tensor] = []
    tags: list[Tensor] = []
    for batch in loader:
        mask = batch.inputs.mask
        words.append(batch.inputs.tokens[mask])
        tags.append(batch.targets[mask])
    flat, columns = torch.cat(words), torch.cat(tags)
    tables = [_best(flat, columns[:, at], int(flat.max()) + 2) for at in range(columns.shape[1])]
    best = torch.stack(tables, -1).to(device)

    def decide(batch: TaggedBatch) -> Tensor:
        assert batch.inputs.tokens is not None  # the encoding is of text
        return best[batch.inputs.tokens.clamp(max=len(best) - 1)]

    return decide


def _best(words: Tensor, tags: Tensor, size: int) -> Tensor:
    """The most frequent tag of each word id below `size`, (size,); of a word that was never tagged, that of all."""
    tagged = tags >= 0
    words, tags = words[tagged], tags[tagged]
    overall = Counter(tags.tolist()).most_common(1)[0][0]
    count = int(tags.max()) + 1
    table = torch.zeros(size * count, dtype=torch.long)
    table.index_add_(0, words * count + tags, torch.ones_like(tags))
    table = table.view(-1, count)
    return torch.where(table.sum(1) > 0, table.argmax(1), overall)


class _WindowTagger(nn.Module):
    """Input layer, window, a softmax for each column."""

    def __init__(self, encoding: InputEncoding, counts: list[int]) -> None:
        super().__init__()
        self.inputs = build_input(encoding, {"kind": "tokens"})
        self.window = WindowEncoder(self.inputs.output_size, HIDDEN)
        self.heads = nn.ModuleList(ClassificationHead(HIDDEN, count) for count in counts)

    def forward(self, batch: TaggedBatch) -> Tensor:
        """Features (N, T, H)."""
        features: Tensor = self.window(self.inputs(batch.inputs), batch.inputs.lengths)
        return features

    @torch.no_grad()
    def decide(self, batch: TaggedBatch) -> Tensor:
        """The likeliest tags (N, T, K)."""
        features = self(batch)
        return torch.stack([head.log_probs(features).argmax(-1) for head in self.heads], -1)  # type: ignore[operator]


def _window(encoding: InputEncoding, data: Any, device: torch.device) -> Any:
    """The trained window tagger, as a function of a batch; the global random state is left as it was."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
        torch.manual_seed(0)
        network = _WindowTagger(encoding, [len(tags) for tags in data.tags.values()]).to(device)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
        loader = data.train_dataloader()
        for epoch in range(EPOCHS):
            loader.set_epoch(epoch)
            for batch in loader:
                batch = batch.to(device)
                features, mask = network(batch), batch.inputs.mask
                optimizer.zero_grad()
                losses = [
                    head.loss(features, batch.targets[..., at].clamp(min=0), mask & (batch.targets[..., at] >= 0))[0]  # type: ignore[operator]
                    for at, head in enumerate(network.heads)
                ]
                torch.autograd.backward(torch.stack(losses).sum() / mask.sum())
                optimizer.step()
    return network.eval().decide
