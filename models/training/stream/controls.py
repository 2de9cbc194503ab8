"""What can be asked of the music at each sixteenth, computed from the music itself."""
import torch
from torch import Tensor

BAR = 16
CONTROLS = ("onset", "density", "register", "contour", "novelty", "cut")
LOWEST, SPAN = 36, 60
"""The pitch that is 0 in `register`, and how far up 1 lies."""
HALF = 8
"""Sixteenths that `contour` looks ahead and back."""
REMEMBERED = 8
"""Bars back that a bar is compared with for `novelty`."""


def pitches(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The MIDI pitch that sounds at each sixteenth of [N, steps] tokens (0 in a rest), and the steps since it began."""
    pitch, age = torch.zeros_like(tokens), torch.zeros_like(tokens)
    for step in range(tokens.shape[1]):
        now = tokens[:, step]
        before = pitch[:, step - 1] if step else torch.zeros_like(now)
        aged = age[:, step - 1] + 1 if step else torch.zeros_like(now)
        pitch[:, step] = torch.where(now > 1, now + 19, torch.where(now == 1, 0, before))
        age[:, step] = torch.where(now > 1, 0, aged)
    return pitch, age


def window(values: Tensor, begin: int, end: int) -> Tensor:
    """Sums of [N, steps] values over the steps from t + begin up to before t + end."""
    steps = values.shape[1]
    total = torch.cat([torch.zeros_like(values[:, :1]), values.cumsum(1)], 1)
    at = torch.arange(steps)
    return total[:, (at + end).clamp(0, steps)] - total[:, (at + begin).clamp(0, steps)]


def mean_pitch(pitch: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
    """The mean of what sounds in a window, and whether anything does."""
    sounds = window((pitch > 0).float(), begin, end)
    return window(pitch.float(), begin, end) / sounds.clamp(min=1), sounds > 0


def accents(tokens: Tensor, pitch: Tensor) -> Tensor:
    """Onsets that stand out: a quarter note or longer (agogic accent), or reached by a leap of a fourth or more."""
    onset = tokens > 1
    held = (window((tokens != 0).float(), 1, 4) == 0) & (torch.arange(tokens.shape[1]) < tokens.shape[1] - 3)
    before = torch.cat([torch.zeros_like(pitch[:, :1]), pitch[:, :-1]], 1)
    return onset & (held | ((before > 0) & ((pitch - before).abs() >= 5)))


def novelty(tokens: Tensor) -> Tensor:
    """For each bar of [N, bars * 16], how unlike the likest of the bars before it: the share of events that differ."""
    bars = tokens.reshape(len(tokens), -1, BAR)
    event = bars > 0
    differs = (bars[:, :, None] != bars[:, None]).sum(3).float()
    either = (event[:, :, None] | event[:, None]).sum(3).clamp(min=1)
    at = torch.arange(bars.shape[1])
    back = at[:, None] - at[None]
    share = torch.where((back > 0) & (back <= REMEMBERED), differs / either, torch.ones(()))
    return share.min(2).values


def controls(tokens: Tensor, cuts: Tensor) -> tuple[Tensor, Tensor]:
    """[N, steps, 6] values, in the order of `CONTROLS`, and where each is known, of whole bars; `cuts` [N, steps]
    says where something else begins."""
    pitch, _ = pitches(tokens)
    onset = tokens > 1
    ahead, sounds = mean_pitch(pitch, 0, BAR)
    coming, later = mean_pitch(pitch, 0, HALF)
    gone, earlier = mean_pitch(pitch, -HALF, 0)
    at = torch.arange(tokens.shape[1])
    left = (at.max() + 1 - at).clamp(max=BAR)
    values = torch.stack([onset * 0.5 + accents(tokens, pitch) * 0.5,
                          window(onset.float(), 0, BAR) / left,
                          ((ahead - LOWEST) / SPAN).clamp(0, 1),
                          ((coming - gone) / 12).clamp(-1, 1),
                          novelty(tokens).repeat_interleave(BAR, 1),
                          cuts.float()], 2)
    known = torch.ones_like(values)
    known[:, :, 2], known[:, :, 3] = sounds.float(), (later & earlier).float()
    return values * known, known


def left_out(known: Tensor, values: Tensor) -> Tensor:
    """Which controls are given: each is dropped at random, for all bars, for some, or (onsets) but for a few steps."""
    count, steps, kinds = known.shape
    always = torch.rand(count, 1, kinds) < 0.35
    bars = (torch.rand(count, steps // BAR, kinds) < 0.6).repeat_interleave(BAR, 1)
    never = torch.rand(count, 1, kinds) < 0.45
    given = (always | bars) & ~never
    style = torch.rand(count, 1)
    sparse = (torch.rand(count, steps) < 0.3) & (values[:, :, 0] > 0)
    given[:, :, 0] = torch.where(style < 0.45, False, torch.where(style < 0.75, sparse, given[:, :, 0]))
    given[:, :, 5] = torch.rand(count, 1) < 0.8
    return known * given
