"""The eye: a small convolutional encoder of pictures."""
import torch
from torch import Tensor, nn

SIDE, LATENT = 64, 64


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


class Drawing(nn.Module):
    """Latents [N, 64] to uint8 pictures [N, 64, 64, 3]: from 4 × 4 cells up, doubling the side."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.Linear(LATENT, 256 * 16)
        layers: list[nn.Module] = []
        for inside, outside in ((256, 128), (128, 64), (64, 32)):
            layers += [Residual(unit(inside, inside, 3, active=False)), nn.ReLU(), nn.Upsample(scale_factor=2),
                       unit(inside, outside, 3)]
        self.body = nn.Sequential(*layers, nn.Conv2d(32, 32, 3, padding=1), nn.PixelShuffle(2), nn.ReLU(),
                                  nn.Conv2d(8, 3, 3, padding=1))

    def colours(self, latent: Tensor) -> Tensor:
        """The pictures as numbers around 0 to 255, not rounded."""
        x = self.body(self.cells(latent).view(-1, 256, 4, 4))
        return (x.permute(0, 2, 3, 1) + 1) * 127.5

    def forward(self, latent: Tensor) -> Tensor:
        return self.colours(latent).clamp(0, 255).round().to(torch.uint8)
