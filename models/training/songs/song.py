"""A stretch of whole bars of one tune, key-relative, on a grid of sixteenths; and a file of many."""
from dataclasses import dataclass, field
from pathlib import Path
import numpy as np
from common.chords import NONE

BARS = (16, 12, 12)
"""Sixteenths in a bar of 4/4, 3/4 and 6/8."""
FIELDS = 8
"""Of a note: part (0 melody, 1 piano), sixteenth, length, pitch, velocity (0..1), timing (sixteenths late), pedal pressed
anew, pedal down."""


@dataclass
class Song:
    """Chords and melody have one token a sixteenth; `notes` [N, 8] are there only where a player was."""

    source: str
    title: str
    metre: int
    mode: int
    shift: int
    chords: np.ndarray
    melody: np.ndarray
    notes: np.ndarray = field(default_factory=lambda: np.zeros((0, FIELDS), np.float32))
    first: int = 0
    """How many bars of an eight-bar group have gone by at the first."""

    @property
    def bar(self) -> int:
        return BARS[self.metre]

    @property
    def bars(self) -> int:
        return len(self.melody) // self.bar


def save(path: Path, songs: list[Song]) -> None:
    """Writes songs one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, chords=np.concatenate([s.chords for s in songs]).astype(np.uint8),
                        melody=np.concatenate([s.melody for s in songs]).astype(np.uint8),
                        notes=np.concatenate([s.notes for s in songs]).astype(np.float32),
                        steps=[len(s.melody) for s in songs], counts=[len(s.notes) for s in songs],
                        told=[(s.metre, s.mode, s.shift, s.first) for s in songs], named=[(s.source, s.title) for s in songs])


def load(path: Path) -> list[Song]:
    """The songs of a file."""
    found = np.load(path)
    steps, counts = np.cumsum(found["steps"])[:-1], np.cumsum(found["counts"])[:-1]
    parts = (np.split(found["chords"].astype(np.int64), steps), np.split(found["melody"].astype(np.int64), steps),
             np.split(found["notes"], counts))
    return [Song(str(source), str(title), *map(int, told[:3]), chords, melody, notes, int(told[3]))
            for (source, title), told, chords, melody, notes in zip(found["named"], found["told"], *parts)]


def sounding(melody: np.ndarray) -> np.ndarray:
    """The pitch that sounds at each sixteenth, 0 in a rest."""
    found, now = np.zeros(len(melody), np.int64), 0
    for at, token in enumerate(melody):
        now = token + 19 if token > 1 else 0 if token == 1 else now
        found[at] = now
    return found


def closes(melody: np.ndarray) -> np.ndarray:
    """The sixteenths at which the last note of a phrase begins: one of a half note or longer, or before a rest of a quarter."""
    onsets = np.flatnonzero(melody > 1)
    pitch, found = sounding(melody), []
    for at, after in zip(onsets, [*onsets[1:], len(melody) + 4]):
        rest = (pitch[at:after] == 0).sum() if after <= len(melody) else 4
        if after - at >= 8 or rest >= 4:
            found.append(at)
    return np.array(found, np.int64)


def grouped(song: Song) -> int:
    """The bars gone by of the eight-bar group at the first bar, so that phrases end in the fourth and eighth, and a newly
    reached tonic comes last."""
    bars = closes(song.melody) // song.bar
    if not len(bars):
        return 0
    score = np.array([((bars + first) % 4 == 3).sum() + 0.01 * (first == 0) for first in range(4)])
    four = int(score.argmax())
    home = 9 if song.mode else 0
    roots = np.where(song.chords < NONE, song.chords // 9, -1)
    tonic = [b for b in np.unique(bars) if (roots[b * song.bar:(b + 1) * song.bar] == home).any()]
    eight = [sum((b + first) % 8 == 7 for b in tonic) for first in (four, four + 4)]
    return four + 4 * int(eight[1] > eight[0])
