"""The chord model: a code for eight bars, moods and a countdown to a close, and a GRU that hears the chords before."""
import torch
from torch import Tensor, nn
from common.chords import CHORDS, START, table
from common.flow import LATENT
from common.projection import projection
from common.steps import gru_step

WIDTH, CODE = 160, 16
STEPS = 16
"""Half bars of eight bars: what one code is of."""
MOODS = ("brightness", "tension", "rate")
FARTHEST = 16
"""The most steps that a close is announced ahead; one more says that none is asked for."""


class Encoder(nn.Module):
    """The chords of eight bars to mean and log variance of their code."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.register_buffer("table", table())
        self.embed = nn.Embedding(START + 1, 32)
        self.place = nn.Embedding(6, 16)
        self.gru = nn.GRU(32 + 34 + 16, width, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, 2 * CODE))

    def forward(self, chords: Tensor, metre: Tensor, mode: Tensor) -> tuple[Tensor, Tensor]:
        place = self.place(metre * 2 + mode)[:, None].expand(-1, chords.shape[1], -1)
        last = self.gru(torch.cat([self.embed(chords), self.table[chords], place], 2))[1]
        mean, spread = self.out(torch.cat([last[0], last[1]], 1)).chunk(2, 1)
        return mean, spread.clamp(-6, 2)


class Decoder(nn.Module):
    """What a step hears is summed, then a GRU; the code is heard by the output as well."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", table())
        self.chord = nn.Embedding(START + 1, WIDTH)
        self.tones = nn.Linear(34, WIDTH)
        self.code, self.mood = nn.Linear(CODE, WIDTH), nn.Linear(2 * len(MOODS), WIDTH)
        self.countdown = nn.Embedding(FARTHEST + 2, WIDTH)
        self.phase, self.metre, self.mode = nn.Embedding(STEPS, WIDTH), nn.Embedding(3, WIDTH), nn.Embedding(2, WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, 128), nn.GELU(), nn.Linear(128, CHORDS))

    def heard(self, chord: Tensor, code: Tensor, mood: Tensor, given: Tensor, countdown: Tensor, phase: Tensor,
              metre: Tensor, mode: Tensor) -> tuple[Tensor, Tensor]:
        """All inputs together, and without the chord before; what a chord says is worked out once for all chords."""
        asked = nn.functional.gelu(self.code(code) + self.mood(torch.cat([mood * given, given], -1)) + self.countdown(countdown)
                                   + self.phase(phase) + self.metre(metre) + self.mode(mode))
        return asked + nn.functional.embedding(chord, self.chord.weight + self.tones(self.table)), asked

    def forward(self, *inputs: Tensor) -> Tensor:
        x, asked = self.heard(*inputs)
        return self.out(torch.cat([self.gru(x)[0], asked], -1))

    def step(self, state: Tensor, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        x, asked = self.heard(*inputs)
        state = gru_step(self.gru, x, state)
        return self.out(torch.cat([state, asked], -1)), state


class Harmony(nn.Module):
    """Encoder and decoder in one checkpoint; codes from outside have 64 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.register_buffer("narrow", projection(CODE, LATENT))

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Harmony":
        """The network that a checkpoint was saved from."""
        model = Harmony()
        model.load_state_dict(state)
        return model.eval()
