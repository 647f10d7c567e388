"""Sequence to sequence as a task."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs, WritingBatch
from rnnzoo.encodings import InputEncoding, TextEncoding, build_encoding
from rnnzoo.encodings.copying import extend
from rnnzoo.errors import RnnzooError
from rnnzoo.layers.coverage import coverage_loss
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.decoder_parts import DecoderOutput
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.networks.seq2seq import CopyInputs, Seq2SeqNetwork
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks.live_writing import LiveWritingTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable
from rnnzoo.tasks.writing import as_sources


class Attended(NamedTuple):
    """Where a model looked while it wrote.

    Attributes:
        source: the S tokens that were read; of what is no text, the numbers of the steps.
        written: the T tokens that were written, the end among them.
        weights: (T, S), each row sums to 1.
    """

    source: list[str]
    written: list[str]
    weights: Tensor


class Seq2Seq(LiveWritingTask):
    """Reads a sequence and writes another: `rnnzoo.networks.Seq2SeqNetwork`, to be used as `WritingTask` says.

    Args:
        encoding: how raw sources become numbers; from the data.
        target_encoding: how written texts become tokens; from the data.
        input: the input layer of the encoder, as `rnnzoo.networks.inputs.build_input` takes it.
        stack: the encoder's recurrent layers; a dictionary with the keys of `StackConfig` will do.
        decoder: the decoder; a dictionary with the keys of `rnnzoo.networks.DecoderConfig` will do. With `copy` the
            data must have `data.copy` true.
        decoder_from: the checkpoint of a `LanguageModel` of what is written: the decoder starts training with its
            embedding, stack and head (Ramachandran et al. 2017). It is needed for nothing else.
        coverage_weight: lambda of the coverage loss that is added in training (See et al. 2017, eq. 13).
        scores: how what is written is measured; see `WritingTask`, and so the next five.
        label_smoothing: see there.
        scheduled_sampling: see there.
        beam_size: see there.
        max_length: see there.
        length_penalty: see there.
        optimizer: as in `SequenceTask`, and so are the next two.
        scheduler: see there.
        scheduler_interval: see there.
        validation_scores: see `WritingTask`.

    Example:
        >>> letters = {"kind": "text", "tokenizer": "character", "vocabulary": ["<unk>", "<eos>", "a", "b"]}
        >>> task = Seq2Seq(letters, letters, stack=StackConfig(hidden_size=8), beam_size=2, max_length=4)
        >>> [len(texts) for texts in task.hypotheses(["ab", "b"], num_return=2)]
        [2, 2]
    """

    network: Seq2SeqNetwork

    def __init__(
        self,
        encoding: dict[str, Any],
        target_encoding: dict[str, Any],
        input: dict[str, Any] = {},  # noqa: B006  # the field's own name; never changed
        stack: StackConfig = StackConfig(bidirectional=True),  # noqa: B008  # frozen; jsonargparse shows its fields
        decoder: DecoderConfig = DecoderConfig(attention="additive"),  # noqa: B008  # as above
        decoder_from: str | None = None,
        coverage_weight: float = 0.0,
        scores: list[str] = ["exact_match", "token_error_rate"],  # noqa: B006  # never changed
        label_smoothing: float = 0.0,
        scheduled_sampling: dict[str, Any] | None = None,
        beam_size: int = 5,
        max_length: int = 100,
        length_penalty: Literal["none", "average", "wu"] = "average",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        validation_scores: list[str] = [],  # noqa: B006  # never changed
    ) -> None:
        self._encoding = build_encoding(encoding)
        if not 0 <= coverage_weight < float("inf"):
            raise RnnzooError(f"model.coverage_weight must be a number of at least 0, not {coverage_weight}")
        super().__init__(
            target_encoding,
            scores,
            label_smoothing,
            scheduled_sampling,
            beam_size,
            max_length,
            length_penalty,
            optimizer,
            scheduler,
            scheduler_interval,
            validation_scores,
        )

    def build_network(self) -> nn.Module:
        """The network of `hparams`."""
        given = self.hparams
        layer = build_input(self._encoding, given["input"])
        encoder = SequenceReader(layer, StackConfig.from_dict(given["stack"]))
        vocabulary = self._written.vocabulary
        decoder = DecoderConfig.from_dict(given["decoder"])
        if given["coverage_weight"] and decoder.attention is None:
            raise RnnzooError("model.coverage_weight is of attention, and decoder.attention is none")
        if decoder.copy:
            if not isinstance(self._encoding, TextEncoding):
                raise RnnzooError(f"decoder.copy copies words, and what is read is of the kind {self._encoding.kind}")
            if vocabulary.unknown_id is None:
                raise RnnzooError("decoder.copy needs <unk> among what is written: as which a copied word is read")
        return Seq2SeqNetwork(encoder, len(vocabulary), decoder, vocabulary.unknown_id if decoder.copy else None)

    @property
    def encoding(self) -> InputEncoding:
        """How raw sources become numbers."""
        return self._encoding

    def batch_loss(self, batch: WritingBatch, stage: str) -> tuple[Tensor, Tensor]:
        """As `WritingTask`'s.

        Raises:
            RnnzooError: the decoder copies, and the batch does not say what.
        """
        if self.network.decoder.config.copy != isinstance(batch.source, CopyInputs):
            raise RnnzooError("decoder.copy and data.copy belong together: make both true or both false")
        return super().batch_loss(batch, stage)

    def training_penalty(self, output: DecoderOutput, batch: WritingBatch) -> Tensor | None:
        """The coverage loss."""
        weight: float = self.hparams["coverage_weight"]
        if not weight or output.weights is None:
            return None
        return weight * coverage_loss(output.weights, batch.mask)

    def sources(self, raw: Sequence[Any]) -> SequenceInputs | CopyInputs:
        """Raw sources as a batch of sequences, with what may be copied."""
        inputs = self._encoding.batch(raw)
        if not self.network.decoder.config.copy:
            return inputs.to(self.device)
        found = self._extended(raw)
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids, _ in found], batch_first=True)
        words = [words for _, words in found]
        return CopyInputs(inputs, ids, max(map(len, words)), words).to(self.device)

    def copied_words(self, raw: Sequence[Any]) -> Sequence[Sequence[str] | None]:
        """Of each raw source the words that can be written only by copying; None where the decoder does not copy."""
        if not self.network.decoder.config.copy:
            return super().copied_words(raw)
        self._encoding.encode_all(raw)  # names the position of what cannot be read
        return [words for _, words in self._extended(raw)]

    def _extended(self, raw: Sequence[Any]) -> list[tuple[list[int], list[str]]]:
        assert isinstance(self._encoding, TextEncoding)  # see build_network
        return [extend(self._encoding.split(one), self._written.vocabulary) for one in raw]

    def attend(self, raw: Sequence[Any], written: Sequence[str] | None = None) -> list[Attended]:
        """Where the model looks while it writes a text for each raw source.

        Args:
            raw: the sources.
            written: the texts; None: those that the model itself writes.

        Raises:
            RnnzooError: the decoder has no attention; as many texts as sources are needed.
        """
        if self.network.decoder.config.attention is None:
            raise RnnzooError("this decoder has no attention (decoder.attention is none): it looks nowhere")
        raw = as_sources(raw)
        if written is not None and len(written) != len(raw):
            raise RnnzooError(f"{len(written)} texts for {len(raw)} sources: give one for each")
        texts = self.write(raw) if written is None else [self._written.split(text) if text else [] for text in written]
        vocabulary, found = self._written.vocabulary, []
        with self.evaluating():
            for position, (one, tokens) in enumerate(zip(raw, texts, strict=True)):
                ids = torch.tensor([[vocabulary.start_id, *vocabulary.ids(tokens)]], device=self.device)
                source = self.read_sources(raw, position, 1)
                weights = self.network(source, ids).weights
                assert weights is not None  # there is attention
                read = self._encoding.split(one) if isinstance(self._encoding, TextEncoding) else None
                steps = read or [str(step) for step in range(weights.shape[-1])]
                found.append(Attended(steps, [*tokens, vocabulary.tokens[vocabulary.end_id or 0]], weights[0].cpu()))
        return found
