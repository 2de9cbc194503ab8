"""The other decoder: a transformer that keeps the keys and values of the last bars in a ring."""
import torch
from torch import Tensor, nn
from network import TOKENS, Inputs

WIDTH, LAYERS, HEADS = 160, 3, 5
KEPT = 128
"""Sixteenths that each layer looks back on, its own counted in: eight bars."""
SIZE = WIDTH // HEADS


class Layer(nn.Module):
    """Attention to the last sixteenths, then two linear layers; what is asked for is added before both."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.asked, self.all, self.mix = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.think = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """[N, queries, width] from [N, keys, width]; `bias` [.., heads, queries, keys] says how far back counts."""
        q, k, v = (t.reshape(t.shape[0], t.shape[1], HEADS, SIZE).transpose(1, 2) for t in (query, key, value))
        found = torch.softmax(q @ k.transpose(2, 3) / SIZE ** 0.5 + bias, 3) @ v
        return self.mix(found.transpose(1, 2).reshape(query.shape))


class Attending(nn.Module):
    """Causal, with a learnt bias for each distance; the state is every layer's keys and values and how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs = Inputs(WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.place = nn.Parameter(torch.zeros(LAYERS, HEADS, KEPT))
        self.out = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, TOKENS))
        self.state_size = LAYERS * 2 * KEPT * WIDTH + KEPT

    def forward(self, *heard: Tensor) -> Tensor:
        x, asked = self.inputs(*heard)
        at = torch.arange(x.shape[1])
        back = at[:, None] - at[None]
        far = (back < 0) | (back >= KEPT)
        for place, layer in zip(self.place, self.layers):
            bias = place[:, back.clamp(0, KEPT - 1)].masked_fill(far, -1e9)
            q, k, v = layer.all(layer.before(x) + layer.asked(asked)).chunk(3, -1)
            x = x + layer.attend(q, k, v, bias)
            x = x + layer.think(layer.between(x) + layer.asked(asked))
        return self.out(x)

    def step(self, state: Tensor, *heard: Tensor) -> tuple[Tensor, Tensor]:
        x, asked = self.inputs(*heard)
        kept, there = state[:, :-KEPT].reshape(-1, LAYERS, 2, KEPT, WIDTH), state[:, -KEPT:]
        there = torch.cat([there[:, 1:], torch.ones_like(there[:, :1])], 1)
        ring = []
        for n, layer in enumerate(self.layers):
            q, k, v = layer.all(layer.before(x) + layer.asked(asked)).chunk(3, -1)
            pair = torch.cat([kept[:, n, :, 1:], torch.stack([k, v], 1)[:, :, None]], 2)
            bias = self.place[n].flip(1)[None, :, None] + (there[:, None, None] - 1) * 1e9
            x = x + layer.attend(q[:, None], pair[:, 0], pair[:, 1], bias)[:, 0]
            x = x + layer.think(layer.between(x) + layer.asked(asked))
            ring.append(pair)
        return self.out(x), torch.cat([torch.stack(ring, 1).flatten(1), there], 1)
