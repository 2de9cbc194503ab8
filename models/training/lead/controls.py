"""What can be asked of a melody at each sixteenth, computed from the music itself: `stream`'s, for any length of bar."""
import numpy as np
from songs.song import sounding

LOWEST, SPAN = 36, 60
"""The pitch that is 0 in `register`, and how far up 1 lies."""
AHEAD, HALF = 16, 8
"""Sixteenths that `density` and `register` look ahead; that `contour` looks ahead and back."""
REMEMBERED = 8
"""Bars back that a bar is compared with for `novelty`."""


def window(values: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Sums over the steps from t + begin up to before t + end."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    return total[(at + end).clip(0, len(values))] - total[(at + begin).clip(0, len(values))]


def novelty(tokens: np.ndarray, bar: int) -> np.ndarray:
    """For each bar, how unlike the likest of the bars before it: the share of events that differ."""
    bars = tokens.reshape(-1, bar)
    found = np.ones(len(bars))
    for at in range(1, len(bars)):
        back = bars[max(0, at - REMEMBERED):at]
        either = ((back > 0) | (bars[at] > 0)).sum(1).clip(1)
        found[at] = min(1.0, ((back != bars[at]).sum(1) / either).min())
    return found


def controls(tokens: np.ndarray, bar: int) -> tuple[np.ndarray, np.ndarray]:
    """[steps, 6] values (onset, density, register, contour, novelty, cut) and where each is known, of whole bars."""
    pitch, onset = sounding(tokens), tokens > 1
    heard = (pitch > 0).astype(float)

    def mean(begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        count = window(heard, begin, end)
        return window(pitch.astype(float), begin, end) / count.clip(1), count > 0

    ahead, sounds = mean(0, AHEAD)
    coming, later = mean(0, HALF)
    gone, earlier = mean(-HALF, 0)
    held = (window((tokens != 0).astype(float), 1, 4) == 0) & (np.arange(len(tokens)) < len(tokens) - 3)
    before = np.concatenate([[0], pitch[:-1]])
    accent = onset & (held | ((before > 0) & (np.abs(pitch - before) >= 5)))
    left = (len(tokens) - np.arange(len(tokens))).clip(max=AHEAD)
    values = np.stack([onset * 0.5 + accent * 0.5, window(onset.astype(float), 0, AHEAD) / left, ((ahead - LOWEST) / SPAN).clip(0, 1),
                       ((coming - gone) / 12).clip(-1, 1), np.repeat(novelty(tokens, bar), bar), np.zeros(len(tokens))], 1)
    known = np.ones_like(values)
    known[:, 2], known[:, 3] = sounds, later & earlier
    return (values * known).astype(np.float32), known.astype(np.float32)
