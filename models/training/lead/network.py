"""The melody's network: a code for each bar, chords and controls for each sixteenth, and a decoder that hears all that was."""
import torch
from torch import Tensor, nn
from common.flow import LATENT
from common.projection import projection
from common.steps import gru_step
from lead.attentive import Attentive
from lead.inputs import FREE, TOKENS, Inputs
from lead.knobs import KNOBS, Knobs

WIDTH = 224
SOFT = 0.2
"""Deviation of the noise on the knobs in training, which fills the gaps between whole numbers."""
UNMOVED = torch.tensor([1.0, 0.0, 1.0, 1.0])
"""The knobs that say nothing of where a bar lies."""
CENTRE = 45
"""The token that bars are moved to, before they are read."""


def centred(bars: Tensor) -> Tensor:
    """The bars moved so that their mean pitch is the same: where they lie the knob `register` says, and which notes they
    are the chords."""
    onset = bars > 1
    count = onset.sum(1, keepdim=True)
    total = torch.where(onset, bars, 0).sum(1, keepdim=True)
    mean = torch.div(2 * total + count, 2 * count.clamp(min=1), rounding_mode="floor")
    return torch.where(onset, (bars - mean + CENTRE).clamp(2, TOKENS - 1), bars)


class Encoder(nn.Module):
    """The tokens of one bar to the mean and log variance of what the knobs leave to say, which knows no key."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.knobs = Knobs()
        self.embed = nn.Embedding(TOKENS, 32)
        self.metre = nn.Embedding(3, 8)
        self.gru = nn.GRU(32, width, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Linear(2 * width + len(KNOBS) + 8, width), nn.GELU(), nn.Linear(width, 2 * FREE))

    def forward(self, bars: Tensor, metre: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        knobs = self.knobs(bars, metre)
        last = self.gru(self.embed(centred(bars)))[1]
        mean, spread = self.out(torch.cat([last[0], last[1], knobs * UNMOVED, self.metre(metre)], 1)).chunk(2, 1)
        return knobs, mean, spread.clamp(-6, 2)

    def drawn(self, bars: Tensor, metre: Tensor) -> tuple[Tensor, Tensor]:
        """Inner codes [N, 16] drawn from the posterior, and the nats of each of its free dimensions."""
        knobs, mean, spread = self(bars, metre)
        nats = 0.5 * (mean ** 2 + spread.exp() - 1 - spread)
        drawn = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        return torch.cat([knobs + SOFT * torch.randn_like(knobs), drawn], 1), nats


class Recurrent(nn.Module):
    """One GRU; its state is all that it remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = Inputs(WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, 160), nn.GELU(), nn.Linear(160, TOKENS))
        self.state_size = WIDTH

    def forward(self, *heard: Tensor) -> Tensor:
        x, asked = self.inputs(*heard)
        return self.out(torch.cat([self.gru(x)[0], asked], -1))

    def step(self, state: Tensor, *heard: Tensor) -> tuple[Tensor, Tensor]:
        x, asked = self.inputs(*heard)
        state = gru_step(self.gru, x, state)
        return self.out(torch.cat([state, asked], -1)), state.reshape(-1, WIDTH)


class Lead(nn.Module):
    """Encoder and decoder in one checkpoint; codes from outside have 64 numbers."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), decoder
        self.register_buffer("narrow", projection(FREE, LATENT - len(KNOBS)))

    def inner(self, latent: Tensor) -> Tensor:
        """A code of 64 numbers to the one that the decoder hears."""
        return torch.cat([latent[..., :len(KNOBS)], latent[..., len(KNOBS):] @ self.narrow.T], -1)

    def outer(self, code: Tensor) -> Tensor:
        """The code of 64 numbers that says the same as an inner one."""
        return torch.cat([code[..., :len(KNOBS)], code[..., len(KNOBS):] @ self.narrow], -1)

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Lead":
        """The network that a checkpoint was saved from."""
        model = Lead(Attentive() if "decoder.layers.0.place" in state else Recurrent())
        model.load_state_dict(state)
        return model.eval()
