"""Measures the exported touch on held-out songs: how well it knows players, and what it makes of songs that it plays itself."""
import argparse
from pathlib import Path
import numpy as np
from common.measure import graphs
from harmony.data import gauss
from touch.data import Onsets
from touch.network import PARTS

SONGS = 48
FEWEST = 256
"""Onsets of a piece that is measured: a few bars say little of dynamics."""


def bars_of(phase: np.ndarray) -> np.ndarray:
    """The bar of each onset; one begins where the place in it falls."""
    return np.concatenate([[0], np.cumsum(np.diff(phase) <= 0)])


def correlated(stretches: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The correlation of a bar's onsets and its mean velocity over all bars of a piece's stretches of (place in the bar, velocity)."""
    bars = [(bars_of(phase), loud) for phase, loud in stretches]
    onsets = np.concatenate([np.bincount(bar) for bar, _ in bars])
    mean = np.concatenate([np.bincount(bar, loud) for bar, loud in bars]) / onsets
    return float(np.corrcoef(onsets, mean)[0, 1]) if onsets.std() > 0 and mean.std() > 0 else np.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onsets", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    run, size = graphs(args.models, "step")
    rng, held = np.random.default_rng(1), Onsets(args.onsets, "held", Onsets(args.onsets, "train"))

    def heard(phase: np.ndarray, told: np.ndarray, metre: int, part: int) -> np.ndarray:
        """[onsets, 7]: what the model says without knowing the gap to the next, mean and deviation of three, and of the pedal."""
        state, rows, told = np.zeros((1, size["step"]), np.float32), [], told.copy()
        told[:, 5], told[:, 6] = 0, 0
        for place, row in zip(phase, told):
            mean, deviation, pressed, state = run["step"](None, {"part": np.array([part]), "phase": np.array([int(place)]), "metre": np.array([metre]),
                                                                 "feature": row[None], "state": state})
            rows.append((*mean[0], *deviation[0], pressed[0, 0]))
        return np.array(rows)

    for kind, name in enumerate(PARTS):
        pieces = [parts for (of, _), parts in held.pieces.items() if of == kind and sum(len(p[0]) for p in parts) >= FEWEST]
        found: dict[str, list] = {"real": [], "mean alone": [], "looseness 1": [], "looseness .5": [], "energy given, looseness 1": []}
        errors, plain, nats, spread, real_spread, pedal, late = [], [], [], [], [], [], []
        for parts in pieces[:SONGS]:
            phases, loud = [p[0] for p in parts], [p[2][:, 0] for p in parts]
            rows = [heard(phase, told, metre, part) for phase, told, _, _, metre, part in parts]
            energetic = []
            for phase, told, _, energy, metre, part in parts:
                told = told.copy()
                told[:, 10], told[:, 11] = gauss(energy, held.ranks[kind]), 1
                energetic.append(heard(phase, told, metre, part))

            def drawn(rows: list[np.ndarray], looseness: float) -> list[np.ndarray]:
                return [(r[:, 0] + looseness * r[:, 3] * rng.standard_normal(len(r))).clip(0.08, 1) for r in rows]

            played = [loud, *(drawn(rows, k) for k in (0, 1, 0.5)), drawn(energetic, 1)]
            for key, values in zip(found, played):
                found[key].append(correlated(list(zip(phases, values))))
            real, said, targets = np.concatenate(loud), np.concatenate(rows), np.concatenate([p[2] for p in parts])
            errors.append(np.abs(said[:, 0] - real).mean())
            plain.append(np.abs(real - held.middles[kind]).mean())
            nats.append((0.5 * ((real - said[:, 0]) / said[:, 3]) ** 2 + np.log(said[:, 3])).mean())
            spread.append(np.ptp(np.percentile(np.concatenate(played[2]) * 127, [10, 90])))
            real_spread.append(np.ptp(np.percentile(real * 127, [10, 90])))
            known = ~np.isnan(targets[:, 3])
            if known.any():
                pedal.append(((said[known, 6] > 0) == (targets[known, 3] > 0.5)).mean())
            if not np.isnan(targets[:, 1]).all():
                late.append(np.abs(said[:, 1] - targets[:, 1]).mean() - np.abs(targets[:, 1]).mean())
        print(f"{name}, {len(found['real'])} pieces: velocity with density " + ", ".join(f"{k} {np.nanmean(v):.2f}" for k, v in found.items())
              + f"; velocity off by {np.mean(errors) * 127:.1f} (a constant {np.mean(plain) * 127:.1f}), {np.mean(nats):.2f} nats;"
              + f" p90 - p10 {np.mean(spread):.0f} (real {np.mean(real_spread):.0f})"
              + (f"; pedal right {np.mean(pedal):.2f}" if pedal else "") + (f"; timing nearer by {-np.mean(late):.4f} sixteenths than the grid" if late else ""))


if __name__ == "__main__":
    main()
