"""The accompaniment's network: an autoencoder of two bars of piano as slots, whose decoder hears the chords."""
import torch
from torch import Tensor, nn
from common.chords import START as NO_CHORD, table
from common.flow import LATENT, Flow
from common.steps import gru_step
from texture.slots import BASS, MOST, PLAYED, SLOTS

WIDTH = 192
STEPS = 32
FAR = 32
"""Sixteenths that a change of chord is known ahead."""
CONTROLS = ("density", "register", "energy")
COUNTS = MOST + 1
OUT = len(BASS) + len(BASS) * COUNTS + SLOTS


class Encoder(nn.Module):
    """Two bars of slots to mean and log variance of the inner code."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.metre = nn.Embedding(3, 8)
        self.gru = nn.GRU(PLAYED + 8, width, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, 2 * LATENT))

    def forward(self, pattern: Tensor, metre: Tensor) -> tuple[Tensor, Tensor]:
        metre = self.metre(metre)[:, None].expand(-1, STEPS, -1)
        last = self.gru(torch.cat([pattern, metre], 2))[1]
        mean, spread = self.out(torch.cat([last[0], last[1]], 1)).chunk(2, 1)
        return mean, spread.clamp(-8, 2)


class Decoder(nn.Module):
    """A GRU over sixteenths that begins anew every two bars; what was struck before goes on over the bar line."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", table())
        self.code = nn.Sequential(nn.Linear(LATENT, WIDTH), nn.GELU())
        self.first, self.all = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.played = nn.Linear(PLAYED, WIDTH)
        self.chord, self.tones = nn.Embedding(NO_CHORD + 1, WIDTH), nn.Linear(34, WIDTH)
        self.ahead, self.fresh, self.mode = nn.Embedding(FAR + 1, WIDTH), nn.Embedding(2, WIDTH), nn.Embedding(2, WIDTH)
        self.phase = nn.Embedding(3 * STEPS, WIDTH)
        self.control = nn.Linear(2 * len(CONTROLS), WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, 160), nn.GELU(), nn.Linear(160, OUT))

    def start(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """What every step hears of the code, and the first state."""
        code = self.code(code)
        return self.all(code), torch.tanh(self.first(code))

    def heard(self, condition: Tensor, played: Tensor, chord: Tensor, ahead: Tensor, fresh: Tensor, phase: Tensor, metre: Tensor,
              mode: Tensor, control: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """All inputs together, and without what was struck before; what a chord says is worked out once for all chords."""
        chords = self.chord.weight + self.tones(self.table)
        asked = nn.functional.gelu(condition + nn.functional.embedding(chord, chords) + self.ahead(ahead) + self.fresh(fresh)
                                   + self.phase(metre * STEPS + phase) + self.mode(mode) + self.control(torch.cat([control * given, given], -1)))
        return asked + self.played(played), asked

    def forward(self, code: Tensor, *inputs: Tensor) -> Tensor:
        condition, state = self.start(code)
        x, asked = self.heard(condition[:, None], *inputs)
        return self.out(torch.cat([self.gru(x, state[None])[0], asked], -1))

    def step(self, condition: Tensor, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *inputs, state = inputs
        x, asked = self.heard(condition, *inputs)
        state = gru_step(self.gru, x, state)
        return self.out(torch.cat([state, asked], -1)), state


def parted(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the bass, of how many upper notes for each bass, of the slots."""
    return out.split([len(BASS), len(BASS) * COUNTS, SLOTS], -1)


class Texture(nn.Module):
    """Autoencoder and prior flow in one checkpoint."""

    def __init__(self, couplings: int = 8) -> None:
        super().__init__()
        self.encoder, self.decoder, self.flow = Encoder(), Decoder(), Flow(couplings, 160)

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Texture":
        """The network that a checkpoint was saved from."""
        model = Texture(1 + max(int(n.split(".")[2]) for n in state if n.startswith("flow.nets.")))
        model.load_state_dict(state)
        return model.eval()
