"""Everything on a device that is not the CPU gives what it gives there, without waiting for the device at each step."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pretended import ELSEWHERE, Elsewhere, PretendedDevice, moved
from torch import Tensor, nn

from rnnzoo.batches import (
    ForecastBatch,
    LabelledBatch,
    LanguageModelBatch,
    PairBatch,
    SequenceInputs,
    TaggedBatch,
    WritingBatch,
)
from rnnzoo.callbacks.temporal_gradient import temporal_gradient_norms
from rnnzoo.cells import build_cell
from rnnzoo.cells.registry import CELLS
from rnnzoo.decoding import beam_search, greedy_search, sample_sequences, stochastic_beam_search
from rnnzoo.layers.bridge import StateBridge
from rnnzoo.layers.mel import LogMel
from rnnzoo.layers.resample import resample
from rnnzoo.metrics.retrieval import CorpusRetrieval
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.recurrent.engine import why_not
from rnnzoo.tasks import (
    Acceptor,
    Captioner,
    Cloze,
    Forecaster,
    Generator,
    LanguageModel,
    Seq2Seq,
    SequenceEncoder,
    SequenceTask,
    Tagger,
    WindowLanguageModel,
)

T = 9
LENGTHS = torch.tensor([T, 2, 3, 0])
TOKENS = torch.tensor([[1, 2, 3] * 3, [2, 2] + [0] * 7, [3, 1, 1] + [0] * 6, [0] * T])
WRITTEN = torch.tensor([[2, 3, 4] * 2 + [2, 3, 1], [4, 1] + [0] * 7, [3, 2, 1] + [0] * 6, [0] * T])
WORDS = ["<unk>", "<eos>", "a", "b", "c"]
TEXT = {"kind": "text", "tokenizer": "word", "vocabulary": ["<unk>", "a", "b", "c"], "characters": ["a", "b", "c"]}
TARGET = {"kind": "text", "tokenizer": "word", "vocabulary": WORDS}
SMALL = {"stack": {"cell": "gru", "hidden_size": 4}, "embedding_size": 3}


def _there(value: Any) -> Any:
    return Elsewhere(value) if isinstance(value, Tensor) else value


def _assert_same(found: Any, expected: Any) -> None:
    """`found`, on the device, is `expected`, on the CPU."""
    if isinstance(expected, Tensor):
        assert isinstance(found, Elsewhere), f"a result is on {found.device}"
        torch.testing.assert_close(found.here, expected, rtol=1e-4, atol=1e-5)
    elif isinstance(expected, dict):
        _assert_same(list(found.values()), list(expected.values()))
    elif expected is not None:
        for one, other in zip(found, expected, strict=True):
            _assert_same(one, other)


def _gradients(module: nn.Module) -> list[Tensor | None]:
    return [parameter.grad for parameter in module.parameters()]


ENGINES = [
    pytest.param(name, engine, id=f"{name}-{engine}")
    for name in CELLS
    for engine in ("reference", "native", "scan")
    if why_not(engine, build_cell(name, 4, 4), torch.zeros(1, 1, 4)) is None
]


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # of the CPU's kernel
@pytest.mark.parametrize(("cell", "engine"), ENGINES)
def test_a_cell_by_each_engine(cell: str, engine: str) -> None:
    torch.manual_seed(0)
    stack = RecurrentStack(4, StackConfig(cell=cell, hidden_size=4, bidirectional=True, engine=engine))
    other, inputs, lengths = copy.deepcopy(stack), torch.randn(3, 5, 4), torch.tensor([5, 3, 0])
    expected = stack(inputs, lengths)
    expected.outputs.square().sum().backward()
    with PretendedDevice() as device:
        found = moved(other)(_there(inputs), _there(lengths))
        found.outputs.square().sum().backward()
        waits = device.waits
    _assert_same(found, expected)
    _assert_same(_gradients(other), _gradients(stack))
    assert waits.total() == 1, waits  # that the lengths are possible


@pytest.mark.parametrize("connections", ["residual", "highway", "dense"])
def test_a_stack_with_everything_that_is_random(connections: str) -> None:
    torch.manual_seed(0)
    config = StackConfig(
        cell="layer_norm_lstm",
        hidden_size=4,
        num_layers=2,
        connections=connections,
        normalize=True,
        dropout=0.3,
        variational=True,
        recurrent_dropout=0.3,
        zoneout=0.1,
    )
    stack, inputs, lengths = RecurrentStack(4, config), torch.randn(3, 5, 4), torch.tensor([5, 3, 0])
    other = copy.deepcopy(stack)
    torch.manual_seed(1)
    expected = stack(inputs, lengths)
    torch.manual_seed(1)
    with PretendedDevice():
        _assert_same(moved(other)(_there(inputs), _there(lengths)), expected)


@pytest.mark.parametrize("kind", ["projected", "learned", "copy"])
def test_a_kernel_that_begins_from_any_state(kind: str) -> None:
    """cuDNN refuses a state that is not contiguous, as the parts of a larger tensor are."""
    torch.manual_seed(0)
    stack = RecurrentStack(3, StackConfig(cell="lstm", hidden_size=4, num_layers=2))
    bridge = StateBridge(stack, source=4, kind=kind)
    modules, inputs, source = nn.ModuleList([stack, bridge]), torch.randn(3, 5, 3), torch.randn(3, 8)[:, ::2]
    expected = stack(inputs, state=bridge(source, stack.initial_state(3)))
    with PretendedDevice():
        stack, bridge = moved(copy.deepcopy(modules))
        found = stack(_there(inputs), state=bridge(_there(source), stack.initial_state(3)))
        _assert_same(found, expected)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "projected_lstm"])
@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 3, 0])], ids=["full", "ragged"])
def test_kernels_run_in_the_precision_that_autocast_was_asked_for(cell: str, lengths: Tensor | None) -> None:
    """PyTorch runs cuDNN's in float16 under autocast, also where bfloat16 was asked for and no gradient is scaled."""
    stack = RecurrentStack(4, StackConfig(cell=cell, hidden_size=4, num_layers=2, engine="native"))
    inputs = torch.randn(3, 5, 4)
    expected = stack(inputs, lengths).outputs
    with PretendedDevice(autocast=torch.bfloat16):
        outputs = moved(copy.deepcopy(stack))(_there(inputs), _there(lengths)).outputs
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.here.float(), expected, rtol=0.05, atol=0.02)


