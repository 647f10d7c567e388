"""The tagger: the contract with each head, several columns, steps without a tag."""

from __future__ import annotations

import re
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from lightning import Trainer
from torch.nn import functional as F

from rnnzoo.batches import SequenceInputs, TaggedBatch
from rnnzoo.data import Example, TaggedTextDataModule, TaggerDataModule
from rnnzoo.encodings import SeriesEncoding, TextEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Tagger
from rnnzoo.tasks.tagger_baselines import _fitted
from rnnzoo.testing.tasks import check_task
from rnnzoo.text.schemes import SchemeError, validate

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
        {"kind": "tokens_and_ngrams", "embedding_size": 4, "widths": [2, 3], "filters": 3, "word_dropout": 0.1},
    ],
    ids=["words", "characters", "both", "ngrams"],
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
        ({"scheme": {"on": "IOB2"}}, "unknown column in model.scheme 'on': did you mean 'one'? (known: one, two)"),
        ({"dropout": 1.0}, "model.dropout must be a probability of at least 0 and below 1, not 1.0"),
        (
            {"input": {"kind": "characters", "composition": "lstm", "filters": 51}},
            "input.filters 51 is odd: with composition lstm each direction has half of them",
        ),
        (
            {"input": {"kind": "characters", "filters": 0}},
            "input.filters must be a whole number of at least 1, not 0",
        ),
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


class _Series(TaggerDataModule):
    """A step is `up` where the value ten steps back was above 0; one step has no tag."""

    def read(self, split: str) -> list[Example]:
        torch.manual_seed({"train": 5, "test": 6}[split])
        found = []
        for row in torch.randn(6, 60).tolist():
            tags: list[str | None] = ["down"] * 10 + ["up" if value > 0 else "down" for value in row[:-10]]
            found.append(Example(row, [[None, *tags[1:]]], split))
        return found

    def fit_encoding(self, examples):  # type: ignore[no-untyped-def]
        return SeriesEncoding([0.0], [1.0])


def test_series_are_held_against_a_constant_and_a_regression_on_the_last_steps() -> None:
    data = _Series(batch_size=4)
    task = Tagger(data.encoding, data.tags, stack=StackConfig(hidden_size=4))
    table = task.compare(data)
    assert table is not None
    assert list(table.rows) == ["Tagger", "most frequent tag", "regression on 12 steps"]
    assert "354 test steps" in table.title
    tags = [tag for example in data.examples("test") for tag in example.target[0] if tag is not None]
    assert table.rows["most frequent tag"]["accuracy"] == pytest.approx(tags.count("down") / len(tags))
    assert table.rows["regression on 12 steps"]["accuracy"] > 0.9  # ten steps back is within the last twelve


def test_the_regression_is_that_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rows = torch.randn(80, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = (rows @ torch.tensor([[1.0, 0.0, -1.0], [0.5, -1.0, 0.0], [0.0, 2.0, 1.0]]).double()).argmax(1)
    labels[::7] = (labels[::7] + 1) % 3
    # its intercepts bear no penalty: a column of ones does, as here
    ones = torch.cat((rows, torch.ones(80, 1)), 1)
    theirs = linear_model.LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8, max_iter=1000).fit(ones, labels)
    torch.testing.assert_close(_fitted(rows, labels, 3), torch.from_numpy(theirs.coef_.T), rtol=0, atol=1e-3)


def test_a_crf_refuses_steps_without_a_tag() -> None:
    batch = _batch()
    batch.targets[2, 1, 1] = -1
    with pytest.raises(RnnzooError, match="column 1: step 1 of row 2 has no tag"):
        _task(head="crf").batch_loss(batch, "train")
    _task(head="softmax").batch_loss(batch, "train")


COLUMNS = {"pos": ["x", "y"], "ner": SPANS}


def _keeps(tags: tuple[str, ...]) -> bool:
    try:
        validate(tags, "IOB2")
    except SchemeError:
        return False
    return True


def test_the_best_sequences_and_the_marginals_are_those_of_all_sequences() -> None:
    """Every sequence of tags that the scheme allows, scored one by one in float64."""
    torch.manual_seed(8)
    task = Tagger(TEXT, COLUMNS, stack=StackConfig(hidden_size=4), head="crf", scheme={"ner": "IOB2"}).double()
    for parameter in task.network.parameters():
        torch.nn.init.normal_(parameter)
    raw = ["a b c", ["c"]]
    best, marginals = task.k_best(raw, k=4, column="ner"), task.marginals(raw, "ner")
    head = task.network.heads[1]
    for text, found, steps in zip(raw, best, marginals, strict=True):
        with torch.no_grad():
            scores = head.projection(task.eval().network(task.inputs_of([text])))[0]  # type: ignore[operator]
        weights: dict[tuple[str, ...], float] = {}
        for path in product(range(3), repeat=len(scores)):
            tags = tuple(SPANS[tag] for tag in path)
            if _keeps(tags):
                moves = sum(head.transitions[move] for move in pairwise(path))  # type: ignore[index]
                inner = sum(scores[step, tag] for step, tag in enumerate(path))
                weights[tags] = float((head.start[path[0]] + head.end[path[-1]] + moves + inner).exp())  # type: ignore[index]
        total = sum(weights.values())
        expected = sorted(weights.items(), key=lambda one: -one[1])[:4]
        assert [tuple(tags) for tags, _ in found] == [tags for tags, _ in expected]  # one word: two sequences are all
        assert [p for _, p in found] == pytest.approx([weight / total for _, weight in expected], rel=1e-5)
        for step, probabilities in enumerate(steps):
            by_hand = {tag: sum(w for tags, w in weights.items() if tags[step] == tag) / total for tag in SPANS}
            assert probabilities == pytest.approx(by_hand, rel=1e-5, abs=1e-12)
    assert [tags for tags, _ in task.k_best(raw, k=1)[0]] == [[tag["pos"] for _, tag in task.predict(raw)[0]]]


