"""Sequences of bars from whole tunes, cut from one to another."""
from pathlib import Path
import numpy as np
import torch
from torch import Tensor
from controls import BAR

LONG = 16
"""Bars in a sequence."""
SPLICED = 0.6
"""Share of the sequences in which another tune is cut to before the end of the first."""
TRIES = 20
"""Tunes drawn before a cut waits for the next sixteenth."""


class Tunes:
    """The tunes of a split, one after the other."""

    def __init__(self, path: Path, split: str) -> None:
        found = np.load(path)
        self.bars, self.ends = found[split], found[f"{split}_ends"]
        self.begins = np.concatenate([[0], self.ends[:-1]])

    def tune(self, index: int) -> np.ndarray:
        return self.bars[self.begins[index]:self.ends[index]]

    def part(self, rng: np.random.Generator) -> np.ndarray:
        """A tune from a random bar on, transposed by up to six semitones; long tunes come oftener."""
        at = rng.integers(len(self.bars))
        index = np.searchsorted(self.ends, at, side="right")
        first = max(self.begins[index], min(at, self.ends[index] - LONG))
        found = self.bars[first:self.ends[index]]
        return np.where(found > 1, (found + rng.integers(-6, 7)).clip(2, 89), found)

    def sequence(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Tokens and cuts [256], whole bars [bars, 16] that codes are made of, and which of them each sixteenth is told.
        A cut falls on any sixteenth where the new tune has a note, and that is played at once."""
        tokens, cuts, source = (np.zeros(LONG * BAR, np.int64) for _ in range(3))
        bars: list[np.ndarray] = []
        at = tries = 0
        while at < len(tokens):
            part, phase, first = self.part(rng), at % BAR, len(bars)
            if at and part[0][phase] < 2:
                tries += 1
                if tries % TRIES == 0:  # no tune begins a note here: what sounds goes on
                    source[at] = source[at - 1]
                    at += 1
                continue
            if at:
                cuts[at] = 1
            room = part.ravel()[phase:][:len(tokens) - at]
            if rng.random() < SPLICED:
                room = room[:max(BAR, int(rng.integers(2 * BAR, LONG * BAR)))]
            bars += list(part[:(len(room) + phase + BAR - 1) // BAR])
            tokens[at:at + len(room)] = room
            source[at:at + len(room)] = first + (np.arange(len(room)) + phase) // BAR
            at += len(room)
        return tokens, cuts, np.stack(bars), source

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[size, 256] tokens, cuts and source, the last counting in the bars of all."""
        found = [self.sequence(rng) for _ in range(size)]
        shift = np.cumsum([0] + [len(f[2]) for f in found[:-1]])
        return (torch.from_numpy(np.stack([f[0] for f in found])), torch.from_numpy(np.stack([f[1] for f in found])),
                torch.from_numpy(np.concatenate([f[2] for f in found])),
                torch.from_numpy(np.stack([f[3] + s for f, s in zip(found, shift)])))
