"""The gradient through time of an acceptor, where it answers from the last state."""

import pytest
import torch

from rnnzoo.batches import LabelledBatch, SequenceInputs
from rnnzoo.callbacks import temporal_gradient_norms
from rnnzoo.errors import RnnzooError
from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Acceptor

ENCODING = {"kind": "series", "mean": [0.0], "scale": [1.0]}
LABELS = {"kind": "class", "labels": ["no", "yes"]}


def batch_of(lengths: list[int]) -> LabelledBatch:
    values = torch.randn(len(lengths), max(lengths), 1)
    return LabelledBatch(SequenceInputs(torch.tensor(lengths), values=values), torch.arange(len(lengths)) % 2)


def test_the_loss_is_that_of_training_and_the_norms_those_of_a_loop() -> None:
    torch.manual_seed(1)
    task = Acceptor(ENCODING, LABELS, stack=StackConfig(cell="elman", hidden_size=3)).double().eval()
    batch = batch_of([5, 5, 3])
    stack, inputs, loss = task.last_step_probe(batch)
    assert inputs.shape == (2, 5, 1)  # the shorter row is left out
    outputs, _ = stack(inputs)
    full = LabelledBatch(SequenceInputs(torch.tensor([5, 5]), values=batch.inputs.values[:2]), batch.targets[:2])
    total, count = task.batch_loss(full, "train")
    torch.testing.assert_close(loss(outputs[:, -1]), total / count)
    cell, states = stack.cells[0], [torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)]
    for x in inputs.unbind(1):
        states.append(torch.tanh(x @ cell.weight_ih.T + cell.bias_ih + states[-1] @ cell.weight_hh.T + cell.bias_hh))
    gradients = torch.autograd.grad(loss(states[-1]), states[1:])
    expected = torch.stack([gradient.norm(dim=1).mean() for gradient in reversed(gradients)])
    torch.testing.assert_close(temporal_gradient_norms(stack, inputs, loss)[0], expected)


@pytest.mark.parametrize(
    "settings",
    [{"pooling": "mean"}, {"self_attention": True}, {"stack": StackConfig(hidden_size=3, bidirectional=True)}],
)
def test_an_answer_from_more_than_the_last_state_is_refused(settings: dict) -> None:
    with pytest.raises(RnnzooError, match="answers from more than the last state"):
        Acceptor(ENCODING, LABELS, **settings).last_step_probe(batch_of([2]))
