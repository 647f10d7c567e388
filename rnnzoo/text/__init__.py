"""Text to ids and back: vocabulary, tokenizers, torchtext interop."""

from rnnzoo.text.tokenizers import (
    CharacterTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordTokenizer,
    build_tokenizer,
)
from rnnzoo.text.vocabulary import UnknownTokenError, Vocabulary

__all__ = [
    "CharacterTokenizer",
    "Tokenizer",
    "UnknownTokenError",
    "Vocabulary",
    "WhitespaceTokenizer",
    "WordTokenizer",
    "build_tokenizer",
]
