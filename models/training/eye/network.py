"""The eye: a small convolutional encoder of pictures."""
from itertools import pairwise
import torch
from torch import Tensor, nn

SIDE, LATENT, DRAWN = 64, 64, 128
"""Sides of what the eye sees and of what is drawn, and the numbers of a code."""
CHANNELS = (256, 128, 64, 32, 24, 8)
"""Of what is drawn, at sides of 4, 8, 16, 32, 64 and 128."""


class Separate(nn.Conv2d):
    """A convolution of each channel by itself: always in 32 bits, for in 16 it is slower on a processor."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


def unit(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1, active: bool = True) -> nn.Sequential:
    """Convolution, batch normalisation, and ReLU where active."""
    kind = nn.Conv2d if groups == 1 else Separate
    parts = [kind(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outside)]
    return nn.Sequential(*parts, *([nn.ReLU()] if active else []))


class Residual(nn.Module):
    """What the inner layers add to their input."""

    def __init__(self, *inner: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*inner)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def inverted(inside: int, outside: int, stride: int = 1, expansion: int = 4) -> nn.Module:
    """An inverted residual: widen, look around in each channel, narrow."""
    wide = inside * expansion
    parts = (unit(inside, wide, 1), unit(wide, wide, 3, stride, wide), unit(wide, outside, 1, active=False))
    return Residual(*parts) if stride == 1 and inside == outside else nn.Sequential(*parts)


class Eye(nn.Module):
    """uint8 pictures [N, 64, 64, 3] to latents [N, 64]; whole convolutions while the channels are few, then
    separable ones, after EfficientNetV2 (Tan and Le, 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            unit(3, 24, 3, 2), unit(24, 48, 3, 2), Residual(unit(48, 48, 3)), unit(48, 96, 3, 2),
            inverted(96, 96), inverted(96, 96), inverted(96, 160, 2),
            inverted(160, 160), inverted(160, 160), inverted(160, 160), unit(160, 640, 1))
        self.out = nn.Linear(640, LATENT)
        self.register_buffer("mean", torch.zeros(LATENT))
        self.register_buffer("whiten", torch.eye(LATENT))

    def seen(self, pictures: Tensor) -> Tensor:
        """The features that the codes are made from."""
        x = (pictures.float() / 127.5 - 1).permute(0, 3, 1, 2)
        return self.body(x).mean((2, 3))

    def raw(self, pictures: Tensor) -> Tensor:
        """The codes before whitening."""
        return self.out(self.seen(pictures))

    def steady(self, pictures: Tensor) -> Tensor:
        """The codes before whitening, the mean of each picture's and of its mirror image's."""
        both = self.seen(torch.cat([pictures, pictures.flip(2)]))
        return self.out(both.view(2, -1, both.shape[1]).mean(0))

    def forward(self, pictures: Tensor) -> Tensor:
        return (self.steady(pictures) - self.mean) @ self.whiten


class Turned(nn.Module):
    """What a convolution adds to its input, each channel as strong as the code says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(channels, channels, 3, padding=1)
        self.by = nn.Linear(LATENT, 2 * channels)
        # Nothing is added at first.
        for parameter in (*self.around.parameters(), *self.by.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        said, half = self.by(latent)[:, :, None, None], self.around.out_channels
        strength, shift = said[:, :half], said[:, half:]
        return (x + self.around(x) * (1 + strength) + shift).relu()


class Drawing(nn.Module):
    """Latents [N, 64] to uint8 pictures [N, 128, 128, 3]: from 4 × 4 cells up, the side doubled five times; what is drawn
    with a side of 64 is smoothed against a fine grid, and two layers, at 64 and at 128, add what is fine."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.Linear(LATENT, CHANNELS[0] * 16)
        self.turned = nn.ModuleList(nn.ModuleList(Turned(c) for _ in range(2)) for c in CHANNELS[:3])
        self.wider = nn.ModuleList(nn.Conv2d(inside, outside, 3, padding=1) for inside, outside in pairwise(CHANNELS[:4]))
        self.last = Turned(CHANNELS[3])
        self.coarse = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.PixelShuffle(2), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))
        self.fewer = nn.ModuleList(nn.Conv2d(inside, outside, 1) for inside, outside in pairwise(CHANNELS[3:]))
        self.fine = nn.ModuleList(Turned(c) for c in CHANNELS[4:])
        self.detail = nn.ModuleList(nn.Conv2d(c, 3, 3, padding=1) for c in CHANNELS[4:])
        for layer in self.fine:
            nn.init.normal_(layer.around.weight, std=0.1 / len(layer.around.weight) ** 0.5)
        for layer in self.detail:
            # Nothing is added at first.
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def colours(self, latent: Tensor) -> Tensor:
        """The pictures as numbers around 0 to 255, not rounded."""
        x = self.cells(latent).view(-1, CHANNELS[0], 4, 4)
        for blocks, wider in zip(self.turned, self.wider, strict=True):
            for block in blocks:
                x = block(x, latent)
            x = wider(nn.functional.interpolate(x, scale_factor=2)).relu()
        x = self.last(x, latent)
        edge = nn.functional.pad(self.coarse(x), (1, 1, 1, 1), mode="replicate")
        drawn = nn.functional.avg_pool2d(nn.functional.avg_pool2d(edge, 2, 1), 2, 1)
        for doubled, (fewer, fine, detail) in enumerate(zip(self.fewer, self.fine, self.detail, strict=True)):
            # Fewer channels before the side is doubled, not after: a quarter of the work.
            x = fine(nn.functional.interpolate(fewer(x), scale_factor=2, mode="bilinear"), latent)
            if doubled:
                drawn = nn.functional.interpolate(drawn, scale_factor=2, mode="bilinear")
            drawn = drawn + detail(x)
        return (drawn.permute(0, 2, 3, 1) + 1) * 127.5

    def forward(self, latent: Tensor) -> Tensor:
        return self.colours(latent).clamp(0, 255).round().to(torch.uint8)
