"""Sequence to sequence as a task: its loss by hand, copying, searches and attention from a checkpoint alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs, WritingBatch
from rnnzoo.decoding import beam_search
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.coverage import coverage_loss
from rnnzoo.networks.seq2seq import CopyInputs
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, Seq2Seq, SequenceTask
from rnnzoo.testing.tasks import check_task

SOURCE = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a", "b", "c"]}
TARGET = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "<eos>", "x", "y", "z"]}
E, H = 3, 4
TARGETS = torch.tensor([[2, 3, 4, 1], [4, 1, 0, 0], [0, 0, 0, 0]])
LENGTHS = torch.tensor([4, 2, 0])
TEXTS = ["a b c a", "c", "b what a"]


def _source() -> SequenceInputs:
    return SequenceInputs(torch.tensor([5, 2, 0]), tokens=torch.tensor([[1, 2, 3, 1, 2], [3, 1, 0, 0, 0], [0] * 5]))


def _batch(source: Any = None, targets: Tensor = TARGETS) -> WritingBatch:
    inputs = torch.cat((torch.ones(3, 1, dtype=torch.long), targets[:, :-1]), 1)
    return WritingBatch(source if source is not None else _source(), inputs, targets, LENGTHS)


class OneBatch:
    """A loader; Lightning takes a list for several loaders."""

    def __iter__(self) -> Iterator[WritingBatch]:
        return iter((_batch(),))


def _copy_batch() -> WritingBatch:
    """The first source has two words that the target vocabulary lacks, 5 and 6, and writes both."""
    ids = torch.tensor([[5, 2, 6, 5, 2], [2, 3, 0, 0, 0], [0] * 5])
    return _batch(
        CopyInputs(_source(), ids, 2, [["a", "c"], [], []]), torch.tensor([[6, 3, 5, 1], *TARGETS[1:].tolist()])
    )


def _task(decoder: dict[str, Any] | None = None, **given: Any) -> Seq2Seq:
    torch.manual_seed(0)
    config = {"stack": {"cell": "gru", "hidden_size": H}, "attention": "dot", "embedding_size": E} | (decoder or {})
    stack = given.pop("stack", StackConfig(cell="gru", hidden_size=H))
    return Seq2Seq(SOURCE, TARGET, input={"embedding_size": E}, stack=stack, decoder=config, max_length=6, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "decoder",
    [
        {"attention": None, "bridge": "copy"},
        {"attention": "additive", "attention_order": "before", "input_feeding": True, "attention_size": 5},
        {"attention": "aligned"},
    ],
    ids=["bridge", "bahdanau", "aligned"],
)
def test_contract(decoder: dict[str, Any]) -> None:
    check_task(_task(decoder), _batch())


def test_contract_with_copying_coverage_smoothing_and_own_tokens() -> None:
    task = _task(
        {"copy": True},
        coverage_weight=0.5,
        label_smoothing=0.1,
        scheduled_sampling={"schedule": "linear", "rate": 0.5, "start": 0.9},
        scores=["bleu", "rouge_l"],
    )
    check_task(task, _copy_batch())


def _log_probs_by_hand(task: Seq2Seq, row: int, source_length: int, length: int) -> Tensor:
    """torch.nn.GRU over one row without padding, dot attention and readout written out: log p (T, V)."""
    grus = []
    for stack in (task.network.encoder.stack, task.network.decoder.stack):
        gru = nn.GRU(stack.cells[0].weight_ih.shape[1], H, batch_first=True)
        for name, value in stack.cells[0].named_parameters():
            getattr(gru, f"{name}_l0").data.copy_(value)
        grus.append(gru)
    batch, decoder = _batch(), task.network.decoder
    embedded = task.network.encoder.inputs.embedding.weight[batch.source.tokens[row, :source_length]]  # type: ignore[union-attr,index]
    memory, final = grus[0](embedded[None])
    start = torch.tanh(decoder.bridge.linear(final[0]))
    outputs, _ = grus[1](decoder.embedding.weight[batch.inputs[row, :length]][None], start[None])
    weights = torch.softmax(outputs[0] @ memory[0].T, -1)
    features = torch.tanh(torch.cat((weights @ memory[0], outputs[0]), -1) @ decoder.readout.weight.T)
    return torch.log_softmax(features @ decoder.head.weight.T + decoder.head.bias, -1)


def test_loss_is_that_of_each_row_alone_by_torch() -> None:
    task = _task()
    expected = 0.0
    with task.evaluating():
        for row, source_length, length in ((0, 5, 4), (1, 2, 2)):
            log_probs = _log_probs_by_hand(task, row, source_length, length)
            expected -= sum(log_probs[t, TARGETS[row, t]].item() for t in range(length))
        loss_sum, count = task.batch_loss(_batch(), "val")
    assert loss_sum.item() == pytest.approx(expected, rel=1e-5)
    assert count.item() == 6
    assert task.stage_metrics("val")["perplexity"].compute().item() == pytest.approx(math.exp(expected / 6), rel=1e-5)


def test_training_adds_the_coverage_loss_and_nothing_else_does() -> None:
    plain, penalised = _task(), _task(coverage_weight=2.0)
    batch = _batch()
    output = plain.network(batch.source, batch.inputs, batch.lengths)
    expected = plain.batch_loss(batch, "train")[0] + 2.0 * coverage_loss(output.weights, batch.mask)
    torch.testing.assert_close(penalised.batch_loss(batch, "train")[0], expected)
    torch.testing.assert_close(penalised.batch_loss(batch, "val")[0], plain.batch_loss(batch, "val")[0])


def _reloaded(task: Seq2Seq, folder: Path, make_trainer: Any) -> Seq2Seq:
    trainer = make_trainer()
    trainer.strategy.connect(task)
    trainer.save_checkpoint(folder / "x.ckpt", weights_only=True)
    return SequenceTask.load_from_checkpoint(folder / "x.ckpt")  # type: ignore[return-value]


def test_writes_from_a_checkpoint_alone_as_the_search_says(tmp_path: Path, make_trainer: Any) -> None:
    task = _task(
        {"attention": "general"}, stack=StackConfig(cell="gru", hidden_size=H, bidirectional=True), beam_size=3
    )
    loaded = _reloaded(task, tmp_path, make_trainer)
    together = loaded.hypotheses(TEXTS, num_return=3)
    for text, found in zip(TEXTS, together, strict=True):
        source = task.sources([text])
        with task.evaluating():
            search = beam_search(
                task.network, source, 1, beam_size=3, max_length=6, end_id=1, num_return=3, length_penalty="average"
            )
        words = [" ".join(TARGET["vocabulary"][at] for at in row) for row in search.lists(1)[0]]
        assert [one.text for one in found] == words
        assert [one.score for one in found] == pytest.approx(search.scores[0].tolist(), rel=1e-4)
        assert found[0].text == task.predict([text])[0]
    assert loaded.predict(TEXTS, beam_size=1) == [task.predict([text], beam_size=1)[0] for text in TEXTS]


def test_prefix_and_constraints_are_kept() -> None:
    task = _task(beam_size=4)
    written = task.write(TEXTS, prefix=["z y", "", "x"], constraints=[["x x"], ["y"], []], min_length=3)
    assert written[0][:2] == ["z", "y"]
    assert "x x" in " ".join(written[0])
    assert "y" in written[1]
    assert written[2][0] == "x"
    assert all(3 <= len(tokens) <= 6 for tokens in written)
    drawn = task.sample(TEXTS, num_return=3, prefix="y z", seed=1)
    assert all(text.startswith("y z") for own in drawn for text in own)
    assert drawn == task.sample(TEXTS, num_return=3, prefix="y z", seed=1)


def test_copied_words_are_written_as_words() -> None:
    task = _task({"copy": True})
    with torch.no_grad():
        task.network.decoder.copy_gate.linear.bias.fill_(-30.0)  # type: ignore[union-attr]  # copy always
    for text, words in (("rose thorn rose", {"rose", "thorn"}), ("what", {"what"}), ("x <unk>", {"x", "<unk>"})):
        assert set(task.write([text, "a b"], beam_size=1)[0]) <= words
        assert len(task.write([text])[0]) == 6  # the end cannot be copied


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_forced_word_may_be_one_of_the_source(beam_size: int) -> None:
    """p(rose) = attention at its places, the gate being shut: by hand from a pass over the whole text."""
    task, sources = _task({"copy": True}), ["b rose thorn rose", "thorn x"]
    with torch.no_grad():
        task.network.decoder.copy_gate.linear.bias.fill_(-30.0)  # type: ignore[union-attr]  # copy always
    options = {"beam_size": beam_size, "length_penalty": "none", "max_length": 2}
    found = task.hypotheses(sources, num_return=1, prefix=["rose b", "x thorn"], **options)
    assert [own[0].text for own in found] == ["rose b", "x thorn"]
    with torch.no_grad(), task.evaluating():
        for raw, places, own in ((sources[0], ([1, 3], [0]), found[0]), (sources[1], ([1], [0]), found[1])):
            read = torch.tensor([[1, task.hparams["target_encoding"]["vocabulary"].index("x") if raw[0] == "t" else 0]])
            weights = task.network(task.sources([raw]), read).weights[0]
            by_hand = sum(weights[step, at].sum().log().item() for step, at in enumerate(places))
            assert own[0].log_prob == pytest.approx(by_hand, rel=1e-4)
    texts = list(task.stream(sources[0], prefix="thorn", **options))
    assert texts[-1].split()[0] == "thorn"
    assert task.predict(sources[:1], prefix="thorn", **options) == texts[-1:]
    for drawn in (task.sample(sources, 2, prefix="thorn"), task.sample_without_replacement(sources, 2, prefix="thorn")):
        assert {str(getattr(one, "text", one)).split()[0] for own in drawn for one in own} == {"thorn"}
    contained = task.predict(sources, constraints=[["rose thorn"], []], beam_size=4)
    assert "rose thorn" in contained[0]
    with pytest.raises(RnnzooError, match=r"the prefix 'rose' has 'rose', which .* nor among the words of its source"):
        task.predict(sources, prefix="rose")
    with pytest.raises(RnnzooError, match=r"^input 1: "):
        task.predict(["a", ""], prefix="a")
    with pytest.raises(RnnzooError, match="give a list of prefixes, not 3"):
        task.predict(sources, prefix=3)
    for wrong in ("thorn", [None, None], [["thorn"], 3], [["thorn"]], ["thorn", "thorn"]):
        with pytest.raises(RnnzooError, match="constraints must be a list of phrases for each of the 2 sources"):
            task.predict(sources, constraints=wrong)
    with pytest.raises(RnnzooError, match="give a list of constraints, not 5"):
        task.predict(sources, constraints=5)


def test_the_loss_of_a_copied_word_is_its_attention() -> None:
    task = _task({"copy": True})
    batch = _copy_batch()
    with torch.no_grad(), task.evaluating():
        task.network.decoder.copy_gate.linear.bias.fill_(-30.0)  # type: ignore[union-attr]
        output = task.network(batch.source, batch.inputs, batch.lengths)
        losses = task.network.decoder.nll(output, batch.targets)
        weights = output.weights[0]
    assert losses[0, 0].item() == pytest.approx(-weights[0, 2].log().item(), rel=1e-4)
    assert losses[0, 2].item() == pytest.approx(-(weights[2, 0] + weights[2, 3]).log().item(), rel=1e-4)


def test_attend_gives_the_weights_of_what_was_written() -> None:
    task = _task()
    found = task.attend(["a b c a b", "c"], ["x y z", "z"])
    assert found[0].source == ["a", "b", "c", "a", "b"]
    assert found[0].written == ["x", "y", "z", "<eos>"]
    with task.evaluating():
        output = task.network(_batch().source, _batch().inputs, LENGTHS)
    torch.testing.assert_close(found[0].weights, output.weights[0])
    torch.testing.assert_close(found[1].weights.sum(-1), torch.ones(2))
    assert task.attend(["a"])[0].written[:-1] == task.write(["a"])[0][:6]
    with pytest.raises(RnnzooError, match="no attention"):
        _task({"attention": None}).attend(["a"])


def test_scores_are_told_with_their_signature() -> None:
    class Data:
        description = "toy"

        def references(self, split: str) -> list[tuple[str, list[str]]]:
            return [("a", ["x y", "z"]), ("b c", ["y"])]

        def baselines(self) -> dict[str, list[str]]:
            return {"always z": ["z", "z"]}

    table = _task(scores=["exact_match", "token_error_rate", "sequence_error_rate", "bleu"], beam_size=2).compare(
        Data()
    )
    assert list(table.rows) == ["Seq2Seq, greedy", "Seq2Seq, beam 2", "always z"]
    assert {
        name: table.rows["always z"][name] for name in ("exact_match", "token_error_rate", "sequence_error_rate")
    } == {
        "exact_match": 0.5,
        "token_error_rate": 0.5,
        "sequence_error_rate": 0.5,
    }
    assert table.notes[0].startswith("bleu: sacrebleu nrefs:var|")
    assert _task(scores=[]).compare(Data()) is None


def test_decoder_starts_as_a_language_model(tmp_path: Path, make_trainer: Any) -> None:
    stack = StackConfig(cell="gru", hidden_size=H)
    model = LanguageModel(TARGET["vocabulary"], stack=stack, embedding_size=E)
    trainer = make_trainer()
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "lm.ckpt", weights_only=True)
    task = _task({"attention": None}, decoder_from=str(tmp_path / "lm.ckpt"))
    make_trainer(max_steps=0).fit(task, OneBatch())
    decoder = task.network.decoder
    torch.testing.assert_close(decoder.embedding.weight, model.network.embedding.weight)
    torch.testing.assert_close(decoder.stack.cells[0].weight_hh, model.network.stack.cells[0].weight_hh)
    torch.testing.assert_close(decoder.head.state_dict(), model.network.head.state_dict())
    (tmp_path / "lm.ckpt").unlink()
    again = _reloaded(task, tmp_path, make_trainer)  # the checkpoint needs no language model
    assert again.predict(TEXTS) == task.predict(TEXTS)


def test_another_vocabulary_is_no_start(tmp_path: Path, make_trainer: Any) -> None:
    model = LanguageModel(["<unk>", "<eos>", "x", "q"], stack=StackConfig(cell="gru", hidden_size=H), embedding_size=E)
    trainer = make_trainer()
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "lm.ckpt", weights_only=True)
    task = _task({"attention": None}, decoder_from=str(tmp_path / "lm.ckpt"))
    with pytest.raises(RnnzooError, match=r"knows 4 tokens, and 5 are written.*it lacks 'y', 'z'"):
        make_trainer(max_steps=0).fit(task, OneBatch())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_length": 0}, "max_length must be at least 1, not 0"),
        ({"beam_size": 0}, "beam_size must be at least 1, not 0"),
        ({"beam_size": 9}, "beam_size 9 is larger than the vocabulary of 5"),
        ({"length_penalty": "wuu"}, "unknown length_penalty 'wuu': did you mean 'wu'"),
        ({"prefix": "x q"}, "the prefix 'x q' has 'q', which is not in the vocabulary of 5 tokens"),
        ({"prefix": ["x"]}, "1 prefixes for 3 sources"),
        ({"prefix": "x y z x y z x"}, "prefix must be \\(N, P\\), P at most max_length = 6"),
        ({"constraints": [["x"], ["q q"], []]}, "the phrase 'q q' has 'q'"),
        ({"constraints": ["x", "y", "z"]}, "constraints must be a list of phrases for each of the 3 sources"),
        ({"no_repeat_ngram": 2}, "unknown option of the search 'no_repeat_ngram': did you mean 'no_repeat_ngram_size'"),
    ],
)
def test_mistakes_of_a_search(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        _task().predict(TEXTS, **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scores": ["blue"]}, "unknown score in model.scores 'blue': did you mean 'bleu'"),
        ({"beam_size": 0}, "model.beam_size must be at least 1"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ({"coverage_weight": -1.0}, "coverage_weight must be a number of at least 0"),
        ({"coverage_weight": 1.0, "decoder": {"attention": None}}, "coverage_weight is of attention"),
    ],
)
def test_mistakes_of_a_model(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        _task(**given)


def test_mistakes_of_sources() -> None:
    task = _task()
    with pytest.raises(RnnzooError, match="input 1: there is no token in ''"):
        task.predict(["a", ""])
    with pytest.raises(RnnzooError, match="give a list of sources"):
        task.predict("a b")
    with pytest.raises(RnnzooError, match=r"decoder\.copy and data.copy belong together"):
        task.batch_loss(_copy_batch(), "val")
    with pytest.raises(RnnzooError, match=r"decoder\.copy and data.copy belong together"):
        _task({"copy": True}).batch_loss(_batch(), "val")


def test_predict_step_leaves_filling_rows_out() -> None:
    task = _task()
    with task.evaluating():
        assert len(task.predict_step(_batch(), 0)) == 2
