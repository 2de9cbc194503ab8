"""Reads a song of POP909 into rows of tokens; notes are placed by its beat annotation, for its ticks drift."""
from pathlib import Path
import mido
import numpy as np


def notes(path: Path) -> list[tuple[float, float, int]]:
    """Start and end in seconds and pitch of the notes of the MELODY track."""
    song = mido.MidiFile(path)
    changes = [(0, 500000)]
    ticks = 0
    for message in song.tracks[0]:
        ticks += message.time
        if message.type == "set_tempo":
            changes.append((ticks, message.tempo))

    def seconds(at: int) -> float:
        total = 0.0
        for (start, tempo), (end, _) in zip(changes, changes[1:] + [(at, 0)]):
            total += max(0, min(at, end) - start) * tempo / 1e6 / song.ticks_per_beat
        return total

    found, sounding, ticks = [], {}, 0
    for message in next((t for t in song.tracks if t.name == "MELODY"), []):
        ticks += message.time
        if message.type in ("note_on", "note_off"):
            if message.note in sounding:
                found.append((seconds(sounding.pop(message.note)), seconds(ticks), message.note))
            if message.type == "note_on" and message.velocity > 0:
                sounding[message.note] = ticks
    return sorted(found)


def line(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of a whole song, four to a beat, and its downbeats in beats; nothing for a song off its own grid."""
    beats = np.loadtxt(folder / "beat_midi.txt", ndmin=2)
    played = notes(folder / f"{folder.name}.mid")
    downbeats = np.flatnonzero(beats[:, 2] > 0)
    nothing = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if not played or len(downbeats) < 3:
        return nothing
    grid = np.interp([n[:2] for n in played], beats[:, 0], np.arange(len(beats))) * 4
    if np.abs(grid[:, 0] - np.round(grid[:, 0])).mean() > 0.1:
        return nothing
    tokens = np.zeros(len(beats) * 4 + 64, np.int64)
    spans = [(int(round(a)), max(int(round(b)), int(round(a)) + 1), n[2]) for (a, b), n in zip(grid, played)]
    for begin, end, pitch in spans:  # sorted by start, then pitch: the highest of a chord is written last
        if 27 <= pitch <= 102:
            tokens[begin] = pitch - 19
    for begin, end, pitch in spans:
        if 27 <= pitch <= 102 and not (tokens[begin + 1:end + 1] > 1).any():
            tokens[end] = 1
    return tokens, downbeats


def rows(folder: Path) -> list[np.ndarray]:
    """32 tokens from each downbeat on, where two bars of four beats follow."""
    tokens, downbeats = line(folder)
    found = []
    for first, middle, last in zip(downbeats, downbeats[1:], downbeats[2:]):
        if middle - first == 4 and last - middle == 4:
            row = tokens[first * 4:first * 4 + 32].copy()
            onsets = np.flatnonzero(row > 1)
            row[:onsets[0] if len(onsets) else 32] = 0  # the end of a note that began before is not heard
            found.append(row)
    return found
