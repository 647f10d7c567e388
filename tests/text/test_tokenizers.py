import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.errors import RnnzooError
from rnnzoo.text import build_tokenizer

TRAINING = ["the cat sat on the mat\nthe dog sat on the cat\n"] * 4
SUBWORD = build_tokenizer({"name": "subword", "size": 280}).fit(TRAINING)
SUBWORD_WITHOUT_LINES = build_tokenizer({"name": "subword", "size": 280, "end_of_line": False}).fit(TRAINING)


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [
        ("whitespace", " a  <unk> b.\n\n", ["a", "<unk>", "b.", "<eos>", "<eos>"]),
        ("word", "It's 3.5, not __x__!\n", ["It's", "3.5", ",", "not", "__x__", "!", "<eos>"]),
        ("word", "f(x)=<unk>[1]", ["f", "(", "x", ")", "=", "<unk>", "[", "1", "]"]),
        ("character", "a\nß ", ["a", "\n", "ß", " "]),
        ({"name": "character", "end_of_line": True}, "a\nb", ["a", "<eos>", "b"]),
        ({"name": "word", "end_of_line": False, "lowercase": True}, "The\nCat", ["the", "cat"]),
    ],
)
def test_split(name, text, tokens):
    assert build_tokenizer(name).split(text) == tokens


@pytest.mark.parametrize("name", ["whitespace", "word", "character"])
@given(text=st.text(alphabet=st.one_of(st.sampled_from("ab1 .,'’()[]<>_\n\t"), st.characters(codec="utf-8"))))
def test_splitting_the_joined_tokens_gives_them_again(name, text):
    tokenizer = build_tokenizer(name)
    tokens = tokenizer.split(text)
    assert tokenizer.split(tokenizer.join(tokens)) == tokens


@pytest.mark.parametrize(
    "tokenizer", [build_tokenizer("character"), SUBWORD, SUBWORD_WITHOUT_LINES], ids=["character", "lines", "bytes"]
)
@given(text=st.text(alphabet=st.one_of(st.sampled_from("the cat\n \r"), st.characters(codec="utf-8"))))
def test_characters_and_subwords_are_lossless(tokenizer, text):
    tokens = tokenizer.split(text)
    assert tokenizer.join(tokens) == text
    known = set(tokenizer.inventory()) | {"<eos>"}
    assert tokenizer.level == "character" or known.issuperset(tokens)


def test_words_are_joined_as_they_are_written():
    tokenizer = build_tokenizer("word")
    text = "Don't panic (yet): 3.14, said he.\nNo!"
    assert tokenizer.join(tokenizer.split(text)) == text


def test_merges_are_learned_from_the_training_text_alone_and_again_the_same():
    assert SUBWORD.split("the cat") == ["the", "Ġcat"]
    again = build_tokenizer({"name": "subword", "size": 280}).fit(TRAINING)
    assert again.config() == SUBWORD.config()
    assert SUBWORD.split("zebra") == list("zebra")


@pytest.mark.parametrize("tokenizer", [SUBWORD, build_tokenizer({"name": "word", "lowercase": True})])
def test_config_is_plain_data_that_rebuilds_the_tokenizer(tokenizer):
    config = json.loads(json.dumps(tokenizer.config()))
    rebuilt = build_tokenizer(config)
    assert rebuilt.config() == config
    assert rebuilt.split("The cat sät.\n") == tokenizer.split("The cat sät.\n")
    assert rebuilt.fit(["other text"]).config() == config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("wrod", "unknown tokenizer 'wrod': did you mean 'word'"),
        (
            {"name": "word", "lower_case": True},
            "unknown key of the word tokenizer 'lower_case': did you mean 'lowercase'",
        ),
        ({"name": "word", "size": 300}, "unknown key of the word tokenizer 'size'"),
        ({"lowercase": True}, "has no key 'name'"),
        ({"name": "word", "lowercase": "yes"}, "tokenizer key 'lowercase': 'yes' is not of type bool"),
        ({"name": "subword", "size": True}, "tokenizer key 'size': True is not of type int"),
        ({"name": "subword", "size": 255}, "size 255 has no room for the 256 bytes"),
        ({"name": "subword", "merges": "t h"}, "tokenizer key 'merges': 't h' is not of type list"),
        ({"name": "subword", "merges": ["t h", "th"]}, "merge 'th' is not what its fit"),
        ({"name": "subword", "merges": ["th e"]}, "merge 'th e' is not what its fit"),
    ],
)
def test_wrong_configurations_are_errors(config, message):
    with pytest.raises(RnnzooError, match=message):
        build_tokenizer(config)


def test_the_merges_are_a_plain_list_in_the_order_in_which_they_are_applied():
    """Sennrich et al. 2016, algorithm 1, on "low low low lower": "l o" and "o w" are as frequent."""
    learned = build_tokenizer({"name": "subword", "size": 259, "merges": None}).fit(["low low low lower"])
    assert learned.config()["merges"] == ["l o", "lo w", "Ġ low"]
    given = build_tokenizer({"name": "subword", "merges": ["o w", "l o", "l ow"]})
    assert given.split("lower slow") == ["low", "e", "r", "Ġ", "s", "low"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("हिन्दी में लिखा है।", ["हिन्दी", "में", "लिखा", "है", "।"]),
        ("cafe\u0301 (na\u0131\u0308ve)", ["cafe\u0301", "(", "na\u0131\u0308ve", ")"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("\u2764\ufe0f ok", ["\u2764\ufe0f", "ok"]),
        ("( \u0301", ["(", "\u0301"]),
    ],
    ids=["hindi", "decomposed", "persian", "emoji", "alone"],
)
def test_combining_marks_belong_to_what_they_follow(text, tokens):
    tokenizer = build_tokenizer("word")
    assert tokenizer.split(text) == tokens
    assert tokenizer.split(tokenizer.join(tokens)) == tokens


def test_subwords_must_be_learned_first():
    with pytest.raises(RnnzooError, match="fit it on the training texts first"):
        build_tokenizer("subword").split("a")
