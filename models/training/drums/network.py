"""The drum network: encoder, prior flow, planned step decoder, and the groove that says how loud and how late each hit is."""
import torch
from torch import Tensor, nn
from common.flow import LATENT, Flow
from common.steps import gru_step

CLASSES, TOKENS, START, STEPS = 9, 512, 512, 32
BAR, WIDTH, PLAN, TOUCH = 16, 256, 24, 96


BITS = (torch.arange(START + 1)[:, None] >> torch.arange(CLASSES + 1) & 1).float()


def bits(tokens: Tensor) -> Tensor:
    """Tokens to [.., 10]: the classes hit, and whether it is the beginning."""
    return BITS[tokens]


class Residual(nn.Module):
    """Adds to its input what two layers make of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class Encoder(nn.Module):
    """32 tokens, all at once, to the mean and log variance of the inner code. Sequences of a fixed length in a grid are
    better seen whole: a recurrent encoder kept less of unseen beats than principal components do."""

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        self.near = nn.Linear(STEPS * CLASSES, LATENT)
        self.seen = nn.Sequential(nn.Linear(STEPS * CLASSES, width), Residual(width), Residual(width), nn.LayerNorm(width),
                                  nn.Linear(width, 2 * LATENT))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        hits = bits(tokens)[:, :, :CLASSES].flatten(1)
        mean, spread = self.seen(hits).chunk(2, 1)
        return mean + self.near(hits), (spread - 3).clamp(-8, 4)


class Decoder(nn.Module):
    """A plan of all 32 steps, and a GRU that hears each step's part of it and what was hit before; what it says of a set
    of hits is what it says of each hit, and more. Its state ends with the place in the plan."""

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(CLASSES + 1, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.condition = nn.Sequential(nn.Linear(LATENT, width), Residual(width), Residual(width), nn.LayerNorm(width),
                                       nn.Linear(width, STEPS * PLAN))
        self.planned = nn.Linear(PLAN, WIDTH)
        self.first = nn.Linear(LATENT, WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out, self.each = nn.Linear(WIDTH + PLAN, TOKENS), nn.Linear(WIDTH + PLAN, CLASSES)
        self.register_buffer("sets", bits(torch.arange(TOKENS))[:, :CLASSES].T.contiguous())

    def start(self, code: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.eye(STEPS)[:1].expand(code.shape[0], -1)
        return self.condition(code), torch.cat([torch.tanh(self.first(code)), place], 1)

    def logits(self, heard: Tensor, plan: Tensor) -> Tensor:
        both = torch.cat([heard, plan], -1)
        return self.out(both) + self.each(both) @ self.sets

    def forward(self, code: Tensor, previous: Tensor) -> Tensor:
        plan, state = self.condition(code).unflatten(1, (STEPS, PLAN)), torch.tanh(self.first(code))
        heard = self.gru(self.embed(bits(previous)) + self.planned(plan), state[None].contiguous())[0]
        return self.logits(heard, plan)

    def step(self, condition: Tensor, token: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        heard, place = state[:, :WIDTH], state[:, WIDTH:]
        plan = (condition.reshape(-1, STEPS, PLAN) * place[:, :, None]).sum(1)
        heard = gru_step(self.gru, self.embed(bits(token)) + self.planned(plan), heard)
        return self.logits(heard, plan), torch.cat([heard, place[:, -1:], place[:, :-1]], 1)


class Groove(nn.Module):
    """The plan and the hits, step by step, to how loud (0 to 1) and how late in sixteenths (-0.5 to 0.5) each drum is or
    would be: what GrooVAE does (Gillick and others, 2019), but of what was and is played only, for the plan knows what
    will be. Its state ends with the place in the plan."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(CLASSES + 2 * PLAN + BAR, TOUCH, batch_first=True)
        self.out = nn.Linear(TOUCH, 2 * CLASSES)

    @staticmethod
    def heard(plan: Tensor, place: Tensor, hits: Tensor) -> Tensor:
        """What is heard where `place` [N, steps, 32] points to: the plan there and one step on, the hits, and where in
        the bar that is."""
        pointed = [(at @ plan) for at in (place, place.roll(1, 2))]
        return torch.cat([hits, *pointed, place[:, :, :BAR] + place[:, :, BAR:]], 2)

    def told(self, state: Tensor) -> tuple[Tensor, Tensor]:
        loud, late = self.out(state).chunk(2, -1)
        return torch.sigmoid(loud), torch.tanh(late) / 2

    def forward(self, condition: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.eye(STEPS).expand(len(hits), -1, -1)
        return self.told(self.gru(self.heard(condition.unflatten(1, (STEPS, PLAN)), place, hits))[0])

    def step(self, condition: Tensor, hits: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        held, place = state[:, :TOUCH], state[:, TOUCH:]
        x = self.heard(condition.reshape(-1, STEPS, PLAN), place[:, None], hits[:, None])[:, 0]
        held = gru_step(self.gru, x, held)
        return *self.told(held), torch.cat([held, place[:, -1:], place[:, :-1]], 1)


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
