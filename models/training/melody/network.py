"""The melody network: encoder, prior flow, step decoder."""
import torch
from torch import Tensor, nn
from common.flow import LATENT, Flow
from common.steps import gru_step

WIDTH, START = 256, 90


class Encoder(nn.Module):
    """32 tokens, read in both directions, to the mean and log variance of the inner code."""

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.embed = nn.Embedding(90, 64)
        self.gru = nn.GRU(64, width, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * width, 2 * LATENT)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        last = self.gru(self.embed(tokens))[1]
        mean, spread = self.out(torch.cat([last[0], last[1]], 1)).chunk(2, 1)
        return mean, spread.clamp(-8, 4)


class Decoder(nn.Module):
    """One GRU that hears the code at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(91, WIDTH)
        self.condition = nn.Sequential(nn.Linear(LATENT, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.first = nn.Linear(LATENT, WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = nn.Linear(WIDTH, 90)

    def start(self, code: Tensor) -> tuple[Tensor, Tensor]:
        return self.condition(code), torch.tanh(self.first(code))

    def forward(self, code: Tensor, previous: Tensor) -> Tensor:
        condition, state = self.start(code)
        return self.out(self.gru(self.embed(previous) + condition[:, None], state[None].contiguous())[0])

    def step(self, condition: Tensor, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = gru_step(self.gru, self.embed(token) + condition, state)
        return self.out(state), state


class Melody(nn.Module):
    """All parts in one checkpoint."""

    START = START

    def __init__(self, couplings: int = 10) -> None:
        super().__init__()
        self.encoder, self.decoder, self.flow = Encoder(), Decoder(), Flow(couplings)

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Melody":
        """The network that a checkpoint was saved from, whose flow may have any number of couplings."""
        model = Melody(len(state["flow.order"]))
        model.load_state_dict(state)
        return model.eval()
