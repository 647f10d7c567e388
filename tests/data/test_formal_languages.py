"""Strings of formal languages: labels, lengths, splits and batches, against the language in plain Python."""

import re
from collections import Counter

import pytest
import torch

from rnnzoo.baselines.automata import language_names
from rnnzoo.data.formal_languages import FormalLanguageDataModule
from rnnzoo.data.formal_prefixes import FormalPrefixDataModule
from rnnzoo.encodings import build_encoding
from rnnzoo.errors import RnnzooError

SMALL = {"train_size": 200, "validation_size": 100, "test_size": 100}


def odd(string):
    return string.count("1") % 2 == 1


def balanced(string):
    while "()" in string:
        string = string.replace("()", "")
    return not string


PLAIN = {
    "parity": odd,
    "dyck-1": balanced,
    "tomita-2": re.compile("(10)*").fullmatch,
    "tomita-4": lambda string: "000" not in string,
    "email": re.compile(r"[a-z]+(\.[a-z]+)*@[a-z]+(\.[a-z]+)*\.[a-z]{2,3}").fullmatch,
}


@pytest.mark.parametrize("language", PLAIN)
def test_labels_are_those_of_the_language_and_lengths_those_asked_for(language):
    data = FormalLanguageDataModule(language, [6, 20], [16, 18], [21, 40], **SMALL)
    for split, (shortest, longest) in {"train": (6, 20), "validation": (16, 18), "test": (21, 40)}.items():
        examples = data.examples(split)
        assert len(examples) == SMALL[f"{split}_size"]
        assert Counter(example.target for example in examples) == {
            "accepted": len(examples) / 2,
            "rejected": len(examples) / 2,
        }
        for example in examples:
            assert (example.target == "accepted") == bool(PLAIN[language](example.inputs)), example
            assert shortest <= len(example.inputs) <= longest


@pytest.mark.parametrize("language", ["parity", "dyck-2", "tomita-2"])
def test_the_length_says_nothing_about_the_label(language):
    data = FormalLanguageDataModule(language, [1, 12], train_size=4000)
    lengths = {
        label: torch.tensor([len(e.inputs) for e in data.examples("train") if e.target == label])
        for label in ("accepted", "rejected")
    }
    if language != "parity":  # odd lengths have no accepted string, and so no rejected one here
        assert all((found % 2 == 0).all() for found in lengths.values())
    counts = torch.stack([torch.bincount(found, minlength=13) for found in lengths.values()]).double()
    counts = counts[:, counts.sum(0) > 0]
    expected = counts.sum(0) / 2
    chi_square = ((counts - expected) ** 2 / expected).sum().item()
    degrees = counts.shape[1] - 1
    assert abs(chi_square - degrees) < 4 * (2 * degrees) ** 0.5


def one_edit(string):
    for at in range(len(string) + 1):
        yield string[:at] + string[at + 1 :]
        for symbol in "01":
            yield string[:at] + symbol + string[at:]
            yield string[:at] + symbol + string[at + 1 :]


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.5, 100), (1.0, 200)])
def test_near_misses_are_the_share_that_was_asked_for(share, count):
    # 20 random bits are an edit away from 1010... with a probability of about 60 in a million
    data = FormalLanguageDataModule("tomita-2", [20, 20], train_size=400, near_misses=share)
    rejected = [example.inputs for example in data.examples("train") if example.target == "rejected"]
    found = sum(any(PLAIN["tomita-2"](other) for other in one_edit(string)) for string in rejected)
    assert abs(found - count) <= 4 * (200 * share * (1 - share)) ** 0.5


def test_the_strings_depend_on_the_seed_alone():
    def strings(**options):
        return [e.inputs for e in FormalLanguageDataModule("tomita-3", **SMALL, **options).examples("test")]

    torch.manual_seed(0)
    first = strings(seed=1)
    torch.manual_seed(1)
    assert strings(seed=1) == first
    assert strings(seed=1, batch_size=3) == first
    assert strings(seed=2) != first


def test_splits_share_no_string_where_the_language_has_others():
    # 16 to 20 bits: over 30,000 strings of each label and length
    data = FormalLanguageDataModule("parity", [16, 20], test_lengths=[18, 22], train_size=3000)
    seen = [{example.inputs for example in data.examples(split)} for split in ("train", "validation", "test")]
    assert not seen[0] & seen[1]
    assert not (seen[0] | seen[1]) & seen[2]
    assert [data.repeated(split) for split in ("train", "validation", "test")] == [0, 0, 0]


