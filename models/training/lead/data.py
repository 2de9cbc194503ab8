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
SHORTEST, LONGEST = 1, 4
"""Bars that a medley stays with a song."""
UNTOLD = 0.5
"""Share of the medleys that do not say where they cut."""
OCTAVE = 0.1
"""Share of the sequences an octave lower, and as many an octave higher."""
JUMPS = 0.25
"""The same of the parts of a medley."""
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


def moved(tokens: np.ndarray, rows: np.ndarray, values: np.ndarray, known: np.ndarray, share: float,
          rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and their bars, some an octave lower or higher, where there is room; `values` then say it."""
    move = rng.choice([-12, 0, 12], p=[share, 1 - 2 * share, share])
    if not move or (tokens[tokens > 1] + move).min(initial=99) <= 16 or (tokens + move).max() >= 80:
        return tokens, rows
    values[:, 2] = (values[:, 2] + move / 60 * (known[:, 2] > 0)).clip(0, 1)
    return np.where(tokens > 1, tokens + move, tokens), np.where(rows > 1, (rows + move).clip(2, 89), rows)


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

    def cuts(self, bar: int, long: int, rng: np.random.Generator, medley: bool) -> list[int]:
        """The sixteenths at which another song begins, and the end."""
        if medley:
            bars = np.cumsum(rng.integers(SHORTEST, LONGEST + 1, long))
            return [int(b) * bar for b in bars if b < long] + [long * bar]
        return [int(rng.integers(bar, (long - 1) * bar)), long * bar] if rng.random() < SPLICED else [long * bar]

    def sequence(self, metre: int, rng: np.random.Generator, long: int, medley: bool) -> list[np.ndarray]:
        """Tokens, chord, next, ahead, values, known, close, which bar each step is told, of `long` bars; and whole bars.

        In a medley only what is asked for tells how the next bars will be: what was heard is another song, an octave away.
        """
        bar = BARS[metre]
        steps = long * bar
        out: list[list[np.ndarray]] = [[] for _ in range(7)]
        told, bars, at, mode, tries = [], [], 0, None, 0
        cuts, cut = self.cuts(bar, long, rng, medley), CONTROLS.index("cut")
        silent = medley and rng.random() < UNTOLD
        while at < steps:
            found = self.picked(metre, rng)
            first = int(rng.integers(0, max(1, len(found.tokens) // bar - long + 1))) * bar
            if medley:
                first = int(rng.integers(0, max(1, len(found.tokens) // bar - LONGEST + 1))) * bar
            phase, tries = at % bar, tries + 1
            if at and tries < TRIES and (found.mode != mode or found.tokens[first + phase] < 2):
                continue
            mode = found.mode
            end, tries = min(len(found.tokens), first + phase + min(c for c in cuts if c > at) - at), 0
            part = slice(first + phase, end)
            values, known, close = found.values[part].copy(), found.known[part].copy(), np.full(end - part.start, OPEN)
            if at and not silent:
                values[0, cut] = 1
            if silent:
                known[:, cut] = 0
            for last in found.ends[(found.ends >= part.start) & (found.ends < end)]:
                if rng.random() < 0.4:
                    near = np.arange(max(0, last - part.start - int(rng.integers(4, OPEN))), last - part.start + 1)
                    close[near] = np.minimum(close[near], last - part.start - near)
            rows = []
            for index in range(part.start // bar, (end + bar - 1) // bar):
                row = np.zeros(16, np.int64)
                row[:bar] = found.tokens[index * bar:(index + 1) * bar]
                rows.append(row)
            tokens, rows = found.tokens[part], np.stack(rows)
            if medley:
                tokens, rows = moved(tokens, rows, values, known, JUMPS, rng)
            for store, array in zip(out, (tokens, found.chords[part], found.coming[part], found.ahead[part], values, known, close)):
                store.append(array)
            told.append(sum(map(len, bars)) + (np.arange(part.start, end) // bar - part.start // bar))
            bars.append(rows)
            at += end - part.start
        result = [np.concatenate(store) for store in out]
        rows = np.concatenate(bars)
        if not medley:
            result[0], rows = moved(result[0], rows, result[4], result[5], OCTAVE, rng)
        return [*result, np.concatenate(told), rows, np.int64(mode)]

    def batch(self, rng: np.random.Generator, size: int, metre: int | None = None, long: int = LONG, medleys: float = 0) -> dict[str, Tensor]:
        """A batch of one metre, with a share of medleys."""
        metre = int(rng.choice(3, p=METRES)) if metre is None else metre
        found = [self.sequence(metre, rng, long, rng.random() < medleys) for _ in range(size)]
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
