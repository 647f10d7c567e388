"""Training time of every cell as a ratio of PyTorch's own LSTM, GRU or RNN.

    python -m tests.benchmarks cells [--cells peephole_lstm gru] [--sizes 35,20,200] [--engines auto] [--rounds 11]

Forward and backward pass of one layer, gradients of the inputs too, at (T, N, H) with D = H, float32. The contestants
of a size are timed in turn in one process. Bars (DESIGN.md, section 4) are for `auto` in training.
"""

import argparse

import torch
from torch import nn

from rnnzoo.cells.registry import CELLS
from rnnzoo.recurrent import RecurrentStack, StackConfig
from rnnzoo.recurrent.engine import choose
from tests.benchmarks.timing import interleaved

SIZES = ("35,20,200", "100,32,256", "400,16,128")
#: name in the table -> cell and options of the stack
CONTESTANTS = {name: (name, {}) for name in CELLS}
CONTESTANTS["zoneout_lstm"] = ("lstm", {"zoneout": 0.1})
CONTESTANTS["recurrent_dropout_lstm"] = ("lstm", {"recurrent_dropout": 0.25})
#: what PyTorch's own is called that a cell is compared to; nn.LSTM where nothing is said
AGAINST = {"gru": nn.GRU, "gru_reset_before": nn.GRU, "elman": nn.RNN}
BARS = dict.fromkeys(("peephole_lstm", "coupled_lstm", "zoneout_lstm"), (2.2, 2.2, 3.0))
BARS |= {"layer_norm_lstm": (2.7, 2.7, 3.7), "gru": (1.05,) * 3, "elman": (1.05,) * 3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), metavar="CELL")
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="T,N,H")
    parser.add_argument("--engines", nargs="+", default=["auto"])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} threads, medians of {arguments.rounds} rounds")
    print(f"{'T,N,H':12} {'cell':24} {'engine':10} {'ms':>8} {'ratio':>6} {'to':8} bar")
    for size in arguments.sizes:
        report(size, arguments)


def report(size: str, arguments: argparse.Namespace) -> None:
    steps, batch, hidden = map(int, size.split(","))
    inputs = torch.randn(batch, steps, hidden).requires_grad_()
    torch.manual_seed(0)
    natives = {kind: kind(hidden, hidden, batch_first=True) for kind in (nn.LSTM, nn.GRU, nn.RNN)}
    runs = {kind.__name__: (lambda module=module: train(module, inputs)) for kind, module in natives.items()}
    engines: dict[str, str] = {}
    for name in arguments.cells:
        cell, options = CONTESTANTS[name]
        for engine in arguments.engines:
            stack = RecurrentStack(hidden, StackConfig(cell=cell, hidden_size=hidden, engine=engine, **options))
            noise = stack.draw_noise(batch, steps).cells[0]
            key = f"{name} {engine}"
            engines[key] = engine if engine != "auto" else choose(stack.layer(0)[0], inputs.transpose(0, 1), noise).name
            runs[key] = lambda stack=stack: train(stack, inputs)
    seconds = interleaved(runs, arguments.rounds)
    for name, each in seconds.items():
        if name in engines:
            cell = name.split()[0]
            kind = AGAINST.get(cell, nn.LSTM).__name__
            ratio = each / seconds[kind]
            bar = BARS[cell][SIZES.index(size)] if cell in BARS and size in SIZES else None
            verdict = "" if bar is None else f"{bar:.2f} {'met' if ratio <= bar else 'MISSED'}"
            print(
                f"{size:12} {cell:24} {engines[name]:10} {1e3 * each:8.2f} {ratio:6.2f} {'nn.' + kind:8} {verdict}",
                flush=True,
            )
        else:
            print(f"{size:12} {'nn.' + name:24} {'':10} {1e3 * each:8.2f} {1:6.2f}")


def train(module: nn.Module, inputs: torch.Tensor) -> None:
    module.zero_grad()
    inputs.grad = None
    module(inputs)[0].sum().backward()


if __name__ == "__main__":
    main()
