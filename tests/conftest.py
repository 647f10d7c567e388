"""One thread a process: the suite runs in several, and threads that wait for each other cost more than they give."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # also for the processes that tests start

import torch

torch.set_num_threads(1)
