"""Measures the exported drum graphs on the official test split: reconstruction, music from the prior, groove."""
import argparse
from collections import Counter
from pathlib import Path
import numpy as np
from common.exported import Exported, divergence

START, CLASSES = 512, 9
SIXTEENTH = 125
"""Milliseconds at 120 quarter notes a minute."""


def bits(rows: np.ndarray) -> np.ndarray:
    return rows[..., None] >> np.arange(CLASSES) & 1


def told(name: str, found: np.ndarray, right: np.ndarray) -> None:
    """Shares of steps, of steps with a hit, and of single drums that are right; F1 of the hits."""
    a, b = bits(found), bits(right)
    f1 = 2 * (a & b).sum() / (a.sum() + b.sum())
    print(f"| {name} | {(found == right).mean():.3f} | {(found == right)[right > 0].mean():.3f} | {(a == b).mean():.3f} | {f1:.3f} |")


def features(rows: np.ndarray) -> list[Counter]:
    """Histograms: hits a window, classes, places in the bar, sets of hits."""
    hits = bits(rows)
    return [Counter((hits.sum((1, 2)) // 4).tolist()), Counter(np.nonzero(hits)[2].tolist()),
            Counter((np.nonzero(hits)[1] % 16).tolist()), Counter(rows[rows > 0].tolist())]


def groove(graphs: Exported, codes: np.ndarray, played: np.ndarray, trained: np.ndarray) -> None:
    """Errors of loudness and lateness, beside the mean of each class at each place of the bar in the training split."""
    condition, _, touch = graphs.run["start"](None, {"latent": codes})
    hits, loud, late = (np.ascontiguousarray(played[..., i]) for i in range(3))
    velocity, offset = np.empty_like(loud), np.empty_like(late)
    for step in range(hits.shape[1]):
        velocity[:, step], offset[:, step], touch = graphs.run["groove"](
            None, {"condition": condition, "hits": np.ascontiguousarray(hits[:, step]), "touch": touch})
    count = trained[..., 0].reshape(-1, 16, CLASSES).sum(0).clip(1)
    usual = [np.tile(trained[..., i].reshape(-1, 16, CLASSES).sum(0) / count, (2, 1))[None] for i in (1, 2)]
    error = lambda a, b: float((np.abs(a - b) * hits).sum() / hits.sum())
    print(f"velocity: {127 * error(velocity, loud):.1f} of 127, usual {127 * error(usual[0], loud):.1f}")
    print(f"offset at 120: {SIXTEENTH * error(offset, late):.1f} ms, usual {SIXTEENTH * error(usual[1], late):.1f}, "
          f"on the grid {SIXTEENTH * error(np.zeros_like(late), late):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    rng, graphs, data = np.random.default_rng(7), Exported(args.models, START, "groove"), np.load(args.windows)
    for split in ("train", "held", "test"):
        rows = data[split][rng.permutation(len(data[split]))[:1500]]
        codes = graphs.encode(rows)
        told(f"{split}, teacher-forced", graphs.decode(codes, forced=rows), rows)
        told(f"{split}, greedy", graphs.decode(codes), rows)
        print(f"codes: mean {np.abs(codes.mean(0)).mean():.2f} deviation {codes.std(0).mean():.2f}")
    noise = rng.standard_normal((1000, codes.shape[1])).astype(np.float32)
    target = features(data["test"])
    for name, rows in (("training split", data["train"]), ("prior", graphs.decode(noise, 0.5, rng=rng)),
                       ("prior at temperature 1", graphs.decode(noise, 1.0, rng=rng)),
                       ("codes of the test split", graphs.decode(codes, 0.5, rng=rng))):
        print(f"| {name} | " + " | ".join(f"{divergence(a, b):.3f}" for a, b in zip(features(rows), target)) + " |")
    codes = graphs.encode(data["test"])
    groove(graphs, codes, data["test_played"], data["train_played"])


if __name__ == "__main__":
    main()
