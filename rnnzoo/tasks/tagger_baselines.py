"""What a tagger is held against, learned from the same data: each word's most frequent tag, and a window of words."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from rnnzoo.baselines import Table
from rnnzoo.batches import TaggedBatch
from rnnzoo.encodings import InputEncoding
from rnnzoo.layers import ClassificationHead, WindowEncoder
from rnnzoo.networks.inputs import build_input
from rnnzoo.tasks.acceptor_baselines import whole

EPOCHS = 3
HIDDEN = 300  # as Collobert et al. 2011, table 5


def compare_tagger(tagger: Any, data: Any) -> Table:
    """A tagger and its baselines on all of the test data.

    - most frequent tag: the tag that a word has most often in the training data; the tag that is most frequent of all
      for `<unk>` and words that have none;
    - window: the embedded words of two neighbours on either side, a hidden layer of 300 and a softmax (Collobert &
      Weston 2008; Collobert et al. 2011, section 3.3.1), three epochs of Adam.

    Args:
        tagger: the trained `Tagger`.
        data: a DataModule whose loaders give `TaggedBatch`es.
    """
    with whole(data):
        rows = {
            type(tagger).__name__: tagger.scores(tagger.decide, data),
            "most frequent tag": tagger.scores(_frequent(data.train_dataloader(), tagger.device), data),
            "window of 5 words": tagger.scores(_window(tagger.encoding, data, tagger.device), data),
        }
        steps = sum(batch.num_tokens for batch in data.test_dataloader())
    described = getattr(data, "description", type(data).__name__)
    return Table(f"{described}: {steps:,} test tokens", rows)


def _frequent(loader: Any, device: torch.device) -> Any:
    """Each word's most frequent tag of each column, as a function of a batch."""
    words: list[Tensor] = []
    tags: list[Tensor] = []
    for batch in loader:
        mask = batch.inputs.mask
        words.append(batch.inputs.tokens[mask])
        tags.append(batch.targets[mask])
    flat, columns = torch.cat(words), torch.cat(tags)
    tables = [_best(flat, columns[:, at]) for at in range(columns.shape[1])]
    best = torch.stack(tables, -1).to(device)

    def decide(batch: TaggedBatch) -> Tensor:
        assert batch.inputs.tokens is not None  # the encoding is of text
        return best[batch.inputs.tokens.clamp(max=len(best) - 1)]

    return decide


def _best(words: Tensor, tags: Tensor) -> Tensor:
    """The most frequent tag of each word id, one row more for ids that are larger: (ids + 1,)."""
    tagged = tags >= 0
    words, tags = words[tagged], tags[tagged]
    overall = Counter(tags.tolist()).most_common(1)[0][0]
    count = int(tags.max()) + 1
    table = torch.zeros((int(words.max()) + 2) * count, dtype=torch.long)
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
