"""Onsets of POP909's melodies and pianos, and of the Groove MIDI Dataset's drummers, as the touch model hears them."""
import csv
from pathlib import Path
import numpy as np
import torch
from torch import Tensor
from common.chords import NONE, classes
from drums import read_groove
from harmony.data import gauss
from songs.song import Song, load
from texture.data import groups
from texture.slots import HIGHEST_BASS
from touch.network import FEATURES

LONG = 96
"""Onsets in a sequence."""
FAR = 32
TARGETS = 4
"""Velocity, timing, log2 of the length, pedal; not a number where it is not known."""


DRUMMERS = 4
"""One take in so many is read: timing needs no more, and reading them is slow."""
UNKNOWN, UNKNOWN_OFTEN = (0, 0.5, 1), (0.1, 0.2, 0.7)
"""Of how many onsets in a sequence the gap to the next is not known, and how often: who plays as the music comes knows none."""
NAMES = ("phase", "features", "targets", "energy")


def features(steps: np.ndarray, high: np.ndarray, low: np.ndarray, count: np.ndarray, fresh: np.ndarray, tone: np.ndarray,
             pitched: bool) -> np.ndarray:
    """[onsets, 12]; energy and whether it is given come later."""
    found = np.zeros((len(steps), FEATURES), np.float32)
    before, after = np.diff(steps, prepend=steps[0] - FAR), np.diff(steps, append=steps[-1] + FAR)
    found[:, 0] = count / 4
    if pitched:
        found[:, 1], found[:, 2] = (high - 60) / 24, (low - 60) / 24
        found[1:, 3] = (np.diff(high) / 12).clip(-2, 2)
    found[:, 4], found[:, 5] = (np.log2(1 + d.clip(0, FAR)) / 5 for d in (before, after))
    found[:, 6] = 1
    found[:, 7] = (np.arange(len(steps)) - np.searchsorted(steps, steps - 15) + 1) / 16
    found[:, 8], found[:, 9] = fresh, tone
    return found


def energies(loud: np.ndarray, bar: np.ndarray) -> np.ndarray:
    """For each onset, how loud its bar is."""
    sums, counts = np.bincount(bar, loud), np.bincount(bar)
    return (sums / counts.clip(1))[bar]


