"""The four named dimensions of a bar's code: density, register, range and syncopation, each about N(0, 1)."""
import torch
from torch import Tensor, nn

KNOBS = ("density", "register", "range", "syncopation")
WEIGHT = torch.tensor([0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4])
"""How strong each sixteenth of a bar of 4/4 is (Longuet-Higgins and Lee, 1984)."""
SIZES = (17, 256, 128, 64)


def attributes(bars: Tensor) -> Tensor:
    """Of [N, 16] tokens, as whole numbers [N, 4]: onsets; twice their mean pitch (0 without any); highest less lowest;
    syncopation, the sum over notes of how much stronger the strongest sixteenth is that they are held or rest over."""
    onset = bars > 1
    count = onset.sum(1)
    pitch = torch.where(onset, bars + 19, 0)
    register = torch.div(2 * pitch.sum(1) + count // 2, count.clamp(min=1), rounding_mode="floor")
    highest = pitch.max(1).values
    lowest = torch.where(onset, bars + 19, 200).min(1).values
    weight = WEIGHT.to(bars.device)
    score = torch.zeros_like(count)
    strongest = torch.full_like(count, -9)
    for step in reversed(range(16)):  # the strongest place between this step and the next onset
        score = score + torch.where(onset[:, step], (strongest - weight[step]).clamp(min=0), 0)
        strongest = torch.where(onset[:, step], torch.full_like(strongest, -9), strongest.clamp(min=int(weight[step])))
    return torch.stack([count, register, torch.where(count > 0, highest - lowest, 0), score.clamp(max=63)], 1)


class Knobs(nn.Module):
    """Attributes to N(0, 1) by rank: a table for each, learnt from bars."""

    def __init__(self) -> None:
        super().__init__()
        for name, size in zip(KNOBS, SIZES):
            self.register_buffer(name, torch.zeros(size))

    def learn(self, bars: Tensor) -> None:
        """Fills the tables; a value that many bars share stands at the mean of their places."""
        found = attributes(bars)
        for index, (name, size) in enumerate(zip(KNOBS, SIZES)):
            values = found[:, index]
            if name == "register":
                values = values[values > 0]
            count = torch.bincount(values, minlength=size).double()
            middle = (count.cumsum(0) - count / 2) / count.sum()
            table = torch.special.ndtri(middle.clamp(1e-4, 1 - 1e-4)).clamp(-3.5, 3.5).float()
            if name == "register":
                table[0] = 0  # a bar without notes lies nowhere
            getattr(self, name).copy_(table)

    def forward(self, bars: Tensor) -> Tensor:
        found = attributes(bars)
        return torch.stack([getattr(self, name)[found[:, i]] for i, name in enumerate(KNOBS)], 1)
