"""What sounds, since when, and which notes were the last two: said to a decoder that would have to look for it."""
import torch
from torch import Tensor, nn
from lead.inputs import START, TOKENS

LONGEST = 31
"""Sixteenths since the last note began or ended; more count as these."""
REMEMBERED = 4
"""Numbers in the state: the last note, the one before, whether it sounds, since when."""


def begins(token: Tensor) -> Tensor:
    """Whether a token begins a note."""
    return (token > 1) & (token < START)


def latest(there: Tensor) -> Tensor:
    """[N, steps] the last step so far that is there, -1 where none is."""
    return torch.where(there, torch.arange(there.shape[1]), -1).cummax(1).values


def taken(values: Tensor, at: Tensor) -> Tensor:
    """The values at those steps, 0 at -1."""
    return torch.where(at < 0, 0, values.gather(1, at.clamp(min=0)))


class Recent(nn.Module):
    """Tokens to what they leave behind."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.last, self.earlier, self.since = nn.Embedding(TOKENS, width), nn.Embedding(TOKENS, width), nn.Embedding(2 * LONGEST + 2, width)

    def said(self, last: Tensor, earlier: Tensor, sounds: Tensor, since: Tensor) -> Tensor:
        return self.last(last) + self.earlier(earlier) + self.since(since + (LONGEST + 1) * sounds)

    def forward(self, token: Tensor) -> Tensor:
        """Of whole sequences [N, steps] of the tokens before each step."""
        note = latest(begins(token))
        last = taken(token, note)
        former = torch.cat([torch.zeros_like(last[:, :1]), last[:, :-1]], 1)
        event = latest((token > 0) & (token < START))
        since = (torch.arange(token.shape[1]) - event).clamp(max=LONGEST)
        return self.said(last, taken(former, note), (taken(token, event) > 1).long(), since)

    def step(self, state: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """Of one token [N], with what is remembered [N, REMEMBERED]."""
        last, earlier, sounds, since = state.long().unbind(1)
        note, event = begins(token), (token > 0) & (token < START)
        earlier, last = torch.where(note, last, earlier), torch.where(note, token, last)
        sounds = torch.where(event, note.long(), sounds)
        since = torch.where(event, 0, (since + 1).clamp(max=LONGEST))
        return self.said(last, earlier, sounds, since), torch.stack([last, earlier, sounds, since], 1).float()
