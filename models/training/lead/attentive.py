"""The other decoder: a transformer that attends to the last sixteen bars, whose keys and values it keeps in a ring."""
import torch
from torch import Tensor, nn
from lead.inputs import TOKENS, Inputs
from lead.knobs import BARS
from lead.recent import REMEMBERED, Recent

WIDTH, LAYERS, HEADS = 160, 3, 5
KEPT = 256
"""Sixteenths that each layer looks back on, its own counted in: sixteen bars of 4/4."""
SIZE = WIDTH // HEADS
PART = KEPT * WIDTH
RING = LAYERS * 2 * PART
"""Numbers in the state that are a layer's keys, or values; and all of them."""
AT_ONCE = 64
"""Sixteenths whose scores are worked out together in training, with no others than they may look at."""
AWAY = -1e9
"""Added to the score of what must not be looked at."""


def places() -> Tensor:
    """[metres, heads, KEPT] what places count at first, the latest last: near ones for two heads, one to eight bars back for
    two, all alike for one.

    The sixteenth that heard the token of a bar ago as the one before lies one less than a bar back.
    """
    back = torch.arange(KEPT).float()
    found = torch.stack([-back / 2, -back / 12, -back / 100, -back / 200, torch.zeros(KEPT)]).expand(len(BARS), -1, -1).clone()
    for metre, bar in enumerate(BARS):
        for head, bars in ((2, (1, 2)), (3, (2, 4, 8))):
            for many in bars:
                found[metre, head, many * bar - 1] += 3
    return found.flip(2)


def attended(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """`bias` [.., heads, queries, keys] says how much each place counts."""
    return torch.softmax(query @ key.transpose(2, 3) + bias, 3) @ value


class Layer(nn.Module):
    """Attention to the last sixteenths, then two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.all, self.mix = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.place = nn.Parameter(places())
        self.think = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        for last in (self.mix, self.think[2]):
            nn.init.normal_(last.weight, std=0.02)
            nn.init.zeros_(last.bias)

    def heard(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [N, heads, steps, SIZE] of [N, steps, WIDTH], or of one step [N, WIDTH]."""
        heads = self.all(self.before(x)).unflatten(-1, (3 * HEADS, SIZE))
        query, key, value = (heads.transpose(1, 2) if x.ndim == 3 else heads[:, :, None]).chunk(3, 1)
        return query * SIZE ** -0.5, key, value

    def forward(self, x: Tensor, found: Tensor) -> Tensor:
        """What comes of the [N, heads, steps, SIZE] that were found."""
        x = x + self.mix(found.transpose(1, 2).reshape(x.shape))
        return x + self.think(self.between(x))


class Attentive(nn.Module):
    """Causal, with a learnt bias for each metre, head and distance, and no other places but those in the bar, which it hears:
    what comes again a bar or sixteen later looks alike. The state is every layer's keys and values in a ring, what
    `Recent` remembers, and how many steps there were, from a full ring on counted round: at nought it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.recent = Inputs(WIDTH), Recent(WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.last = nn.LayerNorm(WIDTH)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, 160), nn.GELU(), nn.Linear(160, TOKENS))
        self.state_size = RING + REMEMBERED + 1
        self.register_buffer("written", (torch.arange(LAYERS * 2 * HEADS)[:, None] * KEPT * SIZE + torch.arange(SIZE)).flatten(), persistent=False)

    def forward(self, token: Tensor, chord: Tensor, coming: Tensor, ahead: Tensor, phase: Tensor, metre: Tensor, *rest: Tensor) -> Tensor:
        """Whole sequences, all in the metre of the first."""
        x, asked = self.inputs(token, chord, coming, ahead, phase, metre, *rest)
        x, parts = x + self.recent(token), []
        for begin in range(0, x.shape[1], AT_ONCE):
            first, end = max(0, begin - KEPT + 1), min(begin + AT_ONCE, x.shape[1])
            place = KEPT - 1 - torch.arange(begin, end)[:, None] + torch.arange(first, end)
            parts.append((slice(begin, end), slice(first, end), torch.where((place < 0) | (place >= KEPT), KEPT, place)))
        for layer in self.layers:
            query, key, value = layer.heard(x)
            counts = nn.functional.pad(layer.place[int(metre[0, 0])], (0, 1), value=AWAY)
            x = layer(x, torch.cat([attended(query[:, :, now], key[:, :, seen], value[:, :, seen],
                                             counts.index_select(1, place.flatten()).reshape(HEADS, *place.shape))
                                    for now, seen, place in parts], 2))
        return self.out(torch.cat([self.last(x), asked], -1))

    def step(self, state: Tensor, token: Tensor, chord: Tensor, coming: Tensor, ahead: Tensor, phase: Tensor, metre: Tensor,
             *rest: Tensor) -> tuple[Tensor, Tensor]:
        """One sixteenth of each of a batch."""
        x, asked = self.inputs(token, chord, coming, ahead, phase, metre, *rest)
        said, past = self.recent.step(state[:, RING:RING + REMEMBERED], token)
        x, count = x + said, state[:, RING + REMEMBERED:].long()
        back = (count - torch.arange(KEPT)) % KEPT
        bare = ((back > count) | (back == 0)) * AWAY  # the oldest place is the one that is written now
        place = (KEPT - 1 - back)[:, None].expand(-1, HEADS, -1)
        kept = []
        for index, layer in enumerate(self.layers):
            query, *fresh = layer.heard(x)
            key, value = (state[:, which * PART:(which + 1) * PART].reshape(-1, HEADS, KEPT, SIZE) for which in (2 * index, 2 * index + 1))
            counts = layer.place[metre]
            found = query @ key.transpose(2, 3) + (counts.gather(2, place) + bare[:, None])[:, :, None]
            own = (query * fresh[0]).sum(3, keepdim=True) + counts[:, :, -1:, None]
            share = torch.softmax(torch.cat([found, own], 3), 3)
            x = layer(x, share[..., :-1] @ value + share[..., -1:] * fresh[1])
            kept += fresh
        new = torch.cat([*(part.flatten(1) for part in kept), past, (count + 1 - (count == 2 * KEPT - 1) * KEPT).float()], 1)
        at = torch.cat([self.written + count % KEPT * SIZE, torch.arange(RING, self.state_size) + 0 * count], 1)
        return self.out(torch.cat([self.last(x), asked], -1)), state.scatter(1, at, new)
