"""Tells drawn pictures from photographs, so that the decoder learns to draw what looks like one."""
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

LAYERS = {1: 48, 3: 96, 6: 160, 10: 640}
"""Layers of the eye whose maps are judged, and their channels, after projected GANs (Sauer et al., 2021)."""
WIDE = 32
"""Channels inside."""


def layers(*channels: int, kernels: tuple[int, ...], strides: tuple[int, ...]) -> nn.Sequential:
    """Convolutions of bounded slope, each but the last active."""
    parts: list[nn.Module] = []
    for inside, outside, kernel, stride in zip(channels[:-1], channels[1:], kernels, strides, strict=True):
        parts += [spectral_norm(nn.Conv2d(inside, outside, kernel, stride, kernel // 2)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts[:-1])


class Judge(nn.Module):
    """One verdict per place of each of the eye's maps, and of the picture itself at its full size; above 0 for
    photographs."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(layers(c, WIDE, WIDE, 1, kernels=(1, 3, 1), strides=(1, 1, 1)) for c in LAYERS.values())
        self.close = layers(3, WIDE // 2, WIDE, 1, kernels=(5, 3, 1), strides=(4, 2, 1))

    def forward(self, pictures: Tensor, maps: dict[int, Tensor]) -> list[Tensor]:
        """Of pictures [N, H, W, 3] from 0 to 255, and the eye's maps of them."""
        found = [head(maps[layer]) for layer, head in zip(LAYERS, self.heads, strict=True)]
        return [*found, self.close((pictures / 127.5 - 1).permute(0, 3, 1, 2))]


def apart(true: list[Tensor], drawn: list[Tensor]) -> Tensor:
    """What the judge makes less: how far it is from telling them apart by a margin (the hinge)."""
    return sum((1 - t).relu().mean() + (1 + d).relu().mean() for t, d in zip(true, drawn, strict=True)) / len(true)


def believed(drawn: list[Tensor]) -> Tensor:
    """What the decoder makes less: how far the judge is from taking the drawn for photographs."""
    return -sum(d.mean() for d in drawn) / len(drawn)
