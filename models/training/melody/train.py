"""Trains the melody VAE, then its prior flow, each for a given number of seconds."""
import torch
from torch import Tensor
from common.command import train
from network import Melody


def draw(rows: Tensor, size: int) -> Tensor:
    """Random windows, each transposed by up to six semitones."""
    picked = rows[torch.randint(len(rows), (size,))]
    return torch.where(picked > 1, (picked + torch.randint(-6, 7, (size, 1))).clamp(2, 89), picked)


if __name__ == "__main__":
    train(Melody, draw, __doc__)