def test_the_weights_that_cudnn_copies_are_no_news() -> None:
    spec = importlib.util.find_spec("rnnzoo.recurrent.native")
    assert spec is not None
    assert spec.loader is not None
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        spec.loader.exec_module(importlib.util.module_from_spec(spec))  # a copy of its own, as at the first import
        warnings.warn("another", stacklevel=1)
        warnings.warn("RNN module weights are not part of single contiguous chunk of memory. This", stacklevel=1)
    assert [str(warning.message) for warning in said] == ["another"]


def _inputs() -> SequenceInputs:
    characters = torch.randint(0, 5, (4, T, 3), generator=torch.Generator().manual_seed(0))
    return SequenceInputs(LENGTHS, tokens=TOKENS, characters=characters)


def _series() -> SequenceInputs:
    values = torch.randn(4, T, 1, generator=torch.Generator().manual_seed(0))
    return SequenceInputs(LENGTHS, values=values)


def _stream(first: bool = True) -> LanguageModelBatch:
    return LanguageModelBatch(TOKENS, WRITTEN, None, first)


def _sentences() -> LanguageModelBatch:
    return LanguageModelBatch(TOKENS, WRITTEN, LENGTHS, True)


def _written(source: Any) -> WritingBatch:
    return WritingBatch(source, torch.cat((torch.ones(4, 1).long(), WRITTEN[:, :-1]), 1), WRITTEN, LENGTHS)


BOTH = StackConfig(hidden_size=4, bidirectional=True)
LABELS = {"kind": "class", "labels": ["x", "y", "z"]}
TAGS = {"one": ["x", "y", "z"], "two": ["p", "q"]}
SERIES = {"kind": "series", "mean": [1.0], "scale": [4.0]}
IMAGES = {"height": 8, "width": 8, "channels": 1, "mean": [0.5], "scale": [0.25]}
ADDITIVE = {"attention": "additive", "attention_order": "before", "input_feeding": True, "attention_size": 5}
CLASSES, SCORES = torch.tensor([0, 2, 1, 0]), torch.tensor([5.0, 0.0, 2.5, 0.0])


def _tagged() -> TaggedBatch:
    return TaggedBatch(_inputs(), torch.stack((TOKENS.remainder(3), TOKENS.remainder(2)), -1))


def _pairs(targets: Tensor) -> PairBatch:
    return PairBatch(_inputs(), dataclasses.replace(_inputs(), tokens=TOKENS.flip(1)), targets)


def _reader(pooling: Any, **given: Any) -> SequenceTask:
    return Acceptor(TEXT, LABELS, input={"embedding_size": 3}, stack=BOTH, pooling=pooling, **given)  # type: ignore[arg-type]


