"""Image encoders against their formulas, and the independence of an image from its neighbours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnzoo.errors import RnnzooError
from rnnzoo.layers.images import FrameEncoder, ResidualBlock, SmallResNet


def convolution(images: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """The sum that defines it, cell by cell: images (N, C, h, w), weight (F, C, k, k)."""
    count, channels, height, width = images.shape
    size = weight.shape[2]
    padded = images.new_zeros(count, channels, height + 2 * padding, width + 2 * padding)
    padded[:, :, padding : padding + height, padding : padding + width] = images
    rows, columns = ((extent + 2 * padding - size) // stride + 1 for extent in (height, width))
    out = images.new_zeros(count, len(weight), rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            out[:, :, i, j] = window.flatten(1) @ weight.flatten(1).T
    return out


def normalised(images: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return (images - mean[:, None, None]) / (variance + 1e-5).sqrt()[:, None, None]


def by_batch(images: Tensor) -> Tensor:
    values = images.transpose(0, 1).flatten(1)
    return normalised(images, values.mean(1), values.var(1, unbiased=False))


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(16, 16, 1), (3, 6, 2)])
def test_a_residual_block_in_training_is_its_formula(inputs, outputs, stride):
    torch.manual_seed(0)
    block = ResidualBlock(inputs, outputs, stride).double()
    images = torch.randn(2, inputs, 5, 4, dtype=torch.float64)
    inner = by_batch(convolution(images, block.first.weight, stride, 1)).clamp(min=0)
    inner = by_batch(convolution(inner, block.second.weight, 1, 1))
    around = by_batch(convolution(images, block.around[0].weight, 2, 0)) if stride == 2 else images
    torch.testing.assert_close(block(images), (inner + around).clamp(min=0), rtol=0, atol=1e-10)


def test_in_evaluation_the_norm_is_by_the_running_mean_and_variance():
    torch.manual_seed(0)
    block = ResidualBlock(4, 4, 1).double()
    images = torch.randn(3, 4, 5, 4, dtype=torch.float64)
    for _ in range(3):
        block(images)
    block.eval()
    first, second = ((norm.running_mean, norm.running_var) for norm in (block.first_norm, block.second_norm))
    inner = normalised(convolution(images, block.first.weight, 1, 1), *first).clamp(min=0)
    inner = normalised(convolution(inner, block.second.weight, 1, 1), *second)
    torch.testing.assert_close(block(images), (inner + images).clamp(min=0), rtol=0, atol=1e-10)
    values = convolution(images, block.first.weight, 1, 1).transpose(0, 1).flatten(1)
    torch.testing.assert_close(first[0], values.mean(1) * (1 - 0.9**3))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_vector_is_the_mean_of_the_grid(stride):
    torch.manual_seed(0)
    vector = SmallResNet(3, width=4, blocks=2, stride=stride)
    grid = SmallResNet(3, width=4, blocks=2, stride=stride, output="grid")
    grid.load_state_dict(vector.state_dict())
    images = torch.rand(2, 20, 13, 3)
    cells = grid(images)
    rows, columns = grid.grid_size(20, 13)
    assert (rows, columns) == ((5, 4) if stride == 1 else (3, 2))
    assert cells.shape == (2, rows * columns, vector.output_size) == (2, rows * columns, 16)
    torch.testing.assert_close(vector(images), cells.mean(1))


def test_cells_stand_row_after_row():
    torch.manual_seed(0)
    net = SmallResNet(1, width=4, output="grid").eval()
    image = torch.zeros(1, 64, 64, 1)
    image[0, 45:50, 4:8] = 1.0  # a spot in row 11 to 12 and column 1 of a grid of 16 x 16
    change = (net(image) - net(torch.zeros_like(image))).abs().sum(2).view(16, 16)
    row, column = divmod(int(change.argmax()), 16)
    assert abs(row - 11) <= 1
    assert abs(column - 1) <= 1


def test_twenty_layers_have_the_parameters_of_the_paper():
    net = SmallResNet(3, width=16, blocks=3)
    convolutions = [module for module in net.modules() if isinstance(module, torch.nn.Conv2d)]
    three = [module for module in convolutions if module.kernel_size == (3, 3)]
    assert len(three) == 19  # and the classifier is the twentieth
    # by hand: stem 432, stages 6 x 2304, 4608 + 5 x 9216, 18432 + 5 x 36864
    assert sum(module.weight.numel() for module in three) == 432 + 13824 + 50688 + 202752


@pytest.mark.parametrize("layer", ["resnet", "frames"])
def test_an_image_does_not_depend_on_the_others(layer):
    torch.manual_seed(0)
    images = torch.rand(3, 12, 12, 2)
    net = SmallResNet(2, width=4) if layer == "resnet" else FrameEncoder(12, 12, 2)
    read = net if layer == "resnet" else lambda images: net(images[:, None])[:, 0]
    net.eval()
    together = read(images)
    torch.testing.assert_close(together[1:2], read(images[1:2]))
    torch.testing.assert_close(together.flip(0), read(images.flip(0)))


def test_frames_are_their_formula():
    torch.manual_seed(0)
    net = FrameEncoder(7, 6, channels=2, filters=3, output_size=4).double()
    frames = torch.randn(2, 3, 7, 6, 2, dtype=torch.float64)
    vectors = net(frames)
    for n in range(2):
        for t in range(3):
            image = frames[n, t].permute(2, 0, 1)[None]
            inner = (convolution(image, net.first.weight, 2, 1) + net.first.bias[:, None, None]).clamp(min=0)
            inner = (convolution(inner, net.second.weight, 2, 1) + net.second.bias[:, None, None]).clamp(min=0)
            expected = net.linear.weight @ inner.flatten() + net.linear.bias
            torch.testing.assert_close(vectors[n, t], expected, rtol=0, atol=1e-12)


def test_padding_changes_nothing():
    torch.manual_seed(0)
    net = FrameEncoder(5, 5)
    frames = torch.rand(2, 4, 5, 5)
    lengths = torch.tensor([2, 4])

    def run(frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        vectors = net(frames, lengths)
        real = torch.cat([vectors[0, :2], vectors[1]])
        return real, list(torch.autograd.grad(real.square().sum(), list(net.parameters())))

    plain = run(frames)
    frames[0, 2:] = float("nan")
    torch.testing.assert_close(run(frames), plain)


def test_vectors_vary_as_the_pixels_do_at_the_start() -> None:
    """He et al. 2015, eq. 10: E[y^2] of a layer is that of the one below; a start of a third of it learned nothing."""
    torch.manual_seed(0)
    with torch.no_grad():
        found = torch.stack([FrameEncoder(32, 32)(torch.randn(2, 8, 32, 32)).var() for _ in range(20)]).mean()
    assert 0.8 < float(found) < 1.2


def test_an_empty_batch_and_both_shapes_of_frames():
    net = FrameEncoder(5, 6)
    assert net(torch.rand(2, 0, 5, 6)).shape == (2, 0, 128)
    frames = torch.rand(2, 3, 5, 6)
    assert torch.equal(net(frames), net(frames[..., None]))


def test_learns_which_half_is_bright():
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(64, 8, 8, 1, generator=draw)
    targets = torch.arange(64) % 2
    images[targets == 0, :, :4] += 0.5
    images[targets == 1, :, 4:] += 0.5
    grid = torch.nn.Sequential(SmallResNet(1, 4, "grid"), torch.nn.Flatten(), torch.nn.Linear(2 * 2 * 16, 2))
    frames = torch.nn.Sequential(torch.nn.Unflatten(0, (64, 1)), FrameEncoder(8, 8, output_size=2), torch.nn.Flatten())
    for net in (grid, frames):
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(40):
            loss = torch.nn.functional.cross_entropy(net(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert (net(images).argmax(1) == targets).all()


def test_errors_name_the_fault():
    with pytest.raises(RnnzooError, match="unknown output of an image encoder 'gird': did you mean 'grid'"):
        SmallResNet(3, output="gird")
    with pytest.raises(RnnzooError, match="stride 3 be 1 or 2"):
        SmallResNet(3, stride=3)
    with pytest.raises(RnnzooError, match=r"\(N, height, width, 3\), not \(2, 3, 8, 8\) of torch.float32"):
        SmallResNet(3)(torch.rand(2, 3, 8, 8))
    with pytest.raises(RnnzooError, match=r"of torch.uint8"):
        SmallResNet(3)(torch.zeros(2, 8, 8, 3, dtype=torch.uint8))
    with pytest.raises(RnnzooError, match=r"\(N, T, 5, 5, 1\), not \(2, 3, 5, 6, 1\)"):
        FrameEncoder(5, 5)(torch.rand(2, 3, 5, 6))
    with pytest.raises(RnnzooError, match="all must be at least 1"):
        FrameEncoder(5, 0)
