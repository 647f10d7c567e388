"""The tagger: the contract with each head, several columns, steps without a tag."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from rnnzoo.batches import SequenceInputs, TaggedBatch
from rnnzoo.data import Example, TaggerDataModule
from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Tagger
from rnnzoo.testing.tasks import check_task

TEXT = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a", "b", "c"], "characters": ["a", "b", "c"]}
TAGS = {"one": ["x", "y", "z"], "two": ["p", "q"]}


def _batch() -> TaggedBatch:
    torch.manual_seed(3)
    tokens = torch.randint(0, 4, (4, 5))
    lengths = torch.tensor([5, 2, 3, 0])
    characters = torch.randint(0, 5, (4, 5, 3))
    targets = torch.stack((torch.randint(0, 3, (4, 5)), torch.randint(0, 2, (4, 5))), -1)
    return TaggedBatch(SequenceInputs(lengths, tokens=tokens, characters=characters), targets)


def _task(**given: object) -> Tagger:
    torch.manual_seed(0)
    return Tagger(TEXT, TAGS, stack=StackConfig(hidden_size=6, bidirectional=True), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("head", ["softmax", "crf"])
@pytest.mark.parametrize(
    "given",
    [
        {"embedding_size": 5},
        {"kind": "characters", "composition": "lstm", "filters": 6},
        {"kind": "words_and_characters", "embedding_size": 4, "widths": [2, 3], "filters": 3},
    ],
    ids=["words", "characters", "both"],
)
def test_contract(head: str, given: dict[str, object]) -> None:
    check_task(_task(head=head, input=given), _batch())


def test_softmax_loss_by_torch_without_the_steps_that_have_no_tag() -> None:
    task, batch = _task(), _batch()
    batch.targets[0, 1, 0] = -1
    batch.targets[2, 0, :] = -1
    features = task.network(batch.inputs)
    expected = torch.zeros(())
    real = batch.inputs.mask
    for column, head in enumerate(task.network.heads):
        tags = batch.targets[:, :, column].masked_fill(~real, -1)
        expected = expected + F.cross_entropy(
            head.linear(features).flatten(0, 1),  # type: ignore[operator]
            tags.flatten(),
            ignore_index=-1,
            reduction="sum",
        )
    loss_sum, count = task.batch_loss(batch, "val")
    assert loss_sum.item() == pytest.approx(expected.item(), rel=1e-6)
    assert count.item() == 9  # ten real steps, one of them without any tag
    found = task.network.decode(features, real)
    counted = (batch.targets[:, :, 0] >= 0) & real
    right = (found[:, :, 0] == batch.targets[:, :, 0])[counted].float().mean()
    assert task.stage_metrics("val")["accuracy"].compute().item() == pytest.approx(right.item())


def test_predictions_are_those_of_each_text_alone_and_name_the_tokens() -> None:
    for head in ("softmax", "crf"):
        task = _task(head=head)
        together = task.predict(["a b c a", ["b"], "what a b"])
        assert together == [task.predict([text])[0] for text in ("a b c a", ["b"], "what a b")]
        assert [token for token, _ in together[2]] == ["what", "a", "b"]
        assert set(together[0][0][1]) == {"one", "two"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"head": "crff"}, "unknown model.head 'crff': did you mean 'crf'"),
        ({"input": {"kind": "characters", "composition": "cn"}}, "unknown input.composition 'cn': did you mean 'cnn'"),
    ],
)
def test_mistakes(given: dict[str, object], message: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        _task(**given)
    assert message in str(caught.value)


SPANS = ["B-PER", "I-PER", "O"]


def test_a_crf_with_a_scheme_gives_no_tags_that_break_it() -> None:
    torch.manual_seed(4)
    for _ in range(20):
        task = Tagger(TEXT, {"ner": SPANS}, stack=StackConfig(hidden_size=4), head="crf", scheme="IOB2")
        for parameter in task.network.parameters():
            torch.nn.init.normal_(parameter, std=2.0)
        found = task.network.decode(task.network(_batch().inputs), _batch().inputs.mask)[:, :, 0].tolist()
        for row, length in zip(found, (5, 2, 3, 0), strict=True):
            tags = ["O", *(SPANS[tag] for tag in row[:length])]
            assert all(after != "I-PER" or before != "O" for before, after in pairwise(tags))


def test_f1_counts_spans() -> None:
    task = Tagger(TEXT, {"ner": SPANS}, stack=StackConfig(hidden_size=4), scheme="IOB2")
    metric = task.build_metrics()["f1"]
    # true: [0, 2) and [3, 4); found: [0, 2) and [2, 3)
    metric.update(torch.tensor([[0, 1, 0, 2]]), torch.tensor([[0, 1, 2, 0]]))
    assert metric.compute().item() == pytest.approx(0.5)


class _Data(TaggerDataModule):
    columns = ("pos",)

    def read(self, split: str) -> list[Example]:
        rows = [("a b a", "X Y X"), ("b a", "Y Z"), ("b c", "Y Y")] if split == "train" else [("a b d", "X X Y")]
        return [Example(words.split(), [tags.split()], split) for words, tags in rows]

    def fit_encoding(self, examples):  # type: ignore[no-untyped-def]
        return TextEncoding("whitespace", ["<unk>", "a", "b", "c"])


def test_the_most_frequent_tags_are_those_by_hand() -> None:
    data = _Data(batch_size=2)
    task = Tagger(data.encoding, data.tags, stack=StackConfig(hidden_size=4, bidirectional=True))
    table = task.compare(data)
    assert table is not None
    # a: X twice, Z once; b: Y always; d is unknown: Y, the most frequent of all
    assert table.rows["most frequent tag"]["accuracy"] == pytest.approx(2 / 3)
    assert set(table.rows) == {"Tagger", "most frequent tag", "window of 5 words"}
    right = [tag == expected for (_, tag), expected in zip(task.predict([["a", "b", "d"]])[0], "XXY", strict=True)]
    assert table.rows["Tagger"]["accuracy"] == pytest.approx(sum(right) / 3)


def test_a_crf_refuses_steps_without_a_tag() -> None:
    batch = _batch()
    batch.targets[2, 1, 1] = -1
    with pytest.raises(RnnzooError, match="column 1: step 1 of row 2 has no tag"):
        _task(head="crf").batch_loss(batch, "train")
    _task(head="softmax").batch_loss(batch, "train")
