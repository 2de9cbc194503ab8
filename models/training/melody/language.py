"""How surprising melodies are: a 5-gram model of their steps, whatever the key."""
from collections import defaultdict
import numpy as np

ORDER = 5
HOLD, OFF, FIRST = 0, 1, 2
WIDEST = 12
SYMBOLS = 3 + 2 * WIDEST + 1


def steps(row: np.ndarray) -> list[int]:
    """Tokens with each pitch told by its distance from the note before, up to an octave."""
    found, before = [], None
    for token in row.tolist():
        if token < 2:
            found.append(HOLD if token == 0 else OFF)
            continue
        found.append(FIRST if before is None else 3 + WIDEST + max(-WIDEST, min(WIDEST, token - before)))
        before = token
    return found


class Language:
    """Counts of up to five steps, mixed by Witten and Bell's rule (1991)."""

    def __init__(self, rows: np.ndarray) -> None:
        self.counts: dict[tuple[int, ...], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for row in rows:
            line = steps(row)
            for at, step in enumerate(line):
                for length in range(ORDER):
                    if length <= at:
                        self.counts[tuple(line[at - length:at])][step] += 1

    def odds(self, context: tuple[int, ...], step: int) -> float:
        """The odds of a step after those before it."""
        shorter = self.odds(context[1:], step) if context else 1 / SYMBOLS
        seen = self.counts.get(context)
        if not seen:
            return shorter
        total = sum(seen.values())
        return (seen.get(step, 0) + len(seen) * shorter) / (total + len(seen))

    def cost(self, rows: np.ndarray) -> np.ndarray:
        """Bits a step of each melody."""
        lines = [steps(row) for row in rows]
        return np.array([-np.mean([np.log2(self.odds(tuple(line[max(0, at - ORDER + 1):at]), step))
                                   for at, step in enumerate(line)]) for line in lines])
