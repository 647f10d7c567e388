"""Two further ways to write: one that can be followed while it goes on, and one whose texts all differ."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rnnzoo.decoding import stochastic_beam_search, stream_beam_search
from rnnzoo.encodings.copying import written_words
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks.forced_words import prefix_tensors
from rnnzoo.tasks.writing import ROWS, Hypothesis, WritingTask, as_sources


class LiveWritingTask(WritingTask):
    """A `WritingTask` that also writes while one watches, and draws without replacement."""

    def stream(self, source: Any, prefix: str | None = None, **options: Any) -> Iterator[str]:
        """The text that `predict` writes for one raw source, as its tokens become certain.

        Args:
            source: one, not a list.
            prefix: how the text must begin.
            options: those of `rnnzoo.tasks.searches.Search`, without `groups`. A beam of 1 gives a text for each token;
                a wider one waits until no hypothesis can contradict a token.

        Yields:
            The text so far, each time longer; the last is `predict([source])[0]`.

        Raises:
            RnnzooError: as `predict`, before anything is written; at the end, where no text keeps all rules.
        """
        search = self._search.changed(options)
        if search.groups > 1:
            raise RnnzooError(f"groups must be 1 to follow a text while it is written, not {search.groups}")
        with self.evaluating():
            condition = self.sources([source])
            given, lengths = prefix_tensors(self._prefixes(prefix, [source]), self.device)
            arguments = {name: value for name, value in asdict(search).items() if name not in ("groups", "diversity")}
            steps = stream_beam_search(
                self.network,
                condition,
                self._starts(1),
                end_id=self._written.vocabulary.end_id,
                prefix=given,
                prefix_lengths=lengths,
                **arguments,
            )
        return self._texts(steps, condition)

    def _texts(self, steps: Iterator[Any], condition: Any) -> Iterator[str]:
        vocabulary, ids = self._written.vocabulary, list[int]()
        added = (getattr(condition, "words", ()) or [()])[0]
        while True:
            with self.evaluating():  # not around the yield: who reads the text may train meanwhile
                certain = next(steps, None)
            if certain is None:
                return
            new = certain.tokens[0, : int(certain.counts[0])].tolist()
            ids += new[:-1] if new[-1] == vocabulary.end_id else new
            yield self._written.tokenizer.join(written_words(ids, vocabulary, added))

    def sample_without_replacement(
        self,
        raw: Sequence[Any],
        num_return: int = 5,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_length: int = 0,
        max_length: int | None = None,
        prefix: str | Sequence[str] | None = None,
        seed: int | None = None,
    ) -> list[list[Hypothesis]]:
        """Different texts drawn for each raw source, by Gumbel-top-k: `rnnzoo.decoding.stochastic_beam_search`.

        Args:
            raw: the sources.
            num_return: how many of each; where there are fewer texts, all of them.
            temperature: above 0; see `rnnzoo.decoding.filter_log_probs`, and so the next two.
            top_k: see there.
            top_p: see there.
            min_length: so many tokens come before the end.
            max_length: tokens of a text at most; None: as the model was made.
            prefix: how each text must begin: one for all, or one for each source.
            seed: of the draws; None: others each time.

        Returns:
            Of each source its texts in the order of drawing them one by one; `score` is the perturbed log-probability.

        Raises:
            RnnzooError: as `predict`.
        """
        longest = self._search.changed({"max_length": max_length}).max_length
        raw = as_sources(raw)
        prefixes = self._prefixes(prefix, raw)
        join, found = self._written.tokenizer.join, []
        with self.evaluating():
            for start in range(0, len(raw), ROWS):
                rows = slice(start, start + ROWS)
                source = self.read_sources(raw, start)
                given, lengths = prefix_tensors(prefixes[rows], self.device)
                decoded = stochastic_beam_search(
                    self.network,
                    source,
                    self._starts(len(raw[rows])),
                    num_return=num_return,
                    max_length=longest,
                    end_id=self._written.vocabulary.end_id,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p,
                    min_length=min_length,
                    prefix=given,
                    prefix_lengths=lengths,
                    seed=None if seed is None else seed + start,
                )
                found += [
                    [Hypothesis(join(tokens), score, log_prob) for tokens, score, log_prob in own]
                    for own in self._tell(decoded, source)
                ]
        return found
