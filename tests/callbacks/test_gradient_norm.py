import csv
import math

import lightning
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision

from rnnzoo.callbacks import GradientClipping, GradientNormMonitor
from rnnzoo.errors import RnnzooError

# embedding (3, 4): norm 5; layers.0: weight (2, 2, 2, 2) and bias (8, 0): norm √(16 + 64) = √80; all: √105
BATCH = torch.tensor([3.0, 4.0, 2.0, 2.0, 2.0, 2.0, 8.0, 0.0])


def test_norms_by_hand_before_and_after_clipping(known, fit):
    module = known()
    fit(module, [BATCH, 2 * BATCH], [GradientNormMonitor(), GradientClipping(max_norm=1.5)])
    for factor, logged in zip((1, 2), module.history, strict=True):
        assert logged["grad/norm"].item() == pytest.approx(factor * math.sqrt(105))
        assert logged["grad/norm/embedding"].item() == pytest.approx(factor * 5)
        assert logged["grad/norm/layers.0"].item() == pytest.approx(factor * math.sqrt(80))
        assert logged["grad/norm_clipped"].item() == pytest.approx(1.5, rel=1e-5)


def test_infinity_norm(known, fit):
    module = known()
    fit(module, [BATCH], [GradientNormMonitor(norm_type=math.inf)])
    logged = module.history[0]
    assert (logged["grad/norm"], logged["grad/norm/embedding"], logged["grad/norm/layers.0"]) == (8, 4, 8)
    assert logged["grad/norm_clipped"] == 8


def test_sees_the_clipping_of_the_trainer_too(known, fit):
    module = known()
    fit(module, [BATCH], [GradientNormMonitor()], gradient_clip_val=0.25)
    assert module.history[0]["grad/norm"].item() == pytest.approx(math.sqrt(105))
    assert module.history[0]["grad/norm_clipped"].item() == pytest.approx(0.25, rel=1e-5)


def test_accumulation_measures_the_whole_step(known, fit):
    module = known()
    fit(module, [BATCH, 3 * BATCH, BATCH], [GradientNormMonitor()], accumulate_grad_batches=2)
    assert "grad/norm" not in module.history[0]
    assert module.history[1]["grad/norm"].item() == pytest.approx(2 * math.sqrt(105))  # (1 + 3) / 2
    assert module.history[2]["grad/norm"].item() == pytest.approx(math.sqrt(105) / 2)  # the short last window


def test_manual_optimization_joins_the_optimizers(manual, fit):
    module = manual()
    fit(module, [BATCH], [GradientNormMonitor(), GradientClipping(max_norm=2.0)])
    logged = module.history[0]
    assert logged["grad/norm"].item() == pytest.approx(math.sqrt(105))
    assert logged["grad/norm/embedding"].item() == pytest.approx(5)
    assert logged["grad/norm_clipped"].item() == pytest.approx(
        math.sqrt(2 * 2 + 2 * 2), rel=1e-5
    )  # each optimizer to 2


def test_loss_scale_is_removed(known, fit):
    module = known()
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler=scaler)
    fit(module, [BATCH], [GradientNormMonitor(), GradientClipping(max_norm=1.0)], plugins=[plugin])
    assert module.history[0]["grad/norm"].item() == pytest.approx(math.sqrt(105), rel=1e-3)
    assert module.history[0]["grad/norm_clipped"].item() == pytest.approx(1.0, rel=1e-3)


def test_only_the_steps_that_reach_a_logger_are_measured(known, fit, tmp_path):
    module = known()
    logger = lightning.pytorch.loggers.CSVLogger(tmp_path)
    batches = [factor * BATCH for factor in range(1, 8)]
    fit(module, batches, [GradientNormMonitor()], log_every_n_steps=3, logger=logger)
    assert ["grad/norm" in logged for logged in module.history] == [False, False, True, True, True, True, True]
    with open(logger.experiment.metrics_file_path) as file:
        rows = [float(row["grad/norm"]) for row in csv.DictReader(file)]
    assert rows == pytest.approx([3 * math.sqrt(105), 6 * math.sqrt(105)], rel=1e-5)


def test_skipped_steps_have_no_clipped_norm(known, fit):
    module = known()
    fit(module, [math.nan * BATCH], [GradientNormMonitor(), GradientClipping(max_norm=1.0)])
    assert math.isnan(module.history[0]["grad/norm"])
    assert "grad/norm_clipped" not in module.history[0]


def test_wrong_order_is_refused_with_the_remedy(known, fit):
    with pytest.raises(RnnzooError, match="put GradientNormMonitor before GradientClipping"):
        fit(known(), [BATCH], [GradientClipping(max_norm=1.0), GradientNormMonitor()])
    with pytest.raises(RnnzooError, match="every_n_steps=0"):
        GradientNormMonitor(every_n_steps=0)


def test_leaves_the_optimizer_as_it_was(known, fit):
    trainer = fit(known(), [BATCH], [GradientNormMonitor()])
    assert not trainer.optimizers[0]._optimizer_step_post_hooks
