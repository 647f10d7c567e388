"""LightningCLI with rnnzoo's links, run folders and callbacks."""

import os
from pathlib import Path
from typing import Any

import lightning
import yaml
from jsonargparse import ArgumentError
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import Logger, WandbLogger

from rnnzoo.callbacks import ClassReporter, ExactResume, InterruptCheckpoint, LastCheckpoint, ThroughputMonitor
from rnnzoo.cli import console, keys, metrics_file, runs, wandb
from rnnzoo.cli.annotations import roots
from rnnzoo.cli.checkpoints import AtomicCheckpointIO
from rnnzoo.cli.diagnosis import diagnose, first_mistake, unseen_mistake
from rnnzoo.cli.links import links
from rnnzoo.cli.request import Request, lack
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks import SequenceTask


class RecipeCLI(LightningCLI):
    """Parses a recipe and its flags and makes the model, the data and the Trainer; the commands run them.

    LightningCLI's own subcommands are not used: with them, ``--ckpt_path`` overrides the keys of the model with those
    of the checkpoint and says nothing.

    Args:
        request: the command line, read.
        first_step: the step of the checkpoint that training goes on from, else 0.

    Raises:
        RnnzooError: a key or a value that cannot be.
    """

    run_folder: Path

    def __init__(self, request: Request, first_step: int = 0) -> None:
        self.request, self.first_step = request, first_step
        with runs.gone_if_unused(lambda: getattr(self, "run_folder", None)):
            super().__init__(
                LightningModule,
                LightningDataModule,
                save_config_callback=SaveRecipe if request.trains else None,
                save_config_kwargs={"save_to_log_dir": False},
                trainer_class=Trainer,
                parser_kwargs={
                    "exit_on_error": False,
                    "allow_abbrev": False,
                    "dump_header": [f"recipe: {request.recipe.name}", f"lightning {lightning.__version__}"],
                },
                subclass_mode_model=True,
                subclass_mode_data=True,
                args=["--config", str(request.recipe.path), *request.flags],
                run=False,
                auto_configure_optimizers=False,
            )

    def plain_config(self) -> dict[str, Any]:
        """The resolved recipe as plain data."""
        plain: dict[str, Any] = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        return plain

    def keep(self, name: str, text: str) -> None:
        """Write a file of the run: to a temporary name, then renamed."""
        temporary = self.run_folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.run_folder / name)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The values that flow from the data to the model."""
        for source, target in links(self.request.given):
            group, _, name = target.partition(".")
            parser.link_arguments(source, f"{group}.init_args.{name}", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and say what is wrong in one line with the nearest valid names."""
        try:
            self.config = parser.parse_args(args)
        except (ArgumentError, TypeError, ValueError, KeyError) as error:
            raise diagnose(self.request.given, self._roots(), lack(self.request) or error) from None
        mistake = unseen_mistake(self.request.given, self._roots())
        if mistake is not None:
            raise mistake

    def _roots(self) -> dict[str, Any]:
        return roots(Trainer, LightningModule, LightningDataModule, seed_everything=bool | int)

    def instantiate_classes(self) -> None:
        """Make data, model and Trainer; a constructor's refusal stays the one line that it is."""
        try:
            super().instantiate_classes()
        except RnnzooError:
            raise
        except (TypeError, ValueError) as error:  # jsonargparse wraps what a constructor raises
            if isinstance(error.__cause__, RnnzooError):
                raise error.__cause__ from None
            mistake = first_mistake(self.request.given, self._roots())
            if mistake is not None:  # jsonargparse takes any plain value where a dataclass should be
                raise mistake from None
            raise

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Make the Trainer, with what each run has unless its recipe says otherwise."""
        config = self.config_init["trainer"]
        self.run_folder = self._folder()
        kwargs["default_root_dir"] = str(self.run_folder)
        if config.get("logger") is None:
            kwargs["logger"] = self._loggers(self.run_folder) or False
        if config.get("enable_progress_bar") is None:
            kwargs["enable_progress_bar"] = console.terminal()
        if config.get("enable_model_summary") is None:
            kwargs["enable_model_summary"] = console.terminal()
        kwargs["callbacks"] = self._callbacks(config, kwargs)
        plugins = config.get("plugins") or []
        kwargs["plugins"] = [*(plugins if isinstance(plugins, list) else [plugins]), AtomicCheckpointIO()]
        if keys.last(self.request.given, "trainer.enable_autolog_hparams") is None:
            kwargs["enable_autolog_hparams"] = False  # SaveRecipe logs the whole recipe, without the vocabulary
        try:
            return super().instantiate_trainer(**kwargs)
        except (TypeError, ValueError, ModuleNotFoundError) as error:  # the last: an accelerator's package is absent
            raise RnnzooError(f"trainer: {error}") from error

    def _folder(self) -> Path:
        request = self.request
        if request.checkpoint is None:
            return runs.new_run(request.runs_root, request.recipe.name)
        return runs.folder_of(request.checkpoint, request.runs_root, request.recipe.name, request.trains)

    def _callbacks(self, config: Any, changed: dict[str, Any]) -> list[Callback]:
        given = config.get("callbacks") or []
        callbacks = list(given) if isinstance(given, list) else [given]

        def has(kind: type[Callback]) -> bool:
            return any(isinstance(callback, kind) for callback in callbacks)

        if changed.get("enable_progress_bar", False) and not has(RichProgressBar):
            callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
        if not has(ClassReporter) and callable(getattr(self.model, "class_report", None)):
            callbacks.append(ClassReporter())
        if not self.request.trains or config.get("fast_dev_run"):
            return callbacks
        if not console.terminal():
            callbacks.append(console.EpochLines())
        if not has(ThroughputMonitor) and _counts_tokens(self.model, self.datamodule):
            callbacks.append(ThroughputMonitor())
        if not has(ExactResume):
            callbacks.append(ExactResume())
        if config.get("enable_checkpointing") is not False:
            folder = self.run_folder / "checkpoints"
            own = any(isinstance(each, ModelCheckpoint) and not isinstance(each, LastCheckpoint) for each in callbacks)
            if not own and config.get("limit_val_batches") != 0:  # else there is nothing to choose by
                best = ModelCheckpoint(folder, "best", monitor="val/loss", mode="min", enable_version_counter=False)
                callbacks.insert(0, best)  # before LastCheckpoint
            if not has(LastCheckpoint):
                callbacks.append(LastCheckpoint(str(folder)))
            if not has(InterruptCheckpoint):
                callbacks.append(InterruptCheckpoint(resume_command=f"rnnzoo fit {self.run_folder / 'config.yaml'}"))
        return callbacks

    def _loggers(self, run: Path) -> list[Logger]:
        loggers: list[Logger] = []
        if self.request.trains:
            loggers.append(metrics_file.make_logger(run, self.first_step))
        mode = self.request.wandb or os.environ.get("WANDB_MODE") or "offline"
        if (self.request.trains or self.request.wandb) and mode not in ("off", "disabled"):
            loggers.append(wandb.make_logger(run, self.request.recipe.name, mode))
        return loggers


class SaveRecipe(SaveConfigCallback):
    """Keeps the whole resolved recipe with the run: as config.yaml, as W&B's config, and in each checkpoint."""

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write ``config.yaml`` (to a temporary name, then renamed) and tell W&B."""
        text = self.parser.dump(self.config, skip_none=False)
        folder = Path(trainer.default_root_dir)
        temporary = folder / f".{self.config_filename}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, folder / self.config_filename)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update({"recipe": trainer_recipe(self.parser), **yaml.safe_load(text)})

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Put the recipe's seed, ``model`` and ``data`` into the checkpoint, as plain data."""
        plain = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
        kept = {key: plain[key] for key in ("seed_everything", "model", "data")}
        checkpoint["rnnzoo"] = {"recipe": trainer_recipe(self.parser), **kept}


def _counts_tokens(model: LightningModule, data: LightningDataModule) -> bool:
    """Whether both are rnnzoo's or made from them, so that each batch has ``num_tokens``."""
    return isinstance(model, SequenceTask) and any(base.__module__.startswith("rnnzoo.") for base in type(data).__mro__)


def trainer_recipe(parser: LightningArgumentParser) -> str:
    """The name of the recipe that this parser was made for."""
    return str((parser.dump_header or [""])[0]).removeprefix("recipe: ")
