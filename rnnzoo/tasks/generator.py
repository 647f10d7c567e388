"""The generator as a task."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn

from rnnzoo.baselines import Table
from rnnzoo.encodings.conditions import build_condition
from rnnzoo.errors import RnnzooError
from rnnzoo.networks.decoder_config import DecoderConfig
from rnnzoo.networks.generator import GeneratorNetwork
from rnnzoo.tasks.generator_baselines import compare_generator
from rnnzoo.tasks.live_writing import LiveWritingTask
from rnnzoo.tasks.optimization import LRSchedulerCallable, OptimizerCallable


class Generator(LiveWritingTask):
    """Writes a text from a class, a vector, or nothing: `rnnzoo.networks.GeneratorNetwork`.

    To be used as `WritingTask` says. A raw source is a label, a list of numbers, or None.

    Args:
        condition: what is written from, as `rnnzoo.encodings.conditions.build_condition` takes it; from the data.
        target_encoding: how written texts become tokens; from the data.
        decoder: the decoder; a dictionary with the keys of `rnnzoo.networks.DecoderConfig` will do.
        class_size: the width of a class's embedding; None: the decoder's hidden size.
        decoder_from: the checkpoint of a `LanguageModel` of what is written; see `Seq2Seq`.
        scores: how what is written is measured against the texts of the test; see `WritingTask`, and so the next five.
            None are needed: many texts may follow from one condition.
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
        >>> task = Generator({"kind": "class", "labels": ["x", "y"]}, letters, max_length=3)
        >>> [len(texts) for texts in task.sample(["x", "y"], num_return=4, seed=1)]
        [4, 4]
    """

    network: GeneratorNetwork

    def __init__(
        self,
        condition: dict[str, Any],
        target_encoding: dict[str, Any],
        decoder: DecoderConfig = DecoderConfig(),  # noqa: B008  # frozen; jsonargparse shows its fields as the defaults
        class_size: int | None = None,
        decoder_from: str | None = None,
        scores: list[str] = [],  # noqa: B006  # never changed
        label_smoothing: float = 0.0,
        scheduled_sampling: dict[str, Any] | None = None,
        beam_size: int = 1,
        max_length: int = 100,
        length_penalty: Literal["none", "average", "wu"] = "average",
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: Literal["epoch", "step"] = "epoch",
        validation_scores: list[str] = [],  # noqa: B006  # never changed
    ) -> None:
        self._condition = build_condition(condition)
        if class_size is not None and self._condition.num_classes is None:
            raise RnnzooError("model.class_size is the width of a class's embedding, and the condition is no class")
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
        decoder = DecoderConfig.from_dict(self.hparams["decoder"])
        if isinstance(self._condition.encode([]), int) and decoder.bridge in ("copy", "projected"):
            raise RnnzooError(
                f"nothing is written from, so there is nothing for the bridge {decoder.bridge!r}: give decoder.bridge "
                "learned or zero"
            )
        return GeneratorNetwork(
            len(self._written.vocabulary),
            decoder,
            self._condition.num_classes,
            self.hparams["class_size"] if self._condition.num_classes else self._condition.vector_size,
        )

    def sources(self, raw: Sequence[Any]) -> Any:
        """Raw conditions as classes (N,), vectors (N, D), or their number N."""
        encoded = self._condition.encode(raw)
        return encoded if isinstance(encoded, int) else encoded.to(self.device)

    def generate(
        self,
        prompt: str = "",
        max_length: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        condition: Any = None,
    ) -> str:
        """One text, drawn.

        Args:
            prompt: how it begins.
            max_length: tokens of the text at most; None: as the model was made.
            temperature: 0 is greedy; see `rnnzoo.decoding.filter_log_probs`, also for the next two.
            top_k: see there.
            top_p: see there.
            seed: of the draws; None: another text each time.
            condition: what is written from; None: one by chance.

        Raises:
            RnnzooError: as `sample`.
        """
        if condition is None:
            draws = torch.Generator()
            draws.manual_seed(draws.seed() if seed is None else seed)
            condition = self._condition.draw(draws)
        return self.sample([condition], 1, temperature, top_k, top_p, max_length, prompt, seed)[0][0]

    def compare(self, data: Any) -> Table | None:
        """Perplexity beside that of n-gram models which know no condition, and with each text's condition exchanged.

        Also, with `scores`, what `WritingTask.compare` measures.
        """
        scored = super().compare(data)
        table = compare_generator(self, data)
        if scored is None:
            return table
        return Table(table.title, {**table.rows, **scored.rows}, (*table.notes, *scored.notes))
