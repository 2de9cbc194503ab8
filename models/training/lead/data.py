"""Sequences of melody on chords, some cut from one song to another."""
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import torch
from torch import Tensor
from lead.controls import controls
from lead.inputs import CONTROLS, FAR, OPEN
from songs.song import BARS, Song, closes, load

LONG = 8
"""Bars in a sequence, unless told otherwise."""
METRES = (0.6, 0.2, 0.2)
"""How often a batch is in 4/4, 3/4 and 6/8."""
SHARE = {"pop909": 0.5, "openewld": 0.25}
"""How often a sequence comes from a source; the rest are traditional tunes."""
SPLICED = 0.3
"""Share of the sequences in which another song is cut to."""
OCTAVE = 0.1
"""Share of the sequences an octave lower, and as many an octave higher."""
TRIES = 100
"""Songs drawn for a cut, before one is taken that has no note there."""
MOST_EMPTY = 2
"""Bars without a note in a row; more are left out."""


@dataclass
class Line:
    """A song step by step, all arrays as long as its melody."""

    tokens: np.ndarray
    chords: np.ndarray
    coming: np.ndarray
    ahead: np.ndarray
    values: np.ndarray
    known: np.ndarray
    ends: np.ndarray
    mode: int


def next_chords(chords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next different chord, and the sixteenths until it (at most 32, which says further or unknown)."""
    coming, ahead = chords.copy(), np.full(len(chords), FAR)
    for at in reversed(range(len(chords) - 1)):
        if chords[at] != chords[at + 1]:
            coming[at], ahead[at] = chords[at + 1], 1
        else:
            coming[at], ahead[at] = coming[at + 1], min(ahead[at + 1] + 1, FAR)
    return np.where(ahead < FAR, coming, chords), ahead


def line(song: Song) -> Line | None:
    """A song without its long rests, or none where little is left."""
    kept, empty, bar = [], 0, song.bar
    for index in range(song.bars):
        part = slice(index * bar, (index + 1) * bar)
        empty = 0 if (song.melody[part] > 1).any() else empty + 1
        if empty <= MOST_EMPTY and (kept or empty == 0):
            kept.append(np.arange(part.start, part.stop))
    if len(kept) < 4:
        return None
    at = np.concatenate(kept)
    tokens, chords = song.melody[at], song.chords[at]
    values, known = controls(tokens, bar)
    return Line(tokens, chords, *next_chords(chords), values, known, closes(tokens), song.mode)


class Lines:
    """The songs of a split, by metre and source."""

    def __init__(self, path: Path) -> None:
        self.groups: list[dict[str, list[Line]]] = [{}, {}, {}]
        for song in load(path):
            if (found := line(song)) is not None:
                self.groups[song.metre].setdefault(song.source if song.source in SHARE else "folk", []).append(found)
        self.weights = [{n: np.cumsum([len(l.tokens) for l in g]) / sum(len(l.tokens) for l in g) for n, g in groups.items()}
                        for groups in self.groups]

    def picked(self, metre: int, rng: np.random.Generator) -> Line:
        """A song; long ones come oftener."""
        names = list(self.groups[metre])
        odds = np.array([SHARE.get(n, 0.25) for n in names])
        if metre == 2:
            odds = np.where(np.array(names) == "folk", 1.0, 0.1)
        name = names[rng.choice(len(names), p=odds / odds.sum())]
        return self.groups[metre][name][int(np.searchsorted(self.weights[metre][name], rng.random()))]

    def sequence(self, metre: int, rng: np.random.Generator, long: int) -> list[np.ndarray]:
        """Tokens, chord, next, ahead, values, known, close, which bar each step is told, of `long` bars; and whole bars."""
        bar = BARS[metre]
        steps = long * bar
        out: list[list[np.ndarray]] = [[] for _ in range(7)]
        told, bars, at, mode, tries = [], [], 0, None, 0
        cut = int(rng.integers(bar, steps - bar)) if rng.random() < SPLICED else steps
        while at < steps:
            found = self.picked(metre, rng)
            first = int(rng.integers(0, max(1, len(found.tokens) // bar - long + 1))) * bar
            phase, tries = at % bar, tries + 1
            if at and tries < TRIES and (found.mode != mode or found.tokens[first + phase] < 2):
                continue
            mode = found.mode
            end, tries = min(len(found.tokens), first + phase + (cut if at < cut else steps) - at), 0
            part = slice(first + phase, end)
            values, close = found.values[part].copy(), np.full(end - part.start, OPEN)
            if at:
                values[0, CONTROLS.index("cut")] = 1
            for last in found.ends[(found.ends >= part.start) & (found.ends < end)]:
                if rng.random() < 0.4:
                    near = np.arange(max(0, last - part.start - int(rng.integers(4, OPEN))), last - part.start + 1)
                    close[near] = np.minimum(close[near], last - part.start - near)
            for store, array in zip(out, (found.tokens[part], found.chords[part], found.coming[part], found.ahead[part], values, found.known[part], close)):
                store.append(array)
            begun = len(bars)
            for index in range(part.start // bar, (end + bar - 1) // bar):
                row = np.zeros(16, np.int64)
                row[:bar] = found.tokens[index * bar:(index + 1) * bar]
                bars.append(row)
            told.append(begun + (np.arange(part.start, end) // bar - part.start // bar))
            at += end - part.start
        result = [np.concatenate(store) for store in out]
        move = rng.choice([-12, 0, 12], p=[OCTAVE, 1 - 2 * OCTAVE, OCTAVE])
        rows = np.stack(bars)
        if move and ((result[0][result[0] > 1] + move).min(initial=99) > 16) and ((result[0] + move).max() < 80):
            result[0] = np.where(result[0] > 1, result[0] + move, result[0])
            rows = np.where(rows > 1, (rows + move).clip(2, 89), rows)
            result[4][:, 2] = (result[4][:, 2] + move / 60 * (result[5][:, 2] > 0)).clip(0, 1)
        return [*result, np.concatenate(told), rows, np.int64(mode)]

    def batch(self, rng: np.random.Generator, size: int, metre: int | None = None, long: int = LONG) -> dict[str, Tensor]:
        """A batch of one metre."""
        metre = int(rng.choice(3, p=METRES)) if metre is None else metre
        found = [self.sequence(metre, rng, long) for _ in range(size)]
        shift = np.cumsum([0] + [len(f[8]) for f in found[:-1]])
        names = ("tokens", "chord", "next", "ahead", "values", "known", "close")
        batch = {n: torch.from_numpy(np.stack([f[i] for f in found])) for i, n in enumerate(names)}
        batch["source"] = torch.from_numpy(np.stack([f[7] + s for f, s in zip(found, shift)]))
        batch["bars"] = torch.from_numpy(np.concatenate([f[8] for f in found]))
        steps = batch["tokens"].shape[1]
        batch["metre"] = torch.full((size, steps), metre)
        batch["mode"] = torch.tensor([int(f[9]) for f in found])[:, None].expand(-1, steps)
        batch["phase"] = (torch.arange(steps) % BARS[metre]).expand(size, -1)
        return batch
