"""The network of two clocks: a code for each bar, controls for each sixteenth, and a decoder that hears all that was."""
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.steps import gru_step
from controls import BAR, CONTROLS
from knobs import KNOBS, Knobs

TOKENS, START, WIDTH = 90, 90, 384
FREE = LATENT - len(KNOBS)
SOFT = 0.2
"""Deviation of the noise on the knobs in training, which fills the gaps between whole numbers."""


UNMOVED = torch.tensor([1.0, 0.0, 1.0, 1.0])
"""The knobs that say nothing of where a bar lies."""
CENTRE = 45
"""The token that bars are moved to, before they are read."""


def centred(bars: Tensor) -> Tensor:
    """The bars moved so that their mean pitch is the same: where they lie the knob `register` says, and the key what
    was played before, so that codes of different keys can follow one another."""
    onset = bars > 1
    count = onset.sum(1, keepdim=True)
    total = torch.where(onset, bars, 0).sum(1, keepdim=True)
    mean = torch.div(2 * total + count, 2 * count.clamp(min=1), rounding_mode="floor")
    return torch.where(onset, (bars - mean + CENTRE).clamp(2, TOKENS - 1), bars)


class Encoder(nn.Module):
    """The tokens of one bar to the mean and log variance of what the knobs leave to say, which knows no key."""

    def __init__(self, width: int = 160) -> None:
        super().__init__()
        self.knobs = Knobs()
        self.embed = nn.Embedding(TOKENS, 64)
        self.gru = nn.GRU(64, width, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Linear(2 * width + len(KNOBS), width), nn.GELU(), nn.Linear(width, 2 * FREE))

    def forward(self, bars: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        knobs = self.knobs(bars)
        last = self.gru(self.embed(centred(bars)))[1]
        mean, spread = self.out(torch.cat([last[0], last[1], knobs * UNMOVED], 1)).chunk(2, 1)
        return knobs, mean, spread.clamp(-6, 2)

    def drawn(self, bars: Tensor) -> tuple[Tensor, Tensor]:
        """Codes [N, 64] drawn from the posterior, and the nats of each of its free dimensions."""
        knobs, mean, spread = self(bars)
        nats = 0.5 * (mean ** 2 + spread.exp() - 1 - spread)
        drawn = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        return torch.cat([knobs + SOFT * torch.randn_like(knobs), drawn], 1), nats


class Inputs(nn.Module):
    """What a decoder hears at a sixteenth: the code, the token before, the controls that are given, the place in the bar."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.code = nn.Sequential(nn.Linear(LATENT, width), nn.GELU(), nn.Linear(width, width))
        self.token = nn.Embedding(TOKENS + 1, width)
        self.control = nn.Sequential(nn.Linear(2 * len(CONTROLS), width), nn.GELU(), nn.Linear(width, width))
        self.phase = nn.Linear(BAR, width)

    def forward(self, code: Tensor, token: Tensor, control: Tensor, given: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        asked = self.code(code) + self.control(torch.cat([control * given, given], -1)) + self.phase(phase)
        return asked + self.token(token), asked


class Recurrent(nn.Module):
    """One GRU; its state is all that it remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = Inputs(WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, TOKENS))
        self.state_size = WIDTH

    def forward(self, *heard: Tensor) -> Tensor:
        x, asked = self.inputs(*heard)
        return self.out(torch.cat([self.gru(x)[0], asked], -1))

    def step(self, state: Tensor, *heard: Tensor) -> tuple[Tensor, Tensor]:
        x, asked = self.inputs(*heard)
        state = gru_step(self.gru, x, state)
        return self.out(torch.cat([state, asked], -1)), state


class Stream(nn.Module):
    """Encoder and decoder in one checkpoint."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), decoder

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Stream":
        """The network that a checkpoint was saved from."""
        from ring import Attending
        model = Stream(Attending() if "decoder.place" in state else Recurrent())
        model.load_state_dict(state)
        return model.eval()
