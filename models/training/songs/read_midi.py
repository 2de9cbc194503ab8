"""Reads a song of POP909: melody and piano with velocities and pedal on the grid of its beats, chords and keys beside."""
import re
from pathlib import Path
import mido
import numpy as np
from common.chords import NONE, POP909, token

PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def pitch_class(name: str) -> int:
    """The pitch class of a name such as `Gb` or `F#`."""
    return (PITCHES[name[0]] + name.count("#") - name.count("b")) % 12


def seconds_of(song: mido.MidiFile) -> tuple[np.ndarray, np.ndarray]:
    """Ticks and seconds of every change of tempo, and of a far end; between them seconds grow evenly."""
    ticks, changes = 0, [(0, 500000)]
    for message in song.tracks[0]:
        ticks += message.time
        if message.type == "set_tempo":
            changes.append((ticks, message.tempo))
    changes.append((changes[-1][0] + 10_000_000, 0))
    at, when = [0], [0.0]
    for (begin, tempo), (end, _) in zip(changes, changes[1:]):
        at.append(end)
        when.append(when[-1] + (end - begin) * tempo / 1e6 / song.ticks_per_beat)
    return np.array(at), np.array(when)


def played(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Track to [notes, 4] of start, end (seconds), pitch and velocity; and [changes, 2] of the piano's pedal."""
    song = mido.MidiFile(path)
    at, when = seconds_of(song)
    found, pedal = {}, []
    for track in song.tracks:
        ticks, sounding, notes = 0, {}, []
        for message in track:
            ticks += message.time
            if message.type in ("note_on", "note_off"):
                if message.note in sounding:
                    begin, velocity = sounding.pop(message.note)
                    notes.append((begin, ticks, message.note, velocity))
                if message.type == "note_on" and message.velocity > 0:
                    sounding[message.note] = (ticks, message.velocity)
            elif message.type == "control_change" and message.control == 64 and track.name == "PIANO":
                pedal.append((ticks, message.value))
        array = np.array(sorted(notes), float).reshape(-1, 4)
        array[:, :2] = np.interp(array[:, :2], at, when)
        found[track.name] = array
    pedal = np.array(pedal, float).reshape(-1, 2)
    pedal[:, 0] = np.interp(pedal[:, 0], at, when)
    return found, pedal


def labels(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and label of every line of a file of chords or keys."""
    return [(float(a), float(b), c) for a, b, c in (line.split() for line in path.read_text().splitlines() if line.strip())]


def chord_of(label: str) -> int:
    """The token of a label such as `B:min7/b7`; unknown families are none."""
    found = re.match(r"([A-G][#b]*):([^/]*)", label)
    if not found or found[2] not in POP909:
        return NONE
    return token(pitch_class(found[1]), POP909[found[2]])


def key_of(label: str) -> tuple[int, int]:
    """Tonic and mode (0 major, 1 minor) of a label such as `Db:min`."""
    tonic, mode = label.split(":")
    return pitch_class(tonic), int(mode.startswith("min"))
