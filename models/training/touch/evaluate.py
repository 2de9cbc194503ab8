"""Measures the exported touch on held-out songs: how well it knows players, and what it makes of songs that it plays itself."""
import argparse
from pathlib import Path
import numpy as np
from common.measure import graphs
from touch.data import Onsets
from touch.network import PARTS

SONGS = 16


def correlated(phase: np.ndarray, loud: np.ndarray) -> float:
    """The correlation of a bar's onsets and its mean velocity; a bar begins where the place in it falls."""
    bar = np.concatenate([[0], np.cumsum(np.diff(phase) <= 0)])
    onsets = np.bincount(bar)
    mean = np.bincount(bar, loud) / onsets
    return float(np.corrcoef(onsets, mean)[0, 1]) if onsets.std() > 0 and mean.std() > 0 else np.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onsets", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    run, size = graphs(args.models, "step")
    rng, held = np.random.default_rng(1), Onsets(args.onsets, "held")
    for kind, name in enumerate(PARTS):
        parts = held.kinds[kind][:SONGS]
        found: dict[str, list] = {"real": [], "mean alone": [], "looseness 1": [], "looseness .5": []}
        errors, plain, spread, real_spread, pedal, late = [], [], [], [], [], []
        for phase, told, targets, _, metre, part in parts:
            state = np.zeros((1, size["step"]), np.float32)
            told = told.copy()
            told[:, 5], told[:, 6] = 0, 0
            rows = []
            for place, row in zip(phase, told):
                mean, deviation, pressed, state = run["step"](None, {"part": np.array([part]), "phase": np.array([int(place)]), "metre": np.array([metre]),
                                                                     "feature": row[None], "state": state})
                rows.append((*mean[0], *deviation[0], pressed[0, 0]))
            rows_of = np.array(rows)
            loud = targets[:, 0]
            drawn = [(rows_of[:, 0] + k * rows_of[:, 3] * rng.standard_normal(len(loud))).clip(0.08, 1) for k in (0, 1, 0.5)]
            found["real"].append(correlated(phase, loud))
            for key, values in zip(list(found)[1:], drawn):
                found[key].append(correlated(phase, values))
            errors.append(np.abs(rows_of[:, 0] - loud).mean())
            plain.append(np.abs(loud - 0.65).mean())
            spread.append(np.ptp(np.percentile(drawn[1] * 127, [10, 90])))
            real_spread.append(np.ptp(np.percentile(loud * 127, [10, 90])))
            if not np.isnan(targets[:, 3]).all():
                pedal.append(((rows_of[:, 6] > 0) == (targets[:, 3] > 0.5)).mean())
            if not np.isnan(targets[:, 1]).all():
                late.append(np.abs(rows_of[:, 1] - targets[:, 1]).mean() - np.abs(targets[:, 1]).mean())
        print(f"{name}: velocity with density " + ", ".join(f"{k} {np.nanmean(v):.2f}" for k, v in found.items())
              + f"; velocity off by {np.mean(errors) * 127:.1f} (a constant {np.mean(plain) * 127:.1f}); p90 - p10 {np.mean(spread):.0f} (real {np.mean(real_spread):.0f})"
              + (f"; pedal right {np.mean(pedal):.2f}" if pedal else "") + (f"; timing nearer by {-np.mean(late):.4f} sixteenths than the grid" if late else ""))


if __name__ == "__main__":
    main()
