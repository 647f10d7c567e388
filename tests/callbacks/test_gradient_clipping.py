import math
from types import SimpleNamespace

import pytest
import torch
from lightning import Callback
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from torch import nn

from rnnzoo.callbacks import GradientClipping, GradientNormMonitor
from rnnzoo.callbacks.gradient_clipping import require_whole_gradients
from rnnzoo.errors import RnnzooError

BATCH = torch.tensor([3.0, 4.0, 2.0, 2.0, 2.0, 2.0, 8.0, 0.0])  # norm √105
NAN = torch.full((8,), math.nan)


def updates(known, fit, batch, clipping, **options):
    """What one step of plain gradient descent with learning rate 1 takes off the parameters: the clipped gradient."""
    module = known()
    before = module.flat()
    fit(module, [batch], [clipping], **options)
    return before - module.flat()


def test_global_norm_by_hand(known, fit):
    assert torch.allclose(updates(known, fit, BATCH, GradientClipping(max_norm=2.1)), BATCH * 2.1 / math.sqrt(105))
    assert torch.equal(updates(known, fit, BATCH, GradientClipping(max_norm=10.3)), BATCH)  # √105 < 10.3


def test_infinity_norm_by_hand(known, fit):
    assert torch.allclose(updates(known, fit, BATCH, GradientClipping(max_norm=2.0, norm_type=math.inf)), BATCH / 4)


def test_value_by_hand(known, fit):
    clipped = updates(known, fit, -BATCH, GradientClipping(max_value=3.5))
    assert clipped.tolist() == [-3, -3.5, -2, -2, -2, -2, -3.5, 0]


def test_value_then_norm(known, fit):
    clipped = updates(known, fit, BATCH, GradientClipping(max_value=2.0, max_norm=1.0))
    by_value = torch.tensor([2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0])  # norm √28
    assert torch.allclose(clipped, by_value / math.sqrt(28))


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_bit_for_bit_what_the_trainer_does(known, fit, algorithm):
    batches = torch.randn(20, 8, generator=torch.Generator().manual_seed(0)) * 3
    ours, theirs = (known(0.1, torch.optim.Adam) for _ in range(2))
    fit(ours, batches, [GradientClipping(max_norm=0.5) if algorithm == "norm" else GradientClipping(max_value=0.5)])
    fit(theirs, batches, gradient_clip_val=0.5, gradient_clip_algorithm=algorithm)
    assert torch.equal(ours.flat(), theirs.flat())


def test_accumulation_clips_the_sum_once(known, fit):
    module = known()
    before = module.flat()
    clipping = GradientClipping(max_norm=1.0)
    fit(module, [BATCH, -0.5 * BATCH], [clipping], accumulate_grad_batches=2)
    assert torch.allclose(before - module.flat(), BATCH / math.sqrt(105))  # of (1 - 0.5) / 2 of the batch
    assert (clipping.steps, clipping.clipped) == (1, 1)


def groups(module):
    embedding, layer = module.network["embedding"], module.network["layers"]
    return [{"params": embedding.parameters(), "name": "embedding"}, {"params": layer.parameters(), "name": "layers"}]


def test_groups_by_hand(known, fit):
    module = known()
    module.configure_optimizers = lambda: module.make_optimizer(groups(module))
    before = module.flat()
    fit(module, [BATCH], [GradientClipping(per_group={"embedding": 2.5, "layers": 100.0})])
    assert torch.allclose(before - module.flat(), torch.cat([BATCH[:2] / 2, BATCH[2:]]))


def test_unknown_group_names_the_known(known, fit):
    module = known()
    module.configure_optimizers = lambda: module.make_optimizer(groups(module))
    with pytest.raises(RnnzooError, match="unknown parameter group 'layer': did you mean 'layers'"):
        fit(module, [BATCH], [GradientClipping(per_group={"layer": 1.0})])
    with pytest.raises(RnnzooError, match="name them in configure_optimizers"):
        fit(known(), [BATCH], [GradientClipping(per_group={"layers": 1.0})])


def test_adaptive_by_hand(known, fit):
    # weights are one: the embedding's row (1, 2 wide) has norm √2, each row of the layer's weight √2, too
    clipped = updates(known, fit, BATCH, GradientClipping(adaptive=0.5))
    limit = 0.5 * math.sqrt(2)
    rows = [BATCH[:2] * limit / 5, BATCH[2:4] * limit / math.sqrt(8), BATCH[4:6] * limit / math.sqrt(8)]
    assert torch.allclose(clipped, torch.cat([*rows, BATCH[6:]]))  # biases are left alone


