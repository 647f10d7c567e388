"""The keys by which a DataModule of texts says how they become tokens."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.data.examples import Example
from rnnzoo.encodings import TextEncoding, build_encoding, known_characters
from rnnzoo.encodings.trained import trained_encoding
from rnnzoo.errors import RnnzooError
from rnnzoo.text import Vocabulary, build_tokenizer
from rnnzoo.text.vocabulary import UNKNOWN


@dataclass(frozen=True)
class TextVocabulary:
    """How a text encoding is learned from training examples.

    Attributes:
        tokenizer: a name or the data that `rnnzoo.text.build_tokenizer` takes; inputs that are lists of tokens are
            taken as they are.
        min_frequency: tokens that occur less often in the training inputs are `<unk>`.
        max_vocabulary: of the others at most so many, the frequent first; `<unk>` counts.
        lowercase: whether words are looked up in lower case; characters keep their case, but those of a tokenizer that
            has learned.
        characters: whether the characters of each token are there too.
        vocabulary_from: a checkpoint whose vocabulary comes first, so that ids mean the same to what is reused of it;
            tokens of the training inputs that it lacks follow. Its characters, and a tokenizer that has learned
            (`subword`), are taken over too.

    Raises:
        RnnzooError: a number below 1.
    """

    tokenizer: str | dict[str, Any] = "word"
    min_frequency: int = 1
    max_vocabulary: int | None = None
    lowercase: bool = False
    characters: bool = False
    vocabulary_from: str | None = None

    def __post_init__(self) -> None:
        """Refuse numbers below 1."""
        for key in ("min_frequency", "max_vocabulary"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise RnnzooError(f"data.{key}: {value} must be at least 1")

    def fit(self, examples: Sequence[Example], specials: Sequence[str] = (UNKNOWN,)) -> TextEncoding:
        """The encoding learned from the inputs of training examples.

        Args:
            examples: the training examples.
            specials: tokens that come first in the vocabulary.

        Raises:
            RnnzooError: an input without a token; its place is named.
        """
        given: dict[str, Any] = {"name": self.tokenizer} if isinstance(self.tokenizer, str) else dict(self.tokenizer)
        trained = None if self.vocabulary_from is None else self._trained(given)
        if trained is not None:
            specials = trained.vocabulary.tokens
            if self.max_vocabulary is not None and self.max_vocabulary <= len(specials):
                raise RnnzooError(
                    f"data.max_vocabulary {self.max_vocabulary:,} has no room beside the {len(specials):,} tokens of "
                    f"data.vocabulary_from {self.vocabulary_from}: allow more"
                )
            given = trained.tokenizer.config() if trained.tokenizer.inventory() else given
        options = {"end_of_line": False, "lowercase": self.lowercase, **given}
        texts = (example.inputs for example in examples if isinstance(example.inputs, str))
        tokenizer = build_tokenizer(options).fit(texts)
        if self.characters and not tokenizer.inventory() and "lowercase" not in given:
            tokenizer = build_tokenizer({**options, "lowercase": False})  # the characters keep their case
        splitter = TextEncoding(tokenizer.config(), [UNKNOWN])
        counts: Counter[str] = Counter(dict.fromkeys(tokenizer.inventory(), 0))
        characters: set[str] = set()
        for example in examples:
            try:
                tokens = splitter.split(example.inputs)
            except RnnzooError as error:
                raise RnnzooError(f"{example.place}: {error}") from None
            counts.update(token.lower() for token in tokens) if self.lowercase else counts.update(tokens)
            if self.characters:
                characters.update(known_characters(tokens))
        least = 0 if tokenizer.inventory() else self.min_frequency
        vocabulary = Vocabulary.from_counts(counts, least, self.max_vocabulary, specials)
        known = sorted(characters) if self.characters else None
        if trained is not None and trained.characters is not None:
            known = trained.characters
        return TextEncoding(tokenizer.config(), vocabulary.tokens, known, self.lowercase)

    def _trained(self, tokenizer: dict[str, Any]) -> TextEncoding:
        """The encoding of `vocabulary_from`.

        Raises:
            RnnzooError: no such checkpoint, not of text, or of text in lower case where the data keeps its case.
        """
        found = build_encoding(trained_encoding(str(self.vocabulary_from)))
        if not isinstance(found, TextEncoding):
            raise RnnzooError(f"data.vocabulary_from {self.vocabulary_from} reads {found.kind}, and has no vocabulary")
        lower = self.lowercase or bool(tokenizer.get("lowercase"))
        if (found.lowercase or found.tokenizer.lowercase) and not lower:
            raise RnnzooError(
                f"data.vocabulary_from {self.vocabulary_from} was trained on lower-case text: give data.lowercase true"
            )
        return found