def test_a_set_of_strings_that_is_nearly_used_up_is_used_to_the_end_and_then_repeated():
    # length 5 has 16 odd and 16 even strings; 30 in training leave a few unseen of each
    data = FormalLanguageDataModule("parity", [5, 5], test_lengths=[6, 6], train_size=40, validation_size=60)
    train = {example.inputs for example in data.examples("train")}
    validation = [example.inputs for example in data.examples("validation")]
    assert 0 < len(train) < 32
    unseen = {f"{number:05b}" for number in range(32)} - train
    assert {odd(string) for string in unseen} == {True, False}  # so no string has to be repeated
    assert set(validation) <= unseen
    assert data.repeated("validation") == 0
    every = FormalLanguageDataModule("parity", [2, 2], test_lengths=[6, 6], train_size=60, validation_size=20)
    assert {example.inputs for example in every.examples("train")} == {"00", "01", "10", "11"}
    assert every.repeated("validation") == 20


@pytest.mark.parametrize("language", [*language_names(), {"regular_expression": "a*b{2,5}a*", "alphabet": "ab"}])
def test_the_machine_reads_the_batches_as_they_are(language):
    data = FormalLanguageDataModule(language, [6, 12], test_lengths=[13, 20], **SMALL)
    rows = 0
    for batch in data.train_dataloader():
        traced = data.machine.trace(batch.inputs.tokens)
        says = traced.gather(1, batch.inputs.lengths[:, None]).squeeze(1)
        assert torch.equal(says, batch.targets == data.labels.index("accepted"))
        rows += len(batch.targets)
    assert rows == SMALL["train_size"]


@pytest.mark.parametrize("language", ["dyck-1", "tomita-4"])
def test_prefixes_are_tagged_as_strings_of_their_own(language):
    options = {"train_lengths": [4, 12], "test_lengths": [14, 20], **SMALL}
    data, strings = FormalPrefixDataModule(language, **options), FormalLanguageDataModule(language, **options)
    assert data.tags == {"prefix": ["accepted", "rejected"]}
    for example, whole in zip(data.examples("train"), strings.examples("train"), strict=True):
        assert example.inputs == whole.inputs
        assert example.target[0][-1] == whole.target
    batch = data.make_batch("train", torch.tensor([0, 1, -1]))
    for row, length in enumerate(batch.inputs.lengths.tolist()):
        string = data.examples("train")[row].inputs[:length]
        for at, tag in enumerate(batch.targets[row, :, 0].tolist()):
            assert tag == (-1 if at >= length else int(not PLAIN[language](string[: at + 1])))
    assert batch.inputs.lengths[2] == 0


def test_the_encoding_is_plain_data_and_refuses_other_symbols():
    encoding = build_encoding(FormalLanguageDataModule("dyck-1", **SMALL).encoding)
    assert encoding.encode("(())")["tokens"].tolist() == [0, 0, 1, 1]
    with pytest.raises(RnnzooError, match=r"'\['"):
        encoding.encode("([)]")


def test_accuracy_by_length_is_that_counted_by_hand():
    data = FormalLanguageDataModule("parity", [1, 8], test_lengths=[11, 20], **SMALL)
    examples = data.examples("test")
    # right on short strings, says accepted to all that are long
    answers = [e.target if len(e.inputs) <= 15 else "accepted" for e in examples]
    table = data.accuracy_by_length(answers, buckets=2)
    long = [e for e in examples if len(e.inputs) > 15]
    share = sum(e.target == "accepted" for e in long) / len(long)
    assert table.rows["Acceptor"]["11-15"] == 1
    assert table.rows["Acceptor"]["16-20"] == pytest.approx(share)
    assert table.rows["Acceptor"]["accuracy"] == pytest.approx((len(examples) - len(long) + share * len(long)) / 100)
    assert table.rows["majority"]["accuracy"] == 0.5
    with pytest.raises(RnnzooError, match="99 answers to 100 test strings"):
        data.accuracy_by_length(answers[1:])
    with pytest.raises(RnnzooError, match="'yes' is no answer"):
        data.accuracy_by_length(["yes", *answers[1:]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "parit"}, "did you mean 'parity'"),
        ({"train_lengths": [5]}, "data.train_lengths: \\[5\\] must be the shortest and the longest"),
        ({"test_size": 1}, "data.test_size: 1 must be at least 2"),
        ({"batch_size": 0}, "data.batch_size"),
    ],
)
def test_mistakes_are_named_at_once(options, message):
    with pytest.raises(RnnzooError, match=message):
        FormalLanguageDataModule(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_lengths": [0, 4]}, "the train strings .* 1 <= shortest"),
        ({"train_lengths": [4, 3]}, "the train strings .* 1 <= shortest"),
        ({"near_misses": 1.5}, "near_misses is a share"),
        ({"language": "dyck-1", "train_lengths": [3, 3]}, "accepts all strings or none"),
        ({"language": {"regular_expression": "(a|b)*", "alphabet": "ab"}}, "accepts all strings or none"),
    ],
)
def test_mistakes_about_strings_are_named_when_they_are_drawn(options, message):
    with pytest.raises(RnnzooError, match=message):
        FormalLanguageDataModule(**options).examples("train")