def test_adaptive_leaves_the_head_alone(known, fit):
    class WithHead(known):
        def __init__(self):
            super().__init__()
            self.network["head"] = nn.Linear(2, 1, bias=False)
            self.network["embedding"].weight = self.network["head"].weight  # tied

    module = WithHead()
    before = module.flat()
    fit(module, [BATCH], [GradientClipping(adaptive=0.5)])
    change = dict(zip(["embedding", "layer"], (before - module.flat()).split([2, 6]), strict=True))
    assert torch.allclose(change["embedding"], BATCH[:2], atol=1e-6)
    assert not torch.allclose(change["layer"], BATCH[2:])
    with pytest.raises(RnnzooError, match=r"unknown module 'haed': did you mean .*head"):
        fit(WithHead(), [BATCH], [GradientClipping(adaptive=0.5, adaptive_exclude=["haed"])])


def test_adaptive_lets_zero_weights_move(known, fit):
    module = known()
    nn.init.zeros_(module.network["embedding"].weight)
    fit(module, [BATCH], [GradientClipping(adaptive=0.5)])
    assert torch.allclose(module.flat()[:2], -BATCH[:2] * 0.5e-3 / 5)


def test_manual_optimization(manual, fit):
    module = manual()
    before = module.flat()
    fit(module, [BATCH], [GradientClipping(max_norm=2.0)])
    expected = torch.cat([BATCH[:2] * 2 / 5, BATCH[2:] * 2 / math.sqrt(80)])
    assert torch.allclose(before - module.flat(), expected)


def test_nonfinite_step_changes_nothing_and_is_counted(known, fit):
    options = {"momentum": 0.9, "weight_decay": 0.1}
    with_nan, without = known(0.1, **options), known(0.1, **options)
    clipping = GradientClipping(max_norm=5.0)
    infinite = BATCH.clone()
    infinite[0] = math.inf
    fit(with_nan, [BATCH, NAN, BATCH / 10, infinite], [clipping])
    fit(without, [BATCH, BATCH / 10], [GradientClipping(max_norm=5.0)])
    assert torch.equal(with_nan.flat(), without.flat())
    assert (clipping.steps, clipping.clipped, clipping.skipped) == (2, 1, 2)
    assert [float(logged["grad/skipped_steps"]) for logged in with_nan.history] == [0, 1, 1, 2]
    assert [float(logged["grad/clipped_fraction"]) for logged in with_nan.history] == [1, 1, 0.5, 0.5]


def test_too_many_skips_in_a_row_end_with_the_remedy(known, fit):
    clipping = GradientClipping(max_norm=1.0, max_skipped=3)
    with pytest.raises(RnnzooError, match=r"step 4.*network\.embedding\.weight.*3 of 3 parameters.*3 steps in a row"):
        fit(known(), [NAN, BATCH, NAN, NAN, NAN, BATCH], [clipping])
    assert clipping.skipped == 4


def test_without_skipping_the_first_nonfinite_step_is_an_error(known, fit):
    batch = BATCH.clone()
    batch[3] = math.inf
    module = known()
    with pytest.raises(RnnzooError, match=r"step 1.* in network\.layers\.0\.weight \(1 of 3.*lower the learning rate"):
        fit(module, [BATCH, batch], [GradientClipping(max_norm=1.0, skip_nonfinite=False)])
    assert torch.isfinite(module.flat()).all()


def test_grad_scaler_and_nan(known, fit):
    def run(batches, **options):
        module, clipping = known(0.1, torch.optim.AdamW), GradientClipping(max_norm=1.0, max_skipped=3)
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
        fit(module, batches, [clipping], plugins=[MixedPrecision("16-mixed", "cpu", scaler=scaler)])
        return module, clipping, scaler

    ours, clipping, scaler = run([BATCH, NAN, NAN, NAN, BATCH])  # the search for a scale is no reason to give up
    expected, _, _ = run([BATCH, BATCH])
    assert clipping.skipped == 3
    assert scaler.get_scale() == 8.0
    assert torch.allclose(ours.flat(), expected.flat(), atol=1e-6)
    with pytest.raises(RnnzooError, match="3 steps in a row"):
        run([NAN] * 9)  # 64 is halved to 1 in six steps; then it is not the scale


