"""The planner: what the next bar's code is likely to be, after up to 32 bars."""
import torch
from torch import Tensor, nn
from common.flow import LATENT

HISTORY, WIDTH, LAYERS, HEADS = 32, 128, 2, 4
LEAST, MOST = -4.0, 0.7
"""Bounds of the log deviation."""


class Planner(nn.Module):
    """A transformer over the codes, the newest last; its mean may point at bars that were (a theme that returns)."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(LATENT, WIDTH)
        self.none = nn.Parameter(torch.zeros(WIDTH))
        self.place = nn.Parameter(torch.randn(HISTORY, WIDTH) * 0.1)
        self.before = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(LAYERS))
        self.between = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(LAYERS))
        self.all = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH) for _ in range(LAYERS))
        self.mix = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))
        self.think = nn.ModuleList(nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
                                   for _ in range(LAYERS))
        self.point, self.key, self.last = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self.out = nn.Sequential(nn.Linear(WIDTH + LATENT, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, 3 * LATENT))
        nn.init.zeros_(self.out[-1].weight)
        nn.init.zeros_(self.out[-1].bias)

    def forward(self, history: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Of [N, 32, 64] codes and [N, 32] (1 where there is a bar), mean and deviation [N, 64] of the next."""
        there = mask[..., None]
        history = history * there
        x = (self.enter(history) * there + self.none * (1 - there)) + self.place
        hidden = (mask[:, None, None] - 1) * 1e4
        size = WIDTH // HEADS
        for before, between, every, mix, think in zip(self.before, self.between, self.all, self.mix, self.think):
            q, k, v = (t.reshape(-1, HISTORY, HEADS, size).transpose(1, 2) for t in every(before(x)).chunk(3, 2))
            found = torch.softmax(q @ k.transpose(2, 3) / size ** 0.5 + hidden, 3) @ v
            x = x + mix(found.transpose(1, 2).reshape(-1, HISTORY, WIDTH))
            x = x + think(between(x))
        x = self.last(x)
        now = x[:, -1]
        weight = torch.softmax((self.point(now)[:, None] * self.key(x)).sum(2) / WIDTH ** 0.5 + hidden[:, 0, 0], 1)
        recalled = (weight[..., None] * history).sum(1)
        new, trust, spread = self.out(torch.cat([now, recalled], 1)).chunk(3, 1)
        return new + torch.sigmoid(trust) * recalled, spread.clamp(LEAST, MOST).exp()
