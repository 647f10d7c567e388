"""The compiled engine against the loop under autograd, and the situations in which it must stand aside."""

import copy
import functools
import multiprocessing
import pickle
import types
import warnings
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn, sigmoid, tanh

from rnnzoo.cells import HiddenState, LSTMCell, LSTMState, Noise, RecurrentCell, Stage
from rnnzoo.recurrent import compiled, compiled_kernels
from rnnzoo.recurrent.compiled import run_compiled, supports
from rnnzoo.recurrent.reference import run_reference

D, H = 3, 4
SCALE = 0.5


class PlainCell(RecurrentCell):
    gates = ("g",)

    def transition(self, gates, state):
        return HiddenState(h=tanh(gates.g))


class ApartCell(RecurrentCell):
    """The products apart: a bias of the recurrent one that does not join the other."""

    stages = (Stage(("r", "n"), apart=True),)

    def transition(self, inputs, hidden, state):
        r = sigmoid(inputs.r + hidden.r)
        return HiddenState(h=(1 - r) * tanh(inputs.n + r * hidden.n) + r * state.h)


class ChainCell(RecurrentCell):
    """The result of a stage feeds a product; the same matrix serves both."""

    stages = (Stage(("r", "z"), "reset"), Stage(("n",)))

    def reset(self, gates, state):
        return sigmoid(gates.r) * state.h, sigmoid(gates.z)

    def transition(self, gates, state, z):
        return HiddenState(h=(1 - z) * tanh(gates.n) + z * state.h)


class ProjectedCell(RecurrentCell):
    """A product after the last gates, narrower than the memory; states that are handed on as they came."""

    stages = (Stage(("i", "f", "g"), "remember"), Stage(("h",), weight="weight_hr", inputs=False))
    state_type = LSTMState

    def __init__(self, input_size, hidden_size, **options):
        super().__init__(input_size, hidden_size, gate_sizes={"h": 2}, state_sizes=(2, hidden_size), **options)
        if not hasattr(self, "weight_hr"):
            self.weight_hr = nn.Parameter(torch.randn(2, hidden_size) / 2)

    def remember(self, gates, state):
        c = sigmoid(gates.f) * state.c + sigmoid(gates.i) * tanh(gates.g)
        return tanh(c), c

    def transition(self, gates, state, c):
        return LSTMState(h=gates.h, c=c)


class DiagonalCell(RecurrentCell):
    """No product with the state, and a parameter of R; relu, whose gradient is not smooth."""

    stages = (Stage(("g",), weight=None),)

    def __init__(self, input_size, hidden_size, **options):
        super().__init__(input_size, hidden_size, **options)
        self.u = nn.Parameter(torch.rand(hidden_size))

    def transition(self, gates, state):
        return HiddenState(h=torch.relu(gates.g + self.u * state.h))


class MixedState(NamedTuple):
    h: Tensor
    c: Tensor
    m: Tensor


class MixedCell(RecurrentCell):
    """Three stages, the middle one without a product; gates and fields of several widths; parameters read in two
    stages, one of a submodule, one scalar, a buffer; input products of its own; an output that reads two fields.
    """

    stages = (
        Stage(("a", "b"), "begin", apart=True),
        Stage(("c",), "middle", weight=None),
        Stage(("d",), weight="weight_last"),
    )
    state_type = MixedState

    def __init__(self, input_size, hidden_size, **options):
        sizes = {"a": hidden_size, "b": hidden_size, "c": 1, "d": hidden_size}
        super().__init__(
            input_size, hidden_size, gate_sizes=sizes, state_sizes=(hidden_size, hidden_size, 1), **options
        )
        if not hasattr(self, "weight_last"):
            self.weight_last = nn.Parameter(torch.randn(hidden_size, hidden_size) / 2)
        self.norm = nn.LayerNorm(hidden_size)
        self.gain = nn.Parameter(torch.rand(hidden_size))
        self.factor = nn.Parameter(torch.tensor(0.7))
        self.unused = nn.Parameter(torch.rand(2))
        self.register_buffer("shift", torch.linspace(0, 1, hidden_size))

    def project(self, inputs, weights):
        return self.factor * super().project(inputs, weights)

    def begin(self, inputs, hidden, state):
        return self.gain * tanh(inputs.a + hidden.a) + state.c, sigmoid(inputs.b + hidden.b), state.m * self.factor

    def middle(self, gates, state, b, m):
        return b * self.norm(state.c + self.shift), b, m + gates.c

    def transition(self, gates, state, b, m):
        return MixedState(h=tanh(gates.d * self.gain), c=b * state.c, m=tanh(m))

    def output(self, state):
        return state.h + state.m


