"""The four named dimensions of a bar's code, as `stream` has them, for bars of twelve sixteenths as well."""
import torch
from torch import Tensor, nn

KNOBS = ("density", "register", "range", "syncopation")
BARS = (16, 12, 12)
"""Sixteenths in a bar of 4/4, 3/4, 6/8."""
LONGEST = 16
WEIGHTS = ((0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4), (0, -4, -3, -4, -2, -4, -3, -4, -2, -4, -3, -4),
           (0, -4, -3, -4, -3, -4, -1, -4, -3, -4, -3, -4))
"""How strong each sixteenth of a bar is (Longuet-Higgins and Lee, 1984)."""
SIZES = (17, 256, 128, 64)


def attributes(bars: Tensor, metre: Tensor) -> Tensor:
    """Of [N, 16] tokens, as whole numbers [N, 4]: onsets; twice their mean pitch (0 without any); highest less lowest;
    syncopation, the sum over notes of how much stronger the strongest sixteenth is that they are held or rest over."""
    onset = bars > 1
    count = onset.sum(1)
    pitch = torch.where(onset, bars + 19, 0)
    register = torch.div(2 * pitch.sum(1) + torch.div(count, 2, rounding_mode="floor"), count.clamp(min=1), rounding_mode="floor")
    highest = pitch.max(1).values
    lowest = torch.where(onset, bars + 19, 200).min(1).values
    weight = torch.tensor([[*w, *[-9] * (LONGEST - len(w))] for w in WEIGHTS])[metre]
    score = torch.zeros_like(count)
    strongest = torch.full_like(count, -9)
    for step in reversed(range(LONGEST)):  # the strongest place between this step and the next onset
        score = score + torch.where(onset[:, step], (strongest - weight[:, step]).clamp(min=0), 0)
        strongest = torch.where(onset[:, step], torch.full_like(strongest, -9), torch.maximum(strongest, weight[:, step]))
    return torch.stack([count, register, torch.where(count > 0, highest - lowest, 0), score.clamp(max=63)], 1)


class Knobs(nn.Module):
    """Attributes to N(0, 1) by rank: a table for each, and for each length of a bar, learnt from bars."""

    def __init__(self) -> None:
        super().__init__()
        for name, size in zip(KNOBS, SIZES):
            self.register_buffer(name, torch.zeros(2, size))

    def learn(self, bars: Tensor, metre: Tensor) -> None:
        """Fills the tables; a value that many bars share stands at the mean of their places."""
        found = attributes(bars, metre)
        for index, (name, size) in enumerate(zip(KNOBS, SIZES)):
            for short in (0, 1):
                values = found[(metre > 0) == bool(short), index]
                if name == "register":
                    values = values[values > 0]
                count = torch.bincount(values, minlength=size).double()
                middle = (count.cumsum(0) - count / 2) / count.sum()
                table = torch.special.ndtri(middle.clamp(1e-4, 1 - 1e-4)).clamp(-3.5, 3.5).float()
                if name == "register":
                    table[0] = 0  # a bar without notes lies nowhere
                getattr(self, name)[short] = table

    def forward(self, bars: Tensor, metre: Tensor) -> Tensor:
        found, short = attributes(bars, metre), metre.clamp(max=1)
        return torch.stack([getattr(self, name)[short, found[:, i]] for i, name in enumerate(KNOBS)], 1)
