"""Two bars of POP909's piano at a time, as slots over their chords."""
from pathlib import Path
import numpy as np
import torch
from torch import Tensor
from common.chords import NONE
from harmony.data import gauss
from lead.data import next_chords
from songs.song import Song, load
from texture.network import CONTROLS, FAR, STEPS
from texture.slots import BASS, HIGHEST_BASS, MOST, PLAYED, bass_class, nearest_slot, slot_pitches

ANEW = 0.5
"""Share of the windows of twelve sixteenths a bar that are made of bars of four beats."""
METRES = (0.7, 0.15, 0.15)
"""How often a window is in 4/4, 3/4 and 6/8."""
KEPT = (np.concatenate([np.arange(12), 16 + np.arange(12)]),
        np.concatenate([bar * 16 + half * 8 + np.arange(6) for bar in (0, 1) for half in (0, 1)]))
"""What of two bars of 4/4 is kept for 3/4 (three beats) and for 6/8 (three eighths of each half)."""
FEWEST = 6
"""Steps that are struck in two bars that count as piano."""


def slotted(song: Song) -> tuple[np.ndarray, int, int]:
    """[steps, 20] what is struck, how many notes there were and how many found no slot."""
    found = np.zeros((len(song.melody), PLAYED), np.uint8)
    piano = song.notes[song.notes[:, 0] == 1]
    count = lost = 0
    pitches = {chord: np.array(slot_pitches(chord, 0)) for chord in np.unique(song.chords)}
    for step, group in groups(piano):
        chord = int(song.chords[step])
        if chord >= NONE:
            continue
        count += len(group)
        keys = sorted(set(group[:, 3].astype(int)))
        if keys[0] < HIGHEST_BASS:
            found[step, bass_class(chord, keys.pop(0))] = 1
        for pitch in keys:
            slot = nearest_slot(pitches[chord], pitch)
            if slot is None or found[step, len(BASS) + slot] or found[step, len(BASS):].sum() >= MOST:
                lost += 1
            else:
                found[step, len(BASS) + slot] = 1
    found[:, 0] = ~found[:, 1:len(BASS)].any(1)
    return found, count, lost


def groups(notes: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Notes by the sixteenth at which they begin."""
    if not len(notes):
        return []
    steps = notes[:, 1].astype(int)
    edges = np.flatnonzero(np.diff(steps)) + 1
    return [(int(part[0, 1]), part) for part in np.split(notes, edges)]


def asked(song: Song, found: np.ndarray) -> np.ndarray:
    """[bars, 3]: struck steps, mean slot, how much louder than the song; not a number where there is none."""
    bars, bar = song.bars, song.bar
    onsets = (found[:, 1:].any(1)).reshape(bars, bar).sum(1).astype(float)
    slots = found[:, len(BASS):].reshape(bars, bar, -1).sum(1).astype(float)
    total = slots.sum(1)
    register = np.where(total > 0, slots @ np.arange(slots.shape[1]) / total.clip(1), np.nan)
    piano = song.notes[song.notes[:, 0] == 1]
    where = (piano[:, 1] // bar).astype(int)
    loud = np.bincount(where, piano[:, 4], bars)[:bars] / np.bincount(where, minlength=bars)[:bars].clip(1)
    loud = np.where(np.bincount(where, minlength=bars)[:bars] > 0, loud - piano[:, 4].mean() if len(piano) else 0, np.nan)
    return np.stack([onsets, register, loud], 1)


class Windows:
    """All songs one after the other, and where two bars of piano begin."""

    def __init__(self, path: Path, ranks: list | None = None) -> None:
        songs = [s for s in load(path) if s.source == "pop909" and len(s.notes)]
        parts, starts, at, lost = [], [[], []], 0, np.zeros(2)
        raw = []
        for song in songs:
            found, count, gone = slotted(song)
            lost += count, gone
            coming, ahead = next_chords(song.chords)
            before = np.concatenate([[-1], song.chords[:-1]])
            raw.append(asked(song, found))
            parts.append((found, song.chords, ahead, (song.chords != before).astype(np.int64), np.full(len(found), song.mode)))
            for bar in range(song.bars - 1):
                two = slice(bar * song.bar, (bar + 2) * song.bar)
                if found[two, 1:].any(1).sum() >= FEWEST and (song.chords[two] >= NONE).mean() < 0.1:
                    starts[song.metre].append(at + two.start)
            at += len(found)
        self.lost = lost[1] / lost[0]
        self.played, self.chord, self.ahead, self.fresh, self.mode = (np.concatenate(p) for p in zip(*parts))
        self.starts = [np.array(s) for s in starts]
        values = np.concatenate(raw)
        self.ranks = ranks or [np.sort(values[~np.isnan(values[:, i]), i]) for i in range(len(CONTROLS))]
        told = np.stack([np.where(np.isnan(values[:, i]), np.nan, gauss(np.nan_to_num(values[:, i]), self.ranks[i])) for i in range(len(CONTROLS))], 1)
        self.control = np.repeat(told, np.concatenate([[s.bar] * s.bars for s in songs]), 0)

    def batch(self, rng: np.random.Generator, size: int, metre: int | None = None) -> dict[str, Tensor]:
        """Windows of 32 steps (24, and nothing, in the metres of twelve)."""
        rows, metres = [], rng.choice(3, size, p=METRES) if metre is None else np.full(size, metre)
        for kind in metres:
            real = kind == 1 and rng.random() > ANEW
            start = int(rng.choice(self.starts[1 if real else 0]))
            rows.append(start + (np.arange(24) if real else np.arange(32) if kind == 0 else KEPT[kind - 1]))
        at = np.stack([np.concatenate([r, np.full(STEPS - len(r), r[-1])]) for r in rows])
        there = np.stack([np.arange(STEPS) < len(r) for r in rows])
        played = self.played[at].astype(np.float32) * there[..., None]
        played[..., 0][~there] = 1
        first = self.played[(at[:, :1] - 1).clip(0)].astype(np.float32)
        chords = self.chord[at]
        ahead, fresh = self.ahead[at], self.fresh[at]
        for row, kind in enumerate(metres):
            if kind and len(rows[row]) == 24:  # the steps that were left out do not count
                changes = np.flatnonzero(fresh[row, :24])
                after = np.searchsorted(changes, np.arange(24), side="right")
                ahead[row, :24] = np.where(after < len(changes), changes[after.clip(max=max(0, len(changes) - 1))] - np.arange(24), FAR) if len(changes) else FAR
        control = self.control[at].astype(np.float32)
        known = ~np.isnan(control)
        found = {"played": played, "before": np.concatenate([first, played[:, :-1]], 1), "chord": chords, "ahead": ahead, "fresh": fresh,
                 "phase": np.minimum(np.arange(STEPS), np.where(metres == 0, 31, 23)[:, None]), "metre": np.repeat(metres[:, None], STEPS, 1),
                 "mode": self.mode[at], "control": np.nan_to_num(control), "known": known.astype(np.float32), "there": there}
        return {n: torch.from_numpy(np.ascontiguousarray(v)) for n, v in found.items()}


