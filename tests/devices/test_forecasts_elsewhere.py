"""Forecasts of a task on another device are what they are on the CPU, and come back to it."""

import copy

import torch
from pretended import Elsewhere, PretendedDevice, moved

from rnnzoo.recurrent import StackConfig
from rnnzoo.tasks import Forecaster


def test_forecasts_come_back_to_the_cpu() -> None:
    torch.manual_seed(0)
    task = Forecaster(
        {"kind": "series", "mean": [1.0], "scale": [4.0]}, stack=StackConfig(hidden_size=4), head="gaussian"
    )
    series = [torch.arange(5.0).numpy()]
    expected = task.predict(series, 4)
    with PretendedDevice():
        other = moved(copy.deepcopy(task))
        torch.testing.assert_close(other.predict(series, 4), expected)
        assert not isinstance(other.draw(series, 4, seed=1)[0], Elsewhere)
