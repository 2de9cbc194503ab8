"""Which key a stretch of music is in, and how far it lies from C major or A minor."""
import numpy as np
from common.chords import COUNT, NONE

SCALE = np.zeros(12, bool)
SCALE[[0, 2, 4, 5, 7, 9, 11]] = True
DOUBT = 0.04
"""A named scale stands unless another holds so much more of the time."""


def shares(weights: np.ndarray) -> np.ndarray:
    """For each of the twelve major scales, the share of the weights of pitch classes that lies in it."""
    return np.array([weights[np.roll(SCALE, s)].sum() for s in range(12)]) / max(weights.sum(), 1e-9)


def scale(weights: np.ndarray, named: int | None) -> int:
    """The tonic of the major scale: the one that was named, unless the notes say otherwise."""
    found = shares(weights)
    best = int(found.argmax())
    return named if named is not None and found[named] >= found[best] - DOUBT else best


def mode(chords: np.ndarray) -> int:
    """1 where key-relative chords lean on A minor, not on C major: by time, and twice by the last and the first."""
    real = chords[chords < NONE]
    if not len(real):
        return 0
    root, family = real // COUNT, real % COUNT
    minor, major = (root == 9) & (family % 3 == 1), (root == 0) & np.isin(family, (0, 3))
    end = len(real) * 0.1
    return int(minor.sum() + end * (minor[0] + 3 * minor[-1]) > major.sum() + end * (major[0] + 3 * major[-1]))


def shift(tonic_of_scale: int, near: int = 0) -> int:
    """Semitones from C to the scale, in -5..6, or within six of `near`."""
    found = (tonic_of_scale + 5) % 12 - 5
    while found - near > 6:
        found -= 12
    while near - found > 6:
        found += 12
    return found
