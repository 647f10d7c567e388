"""Data of models that write: batches by hand, copying, splits that share nothing, files that are wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightning import Trainer

from rnnzoo.data import (
    ColourNamesDataModule,
    ConditionedTextDataModule,
    DateDataModule,
    DialogueDataModule,
    DocstringSummaryDataModule,
    Multi30kDataModule,
    ParallelTextDataModule,
    PronunciationDataModule,
    SpokenDigitWritingDataModule,
    SurnameWritingDataModule,
)
from rnnzoo.data.dialogue_files import read_dialogues
from rnnzoo.data.docstring_summaries import docstrings, first_sentence
from rnnzoo.data.parallel_text import read_pairs
from rnnzoo.data.pronunciations import read_pronunciations
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import LanguageModel, Seq2Seq

SPLITS = ("train", "validation", "test")


def _pairs(folder: Path, source: Sequence[str], target: Sequence[str], **options: object) -> ParallelTextDataModule:
    """Training on these pairs, validation and test on their first two."""
    files = []
    for split, count in (("train", None), ("validation", 2), ("test", 2)):
        files.append([str(folder / f"{split}.{side}") for side in ("src", "tgt")])
        for path, lines in zip(files[-1], (source, target), strict=True):
            Path(path).write_text("".join(f"{line}\n" for line in lines[:count]))
    return ParallelTextDataModule(*files, **options)  # type: ignore[arg-type]


def test_a_batch_is_the_encoded_pairs(tmp_path: Path) -> None:
    data = _pairs(tmp_path, ["b a", "a"], ["y", "x y z x x"], tokenizer="whitespace")
    assert data.input_encoding.config()["vocabulary"] == ["<unk>", "a", "b"]
    assert data.target_encoding["vocabulary"] == ["<unk>", "<eos>", "x", "y", "z"]
    batch = data.make_batch("train", torch.tensor([1, 0, -1]))
    assert batch.source.tokens[:, :2].tolist() == [[1, 0], [2, 1], [0, 0]]
    assert batch.targets.tolist() == [[2, 3, 4, 2, 2, 1], [3, 1, 0, 0, 0, 0], [0] * 6]
    assert batch.inputs.tolist() == [[1, 2, 3, 4, 2, 2], [1, 3, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    assert batch.lengths.tolist() == [6, 2, 0]
    assert batch.num_tokens == 8


def test_copied_words_have_ids_past_the_vocabulary(tmp_path: Path) -> None:
    source, target = ["rose a thorn rose", "thorn"], ["thorn rose bush", "bush"]
    data = _pairs(tmp_path, source, target, tokenizer="whitespace", max_vocabulary=3, copy=True)
    assert data.target_encoding["vocabulary"] == ["<unk>", "<eos>", "bush"]
    batch = data.make_batch("train", torch.tensor([1, 0, -1]))
    assert batch.source.ids.tolist() == [[3, 0, 0, 0], [3, 4, 5, 3], [0, 0, 0, 0]]
    assert (batch.source.extra, batch.source.words) == (3, [("thorn",), ("rose", "a", "thorn"), ()])
    assert batch.targets.tolist() == [[2, 1, 0, 0], [5, 3, 2, 1], [0, 0, 0, 0]]
    assert batch.source.inputs.tokens.shape == (3, 4)


def test_references_of_one_source_stand_together(tmp_path: Path) -> None:
    data = _pairs(tmp_path, ["a", "a", "b"], ["x", "y", "z"], tokenizer="whitespace")
    assert data.references("train") == [("a", ["x", "y"]), ("b", ["z"])]


def test_subwords_are_learned_from_training_alone(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="subwords are learned by the package tokenizers")
    data = _pairs(
        tmp_path, ["low lower"] * 9 + ["a"], ["new newer"] * 9 + ["b"], tokenizer={"name": "subword", "size": 300}
    )
    assert data.written_encoding.split("newer") != data.input_encoding.split("newer")  # type: ignore[attr-defined]
    text = "unheard of: ąß"
    tokens = data.written_encoding.split(text)
    assert data.written_encoding.tokenizer.join(tokens) == text
    assert 0 not in data.written_encoding.encode(text)["tokens"].tolist()  # bytes are never unknown


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl"])
def test_tables(ending: str, tmp_path: Path) -> None:
    rows = {"tsv": "de\ten\nein Haus\ta house\n", "csv": 'de,en\nein Haus,"a house"\n'}
    text = rows.get(ending, json.dumps({"de": "ein Haus", "en": "a house"}) + "\n")
    files = []
    for split in SPLITS:
        (tmp_path / f"{split}.{ending}").write_text(text)
        files.append([str(tmp_path / f"{split}.{ending}")])
    data = ParallelTextDataModule(*files, columns=["en", "de"], header=True)
    (example,) = data.examples("test")
    assert (example.inputs, example.target) == ("a house", "ein Haus")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a\nb\n", "x\n", "s has 2 lines and .*t 1"),
        ("a\n\nb\n", "x\ny\nz\n", "s:2: what is to be read is ''"),
        ("a\nb\n", "x\n  \n", "t:2: what is to be written is '  '"),
        ("", "x\n", "s: is empty"),
    ],
)
def test_sides_that_do_not_fit(source: str, target: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "s").write_text(source)
    (tmp_path / "t").write_text(target)
    with pytest.raises(RnnzooError, match=message):
        read_pairs(tmp_path / "s", tmp_path / "t")


@pytest.mark.parametrize("copy", [False, True])
def test_the_end_is_not_in_the_middle(tmp_path: Path, copy: bool) -> None:
    data = _pairs(tmp_path, ["a", "<eos>"], ["x", "x <eos> y"], tokenizer="whitespace", copy=copy)
    message = r"train\.src:2: what is to be written: <eos> stands in 'x <eos> y': it ends what is written, and"
    with pytest.raises(RnnzooError, match=message):
        data.train_dataloader()


def test_the_sources_continue_a_trained_vocabulary(tmp_path: Path) -> None:
    words = ["<unk>", "<eos>", "b", "z"]
    model = LanguageModel(words, {"name": "whitespace", "lowercase": True}, embedding_size=4)
    trainer = Trainer(logger=False, accelerator="cpu", enable_checkpointing=False, default_root_dir=tmp_path)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "lm.ckpt", weights_only=True)
    options = {"tokenizer": "whitespace", "lowercase": True, "vocabulary_from": str(tmp_path / "lm.ckpt")}
    data = _pairs(tmp_path, ["b a A c", "B"], ["y", "x"], **options)
    assert data.encoding["vocabulary"] == [*words, "a", "c"]
    assert data.target_encoding["vocabulary"] == ["<unk>", "<eos>", "x", "y"]
    assert data.make_batch("train", torch.tensor([0])).source.tokens.tolist() == [[2, 4, 4, 5]]
    given = {"kind": "pretrained", "checkpoint": str(tmp_path / "lm.ckpt")}
    decoder = {"stack": {"hidden_size": 4}, "attention": "additive"}
    stack = StackConfig(hidden_size=4, bidirectional=True)
    task = Seq2Seq(
        data.encoding,
        data.target_encoding,
        given,
        stack,
        decoder=decoder,  # type: ignore[arg-type]  # a dictionary will do
        beam_size=2,
    )
    reader = task.network.encoder.inputs
    torch.testing.assert_close(reader.inputs.embedding.weight[:4], model.network.embedding.weight, rtol=0, atol=0)
    with pytest.raises(
        RnnzooError, match=r"data\.max_vocabulary 4 has no room beside the 4 tokens of data\.vocabulary_from"
    ):
        _ = _pairs(tmp_path, ["a"], ["x"], **options, max_vocabulary=4).encoding
    with pytest.raises(RnnzooError, match=r"was trained on lower-case text: give data\.lowercase true"):
        _ = _pairs(tmp_path, ["a"], ["x"], **{**options, "lowercase": False}).encoding


def test_what_is_wrong_with_json_lines(tmp_path: Path) -> None:
    files = []
    for split in SPLITS:
        (tmp_path / f"{split}.jsonl").write_text('{"de": "a", "en": "b"}\n{"de": "\\ud83d\\ude00", "en": "\\ud800!"}\n')
        files.append([str(tmp_path / f"{split}.jsonl")])
    with pytest.raises(
        RnnzooError,
        match=r"train\.jsonl:1: an object has keys, not positions such as 0: give its keys \(de, en\) as data\.",
    ):
        ParallelTextDataModule(*files).examples("train")
    with pytest.raises(
        RnnzooError, match=r"train\.jsonl:2: '\\ud800' is half of a character \(a lone surrogate\): write"
    ):
        ParallelTextDataModule(*files, columns=["de", "en"]).examples("train")


def test_one_class_is_nothing_to_write_from(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\na,x\nb,x\nc,x\n")
    files = {"train_files": [str(tmp_path / "x.csv")], "fractions": [0.4, 0.3, 0.3]}
    with pytest.raises(RnnzooError) as caught:
        ConditionedTextDataModule(**files).train_dataloader()  # type: ignore[arg-type]
    assert str(caught.value) == (
        "all training texts of x.csv are of the class 'x': a condition needs at least two; to write from nothing, give "
        "data.condition_kind: none"
    )
    ConditionedTextDataModule(**files, condition_kind="none").train_dataloader()  # type: ignore[arg-type]


def test_mistakes_of_the_keys(tmp_path: Path) -> None:
    with pytest.raises(RnnzooError, match=r"give two files, .* or one table"):
        ParallelTextDataModule(["a.de"], ["b.tsv"])
    with pytest.raises(RnnzooError, match="is given twice"):
        ParallelTextDataModule(["a", "b"], ["c", "a"])
    with pytest.raises(RnnzooError, match="two are needed"):
        ParallelTextDataModule(["a.tsv"], ["b.tsv"], columns=[0])
    with pytest.raises(RnnzooError, match=r"give data\.test_files"):
        ParallelTextDataModule(["a.tsv"], ["b.tsv"]).read("test")
    with pytest.raises(RnnzooError, match="the data set multi30k is not at"):
        Multi30kDataModule(root=str(tmp_path))


def test_multi30k() -> None:
    root = os.environ.get("RNNZOO_DATA", "")
    if not (Path(root) / "multi30k").is_dir():
        pytest.skip("RNNZOO_DATA has no multi30k")
    data = Multi30kDataModule()
    assert [len(data.examples(split)) for split in SPLITS] == [29000, 1014, 1000]
    assert data.examples("train")[0].inputs == "two young , white males are outside near many bushes ."


DICTIONARY = """;;; a comment
tomato T AH0 M EY1 T OW2
tomato(2) T AH0 M AA1 T OW2 # British
tomato(3) T AH1 M EY1 T OW0
a AH0
"""


def test_pronunciations(tmp_path: Path) -> None:
    (tmp_path / "x.dict").write_text(DICTIONARY)
    found = read_pronunciations(tmp_path / "x.dict", stress=False)
    assert [(one.inputs, one.target) for one in found] == [
        ("tomato", "T AH M EY T OW"),
        ("tomato", "T AH M AA T OW"),
        ("a", "AH"),
    ]
    assert found[1].place.endswith("x.dict:3")
    assert len(read_pronunciations(tmp_path / "x.dict", stress=True)) == 4


@pytest.mark.parametrize(("line", "message"), [("word", "'word' has no phonemes"), ("word K a", "'a' is no phoneme")])
def test_what_is_no_pronunciation(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.dict").write_text(f"a AH0\n{line}\n")
    with pytest.raises(RnnzooError, match=f"x.dict:2: {message}"):
        read_pronunciations(tmp_path / "x.dict", stress=False)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    for reader in (
        lambda: read_pronunciations(path, False),
        lambda: read_dialogues(path),
        lambda: read_pairs(path, path),
    ):
        try:
            examples = reader()
        except RnnzooError as error:
            refused = str(error)
        else:
            refused = "x.yml"
            assert all(example.inputs.strip() and example.target.strip() for example in examples)
        assert "x.yml" in refused


def test_splits_share_no_word_and_the_test_words_are_written(tmp_path: Path) -> None:
    lines = [
        f"w{chr(97 + n // 26)}{chr(97 + n % 26)} AH0\nw{chr(97 + n // 26)}{chr(97 + n % 26)}(2) EY1" for n in range(200)
    ]
    (tmp_path / "x.dict").write_text("\n".join(lines))
    data = PronunciationDataModule(str(tmp_path / "x.dict"), fractions=[0.8, 0.1, 0.1])
    words = [{one.inputs for one in data.examples(split)} for split in SPLITS]
    assert [len(own) for own in words] == [160, 20, 20]
    assert len(set.union(*words)) == 200
    assert all(len(own) == 2 for _, own in data.references("test"))
    data.write_split(tmp_path / "words.txt")
    assert set((tmp_path / "words.txt").read_text().split()) == words[2]
    again = PronunciationDataModule(
        str(tmp_path / "x.dict"), fractions=[0.8, 0.1, 0.1], test_words=str(tmp_path / "again.txt")
    )
    again.examples("train")
    assert (tmp_path / "again.txt").read_text() == (tmp_path / "words.txt").read_text()
    assert [one.inputs for one in again.examples("test")] == [one.inputs for one in data.examples("test")]


def test_a_place_where_no_words_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.dict").write_text("".join(f"w{chr(97 + n)} AH0\n" for n in range(20)))
    nowhere = tmp_path / "absent" / "words.txt"
    data = PronunciationDataModule(str(tmp_path / "x.dict"), fractions=[0.8, 0.1, 0.1], test_words=str(nowhere))
    with pytest.raises(RnnzooError, match=r"absent/words\.txt: the words cannot be written there: No such file"):
        data.examples("train")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.dict"]


def test_dates_are_what_was_written() -> None:
    pytest.importorskip("babel", reason="the forms of dates come from Babel")
    from babel.dates import format_date

    data = DateDataModule(size=400, first_year=2000, last_year=2009)
    days = [{one.target for one in data.examples(split)} for split in SPLITS]
    assert [len(own) for own in days] == [360, 20, 20]
    assert len(set.union(*days)) == 400
    for one in data.examples("test"):
        form = one.place.partition(" as ")[2]
        assert format_date(date.fromisoformat(one.target), form, "en").lower() == one.inputs.lower()
    with pytest.raises(RnnzooError, match="must be from 100 to the 3653 days"):
        DateDataModule(size=5000, first_year=2000, last_year=2009)
    with pytest.raises(RnnzooError, match="Babel knows no locale 'xx_YY'"):
        DateDataModule(locale="xx_YY").examples("train")


def test_dialogues(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("conversations:\n- - Hello\n  - Hi\n  - How  are you?\n- alone\n- - 6 * 7?\n  - 42\n")
    assert [(one.inputs, one.target) for one in read_dialogues(path)] == [
        ("Hello", "Hi"),
        ("Hi", "How are you?"),
        ("6 * 7?", "42"),
    ]
    path.write_text("conversations:\n- - Hello\n  - {a: b}\n")
    with pytest.raises(RnnzooError, match="conversation 1: a list of texts is expected"):
        read_dialogues(path)


def test_dialogues_of_the_package() -> None:
    pytest.importorskip("chatterbot_corpus", reason="the dialogues come with chatterbot-corpus")
    data = DialogueDataModule()
    said = [{one.inputs for one in data.examples(split)} for split in SPLITS]
    assert len(set.union(*said)) == sum(map(len, said))
    with pytest.raises(RnnzooError, match=r"there is no 'klingon', there are: .*english"):
        DialogueDataModule("klingon").examples("train")


def test_docstrings_are_those_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_package"
    (package / "tests").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit  # never imported\n")
    (package / "a.py").write_text(
        'def f():\n    """Do it.\n\n    It is done. Twice.\n    """\n\n\nclass C:\n    """One line."""\n'
        'def g():\n    """Two\n    lines.\n\n    Body.\n    """\n'
    )
    (package / "b.py").write_text("this is { no Python\n")
    (package / "tests" / "c.py").write_text('def h():\n    """Test.\n\n    Body.\n    """\n')
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = docstrings("some_package")
    assert found == ("Do it.", "It is done. Twice.", "some_package/a.py:1", "some_package/a.py")
    with pytest.raises(RnnzooError, match="there is no package 'some_pakage'"):
        list(docstrings("some_pakage"))


def test_docstring_splits_share_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    import rnnzoo.data.docstring_summaries as module

    made = [
        module.Docstring(
            f"Do {n}.", f"Body {n}. More." + " word" * (200 if n == 7 else 0), f"p/{n % 10}.py:{n}", f"p/{n % 10}.py"
        )
        for n in range(100)
    ]
    monkeypatch.setattr(module, "docstrings", lambda package: iter([*made, made[0]]))
    data = DocstringSummaryDataModule(["p"])
    files = [{one.place.partition(":")[0] for one in data.examples(split)} for split in SPLITS]
    assert [len(own) for own in files] == [8, 1, 1]
    assert sum(len(data.examples(split)) for split in SPLITS) == 99  # number 7 is too long, number 0 counts once
    assert data.baselines()["first sentence"] == [first_sentence(one) for one, _ in data.references("test")]
    assert first_sentence("no end") == "no end"


def test_colours_and_surnames() -> None:
    pytest.importorskip("matplotlib", reason="the colours come with matplotlib")
    colours = [one for split in SPLITS for one in ColourNamesDataModule().examples(split)]
    assert len({one.target for one in colours}) == 949
    assert next(one.inputs for one in colours if one.target == "red") == (229 / 255, 0.0, 0.0)
    pytest.importorskip("faker", reason="the surnames come with Faker")
    data = SurnameWritingDataModule(min_names=1000)
    labels = data.condition["labels"]
    batch = data.make_batch("test", torch.tensor([3]))
    example = data.examples("test")[3]
    assert labels[int(batch.source[0])] == example.inputs
    assert "".join(data.written_encoding.vocabulary.lookup(batch.targets[0, :-1].tolist())) == example.target


def test_spoken_digits() -> None:
    root = os.environ.get("RNNZOO_DATA", "")
    if not (Path(root) / "fsdd").is_dir():
        pytest.skip("RNNZOO_DATA has no fsdd")
    data = SpokenDigitWritingDataModule()
    assert len(data.examples("test")) == 10 * 6 * 5
    batch = data.make_batch("test", torch.tensor([7]))
    word = "".join(data.written_encoding.vocabulary.lookup(batch.targets[0, :-1].tolist()))
    digit = Path(data.examples("test")[7].place.partition(":")[2]).name[0]
    assert word == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[int(digit)]
    torch.testing.assert_close(
        batch.source.values[0], data.input_encoding.encode(data.examples("test")[7].inputs)["values"]
    )
