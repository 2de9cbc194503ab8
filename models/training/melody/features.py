"""What melodies are like, in histograms that can be compared."""
from collections import Counter
import numpy as np

SCALES = [{(r + d) % 12 for d in (0, 2, 4, 5, 7, 9, 11)} for r in range(12)]


def features(rows: np.ndarray) -> tuple[list[Counter], float]:
    """Histograms of note count, |interval|, inter-onset steps, entropy and scale share; the mean scale share."""
    found: list[Counter] = [Counter() for _ in range(5)]
    shares = []
    for row in rows:
        at = np.flatnonzero(row > 1)
        found[0][len(at)] += 1
        found[1].update(np.minimum(15, np.abs(np.diff(row[at]))).tolist())
        found[2].update(np.minimum(16, np.diff(at)).tolist())
        if len(at):
            classes = Counter(((row[at] + 19) % 12).tolist())
            p = np.array(list(classes.values())) / len(at)
            found[3][round(float(-(p * np.log2(p)).sum()) * 5)] += 1
            share = max(sum(c for k, c in classes.items() if k in s) for s in SCALES) / len(at)
            shares.append(share)
            found[4][round(share * 20)] += 1
    return found, float(np.mean(shares)) if shares else 0.0
