"""Trained readers and word vectors that a task's input starts from: read once, from then on plain data and weights."""

from collections.abc import MutableMapping
from typing import Any

from torch import Tensor, nn

from rnnzoo.encodings.trained import encoding_of
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.inputs import TokenInput, pretrained_input
from rnnzoo.tasks.checkpoints import HYPER_PARAMETERS, read_checkpoint
from rnnzoo.tasks.trust import require_trusted
from rnnzoo.text.vocabulary import UNKNOWN

_LANGUAGE_MODEL = {"embedding.": "inputs.embedding.", "stack.": "stack."}  # its network's names, and a reader's
_READERS = ("reader.", "encoder.")  # where the networks of the other tasks have theirs


class Start:
    """What a task's `input` names by path, turned into plain data and weights.

    `input: {kind: pretrained, checkpoint: PATH}` becomes `input: {kind: pretrained, reader: {input, stack}}`: the
    checkpoint of the new task needs the old one no more.

    Args:
        hparams: of the new task; changed in place.

    Raises:
        RnnzooError: no such checkpoint, one of a task that reads nothing, or of another vocabulary.
    """

    def __init__(self, hparams: MutableMapping[str, Any]) -> None:
        self._hparams = hparams
        self._weights: dict[str, Tensor] | None = None
        self._path: str | None = None
        self._unknown_id: int | None = None
        options = hparams.get("input")
        if not isinstance(options, dict):
            return
        if options.get("freeze_vectors") and "vectors" not in options:  # null where they were read once
            raise RnnzooError("input.freeze_vectors without input.vectors would freeze random numbers: give both")
        if options.get("kind") != "pretrained":
            return
        if "checkpoint" in options:
            if "reader" in options:
                raise RnnzooError("input.reader is what becomes of input.checkpoint: give one of them")
            self._read(options, hparams["encoding"])
        elif "reader" not in options:
            raise RnnzooError("input.kind pretrained needs input.checkpoint, the checkpoint of a task that reads")

    def apply(self, network: nn.Module) -> None:
        """Give a new network the weights, and forget the paths."""
        if self._weights is not None:
            reader = pretrained_input(network)
            assert reader is not None  # `kind` is pretrained
            try:
                reader.start_from(self._weights, self._unknown_id)
            except RnnzooError as error:
                raise RnnzooError(f"input.checkpoint {self._path}: {error}") from None
            self._weights = None
        for layer in network.modules():
            if isinstance(layer, TokenInput) and layer.vectors is not None:
                self._hparams["input"] |= {"vectors": None, "embedding_size": layer.output_size}

    def _read(self, options: dict[str, Any], encoding: dict[str, Any]) -> None:
        self._path = str(options["checkpoint"])
        content = read_checkpoint(self._path, "cpu", weights_only=None)
        theirs = content[HYPER_PARAMETERS]
        weights = {
            name.removeprefix("network."): value
            for name, value in content["state_dict"].items()
            if name.startswith("network.")
        }
        if "encoding" in theirs and isinstance(theirs.get("input"), dict):
            prefix = next((p for p in _READERS if any(name.startswith(p) for name in weights)), None)
            self._weights = _below(weights, {} if prefix is None else {prefix: ""})
            reader = {"input": theirs["input"], "stack": theirs["stack"]}
        elif "vocabulary" in theirs and any(name.startswith("stack.") for name in weights):
            self._weights = _below(weights, _LANGUAGE_MODEL)
            size = len(weights["embedding.weight"][0])
            options_of_input = {"input_dropout": "dropout", "embedding_dropout": "embedding_dropout"}
            layer = {new: theirs[old] for old, new in options_of_input.items()}
            layer |= {"kind": "tokens", "embedding_size": size, "locked_dropout": theirs["locked_dropout"]}
            reader = {"input": layer, "stack": theirs["stack"]}
        else:
            raise RnnzooError(
                f"input.checkpoint {self._path} is of {theirs.get('_class_path')}, which has no reader to reuse: give "
                "the checkpoint of a language model, an acceptor, a tagger, an encoder or a sequence-to-sequence model"
            )
        require_trusted(reader, self._path, where="model.input.reader")
        trained = encoding_of(theirs)
        assert trained is not None  # both kinds have one
        _require_same(trained, encoding, self._path)
        words = trained.get("vocabulary", [])
        self._unknown_id = words.index(UNKNOWN) if UNKNOWN in words else None
        kept = {key: value for key, value in options.items() if key != "checkpoint"}
        self._hparams["input"] = {**kept, "reader": reader}


def _below(weights: dict[str, Tensor], prefixes: dict[str, str]) -> dict[str, Tensor]:
    return {
        new + name.removeprefix(old): value
        for old, new in prefixes.items()
        for name, value in weights.items()
        if name.startswith(old)
    }


def _require_same(trained: dict[str, Any], own: dict[str, Any], path: str) -> None:
    """Refuse an encoding by which the trained reader would read other things than it was trained on."""
    if trained["kind"] != own["kind"]:
        raise RnnzooError(f"input.checkpoint {path} reads {trained['kind']}, and the data is of the kind {own['kind']}")
    if own["kind"] != "text":
        if other := [key for key, value in own.items() if trained[key] != value]:
            raise RnnzooError(
                f"input.checkpoint {path} was trained on data of another encoding (another {', '.join(other)}): let "
                f"fit_encoding of the DataModule return build_encoding(trained_encoding({path!r})), of "
                "rnnzoo.encodings and rnnzoo.encodings.trained"
            )
        return
    theirs, words = trained["vocabulary"], own["vocabulary"]
    if words[: len(theirs)] != theirs:
        at = next((i for i, (a, b) in enumerate(zip(theirs, words, strict=False)) if a != b), len(words))
        here = f"{words[at]!r}" if at < len(words) else "nothing"
        raise RnnzooError(
            f"the vocabulary of the data ({len(words):,} tokens) is not that of input.checkpoint {path} "
            f"({len(theirs):,} tokens): the id {at} is {here} in the data and {theirs[at]!r} in the checkpoint; give "
            f"data.vocabulary_from {path}"
        )
    if trained.get("characters") is not None and trained["characters"] != own.get("characters"):
        raise RnnzooError(
            f"input.checkpoint {path} knows {len(trained['characters'])} characters, and the data has others "
            f"({len(own.get('characters') or [])}): give data.vocabulary_from {path}, and data.characters true"
        )
