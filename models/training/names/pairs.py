"""Words of one's own: teaches ten pairs of words from ten held-out photographs a side, as `score tag --new` does, and
prints how well each tells the other held-out photographs, and what leaving one out says of it beforehand."""
import argparse
import json
from pathlib import Path
import numpy as np
from names.photographs import encode, photographs
from names.probes import auc

PENALTY, SIDE, LESSONS, CHANCE = 100.0, 10, 40, 0.05
"""As in `nodes/src/names/teaching.rs`: the penalty, and the odds of chance from which on a word is refused. Pictures a
side, and how many lessons are drawn."""


def taught(yes: np.ndarray, no: np.ndarray) -> tuple[np.ndarray, float]:
    """Direction and offset: ridge regression of 1 and −1, about the middle of both sides."""
    x, y = np.concatenate([yes, no]), np.array([1.0] * len(yes) + [-1.0] * len(no))
    middle = (yes.mean(0) + no.mean(0)) / 2
    direction = np.linalg.solve((x - middle).T @ (x - middle) + PENALTY * np.eye(x.shape[1]), (x - middle).T @ y)
    return direction, -float(middle @ direction)


def left_out(yes: np.ndarray, no: np.ndarray) -> int:
    """How many pictures are told rightly by what is learnt from all others."""
    right = 0
    for index in range(len(yes) + len(no)):
        kept = np.arange(len(yes)) != index, np.arange(len(no)) != index - len(yes)
        direction, offset = taught(yes[kept[0]], no[kept[1]])
        picture, sign = (yes[index], 1) if index < len(yes) else (no[index - len(yes)], -1)
        right += sign * (picture @ direction + offset) > 0
    return int(right)


def chance(right: int, of: int) -> float:
    """The odds of so many right, or more, by guessing."""
    from math import comb
    return sum(comb(of, n) for n in range(right, of + 1)) / 2 ** of


def other_folders(codes: np.ndarray, folders: np.ndarray, yes: list[str], no: list[str], rng: np.random.Generator) -> float:
    """The AUC where a side is taught with half of its folders, and asked with the other half; NaN for a side of one folder."""
    found = []
    for _ in range(LESSONS):
        sides = [rng.permutation(side) for side in (yes, no)]
        if min(map(len, sides)) < 2:
            return float("nan")
        learn, ask = zip(*((rng.permutation(codes[np.isin(folders, s[:len(s) // 2])])[:SIDE], codes[np.isin(folders, s[len(s) // 2:])]) for s in sides))
        direction, _ = taught(*learn)
        found.append(auc(np.concatenate(ask) @ direction, np.arange(sum(map(len, ask))) < len(ask[0])))
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="the eye's folder")
    args = parser.parse_args()
    shown = photographs(args.data)
    codes = encode(args.models, shown.pictures[shown.held]).astype(np.float64)
    folders = shown.folders[shown.held]
    pairs = json.loads((Path(__file__).parent / "groups.json").read_text())["pairs"]
    print("| pair | held-out photographs | AUC, mean of lessons | from, to | from other folders | left one out right, of 20 | refused |")
    for one, yes, other, no in pairs:
        rng, found, right = np.random.default_rng(11), [], []
        a, b = codes[np.isin(folders, yes)], codes[np.isin(folders, no)]
        for _ in range(LESSONS):
            a, b = rng.permutation(a), rng.permutation(b)
            direction, _ = taught(a[:SIDE], b[:SIDE])
            rest = np.concatenate([a[SIDE:], b[SIDE:]])
            found.append(auc(rest @ direction, np.arange(len(rest)) < len(a) - SIDE))
            right.append(left_out(a[:SIDE], b[:SIDE]))
        unseen = other_folders(codes, folders, yes, no, rng)
        refused = np.mean([chance(r, 2 * SIDE) >= CHANCE for r in right])
        print(f"| {one} – {other} | {len(a)}, {len(b)} | {np.mean(found):.3f} | {min(found):.2f}, {max(found):.2f} | {unseen:.3f} | {np.mean(right):.1f} | {refused:.2f} |")
    rng, right = np.random.default_rng(12), []
    for _ in range(200):
        some = rng.permutation(codes)[:2 * SIDE]
        right.append(left_out(some[:SIDE], some[SIDE:]))
    print(f"the same photographs on both sides: {np.mean(right):.1f} of 20 right, refused {np.mean([chance(r, 2 * SIDE) >= CHANCE for r in right]):.2f}")


if __name__ == "__main__":
    main()
