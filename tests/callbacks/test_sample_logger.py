import csv
import json

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, WandbLogger

from rnnzoo.callbacks import SampleLogger
from rnnzoo.errors import RnnzooError

BATCHES = [torch.ones(8)] * 4


@pytest.fixture
def writer(known):
    class Writer(known):
        def __init__(self):
            super().__init__()
            self.dropout = torch.nn.Dropout(0.5)

        def training_step(self, batch, batch_idx):
            return self.loss(batch * torch.rand(8))

        def validation_step(self, batch, batch_idx):
            pass

        def val_dataloader(self):
            return [torch.ones(1)]

        def generate(self, prompt, max_length, temperature, top_k, top_p, seed):
            assert not self.dropout.training
            torch.manual_seed(seed)
            number = torch.randint(10**6, ()).item()
            return f'{prompt}, "{number}"\n{max_length} {temperature} {top_k} {top_p}'

    return Writer


def test_rows_at_each_validation_in_the_run_s_folder(writer, fit, tmp_path):
    options = {"max_length": 7, "temperature": 0.5, "top_k": 3, "seed": 4}
    logger = CSVLogger(tmp_path, name="run", version="1")
    fit(writer(), BATCHES, [SampleLogger(["a", ""], **options)], val_check_interval=2, logger=logger)
    rows = list(csv.DictReader((tmp_path / "run" / "1" / "samples.csv").open(newline="")))
    number = torch.randint(10**6, (), generator=torch.Generator().manual_seed(4)).item()
    texts = [f'{prompt}, "{number}"\n7 0.5 3 None' for prompt in ("a", "")]
    assert [(row["step"], row["prompt"], row["text"]) for row in rows] == [
        ("2", "a", texts[0]),
        ("2", "", texts[1]),
        ("4", "a", texts[0]),
        ("4", "", texts[1]),
    ]


def test_training_is_not_disturbed(writer, fit):
    weights = []
    for callbacks in ([], [SampleLogger(["a"])]):
        torch.manual_seed(0)
        module = writer()
        fit(module, BATCHES, callbacks, val_check_interval=1)
        assert module.dropout.training
        weights.append(module.flat())
    assert torch.equal(*weights)


def test_a_resumed_run_adds_to_its_file(writer, fit, tmp_path):
    for _ in range(2):
        fit(writer(), BATCHES, [SampleLogger(["a"])])
    assert len(list(csv.DictReader((tmp_path / "samples.csv").open(newline="")))) == 2


def test_wandb_gets_a_table(writer, fit, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(project="test", save_dir=tmp_path, offline=True)
    fit(writer(), BATCHES, [SampleLogger(["a"], seed=1)], logger=logger)
    import wandb

    wandb.finish()
    (table,) = tmp_path.glob("wandb/offline-run-*/files/media/table/samples*.json")
    content = json.loads(table.read_text())
    assert content["columns"] == ["step", "prompt", "text"]
    assert [row[:2] for row in content["data"]] == [[4, "a"]]


def test_refusals(known, fit):
    with pytest.raises(RnnzooError, match="at least one"):
        SampleLogger([])
    with pytest.raises(RnnzooError, match=r"KnownGradients\.generate"):
        fit(known(), BATCHES, [SampleLogger(["a"])])
