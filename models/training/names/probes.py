"""Directions in codes: found by ridge and logistic regression, and how well they tell."""
import numpy as np
from common.measure import ranks, spearman

PENALTIES = (1.0, 10.0, 100.0, 1000.0)


def normal(values: np.ndarray) -> np.ndarray:
    """Values by rank, as numbers from about −1.7 to 1.7 with variance 1: what has outliers is not led by them."""
    placed = ranks(values) / len(values)
    return (placed - placed.mean()) / max(placed.std(), 1e-12)


def ridge(codes: np.ndarray, values: np.ndarray, penalty: float) -> np.ndarray:
    """The direction that tells `values` best, with a penalty on its length."""
    centred, wanted = codes - codes.mean(0), values - values.mean()
    return np.linalg.solve(centred.T @ centred + penalty * np.eye(codes.shape[1]), centred.T @ wanted)


def best_ridge(codes: np.ndarray, values: np.ndarray, folds: int = 5) -> np.ndarray:
    """`ridge` with the penalty that tells what is left out best."""
    part = np.random.default_rng(0).permutation(len(codes)) % folds

    def told(penalty: float) -> float:
        return float(np.mean([spearman(codes[part == f] @ ridge(codes[part != f], values[part != f], penalty), values[part == f]) for f in range(folds)]))

    return ridge(codes, values, max(PENALTIES, key=told))


def logistic(codes: np.ndarray, yes: np.ndarray, penalty: float = 30.0) -> tuple[np.ndarray, float]:
    """Direction and offset of the odds of `yes`, both sides weighted alike, by Newton's method."""
    x = np.concatenate([codes, np.ones((len(codes), 1))], 1).astype(np.float64)
    weight = np.where(yes, 0.5 / yes.sum(), 0.5 / (~yes).sum()) * len(yes)
    hold = np.diag([penalty] * codes.shape[1] + [0.0])
    found = np.zeros(x.shape[1])
    for _ in range(25):
        odds = 1 / (1 + np.exp(-(x @ found).clip(-30, 30)))
        slope = x.T @ (weight * (odds - yes)) + hold @ found
        step = np.linalg.solve((x * (weight * odds * (1 - odds))[:, None]).T @ x + hold + 1e-9 * np.eye(len(found)), slope)
        found -= step
        if np.abs(step).max() < 1e-8:
            break
    return found[:-1], float(found[-1])


def auc(scores: np.ndarray, yes: np.ndarray) -> float:
    """How often one that is scores higher than one that is not."""
    placed, many = ranks(scores), int(yes.sum())
    return float((placed[yes].sum() - many * (many + 1) / 2) / (many * (len(yes) - many)))


def balanced_spearman(area: float) -> float:
    """Spearman's correlation of scores with yes and no where there are as many of each: √¾ (2 AUC − 1)."""
    return 0.75 ** 0.5 * (2 * area - 1)
