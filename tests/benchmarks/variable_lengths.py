"""Training a bidirectional LSTM on rows of unequal length: RecurrentStack against nn.LSTM with packing.

    python -m tests.benchmarks variable_lengths [--rounds 21] [--threads 2]

T = 50, N = 32, D = H = 256; one row has all 50 steps. Bar: lengths uniform in 25..50, at least 1.8 times as fast,
with outputs, both fields of the state and all gradients equal to 1e-5 (gradients relative to their largest component).
"""

import argparse

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.recurrent.torch_layout import load_torch_parameters, state_to_torch
from tests.benchmarks.timing import interleaved

STEPS, BATCH, WIDTH, BAR = 50, 32, 256, 1.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for shortest, bar in ((25, f"at least {BAR}"), (1, "none")):
        compare(shortest, bar, arguments.rounds)


def compare(shortest: int, bar: str, rounds: int) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(WIDTH, WIDTH, bidirectional=True, batch_first=True)
    stack = RecurrentStack(WIDTH, StackConfig(cell="lstm", hidden_size=WIDTH, bidirectional=True))
    load_torch_parameters(stack, lstm.state_dict())
    lengths = torch.randint(shortest, STEPS + 1, (BATCH,))
    lengths[0] = STEPS
    inputs = torch.randn(BATCH, STEPS, WIDTH)

    def packed(inputs: Tensor) -> tuple[Tensor, ...]:
        rows = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        outputs, state = lstm(rows)
        return pad_packed_sequence(outputs, batch_first=True, total_length=STEPS)[0], *state

    def stacked(inputs: Tensor) -> tuple[Tensor, ...]:
        outputs, state = stack(inputs, lengths)
        return outputs, *state_to_torch(state)

    def padding_too(inputs: Tensor) -> tuple[Tensor, ...]:
        outputs, state = lstm(inputs)
        return outputs, *state

    contestants = {
        "nn.LSTM, packed": lambda: train(packed, lstm, inputs),
        "RecurrentStack": lambda: train(stacked, stack, inputs),
        "nn.LSTM, as if rows were full": lambda: train(padding_too, lstm, inputs),
    }
    values, gradients = differences(contestants["RecurrentStack"](), contestants["nn.LSTM, packed"]())
    print(f"lengths {shortest}..{STEPS}: largest difference of values {values:.1e}, of gradients {gradients:.1e}")
    seconds = interleaved(contestants, rounds)
    for name, each in seconds.items():
        print(f"  {name:30} {1e3 * each:7.1f} ms   {seconds['nn.LSTM, packed'] / each:.2f} times as fast")
    print(f"  bar for RecurrentStack: {bar}", flush=True)


def train(run, module: nn.Module, inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """One forward and backward pass: outputs and state, and the gradients of a loss of all of them."""
    module.zero_grad()
    inputs = inputs.detach().requires_grad_()
    values = list(run(inputs))
    torch.stack([(value * value).sum() for value in values]).sum().backward()
    return values, [inputs.grad, *(parameter.grad.clone() for parameter in module.parameters())]


def differences(found, expected) -> tuple[float, float]:
    values = max((a - b).abs().max().item() for a, b in zip(found[0], expected[0], strict=True))
    gradients = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(found[1], expected[1], strict=True))
    return values, gradients


if __name__ == "__main__":
    main()
