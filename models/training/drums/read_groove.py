"""Reads a take of the Groove MIDI Dataset into hits on the grid of sixteenths, with their loudness and their place."""
from pathlib import Path
import mido
import numpy as np

CLASSES = ((36, 35), (38, 37, 40), (42, 22, 44), (46, 26), (43, 58), (47, 45), (50, 48), (49, 52, 55, 57), (51, 53, 59))
"""Magenta's nine: kick, snare, closed and open hat, low, middle and high tom, crash, ride; with its Roland kit's own."""
CLASS_OF = {pitch: index for index, pitches in enumerate(CLASSES) for pitch in pitches}


def take(path: Path) -> np.ndarray:
    """[steps, 9, 3]: whether it is hit, how loud (0 to 1), how much later than the grid in sixteenths (-0.5 to 0.5)."""
    song = mido.MidiFile(path)
    per_step, ticks, found = song.ticks_per_beat / 4, 0, []
    for message in mido.merge_tracks(song.tracks):
        ticks += message.time
        if message.type == "note_on" and message.velocity > 0 and message.note in CLASS_OF:
            at = ticks / per_step
            found.append((int(at + 0.5), CLASS_OF[message.note], message.velocity / 127, at - int(at + 0.5)))
    steps = np.zeros((max((f[0] for f in found), default=-1) + 1, 9, 3), np.float32)
    for step, kind, loud, late in sorted(found, key=lambda f: f[2]):
        steps[step, kind] = (1, loud, late)
    return steps
