"""How notes are struck: a small GRU over the onsets of a part gives velocity, length and pedal; timing comes from drummers."""
import torch
from torch import Tensor, nn
from common.steps import gru_step

WIDTH = 96
FEATURES = 12
PARTS = ("melody", "accompaniment", "bass", "drums")
SAID = ("velocity", "timing", "length")
PACE = [0, 4, 7]
"""The features that `timing` hears beside the place in the bar: how many notes, the gap before, how dense it is."""


class Touch(nn.Module):
    """Causal: an onset hears what came before it in its part, and the gap to the next where that is known. POP909's players
    were moved onto the grid, so that timing is learnt from drummers alone and is the same for all parts."""

    def __init__(self) -> None:
        super().__init__()
        self.part, self.phase = nn.Embedding(len(PARTS), WIDTH), nn.Embedding(3 * 16, WIDTH)
        self.feature = nn.Sequential(nn.Linear(FEATURES, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, 5))
        self.place = nn.Embedding(3 * 16, 16)
        self.timing = nn.Sequential(nn.Linear(16 + len(PACE), 32), nn.GELU(), nn.Linear(32, 2))

    def heard(self, part: Tensor, phase: Tensor, metre: Tensor, feature: Tensor) -> Tensor:
        return self.part(part) + self.phase(metre * 16 + phase) + self.feature(feature)

    def timed(self, phase: Tensor, metre: Tensor, feature: Tensor) -> Tensor:
        """Mean and log deviation of how late a note is."""
        return self.timing(torch.cat([self.place(metre * 16 + phase), feature[..., PACE]], -1))

    def all(self, state: Tensor, x: Tensor, phase: Tensor, metre: Tensor, feature: Tensor) -> Tensor:
        return torch.cat([self.out(torch.cat([state, x], -1)), self.timed(phase, metre, feature)], -1)

    def forward(self, part: Tensor, phase: Tensor, metre: Tensor, feature: Tensor) -> Tensor:
        x = self.heard(part, phase, metre, feature)
        return self.all(self.gru(x)[0], x, phase, metre, feature)

    def step(self, state: Tensor, part: Tensor, phase: Tensor, metre: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        x = self.heard(part, phase, metre, feature)
        state = gru_step(self.gru, x, state)
        return self.all(state, x, phase, metre, feature), state


def told(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and deviation of velocity, timing and length, and the logit of the pedal."""
    loud, length, loud_spread, length_spread, pedal, late, late_spread = out.split(1, -1)
    mean, spread = torch.cat([loud, late, length], -1), torch.cat([loud_spread, late_spread, length_spread], -1)
    return mean, torch.exp(spread.clamp(-5, 2)), pedal
