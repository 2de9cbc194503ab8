"""Chord tokens: twelve roots by nine families, and none; key-relative, root 0 is the C of C major and A minor."""
from typing import TYPE_CHECKING
import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

FAMILIES = {"maj": (0, 4, 7), "min": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10),
            "sus4": (0, 5, 7), "sus2": (0, 2, 7), "dim": (0, 3, 6), "m7b5": (0, 3, 6, 10)}
"""Name to pitch classes above the root, in the order of the tokens."""
COUNT = len(FAMILIES)
NONE = 12 * COUNT
"""No chord."""
START = NONE + 1
"""Stands before the first chord."""
CHORDS = NONE + 1
"""Different tokens that a model may give."""
TONES = list(FAMILIES.values())
TONIC = (0, 9 * COUNT + 1)
"""The tonic chord in major and in minor."""
MAJOR_SCALE = frozenset((0, 2, 4, 5, 7, 9, 11))
MINOR = np.array([*([family in (1, 4, 7, 8) for _ in range(12) for family in range(COUNT)]), False])
"""Whether a token that a model may give has a minor third."""

POP909 = {"maj": "maj", "min": "min", "sus2": "sus2", "min7": "m7", "sus4": "sus4", "maj7": "maj7", "sus4(b7)": "sus4",
          "7": "7", "maj6": "maj", "dim": "dim", "hdim7": "m7b5", "aug": "maj", "min6": "min", "dim7": "dim",
          "minmaj7": "min", "sus2(b7)": "sus2", "9": "7", "maj9": "maj7", "min9": "m7", "11": "7", "13": "7"}
"""The families of POP909's labels, without their bass."""
MUSICXML = {"major": "maj", "dominant": "7", "minor-seventh": "m7", "minor": "min", "major-seventh": "maj7",
            "diminished": "dim", "major-sixth": "maj", "dominant-ninth": "7", "minor-sixth": "min",
            "diminished-seventh": "dim", "augmented-seventh": "7", "augmented": "maj", "half-diminished": "m7b5",
            "suspended-fourth": "sus4", "suspended-second": "sus2", "dominant-13th": "7", "minor-ninth": "m7",
            "augmented-ninth": "7", "major-ninth": "maj7", "dominant-11th": "7", "minor-major": "min",
            "major-minor": "min", "minor-11th": "m7", "minor-13th": "m7", "maj69": "maj"}
"""The families of MusicXML's kinds."""


def token(root: int, family: str) -> int:
    """The token of a chord."""
    return root % 12 * COUNT + list(FAMILIES).index(family)


def moved(chord: int, shift: int) -> int:
    """The token so many semitones higher."""
    return chord if chord >= NONE else (chord + shift * COUNT) % NONE


def classes(chord: int) -> frozenset[int]:
    """The pitch classes of a token; nothing for none."""
    if chord >= NONE:
        return frozenset()
    root, family = divmod(chord, COUNT)
    return frozenset((root + tone) % 12 for tone in TONES[family])


def name(chord: int) -> str:
    """A token as a lead sheet writes it, in C or A."""
    if chord >= NONE:
        return "N.C."
    root, family = divmod(chord, COUNT)
    return ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")[root] + ("", "m", *list(FAMILIES)[2:])[family]


def tensions() -> np.ndarray:
    """How tense each chord is: notes foreign to the scale, sevenths, no plain triad, the leading note."""
    found = np.zeros(START + 1)
    for chord in range(NONE):
        family, inside = chord % COUNT, classes(chord)
        found[chord] = len(inside - MAJOR_SCALE) + 0.5 * (family in (2, 3, 4, 8)) + 0.5 * (family in (5, 6, 7, 8)) + 0.5 * (11 in inside)
    return found


TENSION = tensions()


def table() -> "Tensor":
    """[110, 34] what each token says: root, pitch classes, family, whether it is a chord; nothing for the start."""
    import torch  # only training needs it

    rows = np.zeros((START + 1, 12 + 12 + COUNT + 1), np.float32)
    for chord in range(NONE):
        root, family = divmod(chord, COUNT)
        rows[chord, root] = rows[chord, 24 + family] = rows[chord, -1] = 1
        rows[chord, [12 + c for c in classes(chord)]] = 1
    return torch.from_numpy(rows)
