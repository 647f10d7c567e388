"""Beam search, greedy search and sampling against those of JoeyNMT and OpenNMT-py, with one network's weights in all.

    python -m tests.benchmarks decoding_peers [--rounds 5] [--threads 1]

64 sources of 5 to 40 tokens, which a bidirectional GRU of 2 x 128 reads and a GRU of 256 with general attention and
input feeding (Luong et al. 2015) writes from, 8000 tokens on both sides; at most 40 tokens. The weights are random but
for a unit that counts: an end token becomes probable after 8 to 32 tokens, the later the longer the source is, as a
trained network's does. Each toolkit runs its own copy of the network by its own code, encoder included. Beam: 5
hypotheses, no length penalty, the best sentence is asked for. All must write the same sentences, but for rounding,
which is checked; samples must be as long. Bar: not slower than either.

The peers need packages that say they do not go with this torch, so that they are best installed without dependencies:

    pip install --no-deps joeynmt tensorboard protobuf subword-nmt importlib-metadata zipp absl-py grpcio
    pip install --no-deps OpenNMT-py pyonmttok configargparse six

What OpenNMT-py imports beside that, for filters of texts, is not needed here: empty modules stand in for it.
"""

import argparse
import contextlib
import importlib
import importlib.util
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from rnnzoo.batches import SequenceInputs
from rnnzoo.decoding import Decoded, beam_search, greedy_search, sample_sequences
from rnnzoo.encodings import build_encoding
from rnnzoo.networks import DecoderConfig, Seq2SeqNetwork
from rnnzoo.networks.inputs import build_input
from rnnzoo.networks.reading import SequenceReader
from rnnzoo.recurrent import StackConfig
from rnnzoo.recurrent.torch_layout import load_torch_parameters
from tests.benchmarks.timing import interleaved

ROWS, BEAM, SIZE, VOCABULARY, LONGEST = 64, 5, 256, 8000, 40
UNKNOWN, PADDING, START, END = range(4)  # where JoeyNMT has them
TEXT_FILTERS = ("spacy", "ahocorasick", "rapidfuzz", "fasttext")

Sentences = list[list[int]]
Search = Callable[[], Sentences]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    weights = Weights()
    lengths = torch.randint(5, LONGEST + 1, (ROWS,)).sort(descending=True).values  # JoeyNMT wants them sorted
    past = torch.arange(LONGEST) >= lengths[:, None]
    sources = torch.randint(END + 1, VOCABULARY, (ROWS, LONGEST)).masked_fill(past, PADDING)[:, : lengths.max()]

    contestants = {"rnnzoo": ours(weights, sources, lengths)}
    for name, package, make in (("JoeyNMT", "joeynmt", joey), ("OpenNMT-py", "onmt", open_nmt)):
        if importlib.util.find_spec(package):
            contestants[name] = make(weights, sources, lengths)
    if len(contestants) == 1:
        print("neither JoeyNMT nor OpenNMT-py is installed: see the pip lines in --help")
        sys.exit(2)
    for kind in ("beam", "greedy", "sampling"):
        report(kind, {name: each[kind] for name, each in contestants.items() if kind in each}, arguments.rounds)


def report(kind: str, searches: dict[str, Search], rounds: int) -> None:
    print(f"{kind} {BEAM}" if kind == "beam" else kind)
    written = {name: search() for name, search in searches.items()}
    tokens = {name: sum(len(one) + 1 for one in sentences) for name, sentences in written.items()}
    seconds = interleaved(searches, rounds, warm_up=1)
    for name, each in seconds.items():
        same = sum(a == b for a, b in zip(written[name], written["rnnzoo"], strict=True))
        equal = "" if kind == "sampling" or name == "rnnzoo" else f", {same} of {ROWS} sentences are rnnzoo's"
        rate = f"{ROWS / each:7.1f} sentences/s {tokens[name] / each:8.0f} tokens/s"
        ratio = "" if name == "rnnzoo" else f"  rnnzoo is {each / seconds['rnnzoo']:5.2f} times as fast"
        print(f"  {name:12} {each:7.3f} s  {rate}  {tokens[name] / ROWS:4.1f} tokens each{equal}{ratio}", flush=True)
    if max(tokens.values()) > 1.1 * min(tokens.values()):
        sys.exit("what was written is not equally long: the times cannot be compared")


