"""A text is split piece by piece: as if it were split whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data import LanguageModelDataModule, encoding
from rnnzoo.data.encoding import index_texts
from rnnzoo.data.files import Text
from rnnzoo.errors import RnnzooError
from rnnzoo.text import build_tokenizer
from rnnzoo.text.tokenizers import Tokenizer

TEXT = st.text(alphabet=st.sampled_from("ab1., \n\t\u0301\u2028ΣσÅ<unk>'-\U0001f600"), max_size=60)


def _built(name: str, **options: bool) -> Tokenizer:
    if name == "subword":
        return build_tokenizer({"name": name, "size": 270, **options}).fit(["ab ab 1. ab1 <unk>", "\n ab\n"])
    return build_tokenizer({"name": name, **options})


@pytest.mark.parametrize("name", ["whitespace", "word", "character", "subword"])
@pytest.mark.parametrize("end_of_line", [False, True])
@given(texts=st.lists(TEXT, max_size=3), piece=st.integers(1, 9), lowercase=st.booleans())
def test_pieces_have_the_tokens_of_the_whole(
    name: str, end_of_line: bool, texts: list[str], piece: int, lowercase: bool
) -> None:
    tokenizer = _built(name, end_of_line=end_of_line, lowercase=lowercase)
    expected: list[str] = []
    for text in texts:
        expected += tokenizer.split(text if text.endswith("\n") or not end_of_line else f"{text}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_PIECE", piece)
        tokens, positions = index_texts([Text("x", text) for text in texts], tokenizer)
    assert [tokens[at] for at in positions.tolist()] == expected
    assert tokens == list(dict.fromkeys(expected))


def test_a_part_of_white_space_has_no_tokens(tmp_path) -> None:
    (tmp_path / "train.txt").write_text("a b a b\n" * 9)
    (tmp_path / "valid.txt").write_text("a b\n")
    data = LanguageModelDataModule(
        train_files=[str(tmp_path / "train.txt")],
        validation_files=[str(tmp_path / "valid.txt")],
        end_of_line=False,
        batch_size=2,
        window=2,
    )
    data._splits.validation[0] = Text("valid.txt", " \n")
    with pytest.raises(RnnzooError, match=r"the validation text \(valid\.txt\) has 0 tokens, fewer than the 1 lanes"):
        data.val_dataloader()
