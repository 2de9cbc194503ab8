"""The drum network: encoder, prior flow, step decoder, and the groove that says how loud and how late each hit is."""
import torch
from torch import Tensor, nn
from common.flow import LATENT, Flow
from common.steps import gru_step

CLASSES, TOKENS, START, WIDTH = 9, 512, 512, 256


BITS = (torch.arange(START + 1)[:, None] >> torch.arange(CLASSES + 1) & 1).float()


def bits(tokens: Tensor) -> Tensor:
    """Tokens to [.., 10]: the classes hit, and whether it is the beginning."""
    return BITS[tokens]


class Encoder(nn.Module):
    """32 tokens, read in both directions, to the mean and log variance of the inner code."""

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.embed = nn.Linear(CLASSES + 1, 64)
        self.gru = nn.GRU(64, width, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * width, 2 * LATENT)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        last = self.gru(self.embed(bits(tokens)))[1]
        mean, spread = self.out(torch.cat([last[0], last[1]], 1)).chunk(2, 1)
        return mean, spread.clamp(-8, 4)


class Decoder(nn.Module):
    """One GRU that hears the code at every step; what it says of a set of hits is what it says of each hit, and more."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(CLASSES + 1, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.condition = nn.Sequential(nn.Linear(LATENT, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.first = nn.Linear(LATENT, WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out, self.each = nn.Linear(WIDTH, TOKENS), nn.Linear(WIDTH, CLASSES)
        self.register_buffer("sets", bits(torch.arange(TOKENS))[:, :CLASSES].T.contiguous())

    def start(self, code: Tensor) -> tuple[Tensor, Tensor]:
        return self.condition(code), torch.tanh(self.first(code))

    def logits(self, heard: Tensor) -> Tensor:
        return self.out(heard) + self.each(heard) @ self.sets

    def forward(self, code: Tensor, previous: Tensor) -> Tensor:
        condition, state = self.start(code)
        return self.logits(self.gru(self.embed(bits(previous)) + condition[:, None], state[None].contiguous())[0])

    def step(self, condition: Tensor, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = gru_step(self.gru, self.embed(bits(token)) + condition, state)
        return self.logits(state), state


class Groove(nn.Module):
    """The decoder's condition and all hits to how loud (0 to 1) and how late in sixteenths (-0.5 to 0.5) each is,
    after GrooVAE (Gillick and others, 2019)."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.condition = nn.Linear(WIDTH, 32)
        self.gru = nn.GRU(CLASSES + 32 + 16, width, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * width, 2 * CLASSES)

    def forward(self, condition: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.eye(16).repeat(2, 1)[None].expand(hits.shape[0], -1, -1)
        heard = self.condition(condition)[:, None].expand(-1, 32, -1)
        loud, late = self.out(self.gru(torch.cat([hits, heard, place], 2))[0]).chunk(2, 2)
        return torch.sigmoid(loud), torch.tanh(late) / 2


class Drums(nn.Module):
    """All parts in one checkpoint."""

    START = START

    def __init__(self, couplings: int = 10) -> None:
        super().__init__()
        self.encoder, self.decoder, self.flow, self.groove = Encoder(), Decoder(), Flow(couplings), Groove()

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Drums":
        """The network that a checkpoint was saved from, whose flow may have any number of couplings."""
        model = Drums(len(state["flow.order"]))
        model.load_state_dict(state)
        return model.eval()