def test_a_softmax_has_marginals_and_no_best_sequences() -> None:
    task = _task()
    found = task.marginals(["a b"])[0]
    with torch.no_grad():
        logits = task.network.heads[0].linear(task.eval().network(task.inputs_of(["a b"])))[0]  # type: ignore[operator]
    assert [list(step.values()) for step in found] == [pytest.approx(row) for row in logits.softmax(-1).tolist()]
    with pytest.raises(RnnzooError, match=r"need model\.head crf"):
        task.k_best(["a b"])
    with pytest.raises(RnnzooError, match=r"unknown column of tags 'tow': did you mean 'two'\?"):
        task.marginals(["a b"], column="tow")


def test_each_column_that_marks_spans_has_its_scheme() -> None:
    tags = {"chunk": ["B-NP", "I-NP", "O"], "pos": ["x", "y"], "ner": SPANS}
    task = Tagger(TEXT, tags, stack=StackConfig(hidden_size=4), head="crf", scheme={"ner": "IOB2", "chunk": "IOB1"})
    assert list(task.build_metrics()) == ["accuracy", "f1", "accuracy/pos", "accuracy/ner", "f1/ner"]
    forbidden = [head.forbidden_first[:-1].tolist() for head in task.network.heads]
    assert forbidden == [[True, False, False], [False, False], [False, True, False]]  # B in IOB1, I in IOB2
    inputs = SequenceInputs(torch.tensor([3]), tokens=torch.tensor([[1, 2, 3]]))
    metrics = task.build_metrics()
    batch = TaggedBatch(inputs, torch.tensor([[[1, 0, 0], [1, 1, 1], [2, 1, 0]]]))  # spans: NP 0-2; PER 0-2, PER 2-3
    found = torch.tensor([[[1, 0, 0], [2, 1, 1], [2, 0, 2]]])  # NP 0-1; PER 0-2
    task._measure(metrics, found, batch)
    scores = {name: float(metric.compute()) for name, metric in metrics.items()}
    assert scores == pytest.approx(
        {"accuracy": 2 / 3, "f1": 0.0, "accuracy/pos": 2 / 3, "accuracy/ner": 2 / 3, "f1/ner": 2 / 3}
    )


def test_data_that_break_the_models_scheme_are_refused_at_their_line(tmp_path: Path) -> None:
    """IOB1 where IOB2 was said: the loss would be infinite."""
    good, other, bad = tmp_path / "good.txt", tmp_path / "other.txt", tmp_path / "bad.txt"
    good.write_text("a B-PER\nb I-PER\nc O\n\nb O\n")
    other.write_text("b O\n")
    bad.write_text("c O\nc O\n\nb O\na I-PER\n")
    message = (
        f"{bad}:5: column tag: tag 2, 'I-PER', may not follow 'O' in IOB2: there may stand O, B-PER; correct it, or "
        "name in model.scheme the scheme that the data is written in"
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "accelerator": "cpu"}
    for train, validation in (([good, bad], other), ([good], bad)):
        data = TaggedTextDataModule([str(path) for path in train], [str(validation)])
        task = Tagger(data.encoding, data.tags, stack=StackConfig(hidden_size=4), head="crf", scheme="IOB2")
        trainer = Trainer(max_epochs=1, num_sanity_val_steps=0, default_root_dir=tmp_path, **quiet)  # type: ignore[arg-type]
        with pytest.raises(RnnzooError, match=f"^{re.escape(message)}$"):
            trainer.fit(task, datamodule=data)


def test_a_batch_that_breaks_the_scheme_is_refused() -> None:
    task = Tagger(TEXT, {"ner": SPANS}, stack=StackConfig(hidden_size=4), head="crf", scheme="IOB2")
    inputs = SequenceInputs(torch.tensor([3, 2]), tokens=torch.tensor([[1, 2, 3], [1, 1, 0]]))
    targets = torch.tensor([[[0], [1], [2]], [[2], [1], [1]]])
    with pytest.raises(RnnzooError, match=r"^the constraints forbid the targets of row 1 at step 1: tag 1 may not fo"):
        task.batch_loss(TaggedBatch(inputs, targets), "train")