def _tagger(head: str, **given: Any) -> SequenceTask:
    return Tagger(TEXT, TAGS, stack=BOTH, head=head, input=given)  # type: ignore[arg-type]


def _seq2seq(**decoder: Any) -> Seq2Seq:
    return Seq2Seq(  # type: ignore[arg-type]
        TEXT,
        TARGET,
        input={"embedding_size": 3},
        stack=StackConfig(cell="gru", hidden_size=4),
        decoder=SMALL | decoder,
        max_length=6,
    )


def _forecaster(head: str) -> SequenceTask:
    return Forecaster(SERIES, stack=StackConfig(hidden_size=4), head=head, horizon=3, differenced=True)  # type: ignore[arg-type]


def _language_model(**given: Any) -> SequenceTask:
    return LanguageModel(WORDS, stack=StackConfig(hidden_size=4, num_layers=2), **given)


TASKS: dict[str, tuple[Callable[[], SequenceTask], Callable[[], Any]]] = {
    "acceptor": (
        lambda: _reader(["final", "mean", "max", "attention"], self_attention=True),
        lambda: LabelledBatch(_inputs(), CLASSES),
    ),
    "tagger": (lambda: _tagger("softmax", embedding_size=3), _tagged),
    "crf": (lambda: _tagger("crf", kind="characters", composition="lstm", filters=4), _tagged),
    "characters": (
        lambda: _tagger("softmax", kind="words_and_characters", embedding_size=3, widths=[2, 3], filters=3),
        _tagged,
    ),
    "language_model": (lambda: _language_model(tied=True, dropout=0.2), _stream),
    "adaptive": (lambda: _language_model(head="adaptive", cutoffs=[3]), _sentences),
    "window": (lambda: WindowLanguageModel(WORDS, order=3, embedding_size=3, hidden_size=4), _sentences),
    "cloze": (lambda: Cloze(WORDS, stack=StackConfig(hidden_size=4)), _sentences),
    "pair": (
        lambda: SequenceEncoder(TEXT, {"kind": "score", "low": 0.0, "high": 5.0}, {"embedding_size": 3}, BOTH),  # type: ignore[arg-type]
        lambda: _pairs(SCORES),
    ),
    "match": (
        lambda: SequenceEncoder(TEXT, {"kind": "match"}, {"embedding_size": 3}, BOTH),  # type: ignore[arg-type]
        lambda: _pairs(torch.tensor([0, 1, 2, 0])),
    ),
    "point": (
        lambda: _forecaster("point"),
        lambda: ForecastBatch(_series(), torch.ones(4, T, 1), torch.tensor([0, 1, 0, 0])),
    ),
    "gaussian": (
        lambda: _forecaster("gaussian"),
        lambda: ForecastBatch(_series(), torch.ones(4, T, 1), torch.tensor([0, 1, 0, 0])),
    ),
    "seq2seq": (lambda: _seq2seq(bridge="copy"), lambda: _written(_inputs())),
    "bahdanau": (lambda: _seq2seq(**ADDITIVE), lambda: _written(_inputs())),
    "generator": (
        lambda: Generator(LABELS, TARGET, SMALL | {"bridge": "projected"}, max_length=5),  # type: ignore[arg-type]
        lambda: _written(CLASSES),
    ),
    "captioner": (
        lambda: Captioner(  # type: ignore[arg-type]
            IMAGES, TARGET, decoder=SMALL | {"attention": "additive"}, backbone={"width": 4}, max_length=6
        ),
        lambda: _written(torch.rand(4, 8, 8, 1, generator=torch.Generator().manual_seed(0))),
    ),
}


def _steps(task: SequenceTask, batch: Any) -> list[Any]:
    """What a step of training and one of validation give."""
    logged: dict[str, Any] = {}
    task.log = lambda name, value, **options: logged.update({name: value})  # type: ignore[method-assign,assignment]
    torch.manual_seed(1)
    loss = task.train().training_step(batch, 0)
    loss.backward()  # type: ignore[no-untyped-call]
    task.eval()
    with torch.no_grad():
        task.on_validation_epoch_start()
        task.validation_step(batch, 0)
    return [loss, _gradients(task), logged]


