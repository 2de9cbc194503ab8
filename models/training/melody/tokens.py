"""Bars of notes to tokens: 0 hold, 1 note off, from 2 on the pitches from 21 up; 16 to a bar."""
from fractions import Fraction as F
import numpy as np

BAR = 16


def tokens_of(bars: list[list]) -> np.ndarray | None:
    """The tokens of whole bars in a row, or None where they do not fill the grid."""
    row, sounding, tied = np.zeros(BAR * len(bars), np.int64), False, None
    for index, bar in enumerate(bars):
        if sum(n[1] for n in bar) != BAR:
            return None
        at = F(BAR * index)
        for pitch, length, tie in bar:
            step = min(len(row) - 1, int(at + F(1, 2)))
            if pitch is None:
                row[step], sounding = (1 if sounding else 0), False
            elif pitch != tied:
                if not 27 <= pitch <= 102:
                    return None
                row[step], sounding = pitch - 19, True
            tied = pitch if tie else None
            at += length
    return row
