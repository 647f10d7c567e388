"""What all tasks that write share: scores against the references of the data, and when they are logged."""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule

from rnnzoo.data import ParallelTextDataModule
from rnnzoo.errors import RnnzooError
from rnnzoo.metrics.captions import CaptionScores
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Seq2Seq, SequenceTask
from rnnzoo.tasks.searches import Search

SOURCE = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a", "b", "c"]}
REFERENCES = [
    ['The U.S. sent an e-mail (it cost 5.5%) to "them".', "An e-mail was sent by the U.S."],
    ["Tri-colored dogs don't run at 10:30 a.m.", "A  dog\truns at 10:30."],
    ["It is a well-known fact, is it not?", "This is known."],
]
WRITTEN = ["The U.S. sent an e-mail to them.", "Tri-colored dogs run at 10:30 a.m.", "It is a well-known fact."]


def _task(target: dict[str, Any], **given: Any) -> Seq2Seq:
    torch.manual_seed(0)
    decoder = {"stack": {"cell": "gru", "hidden_size": 4}, "attention": "dot", "embedding_size": 3}
    options = {"beam_size": 2, "max_length": 6, **given}
    stack = StackConfig(cell="gru", hidden_size=4)
    return Seq2Seq(SOURCE, target, input={"embedding_size": 3}, stack=stack, decoder=decoder, **options)  # type: ignore[arg-type]


def _target(name: str, lowercase: bool) -> dict[str, Any]:
    tokenizer = {"name": name, "end_of_line": False, "lowercase": lowercase}
    return {"kind": "text", "tokenizer": tokenizer, "vocabulary": ["<unk>", "<eos>", "x", "y", "z"]}


class Data:
    """Sources with several references each, and somebody's answers."""

    description = "toy"

    def references(self, split: str) -> list[tuple[str, list[str]]]:
        assert split == "test"
        return list(zip(["a", "b", "c"], REFERENCES, strict=True))

    def baselines(self) -> dict[str, list[str]]:
        return {"somebody": WRITTEN}