@pytest.mark.parametrize("name", list(TASKS))
def test_a_step_of_training_and_of_validation(name: str) -> None:
    make, make_batch = TASKS[name]
    torch.manual_seed(0)
    task, batch = make(), make_batch()
    other = copy.deepcopy(task)
    expected = _steps(task, batch)
    with PretendedDevice() as device:
        batch = moved(other).transfer_batch_to_device(batch, ELSEWHERE, 0)
        device.waits.clear(), device.copies.clear()
        found = _steps(other, batch)
        often = {place: count for place, count in (device.waits + device.copies).items() if count > T}
        other.on_validation_epoch_end()
    task.on_validation_epoch_end()
    _assert_same(found, expected)
    assert len(expected[2]) > 2
    assert not often, often  # training and validation have 2 T steps


class Regression(SequenceTask):
    """The example of `SequenceTask`: its count stays on the CPU."""

    def build_network(self) -> nn.Module:
        return nn.Linear(3, 1)

    def batch_loss(self, batch: Any, stage: str) -> tuple[Tensor, Tensor]:
        errors = self.network(batch).squeeze(-1).square()
        return errors.sum(), torch.tensor(errors.numel())


def test_a_task_may_count_on_the_cpu() -> None:
    task = Regression()
    other, batch = copy.deepcopy(task), torch.randn(4, 3)
    with PretendedDevice():
        _assert_same(_steps(moved(other), _there(batch))[:2], _steps(task, batch)[:2])


SEARCHES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "greedy": (greedy_search, {}),
    "sampling": (
        sample_sequences,
        {"num_return": 2, "temperature": 0.8, "top_k": 4, "top_p": 0.9, "seed": 3},
    ),
    "beam": (beam_search, {"beam_size": 3, "num_return": 2, "coverage_penalty": 0.2}),
    "all_of_beam": (
        beam_search,
        {
            "beam_size": 4,
            "num_return": 2,
            "groups": 2,
            "no_repeat_ngram_size": 3,
            "length_penalty": "wu",
            "constraints": [[[2, 3]], [[4]], [], []],
        },
    ),
    "stochastic": (stochastic_beam_search, {"num_return": 2, "seed": 3}),
}


@pytest.mark.parametrize(
    ("name", "forced"), [*((name, False) for name in SEARCHES), ("greedy", True), ("beam", True), ("stochastic", True)]
)
def test_a_search_waits_at_no_step(name: str, forced: bool) -> None:
    search, options = SEARCHES[name]
    torch.manual_seed(0)
    network, source = _seq2seq(attention="dot").eval().network, dataclasses.replace(_inputs(), lengths=LENGTHS + 0)
    start, prefix, lengths = torch.ones(4).long(), torch.tensor([[2, 3], [3, 0], [4, 2], [2, 2]]), LENGTHS.clamp(max=2)

    def run(network: Any, source: Any, start: Any, prefix: Any, lengths: Any, max_length: int) -> Any:
        given = {"prefix": prefix, "prefix_lengths": lengths} if forced else {}
        if search is not beam_search or "constraints" not in options:
            given["min_length"] = max_length - 1
        found = search(network, source, start, max_length=max_length, end_id=1, **given, **options)
        return found.tokens, found.lengths, found.scores, found.log_probs

    waits = []
    for length in (6, 8):  # fewer than the steps after which a search looks whether all have ended
        expected = run(network, source, start, prefix, lengths, length)
        with PretendedDevice() as device:
            other = moved(copy.deepcopy(network))
            given = source.to(ELSEWHERE), *map(_there, (start, prefix, lengths))
            device.waits.clear(), device.copies.clear()
            _assert_same(run(other, *given, length), expected)
        waits.append((device.waits.total(), device.copies.total()))
    assert waits[0] == waits[1]


def test_gradients_through_time_wait_once() -> None:
    stack, inputs = RecurrentStack(3, StackConfig(hidden_size=4, num_layers=2)), torch.randn(2, 6, 3)
    expected = temporal_gradient_norms(stack, inputs, torch.sum)
    with PretendedDevice() as device:
        found = temporal_gradient_norms(moved(stack), _there(inputs), torch.sum)
    torch.testing.assert_close(found, expected)
    assert device.waits.total() == 1, device.waits


def test_sound_and_retrieval() -> None:
    wave, rows, keys = torch.randn(2, 800), torch.randn(4, 3), torch.tensor([0, 1, 1, 2])
    metric = CorpusRetrieval()
    metric.update(rows, rows + 0.5, keys)
    expected = LogMel(sample_rate=8000)(wave), resample(wave, 8000, 6000), metric.compute()
    with PretendedDevice():
        other = moved(CorpusRetrieval()).to(ELSEWHERE)
        other.update(_there(rows), _there(rows + 0.5), _there(keys))
        found = LogMel(sample_rate=8000)(_there(wave)), resample(_there(wave), 8000, 6000), other.compute()
        _assert_same(found, expected)
