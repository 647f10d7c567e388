"""What all tasks share: steps, sums, optimizer, checkpoints that stand alone."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

import torch
from lightning import LightningModule
from lightning.pytorch.plugins.precision import DoublePrecision, HalfPrecision
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from rnnzoo.baselines import Comparison, Table
from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.tasks.checkpoints import CLASS_PATH, HYPER_PARAMETERS, class_path, plain_data, read_checkpoint, saved_class
from rnnzoo.tasks.mean_loss import MeanLoss
from rnnzoo.tasks.optimization import (
    LRSchedulerCallable,
    OptimizerCallable,
    parameter_groups,
    require_slower,
    slow_down,
)
from rnnzoo.tasks.other_lightning import RefusesOtherLightning
from rnnzoo.tasks.pretrained import Start
from rnnzoo.tasks.trust import import_trusted, require_trusted
from rnnzoo.tasks.vector_coverage import tell_coverage

Task = TypeVar("Task", bound="SequenceTask")

_entering = Lock()
#: Of each task that is evaluating the modes that its parts were in, and how many are evaluating it. Not an attribute,
#: so that a copy made meanwhile knows nothing of it.
_evaluated: dict["SequenceTask", tuple[list[tuple[nn.Module, bool]], int]] = {}


class SequenceTask(RefusesOtherLightning, LightningModule):
    """Trains a network: a subclass says which (`build_network`), and its loss on a batch (`batch_loss`).

    The arguments of a subclass's constructor, without `optimizer` and `scheduler`, are its `hparams`: plain data from
    which `build_network` makes the network, so that a checkpoint always suffices to make it again.

        class Regression(SequenceTask):
            def __init__(self, width: int = 3, optimizer: OptimizerCallable = torch.optim.Adam) -> None:
                super().__init__(optimizer)

            def build_network(self) -> nn.Module:
                return nn.Linear(self.hparams["width"], 1)

            def batch_loss(self, batch, stage: str) -> tuple[Tensor, Tensor]:
                errors = (self.network(batch["inputs"]).squeeze(-1) - batch["targets"]) ** 2
                return errors.sum(), torch.tensor(errors.numel())

    The training loss is the sum over the **global** batch divided by its count: with several processes each has the
    gradient of one process with all rows, though their counts differ. Under accumulation each batch weighs the same.

    Logged: `train/loss`, the mean per counted item (each step, over all processes), `val/loss`, `test/loss` and the
    metrics of `build_metrics` (`val/...`, `test/...`) from sums over the whole evaluation.

    A loss that is not finite ends the run at the next logged step, or after the validation that found it, and weights
    that are not finite are never saved over good ones.

    Args:
        optimizer: makes the optimizer from parameter groups, which are named after the network's parts.
        scheduler: makes the learning-rate schedule from the optimizer; None: constant. A `ReduceLROnPlateau` watches
            `val/loss`.
        scheduler_interval: when the schedule makes a step: after each `epoch` or each optimizer `step`.
    """

    network: nn.Module

    def __init__(
        self,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        scheduler_interval: str = "epoch",
    ) -> None:
        super().__init__()
        if scheduler_interval not in ("epoch", "step"):
            raise RnnzooError(f"model.scheduler_interval must be epoch or step, not {scheduler_interval!r}")
        self.save_hyperparameters(ignore=["optimizer", "scheduler"], logger=False)
        self._make_hyperparameters_plain()
        self._make_optimizer = optimizer
        self._make_scheduler = scheduler
        self._scheduler_interval = scheduler_interval
        start = Start(self.hparams)
        self.network = self.build_network()
        start.apply(self.network)
        self._val_loss, self._test_loss = MeanLoss(), MeanLoss()
        self._val_metrics = nn.ModuleDict(dict(self.build_metrics()))
        self._test_metrics = nn.ModuleDict(dict(self.build_metrics()))

    def build_network(self) -> nn.Module:
        """The network, from `hparams` alone."""
        raise NotImplementedError(f"{type(self).__name__} must define build_network()")

    def batch_loss(self, batch: Any, stage: str) -> tuple[Tensor, Tensor]:
        """The summed loss of a batch and over how many items it was summed; updates the `stage_metrics`.

        Args:
            batch: what the loader gave.
            stage: `train`, `val` or `test`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define batch_loss(batch, stage)")

    def build_metrics(self) -> dict[str, Metric]:
        """New metrics by the name they are logged under after the stage; called once for `val` and once for `test`."""
        return {}

    def stage_metrics(self, stage: str) -> dict[str, Metric]:
        """The metrics of a stage, for `batch_loss` to update; `train` has none."""
        metrics: Any = {"val": self._val_metrics, "test": self._test_metrics}.get(stage, {})
        return cast(dict[str, Metric], dict(metrics.items()))

    def scale_loss(self, loss_sum: Tensor, global_count: Tensor, batch: Any) -> Tensor:
        """What is differentiated: the mean over the global batch; the strategy averages gradients over processes."""
        return loss_sum * (self._world_size / global_count)

    def compare(self, data: Any) -> Comparison | Table | None:
        """The model and the baselines of its field on the test data of a DataModule; None: there are none."""
        return None

    def setup(self, stage: str) -> None:
        """Refuse a compiled task, and what would end in an error about frozen dataclasses."""
        if self._compiler_ctx is not None:  # Lightning's note that the Trainer was given a compiled module
            raise RnnzooError(
                "torch.compile(task) would compile the metrics and the log too, which fails: give the Trainer the "
                "task, and compile what it trains, task.network.compile()"
            )
        if isinstance(self.trainer.precision_plugin, (DoublePrecision, HalfPrecision)):
            raise RnnzooError(
                f"precision {self.trainer.precision_plugin.precision} makes Lightning convert batches, and rnnzoo's "
                "cannot be changed: use 32-true or bf16-mixed, or convert the task itself, task.double()"
            )

    def on_fit_start(self) -> None:
        """Say how much of the training text pretrained word vectors cover."""
        tell_coverage(self)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch, scaled by `scale_loss`."""
        loss_sum, count = self.batch_loss(batch, "train")
        precise = torch.promote_types(loss_sum.dtype, torch.float32)  # bfloat16 counts to 256
        sums = torch.stack((loss_sum.detach().to(precise), count.to(loss_sum.device, precise)))
        if self._world_size > 1:
            sums = self.trainer.strategy.reduce(sums, reduce_op="sum")
        self.log("train/loss", sums[0] / sums[1], on_step=True, on_epoch=False, prog_bar=True, batch_size=1)
        return self.scale_loss(loss_sum, sums[1], batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Add a batch to the sums."""
        self._evaluate(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Add a batch to the sums."""
        self._evaluate(batch, "test")

    def on_validation_epoch_start(self) -> None:
        """Begin new sums."""
        self._reset("val")

    def on_test_epoch_start(self) -> None:
        """Begin new sums."""
        self._reset("test")

    def on_validation_epoch_end(self) -> None:
        """Log `val/loss` and the metrics."""
        self._log_evaluation("val")

    def on_test_epoch_end(self) -> None:
        """Log `test/loss` and the metrics."""
        self._log_evaluation("test")

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """End a run whose weights are lost.

        The loss is looked at where the Trainer logs, since looking makes a GPU wait; with finite weights the bad step
        was skipped (`rnnzoo.callbacks.GradientClipping`), and training goes on.
        """
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # assigned by a connector, unseen by mypy
        due = self.trainer.is_last_batch or (every and self.trainer.global_step % every == 0)
        if due and not torch.isfinite(outputs["loss"]) and _non_finite(self.network.state_dict()):
            self._refuse_non_finite("the training loss", outputs["loss"])

    def configure_optimizers(self) -> Any:
        """The optimizer over named groups, and the schedule."""
        try:
            optimizer = self._make_optimizer(parameter_groups(self.network))
        except (TypeError, ValueError) as error:  # such as a learning rate below 0
            raise RnnzooError(f"model.optimizer: {error}") from error
        slow_down(optimizer, self.network)
        if self._make_scheduler is None:
            return optimizer
        schedule: LRScheduler = self._make_scheduler(optimizer)
        require_slower(optimizer, self.network)
        how = {"scheduler": schedule, "interval": self._scheduler_interval, "monitor": "val/loss"}
        return {"optimizer": optimizer, "lr_scheduler": how}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to save weights that are not finite, so that the last good checkpoint stays."""
        bad = _non_finite(checkpoint["state_dict"])
        if bad:
            self._refuse_non_finite(
                f"the parameter {bad[0]}" + (f" (and {len(bad) - 1} more)" if bad[1:] else ""), None
            )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse what another class wrote."""
        theirs = checkpoint.get(HYPER_PARAMETERS, {}).get(CLASS_PATH)
        if theirs != class_path(type(self)):
            raise RnnzooError(
                f"this is a checkpoint of {theirs or 'no task of rnnzoo'}, not of {class_path(type(self))}"
            )

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # Lightning's is an object of its own, with the same call
        cls: type[Task],
        checkpoint_path: str | Path,
        map_location: Any = "cpu",
        hparams_file: str | Path | None = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        trust: Collection[str] = (),
        **kwargs: Any,
    ) -> Task:
        """The task that wrote a checkpoint, with its weights; neither data nor recipe are needed.

        `SequenceTask.load_from_checkpoint` gives the class that wrote it, if that is rnnzoo's or already imported.
        Deviation from Lightning: the task comes to the CPU unless `map_location` says otherwise.

        Args:
            checkpoint_path: a file.
            map_location: where to put it, as in `torch.load`.
            hparams_file: not supported: the checkpoint holds them.
            strict: whether all weights must be found; true by default.
            weights_only: false also unpacks objects, which can run code; true by default.
            trust: dotted names of modules, classes and functions that the checkpoint may name. They are imported. A
                function, or a class of an installed package, that makes an image encoder is called with arguments of
                the checkpoint, so it must be named here, or a class by its module; for classes of your own it suffices
                that their module is imported.
            kwargs: arguments of the constructor in place of the saved ones, and `optimizer` and `scheduler`, which are
                not saved.

        Raises:
            RnnzooError: no such file, cut short, not of this class, an unknown class or one that is not trusted;
                arguments that the class does not take; weights of another shape.
        """
        if hparams_file is not None:
            raise RnnzooError(
                "hparams_file is not used: the checkpoint holds the arguments; give others by their names"
            )
        content = read_checkpoint(checkpoint_path, map_location, weights_only)
        import_trusted(trust)
        found: type[Task] = saved_class(content, checkpoint_path, cls)
        saved = {name: value for name, value in content[HYPER_PARAMETERS].items() if not name.startswith("_")}
        saved = {name: value for name, value in saved.items() if name not in kwargs}
        require_trusted(saved, checkpoint_path, trust)
        _require_arguments(found, saved, kwargs, checkpoint_path)
        task = found(**saved, **kwargs)
        task.on_load_checkpoint(content)
        try:
            task.load_state_dict(content["state_dict"], strict=strict is not False)
        except RuntimeError as error:
            raise RnnzooError(f"{checkpoint_path} does not fit {class_path(found)}: {error}") from None
        return task

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients; afterwards every part is in the mode it was in.

        Where several threads use a task, it is back in that mode when the last of them is done.
        """
        with _entering:
            modes, users = _evaluated.get(self) or ([(module, module.training) for module in self.modules()], 0)
            _evaluated[self] = (modes, users + 1)
            self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            with _entering:
                modes, users = _evaluated.pop(self)
                if users > 1:
                    _evaluated[self] = (modes, users - 1)
                else:
                    for module, training in modes:
                        module.training = training

    @property
    def _world_size(self) -> int:
        return 1 if self._trainer is None else self._trainer.world_size

    def _evaluate(self, batch: Any, stage: str) -> None:
        loss_sum, count = self.batch_loss(batch, stage)
        self._mean_loss(stage).update(loss_sum, count)

    def _mean_loss(self, stage: str) -> MeanLoss:
        return self._val_loss if stage == "val" else self._test_loss

    def _reset(self, stage: str) -> None:
        for metric in (self._mean_loss(stage), *self.stage_metrics(stage).values()):
            metric.reset()

    def _log_evaluation(self, stage: str) -> None:
        loss = self._mean_loss(stage).compute()
        self.log(f"{stage}/loss", loss.float(), prog_bar=True, sync_dist=True)
        for name, metric in self.stage_metrics(stage).items():
            self.log(f"{stage}/{name}", metric.compute().float(), sync_dist=True)
        if not torch.isfinite(loss):
            self._refuse_non_finite(f"{stage}/loss", loss)

    def _refuse_non_finite(self, what: str, value: Tensor | None) -> None:
        said = "not finite" if value is None else f"{float(value)}"
        step = self.trainer.global_step
        if self.trainer.state.fn != TrainerFn.FITTING:
            raise RnnzooError(f"{what} is {said}: look for NaN or infinity in the data, or in the weights")
        remedy = (
            "lower the learning rate or clip the gradients (rnnzoo.callbacks.GradientClipping), and go on from an "
            "earlier checkpoint"
            if step
            else "nothing was trained yet, so look for NaN or infinity in the data, or in how the weights start"
        )
        raise RnnzooError(f"{what} is {said} at step {step}: {remedy}")

    def _make_hyperparameters_plain(self) -> None:
        accepted = _arguments(type(self))
        named = {name for base in type(self).__mro__ for name in _parameters(base)}  # a base's values are here too
        for name in (
            name for name in self.hparams if not name.startswith("_") and name not in named
        ):  # `_` of Lightning
            raise RnnzooError(
                f"model.{name} has no name in the constructor of {class_path(type(self))}, so that no checkpoint would "
                "hold it: name it in the signature"
            )
        plain = {
            name: plain_data(value, f"model.{name}")
            for name, value in self.hparams.items()
            if name in accepted and name not in ("optimizer", "scheduler")
        }
        self.hparams.clear()
        self.hparams.update({CLASS_PATH: class_path(type(self)), **plain})


def _parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """The parameters of a class's own constructor, if it has one."""
    return inspect.signature(vars(cls)["__init__"]).parameters if "__init__" in vars(cls) else {}


def _arguments(cls: type) -> set[str]:
    """The names that a constructor takes; where it has ``**kwargs``, also those of the one it passes them on to."""
    names: set[str] = set()
    for base in cls.__mro__:
        parameters = _parameters(base).values()
        names.update(one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL))
        if parameters and not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return names - {"self"}


def _require_arguments(
    cls: type, saved: Mapping[str, Any], given: Mapping[str, Any], checkpoint_path: str | Path
) -> None:
    """Refuse arguments by which a class cannot be made, as one cannot that was changed since a checkpoint of it."""
    accepted = _arguments(cls)
    for name in given:
        if name not in accepted:
            raise RnnzooError(unknown(f"argument of {cls.__name__}", name, accepted))
    for name in saved:
        if name not in accepted:
            raise RnnzooError(
                f"{checkpoint_path} was written with model.{name}, which {class_path(cls)} does not take: use the code "
                "that wrote it, or give the class that argument"
            )
    for name, one in inspect.signature(cls).parameters.items():
        needed = one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        if needed and name not in saved and name not in given:
            raise RnnzooError(
                f"{checkpoint_path} lacks model.{name}, which {class_path(cls)} needs: give it, "
                f"load_from_checkpoint(..., {name}=...)"
            )


def _non_finite(weights: Mapping[str, Tensor]) -> list[str]:
    return [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
