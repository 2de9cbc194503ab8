"""The melody network: encoder, prior flow, step decoder."""
import torch
from torch import Tensor, nn

LATENT, WIDTH, START = 64, 256, 90


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
        g = self.gru
        x = nn.functional.linear(self.embed(token) + condition, g.weight_ih_l0, g.bias_ih_l0).chunk(3, 1)
        h = nn.functional.linear(state, g.weight_hh_l0, g.bias_hh_l0).chunk(3, 1)
        reset, update = torch.sigmoid(x[0] + h[0]), torch.sigmoid(x[1] + h[1])
        state = (1 - update) * torch.tanh(x[2] + reset * h[2]) + update * state
        return self.out(state), state


class Flow(nn.Module):
    """RealNVP between N(0, I) and the inner codes."""

    def __init__(self, couplings: int = 10, width: int = 256) -> None:
        super().__init__()
        half = LATENT // 2
        self.nets = nn.ModuleList(nn.Sequential(nn.Linear(half, width), nn.GELU(), nn.Linear(width, width), nn.GELU(),
                                                nn.Linear(width, LATENT)) for _ in range(couplings))
        for net in self.nets:
            nn.init.zeros_(net[-1].weight)
            nn.init.zeros_(net[-1].bias)
        order = torch.stack([torch.randperm(LATENT) for _ in range(couplings)])
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort(1))
        self.register_buffer("mean", torch.zeros(LATENT))
        self.register_buffer("scale", torch.ones(LATENT))

    def lengthened(self, couplings: int) -> "Flow":
        """The same map with further couplings, which change nothing yet."""
        longer = Flow(couplings, self.nets[0][0].out_features)
        for i, net in enumerate(self.nets):
            longer.nets[i] = net
        for name in ("order", "back"):
            getattr(longer, name)[:len(self.nets)] = getattr(self, name)
        longer.mean.copy_(self.mean)
        longer.scale.copy_(self.scale)
        return longer

    def inverse(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Inner code to N(0, I), and the log determinant but for a constant."""
        x, total = (code - self.mean) / self.scale, torch.zeros(1)
        for i, net in enumerate(self.nets):
            a, b = x[:, self.order[i]].chunk(2, 1)
            s, t = net(a).chunk(2, 1)
            s = torch.tanh(s)
            x, total = torch.cat([a, (b - t) * torch.exp(-s)], 1), total - s.sum(1)
        return x, total

    def forward(self, latent: Tensor) -> Tensor:
        x = latent
        for i in reversed(range(len(self.nets))):
            a, b = x.chunk(2, 1)
            s, t = self.nets[i](a).chunk(2, 1)
            x = torch.cat([a, b * torch.exp(torch.tanh(s)) + t], 1)[:, self.back[i]]
        return x * self.scale + self.mean


class Melody(nn.Module):
    """All parts in one checkpoint."""

    def __init__(self, couplings: int = 10) -> None:
        super().__init__()
        self.encoder, self.decoder, self.flow = Encoder(), Decoder(), Flow(couplings)

    @staticmethod
    def of(state: dict[str, Tensor]) -> "Melody":
        """The network that a checkpoint was saved from, whose flow may have any number of couplings."""
        model = Melody(len(state["flow.order"]))
        model.load_state_dict(state)
        return model.eval()


def previous_of(tokens: Tensor) -> Tensor:
    """The token before each step; START before the first."""
    return torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], 1)