class TwiceState(NamedTuple):
    h: Tensor
    same: Tensor
    before: Tensor
    wide: Tensor


class TwiceCell(RecurrentCell):
    """Fields of the state that are one tensor, a view, the field before, and not laid out as the first state is."""

    gates = ("a", "b")
    state_type = TwiceState

    def transition(self, gates, state):
        h = tanh(gates.a + state.same) + sigmoid(gates.b) * state.before
        return TwiceState(h, h, state.wide, h.mean(-1, keepdim=True).expand(-1, h.shape[-1]))


class GlobalCell(PlainCell):
    def transition(self, gates, state):
        return HiddenState(h=SCALE * tanh(gates.g))


CELLS = [PlainCell, LSTMCell, ApartCell, ChainCell, ProjectedCell, DiagonalCell, MixedCell]


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_kernels, "_KERNELS", {})
    monkeypatch.setattr(compiled, "_failed", {})
    monkeypatch.setattr(compiled, "_said", set())


class Counter:
    """A compiler that compiles nothing, and counts: tracing is the same, and all that costs time is not done."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, graph: Any, example_inputs: Any, **_: Any) -> Any:
        self.calls += 1
        return graph.forward


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels as plain PyTorch, for what does not depend on their being compiled: that takes seconds each."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    count = Counter()
    monkeypatch.setattr(torch._dynamo, "lookup_backend", lambda _: count)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=count))  # a test's own
    return count


def make(kind: type, dtype: torch.dtype = torch.float64, **options: Any) -> RecurrentCell:
    torch.manual_seed(1)
    return kind(D, H, **options).to(dtype)


def data(
    cell: RecurrentCell, steps: int = 5, rows: int = 4, noisy: bool = False, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Any, Noise | None]:
    draw = functools.partial(torch.randn, dtype=dtype, generator=torch.Generator().manual_seed(2))
    inputs = draw(steps, rows, D).requires_grad_()
    state = cell.state_type._make(draw(rows, size).requires_grad_() for size in cell.state_sizes)
    if not noisy:
        return inputs, state, None
    operand = (draw(rows, cell.state_sizes[0]) > 0).to(dtype) * 2
    return inputs, state, Noise(operand, tuple(draw(steps, rows, size).sigmoid() for size in cell.state_sizes))


def everything(
    run: Any, cell: RecurrentCell, inputs: Tensor, lengths: Any, state: Any, *rest: Any
) -> dict[str, Tensor]:
    """Outputs, states and all gradients of a loss in which every number counts differently."""
    outputs, last = run(cell, inputs, lengths, state, *rest)
    loss = sum((part * torch.linspace(-1, 2, part.numel()).to(part).view_as(part)).sum() for part in (outputs, *last))
    tensors = {"inputs": inputs, **{f"s_0.{name}": part for name, part in zip(state._fields, state, strict=True)}}
    wanted = {name: part for name, part in (*tensors.items(), *cell.named_parameters()) if part.requires_grad}
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    found = {"outputs": outputs, **last._asdict()}
    return found | {f"d {name}": part for name, part in zip(wanted, gradients, strict=True) if part is not None}


def assert_equal(cell: RecurrentCell, *arguments: Any, atol: float = 1e-12) -> None:
    expected = everything(run_reference, cell, *arguments)
    found = everything(run_compiled, cell, *arguments)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=atol, rtol=atol, msg=lambda text, n=name: f"{n}: {text}")
    assert not compiled._said, "it was the loop that ran"


@pytest.mark.parametrize("noisy", [False, True], ids=["", "noise"])
@pytest.mark.parametrize("lengths", [None, [5, 0, 3, 1]], ids=["full", "lengths"])
@pytest.mark.parametrize("kind", CELLS)
def test_equals_the_reference(plain: None, kind: type, lengths: Any, noisy: bool) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, noisy=noisy)
    for reverse in (False, True):
        assert_equal(cell, inputs, None if lengths is None else torch.tensor(lengths), state, noise, reverse)


@pytest.mark.parametrize("kind", CELLS)
def test_float32_without_biases(plain: None, kind: type) -> None:
    cell = make(kind, torch.float32, bias=False)
    inputs, state, noise = data(cell, dtype=torch.float32)
    assert_equal(cell, inputs, None, state, noise, atol=2e-6)


@pytest.mark.parametrize("kind", [LSTMCell, MixedCell])
def test_compiled_for_real(kind: type) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, noisy=True)
    assert_equal(cell, inputs, torch.tensor([5, 0, 3, 1]), state, noise, True)
    inputs, state, noise = data(cell, steps=2, rows=7, noisy=True)
    assert_equal(cell, inputs, torch.tensor([2, 1, 2, 0, 2, 1, 1]), state, noise)


@pytest.mark.parametrize("kind", [ChainCell, MixedCell])
def test_first_and_second_derivatives_by_finite_differences(plain: None, kind: type) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, steps=3, rows=2, noisy=True)
    lengths = torch.tensor([3, 2])

    def function(inputs: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        outputs, last = run_compiled(cell, inputs, lengths, cell.state_type._make(state), noise)
        return (outputs, *last)

    assert torch.autograd.gradcheck(function, (inputs, *state))
    assert torch.autograd.gradgradcheck(function, (inputs, *state))


@pytest.mark.parametrize("kind", [LSTMCell, MixedCell])
def test_a_penalty_on_the_gradients(plain: None, kind: type) -> None:
    cell = make(kind)
    inputs, state, noise = data(cell, noisy=True)
    wanted = [inputs, *state, *cell.parameters()]
    results = []
    for run in (run_reference, run_compiled):
        loss = run(cell, inputs, torch.tensor([5, 0, 3, 1]), state, noise)[0].square().sum()
        gradients = torch.autograd.grad(loss, wanted, create_graph=True, allow_unused=True)
        penalty = sum(part.square().sum() for part in gradients if part is not None)
        results.append((gradients, torch.autograd.grad(penalty, wanted, allow_unused=True)))
    for one, other in zip(sum(results[0], ()), sum(results[1], ()), strict=True):
        torch.testing.assert_close(other, one)


def test_a_loss_on_the_last_state_alone_and_on_one_step(plain: None) -> None:
    cell = make(LSTMCell)
    inputs, state, _ = data(cell)
    for pick in (lambda y, s: s.c.sum(), lambda y, s: y[2, 1].sum(), lambda y, s: s.h.sum() + y.mean()):
        expected, found = (
            torch.autograd.grad(pick(*run(cell, inputs, None, state)), [inputs, *state, *cell.parameters()])
            for run in (run_reference, run_compiled)
        )
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(other, one, atol=1e-12, rtol=1e-12)


def test_gradients_only_where_they_are_wanted(plain: None) -> None:
    cell = make(MixedCell)
    inputs, state, _ = data(cell)
    for parameter in (cell.weight_hh, cell.gain, cell.bias_ih):
        parameter.requires_grad_(False)
    assert_equal(cell, inputs.detach(), None, state)
    for parameter in cell.parameters():
        parameter.requires_grad_(False)
    assert_equal(cell, inputs, None, type(state)._make(part.detach() for part in state))


def test_gradients_accumulate_and_the_graph_can_be_kept(plain: None) -> None:
    cell = make(LSTMCell)
    inputs, state, _ = data(cell)
    loss = run_compiled(cell, inputs, None, state)[0].square().sum()
    loss.backward(retain_graph=True)
    first = cell.weight_hh.grad.clone()
    loss.backward()
    torch.testing.assert_close(cell.weight_hh.grad, 2 * first)


def test_changing_the_outputs_in_place_changes_no_gradient(plain: None) -> None:
    cell = make(PlainCell)
    inputs, state, _ = data(cell)
    expected = torch.autograd.grad(3 * run_reference(cell, inputs, None, state)[0].sum(), inputs)
    outputs, _ = run_compiled(cell, inputs, None, state)
    outputs.mul_(3)
    torch.testing.assert_close(torch.autograd.grad(outputs.sum(), inputs), expected)


def test_inputs_that_are_not_contiguous(plain: None) -> None:
    cell = make(LSTMCell)
    inputs, state, _ = data(cell)
    batch_first = inputs.detach().transpose(0, 1).contiguous().requires_grad_()
    wide = type(state)._make(part.detach().repeat_interleave(2, 1)[:, ::2].requires_grad_() for part in state)
    assert_equal(cell, batch_first.transpose(0, 1), None, wide)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (4, 0), (1, 1), (3, 1)])
def test_small_sizes(plain: None, steps: int, rows: int) -> None:
    cell = make(ChainCell)
    inputs, state, _ = data(cell, steps=steps, rows=rows)
    for lengths in (None, torch.full((rows,), steps)):
        expected, found = (everything(run, cell, inputs, lengths, state) for run in (run_reference, run_compiled))
        for name, value in found.items():
            torch.testing.assert_close(value, expected.get(name, torch.zeros_like(value)))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("kind", [LSTMCell, ProjectedCell, MixedCell])
def test_without_gradients_nothing_is_remembered(plain: None, kind: type, mode: Any) -> None:
    cell = make(kind)
    inputs, state, _ = data(cell)
    with mode():
        expected, found = (run(cell, inputs, None, state) for run in (run_reference, run_compiled))
    torch.testing.assert_close(found, expected)
    assert not found[0].requires_grad
    assert_equal(cell, inputs, None, state)  # what inference made must not spoil what training needs


class TestKernels:
    def test_no_new_ones_for_other_numbers_of_rows_and_steps(self, counter: Counter) -> None:
        cell = make(MixedCell)
        for steps, rows in ((5, 4), (9, 7), (1, 2), (3, 1), (2, 64)):
            inputs, state, noise = data(cell, steps, rows, noisy=True)
            assert_equal(cell, inputs, torch.full((rows,), steps), state, noise)
            assert counter.calls == 6

    @pytest.mark.parametrize("noisy", [False, True], ids=["", "noise"])
    @pytest.mark.parametrize("kind", [TwiceCell, ChainCell, ProjectedCell])
    def test_steps_after_the_first_are_checked_by_nothing_and_equal(
        self, counter: Counter, kind: type, noisy: bool
    ) -> None:
        cell = make(kind)
        inputs, state, noise = data(cell, noisy=noisy)
        same = type(state)._make(state[0] if part.shape == state[0].shape else part for part in state)
        for start, lengths, reverse in ((state, None, False), (same, torch.tensor([5, 0, 3, 1]), True)):
            assert_equal(cell, inputs, lengths, start, noise, reverse)

    def test_shared_by_cells_of_one_configuration(self, counter: Counter) -> None:
        for seed in range(3):  # an attribute of the cell, the size of the inputs and the parameters differ
            torch.manual_seed(seed)
            cell = DiagonalCell(D + seed, H).double()
            inputs = torch.randn(5, 4, D + seed, dtype=torch.float64, requires_grad=True)
            assert_equal(cell, inputs, None, data(cell)[1])
        assert counter.calls == 2

    def test_more_kinds_than_a_function_may_have_versions(self, counter: Counter) -> None:
        for width in range(2, 14):
            cell = PlainCell(D, width).double()
            inputs, state, _ = data(cell)
            assert_equal(cell, inputs, None, state)
        assert counter.calls == 24

    def test_new_ones_for_another_configuration(self, counter: Counter) -> None:
        class SlopeCell(PlainCell):
            slope = 1.0

            def transition(self, gates, state):
                return HiddenState(h=tanh(self.slope * gates.g))

        cell = make(SlopeCell)
        inputs, state, _ = data(cell)
        for slope in (0.5, 2.0, float("nan"), 0.5):
            cell.slope = slope
            if slope == slope:
                assert_equal(cell, inputs, None, state)
        cell.slope = {"of": [0.25]}
        cell.transition_of = None

        def transition(self, gates, state):
            return HiddenState(h=torch.relu(gates.g))

        SlopeCell.transition = transition  # as a notebook does
        assert_equal(cell, inputs, None, state)

    def test_a_global_of_the_cell_s_module(self, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
        cell = make(GlobalCell)
        inputs, state, _ = data(cell)
        assert_equal(cell, inputs, None, state)
        monkeypatch.setitem(globals(), "SCALE", 3.0)
        assert_equal(cell, inputs, None, state)

    def test_a_cell_that_has_run_can_be_copied_pickled_and_freed(self, counter: Counter) -> None:
        cell = make(LSTMCell)
        inputs, state, _ = data(cell)
        run_compiled(cell, inputs, None, state)[0].sum().backward()
        expected = run_compiled(cell, inputs, None, state)
        for other in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
            torch.testing.assert_close(run_compiled(other, inputs, None, state), expected)
        assert counter.calls == 2

    def test_in_a_forked_process(self, counter: Counter) -> None:
        cell = make(PlainCell)
        inputs, state, _ = data(cell)
        assert_equal(cell, inputs, None, state)
        process = multiprocessing.get_context("fork").Process(target=assert_equal, args=(cell, inputs, None, state))
        process.start()
        process.join(60)
        assert process.exitcode == 0


def test_weights_that_are_drawn_are_drawn_once(plain: None) -> None:
    class DroppedCell(PlainCell):
        draws = 0

        def weights(self):
            type(self).draws += 1
            found = super().weights()
            return found._replace(recurrent=tuple(nn.functional.dropout(part, 0.5) for part in found.recurrent))

    cell = make(DroppedCell)
    inputs, state, _ = data(cell)
    results = []
    for run in (run_reference, run_compiled):
        torch.manual_seed(3)
        results.append(everything(run, cell, inputs, None, state))
    assert DroppedCell.draws == 2
    torch.testing.assert_close(results[1], results[0])


def test_the_global_generator_is_left_alone(plain: None) -> None:
    cell = make(MixedCell)
    inputs, state, _ = data(cell)
    before = torch.get_rng_state()
    run_compiled(cell, inputs, None, state)[0].sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


class TestStandsAside:
    """Each of these is run by the loop, and equals it."""

    def test_autocast(self, plain: None) -> None:
        cell = make(LSTMCell, torch.float32)
        inputs, state, _ = data(cell, dtype=torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            expected = everything(run_reference, cell, inputs, None, state)
            with pytest.warns(UserWarning, match="LSTMCell .* because autocast"):
                found = everything(run_compiled, cell, inputs, None, state)
        torch.testing.assert_close(found, expected)

    def test_an_outer_compile(self, counter: Counter) -> None:
        cell = make(LSTMCell)
        inputs, state, _ = data(cell)
        outer = torch.compile(lambda x: run_compiled(cell, 2 * x, None, state)[0] + 1)
        expected = run_reference(cell, 2 * inputs, None, state)[0] + 1
        for _ in range(2):
            found = outer(inputs)
            torch.testing.assert_close(found, expected)
        torch.testing.assert_close(
            torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(expected.sum(), inputs)
        )

    @pytest.mark.filterwarnings("ignore:.*runs step by step:UserWarning")
    def test_torch_func(self, plain: None) -> None:
        cell = make(DiagonalCell)
        inputs, state, _ = data(cell)
        inputs, state = inputs.detach(), type(state)._make(part.detach() for part in state)

        def loss(run: Any, parameters: dict[str, Tensor], inputs: Tensor) -> Tensor:
            wrapped = compiled_kernels.WithParameters(cell)
            arguments = (lambda own: run(own, inputs, None, state)[0].square().sum(),)
            return torch.func.functional_call(wrapped, parameters, arguments)

        parameters = {f"cell.{name}": part.detach() for name, part in cell.named_parameters()}
        results = []
        for run in (run_reference, run_compiled):
            one = functools.partial(loss, run)
            results.append(
                (
                    torch.func.grad(one)(parameters, inputs),
                    torch.func.vmap(one, in_dims=(None, 0))(parameters, torch.stack((inputs, 2 * inputs))),
                    torch.func.jvp(functools.partial(one, parameters), (inputs,), (inputs.cos(),)),
                )
            )
        torch.testing.assert_close(results[1], results[0])

    def test_functional_call_alone_runs_compiled(self, plain: None) -> None:
        cell = make(DiagonalCell)
        inputs, state, _ = data(cell)
        parameters = {f"cell.{n}": (2 * p).detach().requires_grad_() for n, p in cell.named_parameters()}
        results = []
        for run in (run_reference, run_compiled):
            arguments = (lambda own, run=run: run(own, inputs, None, state)[0].square().sum(),)
            value = torch.func.functional_call(compiled_kernels.WithParameters(cell), parameters, arguments)
            gradients = torch.autograd.grad(value, list(parameters.values()), create_graph=True)
            twice = torch.autograd.grad(sum(part.square().sum() for part in gradients), list(parameters.values()))
            results.append((value, gradients, twice))
        torch.testing.assert_close(results[1], results[0])
        assert not compiled._said

    def test_no_compiler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def compile_nothing(function: Any, **_: Any) -> Any:
            def fail(*_: Any) -> None:
                raise RuntimeError("No working C++ compiler found\nlook here")

            return fail

        monkeypatch.setattr(torch, "compile", compile_nothing)
        cell = make(LSTMCell)
        inputs, state, _ = data(cell)
        expected = everything(run_reference, cell, inputs, None, state)
        with pytest.warns(UserWarning, match="because its kernels could not be compiled: .* No working C"):
            torch.testing.assert_close(everything(run_compiled, cell, inputs, None, state), expected)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            torch.testing.assert_close(everything(run_compiled, cell, inputs, None, state), expected)
        assert "could not be compiled" in str(supports(cell, inputs))

    def test_no_compiler_for_the_backward_pass(self, plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise RuntimeError("out of disk")

        cell = make(MixedCell)
        inputs, state, noise = data(cell, noisy=True)
        lengths = torch.tensor([5, 0, 3, 1])
        expected = everything(run_reference, cell, inputs, lengths, state, noise, True)
        monkeypatch.setattr(compiled_kernels.StageKernel, "backward", lambda *_: types.SimpleNamespace(first=fail))
        with pytest.warns(UserWarning, match="out of disk"):
            found = everything(run_compiled, cell, inputs, lengths, state, noise, True)
        torch.testing.assert_close(found, expected)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda cell: setattr(cell, "table", torch.ones(2)), "cell.table is a tensor"),
            (lambda cell: setattr(cell, "source", iter([1])), "cell.source, of type list_iterator"),
        ],
    )
    def test_what_cannot_be_compared(self, plain: None, change: Any, reason: str) -> None:
        cell = make(PlainCell)
        change(cell)
        inputs, state, _ = data(cell)
        with pytest.warns(UserWarning, match=reason):
            found = run_compiled(cell, inputs, None, state)
        torch.testing.assert_close(found, run_reference(cell, inputs, None, state))

    def test_a_transition_that_breaks_the_contract(self, plain: None) -> None:
        class WideCell(PlainCell):
            def transition(self, gates, state):
                return HiddenState(h=tanh(gates.g).mean(-1, keepdim=True))

        cell = WideCell(D, H, state_sizes=(1,)).double()
        inputs, state, _ = data(cell)
        assert_equal(cell, inputs, None, state)
        cell.state_sizes = (H,)
        with pytest.warns(UserWarning, match=r"returned a state \(1,\) wide"), pytest.raises(RuntimeError):
            run_compiled(cell, inputs, None, data(make(PlainCell))[1])

    def test_own_forward_and_other_dtypes(self) -> None:
        class OwnCell(PlainCell):
            def forward(self, inputs, state, noise=None):
                return super().forward(2 * inputs, state, noise)

        cell = make(OwnCell)
        inputs, state, _ = data(cell)
        assert supports(cell, inputs) == "OwnCell has a forward of its own"
        with pytest.warns(UserWarning, match="forward of its own"):
            found = run_compiled(cell, inputs, None, state)
        torch.testing.assert_close(found, run_reference(cell, inputs, None, state))
        assert "float32" in str(supports(make(PlainCell, torch.float32), inputs))
        assert supports(make(PlainCell), inputs, state) is None


def test_a_wrong_state_is_the_loop_s_error_not_a_wrong_result(plain: None) -> None:
    cell = make(PlainCell)
    inputs, _, _ = data(cell)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError):
            run_compiled(cell, inputs, None, HiddenState(h=torch.zeros(4, H + 1, dtype=torch.float64)))