@pytest.mark.parametrize("lowercase", [False, True], ids=["case", "lowercase"])
@pytest.mark.parametrize("tokenizer", ["word", "whitespace", "character"])
def test_scores_of_texts_are_those_of_the_raw_references(
    tokenizer: str, lowercase: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    task = _task(_target(tokenizer, lowercase), scores=["bleu", "chrf", "rouge_l", "exact_match"])
    tokens = [task._written.tokenizer.split(text) for text in WRITTEN]
    monkeypatch.setattr(task, "write", lambda raw, beam_size: tokens)
    table = task.compare(Data())
    assert table is not None
    texts = {"somebody": WRITTEN, "Seq2Seq, beam 2": [task._written.tokenizer.join(one) for one in tokens]}
    scorer = RougeScorer(["rougeL"])
    streams = [list(stream) for stream in zip(*REFERENCES, strict=True)]
    for row, written in texts.items():
        published = {"bleu": BLEU(lowercase=lowercase), "chrf": CHRF(lowercase=lowercase)}
        for at, (name, metric) in enumerate(published.items()):
            assert table.rows[row][name] == metric.corpus_score(written, streams).score
            assert table.notes[at] == f"{name}: sacrebleu {metric.get_signature()}"
        best = [
            max(scorer.score(one, text)["rougeL"].fmeasure for one in own)
            for text, own in zip(written, REFERENCES, strict=True)
        ]
        assert table.rows[row]["rouge_l"] == pytest.approx(sum(best) / 3, rel=1e-12)
    assert ("case:lc" if lowercase else "case:mixed") in table.notes[0]
    if tokenizer == "word":  # what it cannot join as it was costs the model, not the references
        assert table.rows["Seq2Seq, beam 2"]["bleu"] < table.rows["somebody"]["bleu"]


def test_captions_are_scored_against_the_raw_references(monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(_target("word", True), scores=["captions"])
    monkeypatch.setattr(task, "write", lambda raw, beam_size: [[] for _ in raw])
    table = task.compare(Data())
    assert table is not None
    scores = CaptionScores()
    scores.update(WRITTEN, REFERENCES)
    assert table.rows["somebody"] == {name: float(value) for name, value in scores.compute().items()}
    assert table.rows["Seq2Seq, greedy"]["bleu_1"] == 0


def test_scores_of_tokens_are_those_of_the_split_references(monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(_target("word", True), scores=["exact_match", "token_error_rate", "sequence_error_rate"])
    tokens = [["an", "e", "-", "mail", "was", "sent", "by", "the", "u", ".", "s", "."], ["x"], ["this", "is", "known"]]
    monkeypatch.setattr(task, "write", lambda raw, beam_size: tokens)
    table = task.compare(Data())
    assert table is not None
    # no edit of 12 words; x for one of `a dog runs at 10 : 30 .` (8); one edit of `this is known .` (4)
    assert table.rows["Seq2Seq, greedy"] == pytest.approx(
        {"exact_match": 1 / 3, "token_error_rate": 9 / 24, "sequence_error_rate": 2 / 3}
    )
    assert table.notes == ()


PAIRS = [("a b", "X y."), ("b", "z"), ("c a", "Y, z!"), ("a", "x"), ("b b", "Z. Z."), ("c", "y")]


def _files(folder: Path) -> list[list[str]]:
    files = []
    for split in ("train", "validation", "test"):
        names = [str(folder / f"{split}.{side}") for side in ("source", "target")]
        for at, name in enumerate(names):
            Path(name).write_text("".join(f"{pair[at]}\n" for pair in PAIRS))
        files.append(names)
    return files


def _fit(folder: Path, make_trainer: Any, **given: Any) -> tuple[Seq2Seq, Any, ParallelTextDataModule]:
    data = ParallelTextDataModule(*_files(folder), lowercase=True, batch_size=2)
    torch.manual_seed(0)
    task = Seq2Seq(
        data.encoding,
        data.target_encoding,
        stack=StackConfig(cell="gru", hidden_size=8),
        decoder={"stack": {"cell": "gru", "hidden_size": 8}, "attention": "dot", "dropout": 0.2},  # type: ignore[arg-type]
        beam_size=3,
        max_length=4,
        optimizer=lambda groups: torch.optim.Adam(groups, lr=0.03),
        **given,
    )
    trainer = make_trainer(max_epochs=10)
    trainer.fit(task, data)
    return task, trainer, data


def _chrf(texts: Sequence[str]) -> float:
    from sacrebleu.metrics import CHRF

    metric = CHRF(lowercase=True)
    return float(metric.corpus_score(list(texts), [[target for _, target in PAIRS]]).score)


def test_validation_and_test_log_the_scores_of_greedy_and_of_the_own_search(tmp_path: Path, make_trainer: Any) -> None:
    plain, trainer, _ = _fit(tmp_path, make_trainer)
    assert "val/chrf" not in trainer.logged_metrics
    scores = ["chrf", "token_error_rate"]
    task, trainer, data = _fit(tmp_path, make_trainer, scores=scores, validation_scores=["chrf"])
    for one, other in zip(plain.parameters(), task.parameters(), strict=True):
        assert torch.equal(one, other)  # scoring draws nothing
    sources = [source for source, _ in PAIRS]
    logged = float(trainer.logged_metrics["val/chrf"])
    assert logged == pytest.approx(_chrf(task.predict(sources, beam_size=1)), rel=1e-6)
    assert logged > 0
    (found,) = trainer.test(task, data, verbose=False)
    assert found["test/chrf"] == pytest.approx(_chrf(task.predict(sources)), rel=1e-6)
    table = task.compare(data)
    assert table is not None
    for name in scores:
        assert found[f"test/{name}"] == pytest.approx(table.rows["Seq2Seq, beam 3"][name], rel=1e-6)
    (found,) = trainer.validate(task, data, verbose=False)
    assert found["val/chrf"] == pytest.approx(logged)


def test_the_table_of_a_test_does_not_search_again(tmp_path: Path, make_trainer: Any, monkeypatch: Any) -> None:
    task, trainer, data = _fit(tmp_path, make_trainer, scores=["exact_match"])
    beams: list[int] = []
    find = Search.find

    def counted(own: Search, *args: Any, **given: Any) -> Any:
        beams.append(own.beam_size)
        return find(own, *args, **given)

    monkeypatch.setattr(Search, "find", counted)
    trainer.test(task, data, verbose=False)
    assert beams == [3]
    table = task.compare(data)
    assert beams == [3, 1]
    copied = copy.deepcopy(task)
    del beams[:]
    assert copied.compare(data) == table  # which knows nothing, and searches by both
    assert beams == [1, 3]
    other = ParallelTextDataModule(*_files(tmp_path), lowercase=True, batch_size=2)
    assert task.compare(other) == table
    assert beams == [1, 3, 1, 3]
    with torch.no_grad():
        task.network.decoder.head.bias[2] += 100
    assert task.compare(data) != table  # other weights write other texts
    assert beams == [1, 3, 1, 3, 1, 3]


def test_a_checkpoint_keeps_what_validation_measures(tmp_path: Path, make_trainer: Any) -> None:
    task = _task(_target("word", False), validation_scores=["chrf"])
    trainer = make_trainer()
    trainer.strategy.connect(task)
    trainer.save_checkpoint(tmp_path / "x.ckpt", weights_only=True)
    assert SequenceTask.load_from_checkpoint(tmp_path / "x.ckpt").hparams["validation_scores"] == ["chrf"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scores": ["blue"]}, "unknown score in model.scores 'blue': did you mean 'bleu'"),
        ({"validation_scores": ["chr"]}, "unknown score in model.validation_scores 'chr': did you mean 'chrf'"),
        ({"validation_scores": ["captions", "rouge_l"]}, "model.validation_scores: captions has a rouge_l of its own"),
        (
            {"beam_size": 6},
            r"^model\.beam_size 6 is larger than the vocabulary of 5 tokens that are written: give at most so many$",
        ),
    ],
)
def test_mistakes_are_found_before_training(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RnnzooError, match=message):
        _task(_target("word", False), **given)


@pytest.mark.parametrize("key", ["scores", "validation_scores"])
def test_a_missing_scorer_is_told_before_training(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(RnnzooError, match=r"BLEU and chrF need the package sacrebleu: pip install"):
        _task(_target("word", False), **{key: ["chrf"]})


def test_validation_scores_need_references(make_trainer: Any) -> None:
    task = _task(_target("word", False), validation_scores=["bleu"])
    with pytest.raises(RnnzooError, match=r"validation_scores needs a DataModule .* references\(split\)"):
        make_trainer().fit(task, LightningDataModule())
