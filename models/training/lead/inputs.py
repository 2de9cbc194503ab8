"""What a decoder of the melody hears at a sixteenth."""
import torch
from torch import Tensor, nn
from common.chords import START as NO_CHORD, table
from lead.knobs import KNOBS, LONGEST

TOKENS, START = 90, 90
CONTROLS = ("onset", "density", "register", "contour", "novelty", "cut")
FREE = 12
"""Numbers that the knobs leave to say, inside the 60 of a code."""
FAR = 32
"""Sixteenths that a change of chord is known ahead."""
OPEN = 63
"""No phrase end is asked for, or it is further away."""


class Inputs(nn.Module):
    """What a decoder hears at a sixteenth."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("table", table())
        self.code, self.control = nn.Linear(len(KNOBS) + FREE, width), nn.Linear(2 * len(CONTROLS), width)
        self.token = nn.Embedding(TOKENS + 1, width)
        self.chord, self.tones = nn.Embedding(NO_CHORD + 1, width), nn.Linear(34, width)
        self.coming, self.later = nn.Embedding(NO_CHORD + 1, width), nn.Linear(34, width)
        self.ahead, self.close = nn.Embedding(FAR + 1, width), nn.Embedding(OPEN + 1, width)
        self.phase, self.mode = nn.Embedding(3 * LONGEST, width), nn.Embedding(2, width)

    def forward(self, token: Tensor, chord: Tensor, coming: Tensor, ahead: Tensor, phase: Tensor, metre: Tensor, mode: Tensor,
                code: Tensor, control: Tensor, given: Tensor, close: Tensor) -> tuple[Tensor, Tensor]:
        """All inputs together, and without the token before; what a chord says is worked out once for all chords."""
        now, later = self.chord.weight + self.tones(self.table), self.coming.weight + self.later(self.table)
        asked = nn.functional.gelu(self.code(code) + self.control(torch.cat([control * given, given], -1))
                                   + nn.functional.embedding(chord, now) + nn.functional.embedding(coming, later) + self.ahead(ahead)
                                   + self.close(close) + self.phase(metre * LONGEST + phase) + self.mode(mode))
        return asked + self.token(token), asked