def part_of(song: Song, part: int) -> tuple | None:
    """Phase, features, targets and energy of a part of a song."""
    notes = song.notes[song.notes[:, 0] == min(part, 1)]
    if part == 2:
        lowest = [g[int(g[:, 3].argmin())] for _, g in groups(notes)]
        notes = np.array([n for n in lowest if n[3] < HIGHEST_BASS]).reshape(-1, 8)
    found = groups(notes)
    if len(found) < 32:
        return None
    steps = np.array([s for s, _ in found])
    high, low, count = (np.array([f(g) for _, g in found], float) for f in (lambda g: g[:, 3].max(), lambda g: g[:, 3].min(), len))
    inside = {c: classes(c) for c in np.unique(song.chords)}
    tone = np.array([int(h) % 12 in inside[song.chords[s]] for s, h in zip(steps, high)])
    fresh = np.array([s == 0 or song.chords[s] != song.chords[s - 1] for s in steps])
    loud = np.array([g[:, 4].mean() for _, g in found])
    length = np.log2(np.array([np.median(g[:, 2]) for _, g in found]).clip(0.25, 32))
    pedal = np.array([g[:, 6].max() for _, g in found])
    targets = np.stack([loud, np.full(len(found), np.nan), length, np.where((pedal < 0) | (part == 0), np.nan, pedal)], 1)
    return steps % song.bar, features(steps, high, low, count, fresh, tone, True), targets, energies(loud, steps // song.bar), song.metre, part


def drummed(take: np.ndarray) -> tuple | None:
    """The same of a drummer's take in 4/4."""
    steps = np.flatnonzero(take[..., 0].any(1))
    if len(steps) < 32:
        return None
    hits, count = take[steps], take[steps, :, 0].sum(1)
    loud, late = ((hits[..., 0] * hits[..., i]).sum(1) / count for i in (1, 2))
    nothing = np.zeros(len(steps))
    targets = np.stack([loud, late, np.full(len(steps), np.nan), np.full(len(steps), np.nan)], 1)
    return steps % 16, features(steps, nothing, nothing, count, nothing, nothing, False), targets, energies(loud, steps // 16), 0, 3


def read(songs: Path, data: Path, split: str) -> list[tuple]:
    """All parts of a split: its songs', and its drummers'; behind each, how loud it is in all
    stretches of the piece, and a number that they have in common."""
    found = [(s.title, part_of(s, part)) for s in load(songs / f"{split}.npz") if s.source == "pop909" for part in (0, 1, 2)]
    folder = next((data / "drums" / "groove").rglob("info.csv")).parent
    for row in list(csv.DictReader((folder / "info.csv").open()))[::DRUMMERS]:
        if row["time_signature"] == "4-4" and row["split"] == {"train": "train", "held": "validation"}[split]:
            found.append((row["midi_filename"], drummed(read_groove.take(folder / row["midi_filename"]))))
    pieces: dict[tuple, list] = {}
    for title, part in found:
        if part:
            pieces.setdefault((title, part[5]), []).append(part)
    levels = [(number, float(np.concatenate([p[2][:, 0] for p in parts]).mean()), parts) for number, parts in enumerate(pieces.values())]
    return [(*part, level, number) for number, level, parts in levels for part in parts]


class Onsets:
    """All parts of a split, as touch/prepare.py wrote them, but for how loud a part is in the whole piece: nothing that the
    model hears tells that, and it would be drawn anew for each note."""

    def __init__(self, path: Path, split: str, like: "Onsets | None" = None) -> None:
        found = np.load(path)
        cuts = np.cumsum(found[f"{split}_lengths"])[:-1]
        arrays = [np.split(found[f"{split}_{name}"], cuts) for name in NAMES]
        kinds = found[f"{split}_kinds"]
        loud = [kinds[kinds[:, 1] == kind, 2].mean() for kind in range(4)]
        self.middles = like.middles if like else loud
        self.parts, self.pieces = [], {}
        for (phase, told, targets, energy), (metre, part, level, piece) in zip(zip(*arrays), kinds):
            targets[:, 0] += self.middles[int(part)] - level
            self.parts.append((phase, told, targets, energy - level, int(metre), int(part)))
            self.pieces.setdefault((int(part), int(piece)), []).append(self.parts[-1])
        self.kinds = [[p for p in self.parts if p[5] == kind] for kind in range(4)]
        self.ranks = like.ranks if like else [np.sort(np.concatenate([p[3] for p in kind])) for kind in self.kinds]

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, ...]:
        """Part, phase, metre, features, targets, there of sequences of onsets."""
        rows = []
        for _ in range(size):
            kind = int(rng.choice(4, p=(0.25, 0.4, 0.15, 0.2)))
            phase, told, targets, energy, metre, part = self.kinds[kind][rng.integers(len(self.kinds[kind]))]
            first = int(rng.integers(0, max(1, len(phase) - LONG)))
            at = np.arange(first, first + LONG).clip(max=len(phase) - 1)
            told = told[at].copy()
            told[0, 3], told[0, 4] = 0, 1
            if rng.random() < 0.5:
                told[:, 10], told[:, 11] = gauss(energy[at], self.ranks[kind]), 1
            unknown = rng.random(LONG) < rng.choice(UNKNOWN, p=UNKNOWN_OFTEN)
            told[unknown, 5], told[unknown, 6] = 0, 0
            rows.append((np.full(LONG, part), phase[at], np.full(LONG, metre), told, targets[at].astype(np.float32), np.arange(first, first + LONG) < len(phase)))
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*rows))
