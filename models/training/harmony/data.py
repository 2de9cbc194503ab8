"""Chords step by step, with what can be asked of them computed from the music itself."""
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import torch
from torch import Tensor
from common.chords import COUNT, MINOR, NONE, TENSION
from harmony.network import FARTHEST, MOODS, STEPS
from songs.song import Song, load

SIZE = (8, 12, 12)
"""Sixteenths in a step."""
LONG = 64
"""Steps in a sequence: 32 bars of 4/4."""
SHARE = {"pop909": 0.65, "openewld": 0.25}
"""How often sequences come from a source; the rest are tunes in 3/4 and 6/8 whose chords were drawn for them."""


def home(chord: np.ndarray, mode: int) -> np.ndarray:
    """Where the chord is a tonic."""
    root, family = chord // COUNT, chord % COUNT
    return (chord < NONE) & ((root == 9) & np.isin(family, (1, 4)) if mode else (root == 0) & np.isin(family, (0, 3)))


@dataclass
class Line:
    """The chords of a song."""

    chords: np.ndarray
    phase: np.ndarray
    metre: int
    mode: int
    moods: np.ndarray
    closes: np.ndarray


def line(song: Song) -> Line:
    """A song's chords on its steps."""
    chords = song.chords[::SIZE[song.metre]]
    a_bar = 1 if song.metre else 2
    phase = (song.first * 2 + np.arange(len(chords)) * (3 - a_bar)) % STEPS
    changed = np.concatenate([[True], chords[1:] != chords[:-1]])
    told = np.stack([-MINOR[chords].astype(float), TENSION[chords], changed], 1)
    total, at = np.concatenate([np.zeros((1, 3)), told.cumsum(0)]), np.arange(len(chords))
    last = np.minimum(at + STEPS, len(chords))
    moods = (total[last] - total[at]) / (last - at)[:, None]
    closes = np.flatnonzero(home(chords, song.mode) & changed & (phase % 2 == 0))
    return Line(chords, phase, song.metre, song.mode, moods, closes[closes > 0])


class Lines:
    """The songs of a split, ready to be drawn from."""

    def __init__(self, path: Path, ranks: list | None = None) -> None:
        songs = [s for s in load(path) if s.source in SHARE or s.metre]
        self.lines = [line(s) for s in songs]
        self.groups = [[l for l, s in zip(self.lines, songs) if s.source == n] for n in SHARE]
        self.groups.append([l for l, s in zip(self.lines, songs) if s.source not in SHARE])
        self.odds = np.array([*SHARE.values(), 1 - sum(SHARE.values())])
        self.weights = [np.array([len(l.chords) for l in g]) / sum(len(l.chords) for l in g) for g in self.groups]
        self.ranks = ranks or [[np.sort(np.concatenate([l.moods[:, i] for l in self.lines if l.mode == mode])) for i in range(len(MOODS))]
                               for mode in (0, 1)]
        for found in self.lines:
            found.moods = np.stack([gauss(found.moods[:, i], self.ranks[found.mode][i]) for i in range(len(MOODS))], 1)

    def sequence(self, found: Line, first: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Chords, countdown, phase, moods and whether each step is there, of LONG steps."""
        part = slice(first, first + LONG)
        chords, there = found.chords[part], min(LONG, len(found.chords) - first)
        countdown = np.full(LONG, FARTHEST + 1)
        if rng.random() < 0.6:
            for close in found.closes[(found.closes >= first) & (found.closes < first + there) & (rng.random(len(found.closes)) < 0.5)]:
                known = min(close - first, int(rng.integers(2, FARTHEST + 1)))
                at = np.arange(close - first - known, close - first + 1)
                countdown[at] = np.minimum(countdown[at], close - first - at)

        def full(values: np.ndarray, blank: float) -> np.ndarray:
            return np.concatenate([values, np.full((LONG - len(values), *values.shape[1:]), blank, values.dtype)])

        return [full(chords, NONE), countdown, full(found.phase[part], 0), full(found.moods[part], 0).astype(np.float32), np.arange(LONG) < there]

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, ...]:
        """Chords, countdown, phase, moods, there [size, 64], metre and mode [size]."""
        found, kinds = [], []
        for _ in range(size):
            group = rng.choice(len(self.groups), p=self.odds)
            picked = self.groups[group][rng.choice(len(self.groups[group]), p=self.weights[group])]
            a_bar = 1 if picked.metre else 2
            last = max(0, len(picked.chords) - LONG) // a_bar
            found.append(self.sequence(picked, int(rng.integers(0, last + 1)) * a_bar, rng))
            kinds.append((picked.metre, picked.mode))
        metre, mode = torch.tensor(kinds).T
        return *(torch.from_numpy(np.stack(part)) for part in zip(*found)), metre, mode


def gauss(values: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Values by their rank among `ranked` to N(0, 1)."""
    place = (np.searchsorted(ranked, values - 1e-9) + np.searchsorted(ranked, values + 1e-9, side="right")) / 2 / len(ranked)
    return torch.special.ndtri(torch.from_numpy(place).clamp(0.005, 0.995)).numpy()