class StopAfter(Callback):
    def __init__(self, path, step):
        self.path, self.step = path, step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)


def test_counters_survive_a_resume(known, fit, tmp_path):
    path = tmp_path / "saved.ckpt"
    fit(known(), [BATCH, NAN], [GradientClipping(max_norm=1.0), StopAfter(path, 2)])
    torch.load(path, weights_only=True)
    resumed = GradientClipping(max_norm=1.0)

    class Load(Callback):
        def on_fit_start(self, trainer, module):
            resumed.on_load_checkpoint(trainer, module, torch.load(path, weights_only=True))

    module = known()
    fit(module, [BATCH / 100, NAN], [resumed, Load()])
    assert (resumed.steps, resumed.clipped, resumed.skipped) == (2, 1, 2)


def test_clipping_twice_is_refused(known, fit):
    class Overriding(known):
        def configure_gradient_clipping(self, *args, **kwargs):
            pass

    with pytest.raises(RnnzooError, match=r"gradient_clip_val=0\.5.*remove one"):
        fit(known(), [BATCH], [GradientClipping(max_norm=1.0)], gradient_clip_val=0.5)
    with pytest.raises(RnnzooError, match=r"Overriding\.configure_gradient_clipping.*remove"):
        fit(Overriding(), [BATCH], [GradientClipping(max_norm=1.0)])
    with pytest.raises(RnnzooError, match=r"two GradientClipping callbacks.*keep one"):
        fit(known(), [BATCH], [GradientClipping(max_norm=1.0), GradientClipping(max_value=1.0)])


@pytest.mark.parametrize(
    ("callback", "consequence"),
    [
        (GradientClipping(max_norm=1.0), "GradientClipping would clip again"),
        (GradientNormMonitor(), "GradientNormMonitor would report the clipped norm"),
    ],
    ids=["clipping", "norm"],
)
def test_clipping_by_hand_is_refused(manual, fit, callback, consequence):
    class ClippingByHand(manual):
        def training_step(self, batch, batch_idx):
            self.manual_backward(self.loss(batch))
            for optimizer in self.optimizers():
                self.clip_gradients(optimizer, gradient_clip_val=1.0)
                optimizer.step()
                optimizer.zero_grad()

    module = ClippingByHand()
    with pytest.raises(RnnzooError, match=rf"ClippingByHand calls clip_gradients.*{consequence}.*leave the call out"):
        fit(module, [BATCH], [callback])
    before = module.flat()
    fit(module, [BATCH], [])  # nothing of the refusal is left
    assert (before - module.flat())[:2].norm().item() == pytest.approx(1.0)


def test_limits_that_limit_nothing_are_refused():
    with pytest.raises(RnnzooError, match="no limit"):
        GradientClipping()
    with pytest.raises(RnnzooError, match="no limit"):
        GradientClipping(per_group={})
    for options in ({"max_norm": 0.0}, {"max_value": -1.0}, {"per_group": {"a": 0.0}}, {"max_norm": math.nan}):
        with pytest.raises(RnnzooError, match="greater than 0"):
            GradientClipping(**options)
    with pytest.raises(RnnzooError, match="adaptive_exclude"):
        GradientClipping(max_norm=1.0, adaptive_exclude=["head"])


@pytest.mark.parametrize("strategy", [FSDPStrategy, ModelParallelStrategy])
def test_shards_are_refused(strategy):
    trainer = SimpleNamespace(strategy=strategy(), precision_plugin=None, optimizers=[])
    with pytest.raises(RnnzooError, match=rf"{strategy.__name__} cuts into shards.*use strategy 'ddp'"):
        require_whole_gradients(trainer, "GradientClipping")


class FusedOptimizer(torch.optim.SGD):
    _step_supports_amp_scaling = True


def test_gradients_that_are_not_whole_are_refused(known, fit):
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler=scaler)
    with pytest.raises(RnnzooError, match="multiplied by the loss scale: FusedOptimizer"):
        fit(known(optimizer=FusedOptimizer), [BATCH], [GradientClipping(max_norm=1.0)], plugins=[plugin])
