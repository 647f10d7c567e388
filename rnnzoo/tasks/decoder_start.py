"""A decoder that begins as a trained language model."""

from __future__ import annotations

from rnnzoo.encodings import TextEncoding
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder import DecoderNetwork
from rnnzoo.networks.decoder_start import start_from_language_model
from rnnzoo.tasks.language_model import LanguageModel


def start_decoder(decoder: DecoderNetwork, written: TextEncoding, path: str) -> None:
    """Give a decoder what a `LanguageModel`'s checkpoint has learned; see `start_from_language_model`.

    Raises:
        RnnzooError: no such checkpoint, other tokens than those that are written, or another stack.
    """
    model = LanguageModel.load_from_checkpoint(path)
    theirs, own = model.hparams["vocabulary"], written.vocabulary.tokens
    if theirs != own:
        missing = [token for token in own if token not in set(theirs)]
        said = f"; it lacks {', '.join(map(repr, missing[:5]))}" if missing else ""
        raise RnnzooError(
            f"model.decoder_from: {path} knows {len(theirs):,} tokens, and {len(own):,} are written, or in another "
            f"order{said}: train the language model on the training texts that are to be written, a line each, with "
            "the same tokenizer and min_frequency"
        )
    try:
        start_from_language_model(decoder, model.network)
    except RnnzooError as error:
        raise RnnzooError(f"model.decoder_from: {path}: {error}") from None