class Weights(nn.Module):
    """The network's parameters; feature 0 of a state counts, feature 1 is always 1."""

    def __init__(self) -> None:
        super().__init__()
        half = SIZE // 2
        self.source, self.written = nn.Embedding(VOCABULARY, SIZE), nn.Embedding(VOCABULARY, SIZE)
        self.encoder = nn.GRU(SIZE, half, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(2 * SIZE, SIZE, batch_first=True)
        self.keys = nn.Linear(SIZE, SIZE, bias=False)
        self.readout = nn.Linear(2 * SIZE, SIZE, bias=False)  # of context and state
        self.head = nn.Linear(SIZE, VOCABULARY, bias=False)
        with torch.no_grad():
            self.head.weight.normal_(0.0, 0.7)
            self._count()

    def _count(self) -> None:
        # h_0 goes from 0 towards -1 in the encoder, by 3 % of the way a token, and from there towards 1 in the decoder,
        # slower: it crosses 0 after 8 tokens for 5 that were read, after 32 for 40.
        for gru, keep, goal in ((self.encoder, 0.97, -1.0), (self.decoder, 0.9835, 1.0)):
            for matrix in (gru.weight_ih_l0, gru.weight_hh_l0):
                matrix.unflatten(0, (3, -1))[:, :2] = 0.0
            gru.bias_hh_l0.unflatten(0, (3, -1))[:, :2] = 0.0
            _, update, new = gru.bias_ih_l0.unflatten(0, (3, -1))
            update[:2] = torch.tensor([math.log(keep / (1 - keep)), -20.0])
            new[:2] = torch.tensor([20.0 * goal, 20.0])
        self.readout.weight[:2] = 0.0
        self.readout.weight[0, SIZE], self.readout.weight[1, SIZE + 1] = 200.0, 20.0  # -1 or 1, and 1
        self.head.weight[:, :2] = 0.0
        self.head.weight[END] = 0.0
        self.head.weight[END, :2] = torch.tensor([30.0, 0.0])
        self.head.weight[[UNKNOWN, PADDING, START], 1] = -100.0


def ours(weights: Weights, sources: Tensor, lengths: Tensor) -> dict[str, Search]:
    encoding = build_encoding(
        {"kind": "text", "tokenizer": "whitespace", "vocabulary": ["<unk>", *map(str, range(1, VOCABULARY))]}
    )
    reader = SequenceReader(
        build_input(encoding, {"kind": "tokens", "embedding_size": SIZE}),
        StackConfig(cell="gru", hidden_size=SIZE // 2, bidirectional=True),
    )
    config = DecoderConfig(
        stack=StackConfig(cell="gru", hidden_size=SIZE), bridge="copy", attention="general", input_feeding=True
    )
    network = Seq2SeqNetwork(reader, VOCABULARY, config).eval()
    decoder: Any = network.decoder
    load_torch_parameters(reader.stack, weights.encoder.state_dict())
    load_torch_parameters(decoder.stack, weights.decoder.state_dict())
    copy(reader.inputs.embedding.weight, weights.source.weight)
    copy(decoder.embedding.weight, weights.written.weight)
    copy(decoder.attention.weight.weight, weights.keys.weight)
    copy(decoder.readout.weight, weights.readout.weight)
    copy(decoder.head.weight, weights.head.weight)
    inputs = SequenceInputs(lengths, tokens=sources)
    options: dict[str, Any] = {"max_length": LONGEST, "end_id": END}
    seeds = iter(range(10**6))

    def lists(found: Decoded) -> Sentences:
        return [row[0] for row in found.lists(END)]

    return {
        "beam": lambda: lists(beam_search(network, inputs, START, beam_size=BEAM, **options)),
        "greedy": lambda: lists(greedy_search(network, inputs, START, **options)),
        "sampling": lambda: lists(sample_sequences(network, inputs, START, seed=next(seeds), **options)),
    }


def joey(weights: Weights, sources: Tensor, lengths: Tensor) -> dict[str, Search]:
    """JoeyNMT 2.3: it draws no samples."""
    from joeynmt.batch import Batch
    from joeynmt.decoders import RecurrentDecoder
    from joeynmt.embeddings import Embeddings
    from joeynmt.encoders import RecurrentEncoder
    from joeynmt.model import Model
    from joeynmt.search import search
    from joeynmt.vocabulary import Vocabulary

    logging.getLogger("joeynmt").setLevel(logging.WARNING)
    names = {"unk": "<unk>", "pad": "<pad>", "bos": "<s>", "eos": "</s>"}
    symbols = {f"{key}_token": token for key, token in names.items()} | {
        f"{key}_id": place for place, key in enumerate(names)
    }
    words = list(map(str, range(END + 1, VOCABULARY)))
    vocabulary = Vocabulary(words, SimpleNamespace(**symbols, sep_token=None, sep_id=None, lang_tags=[]))
    encoder = RecurrentEncoder(rnn_type="gru", hidden_size=SIZE // 2, emb_size=SIZE)
    decoder = RecurrentDecoder(
        rnn_type="gru",
        emb_size=SIZE,
        hidden_size=SIZE,
        encoder=encoder,
        attention="luong",
        vocab_size=VOCABULARY,
        init_hidden="last",
    )
    embeddings = [Embeddings(SIZE, vocab_size=VOCABULARY, padding_idx=PADDING) for _ in range(2)]
    model = Model(encoder, decoder, *embeddings, vocabulary, vocabulary).eval()
    encoder.rnn.load_state_dict(weights.encoder.state_dict())
    decoder.rnn.load_state_dict(weights.decoder.state_dict())
    copy(embeddings[0].lut.weight, weights.source.weight)
    copy(embeddings[1].lut.weight, weights.written.weight)
    copy(decoder.attention.key_layer.weight, weights.keys.weight)
    copy(decoder.att_vector_layer.weight, weights.readout.weight.roll(SIZE, 1))  # of state and context
    copy(decoder.att_vector_layer.bias, torch.zeros(SIZE))
    copy(decoder.output_layer.weight, weights.head.weight)
    batch = Batch(
        sources, lengths, None, None, None, torch.arange(ROWS), torch.device("cpu"), PADDING, END, is_train=False
    )

    def run(beam: int) -> Sentences:
        found = search(model, batch, max_output_length=LONGEST, beam_size=beam, beam_alpha=-1)[0]
        return [cut(row) for row in found.tolist()]

    return {"beam": lambda: run(BEAM), "greedy": lambda: run(1)}


def open_nmt(weights: Weights, sources: Tensor, lengths: Tensor) -> dict[str, Search]:
    """OpenNMT-py 3.5; its greedy search is the sampling of the most probable token."""
    with stand_ins(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onmt.constants import DefaultTokens
        from onmt.decoders.decoder import InputFeedRNNDecoder
        from onmt.encoders.rnn_encoder import RNNEncoder
        from onmt.models import NMTModel
        from onmt.modules import Embeddings
        from onmt.translate import GNMTGlobalScorer
        from onmt.translate.translator import Translator

    embeddings = [Embeddings(SIZE, VOCABULARY, PADDING) for _ in range(2)]
    encoder = RNNEncoder("GRU", bidirectional=True, num_layers=1, hidden_size=SIZE, embeddings=embeddings[0])
    decoder = InputFeedRNNDecoder(
        "GRU", bidirectional_encoder=True, num_layers=1, hidden_size=SIZE, embeddings=embeddings[1]
    )
    model = NMTModel(encoder, decoder).eval()
    model.generator = nn.Linear(SIZE, VOCABULARY)
    encoder.rnn.load_state_dict(weights.encoder.state_dict())
    own = weights.decoder.state_dict()
    decoder.rnn.layers[0].load_state_dict({name.removesuffix("_l0"): value for name, value in own.items()})
    copy(embeddings[0].word_lut.weight, weights.source.weight)
    copy(embeddings[1].word_lut.weight, weights.written.weight)
    copy(decoder.attn.linear_in.weight, weights.keys.weight.T)  # q . W m as (W' q) . m
    copy(decoder.attn.linear_out.weight, weights.readout.weight)
    copy(model.generator.weight, weights.head.weight)
    copy(model.generator.bias, torch.zeros(VOCABULARY))

    class Ids(dict[str, int]):
        lookup_token = dict.__getitem__

        def __len__(self) -> int:
            return VOCABULARY

    tokens = DefaultTokens
    ids = Ids({tokens.UNK: UNKNOWN, tokens.PAD: PADDING, tokens.BOS: START, tokens.EOS: END, tokens.SEP: UNKNOWN})
    batch = {"src": sources[..., None], "srclen": lengths}

    def search(**options: Any) -> Search:
        translator = Translator(
            model,
            {"tgt": ids, "decoder_start_token": tokens.BOS},
            max_length=LONGEST,
            max_length_ratio=0,
            global_scorer=GNMTGlobalScorer(0.0, 0.0, "none", "none"),
            **options,
        )

        def run() -> Sentences:
            found = translator.translate_batch(batch, attn_debug=False)["predictions"]
            return [cut(row[0].tolist()) for row in found]

        return run

    return {
        "beam": search(beam_size=BEAM),
        "greedy": search(beam_size=1, random_sampling_topk=1),
        "sampling": search(beam_size=1, random_sampling_topk=-1),
    }


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Something to import in place of the packages for filters of texts that are not installed."""
    absent = [name for name in TEXT_FILTERS if not importlib.util.find_spec(name)]
    with mock.patch.dict(sys.modules):
        sys.modules.update({name: mock.MagicMock() for name in absent})
        yield


def copy(parameter: Tensor, value: Tensor) -> None:
    with torch.no_grad():
        assert parameter.shape == value.shape
        parameter.copy_(value)


def cut(ids: list[int]) -> list[int]:
    """What stands before the end token."""
    return ids[: ids.index(END)] if END in ids else ids


if __name__ == "__main__":
    main()
