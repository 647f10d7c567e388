"""Images as vectors or as grids of vectors, trained from scratch."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnzoo.errors import RnnzooError, unknown
from rnnzoo.recurrent import lengths_mask

OUTPUTS = ("vector", "grid")
_STAGES = 3


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 and the input around them: ``y = relu(norm(W_2 * relu(norm(W_1 * x))) + P x)``.

    He et al. 2016, eqs. 1 and 2, P the identity, or a convolution of 1 x 1 where `stride` or the channels change
    (their option B). The norm is over the batch in training (Ioffe & Szegedy 2015), and by the running mean and
    variance in evaluation, where an image's result does not depend on which others are in the batch.

    Args:
        inputs: channels of x.
        outputs: channels of y.
        stride: of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.around: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, inputs, h, w) to (N, outputs, ceil(h / stride), ceil(w / stride))."""
        inner = F.relu(self.first_norm(self.first(images)))
        # The stride of P is taken by hand: oneDNN's own strided convolution of 1 x 1 writes outside its memory where
        # the channels stand last and are fewer than 8 (github.com/uxlfoundation/oneDNN/issues/6035).
        around = self.around(images[:, :, :: self.stride, :: self.stride])
        return F.relu(self.second_norm(self.second(inner)) + around)


class SmallResNet(nn.Module):
    """A residual network for small images (He et al. 2016, section 4.2), with three stages of blocks.

    A convolution of 3 x 3 with `width` channels, then stages of `blocks` blocks with `width`, 2 `width` and 4 `width`
    channels; the first block of the second and third stage, and of the first with `stride` 2, halves the image. So a
    grid has ``ceil(h / 4)`` rows of ``ceil(w / 4)`` cells (8, not 4, with `stride` 2), each a vector of D = 4 `width`;
    the vector is the mean of the cells.

    Args:
        channels: of the images, such as 3.
        width: channels of the first stage.
        output: "vector" (N, D), or "grid" (N, L, D): L cells, row after row, for attention to look at.
        blocks: residual blocks of a stage; 3 gives the paper's 20 layers.
        stride: of the first stage: 2 for photographs, whose neighbouring pixels say little.

    Attributes:
        output_size: D.

    Raises:
        RnnzooError: a size below 1, a stride other than 1 and 2, or an unknown output.

    Example:
        >>> photographs = torch.rand(2, 64, 48, 3)
        >>> SmallResNet(3, width=4, stride=2)(photographs).shape
        torch.Size([2, 16])
        >>> SmallResNet(3, width=4, output="grid", stride=2)(photographs).shape
        torch.Size([2, 48, 16])
    """

    def __init__(
        self, channels: int, width: int = 16, output: str = "vector", blocks: int = 1, stride: int = 1
    ) -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise RnnzooError(unknown("output of an image encoder", output, OUTPUTS))
        if min(channels, width, blocks) < 1 or stride not in (1, 2):
            raise RnnzooError(
                f"channels {channels}, width {width} and blocks {blocks} must be at least 1, stride {stride} be 1 or 2"
            )
        self.channels = channels
        self.output = output
        self.stride = stride
        self.output_size = width * 2 ** (_STAGES - 1)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=nn.Conv2d(channels, width, 3, padding=1, bias=False),
            stem_norm=nn.BatchNorm2d(width),
            stem_relu=nn.ReLU(),
        )
        before = width
        for stage in range(_STAGES):
            after = width * 2**stage
            for block in range(blocks):
                first_stride = stride if stage == 0 else 2
                layers[f"stage{stage}_block{block}"] = ResidualBlock(before, after, first_stride if block == 0 else 1)
                before = after
        self.layers = nn.Sequential(layers)
        for module in self.modules():  # He et al. 2015, as the paper starts
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the grid of an image of this size."""
        factor = self.stride * 2 ** (_STAGES - 1)
        return -(-height // factor), -(-width // factor)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, height, width, channels) to (N, D) or (N, L, D).

        Raises:
            RnnzooError: images of another shape.
        """
        if images.dim() != 4 or images.shape[3] != self.channels or not images.is_floating_point():
            raise RnnzooError(
                f"images must be real numbers (N, height, width, {self.channels}), not {tuple(images.shape)} of "
                f"{images.dtype}"
            )
        cells: Tensor = self.layers(images.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        return cells if self.output == "grid" else cells.mean(1)


class FrameEncoder(nn.Module):
    """A vector of each image of a sequence, such as the frames of a video, all by the same small network.

    Two convolutions of 3 x 3, each of stride 2 and followed by a rectifier, and one linear layer over all that they
    give, so that it matters where in the image something is. Weights start as in He et al. 2015, eq. 10: the
    vectors vary as much as the pixels do. As PyTorch starts them, they vary too little for a stack to learn from.

    Args:
        height: of the images.
        width: of the images.
        channels: of the images; a missing axis counts as 1.
        filters: channels of the first convolution; the second has twice as many.
        output_size: D.

    Raises:
        RnnzooError: a size below 1.

    Example:
        >>> FrameEncoder(28, 28, output_size=32)(torch.rand(2, 5, 28, 28)).shape
        torch.Size([2, 5, 32])
    """

    def __init__(self, height: int, width: int, channels: int = 1, filters: int = 16, output_size: int = 128) -> None:
        super().__init__()
        if min(height, width, channels, filters, output_size) < 1:
            raise RnnzooError(
                f"images of {height} x {width} x {channels}, {filters} filters and {output_size} outputs: all must be "
                "at least 1"
            )
        self.image = (height, width, channels)
        self.first = nn.Conv2d(channels, filters, 3, stride=2, padding=1)
        self.second = nn.Conv2d(filters, 2 * filters, 3, stride=2, padding=1)
        self.linear = nn.Linear(2 * filters * -(-height // 4) * -(-width // 4), output_size)
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")
        nn.init.kaiming_normal_(self.second.weight, nonlinearity="relu")
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="linear")
        self.output_size = output_size

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Frames (N, T, height, width, channels), or without the last axis, to (N, T, D).

        With `lengths` (N,), what stands behind a row's end is taken as zeros, whatever it is.

        Raises:
            RnnzooError: frames of another shape.
        """
        if frames.dim() == 4:
            frames = frames[..., None]
        if frames.dim() != 5 or frames.shape[2:] != self.image or not frames.is_floating_point():
            raise RnnzooError(
                f"frames must be real numbers (N, T, {', '.join(map(str, self.image))}), not {tuple(frames.shape)} of "
                f"{frames.dtype}"
            )
        if lengths is not None:
            real = lengths_mask(lengths.to(frames.device), frames.shape[1])
            frames = torch.where(real[:, :, None, None, None], frames, 0.0)
        images = frames.flatten(0, 1).permute(0, 3, 1, 2)
        features = F.relu(self.second(F.relu(self.first(images)))).flatten(1)
        vectors: Tensor = self.linear(features)
        return vectors.view(*frames.shape[:2], self.output_size)
