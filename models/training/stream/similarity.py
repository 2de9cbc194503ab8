"""How a piece resembles itself, bar by bar."""
import numpy as np
from controls import BAR

LAGS = 32
EDGES = np.linspace(0, 1.0001, 11)


def matrix(tokens: np.ndarray) -> np.ndarray:
    """[bars, bars]: the share of the events in either of two bars that are the same in both."""
    bars = tokens.reshape(-1, BAR)
    event = bars > 0
    either = (event[:, None] | event[None]).sum(2)
    same = ((bars[:, None] == bars[None]) & event[:, None] & event[None]).sum(2)
    return np.where(either > 0, same / np.maximum(either, 1), 1.0)


def told(pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """The mean resemblance at each lag of 1 to 32 bars, the histogram of all pairs' resemblance, and the share of bars
    that return (four fifths alike to an earlier one at least two bars back)."""
    lags, shares, returns = [], np.zeros(len(EDGES) - 1), []
    for piece in pieces:
        found = matrix(piece)
        lags.append([np.diagonal(found, lag).mean() for lag in range(1, LAGS + 1)])
        shares += np.histogram(found[np.triu_indices(len(found), 1)], EDGES)[0]
        returns += [(found[i, :i - 1] >= 0.8).any() for i in range(2, len(found))]
    return np.mean(lags, 0), shares / shares.sum(), float(np.mean(returns))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Jensen-Shannon divergence in bits of two histograms."""
    m = (a + b) / 2
    return float(sum(0.5 * (x[x > 0] * np.log2(x[x > 0] / m[x > 0])).sum() for x in (a, b)))
