"""Piano patterns as slots over a chord: a bass class and the n-th chord tones above a fixed floor."""
import numpy as np
from common.chords import COUNT, NONE, TONES

BASS = ("nothing", "root", "octave", "fifth", "third", "other")
SLOTS = 14
PLAYED = len(BASS) + SLOTS
MOST = 5
"""Upper notes at once."""
FLOOR = 48
"""The lowest pitch of a slot, before it is moved into the key."""
LOWEST_BASS = 36
"""The bass's root lies in the octave from here."""
HIGHEST_BASS = 55
"""The lowest note struck is the bass where it lies below this."""


def bass_pitch(chord: int, part: int, shift: int) -> int | None:
    """The sounding pitch of a bass class on a key-relative chord, in the key `shift` semitones above."""
    if part == 0 or chord >= NONE:
        return None
    root, family = divmod(chord, COUNT)
    tones = TONES[family]
    low = LOWEST_BASS + (root + shift - LOWEST_BASS) % 12
    return low + (0, 0, 12, tones[2], tones[1], tones[3] if len(tones) > 3 else 12)[part]


def slot_pitches(chord: int, shift: int) -> list[int]:
    """The sounding pitches of all slots on a key-relative chord."""
    if chord >= NONE:
        return []
    root, family = divmod(chord, COUNT)
    inside = {(root + tone) % 12 for tone in TONES[family]}
    found = [pitch for pitch in range(FLOOR, FLOOR + 72) if pitch % 12 in inside]
    return [pitch + shift for pitch in found[:SLOTS]]


def bass_class(chord: int, pitch: int) -> int:
    """The class of a bass note that a player struck; both key-relative."""
    root, family = divmod(chord, COUNT)
    tones, above = TONES[family], (pitch - root) % 12
    if above == 0:
        return 2 if pitch >= LOWEST_BASS + 12 else 1
    if above == tones[2]:
        return 3
    if above in (3, 4) if tones[1] in (3, 4) else above == tones[1]:
        return 4
    return 5


def nearest_slot(pitches: np.ndarray, pitch: int) -> int | None:
    """The slot of a note that a player struck: a chord tone, or one two semitones away at most."""
    away = np.abs(pitches - pitch)
    best = int(away.argmin())
    return best if away[best] <= 2 else None
