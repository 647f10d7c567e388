import torch
from lightning import LightningModule
from torch import nn

from rnnzoo.batches import LanguageModelBatch
from rnnzoo.callbacks import SampleLogger, TemporalGradientMonitor
from rnnzoo.recurrent import RecurrentStack, StackConfig


def test_files_are_written_once(fit, tmp_path):
    class Model(LightningModule):
        def __init__(self):
            super().__init__()
            self.stack = RecurrentStack(1, StackConfig(cell="elman", hidden_size=2))
            self.head = nn.Linear(2, 1)

        def training_step(self, batch, batch_idx):
            return self.head(self.stack(batch.inputs.unsqueeze(-1)).outputs).mean()

        def validation_step(self, batch, batch_idx):
            pass

        def train_dataloader(self):
            inputs = torch.randn(2, 5)
            return torch.utils.data.DataLoader([LanguageModelBatch(inputs, inputs, None, True)] * 6, batch_size=None)

        def val_dataloader(self):
            return torch.utils.data.DataLoader(torch.zeros(2))

        def last_step_probe(self, batch):
            return self.stack, batch.inputs.unsqueeze(-1), torch.sum

        def generate(self, prompt, **options):
            return f"rank {self.global_rank}"

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    callbacks = [SampleLogger(["a"]), TemporalGradientMonitor(every_n_steps=2)]
    fit(Model(), None, callbacks, devices=2, strategy="ddp_fork")
    assert (tmp_path / "samples.csv").read_text() == "step,prompt,text\n3,a,rank 0\n"
    names = sorted(path.name for path in (tmp_path / "temporal_gradient").glob("*.png"))
    assert names == ["step-000000.png", "step-000002.png"]
