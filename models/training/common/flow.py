"""The prior flow, which makes N(0, I) of an autoencoder's inner codes, so that any code drawn from it sounds real."""
import torch
from torch import Tensor, nn

LATENT = 64


class Flow(nn.Module):
    """RealNVP (Dinh, Sohl-Dickstein and Bengio, 2017) between N(0, I) and the inner codes."""

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
