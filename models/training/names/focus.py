"""Measures what `latent_focus` does: what can still be told of pictures when a name is ignored, and whether it still moves
the music that `melody` makes of held-out photographs."""
import argparse
import re
from pathlib import Path
import numpy as np
from common.exported import Exported
from common.measure import spearman
from names.heard import melody
from names.photographs import encode, measured, photographs
from names.pictures import GROUPS, sides
from names.probes import auc, best_ridge, logistic, normal

GAINS = (0.5, 1.6)
"""A photograph is darkened and lightened by these factors."""
MEASURES = ("bright", "warm", "busy", "contrast", "colourful")
WORDS = ("person", "animal", "vehicle", "plant", "outdoors")


def patterns(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The middle of the codes, and the pattern of each name, from names.ron."""
    text = path.read_text()
    listed = lambda found: np.array([float(n) for n in found.split(",")])
    mean = listed(re.search(r"mean: \[(.*?)\]", text)[1])
    return mean, {n: listed(p) for n, p in re.findall(r'"(\w+)": Name\(.*?pattern: \[(.*?)\]', text, re.S)}


def without(codes: np.ndarray, mean: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Codes with a name ignored."""
    return codes - np.outer((codes - mean) @ pattern, pattern)


def heard(codes: np.ndarray, model: Exported) -> np.ndarray:
    """What `melody` plays, likeliest tokens."""
    return model.decode(codes.astype(np.float32))


def told_by_music(tokens: np.ndarray, values: np.ndarray) -> float:
    """How well what is measured of the music, and its notes, tell a value: Spearman on the half that was not learnt from."""
    found = np.stack(list(melody({"tokens": tokens})[0].values()), 1)
    counts = np.stack([(tokens == token).sum(1) for token in range(90)], 1)
    places = tokens > 1
    told = np.concatenate([found, counts, places], 1).astype(float)
    told = (told - told.mean(0)) / told.std(0).clip(1e-9)
    learn = np.arange(len(told)) % 2 == 0
    return spearman(told[~learn] @ best_ridge(told[learn], normal(values[learn])), values[~learn])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="the folder of all models")
    args = parser.parse_args()
    shown = photographs(args.data)
    codes, held = encode(args.models / "eye", shown.pictures).astype(np.float64), shown.held
    values, model = measured(shown.pictures), Exported(args.models / "melody", 90)
    mean, found = patterns(args.models / "eye" / "names.ron")
    print("told by a direction learnt anew from codes without the name, held-out photographs (Spearman, AUC of words):")
    print("| ignored | " + " | ".join([*MEASURES, *WORDS]) + " |")
    for name in ("nothing", *MEASURES, *WORDS):
        left = codes if name == "nothing" else without(codes, mean, found[name])
        told = [spearman(left[held] @ best_ridge(left[~held], normal(values[m][~held])), values[m][held]) for m in MEASURES]
        for word in WORDS:
            yes, counts = sides(GROUPS["words"][word], shown.folders)
            learn, ask = counts & ~held, counts & held
            told.append(auc(left[ask] @ logistic(left[learn], yes[learn])[0], yes[ask]))
        print(f"| {name} | " + " | ".join(f"{t:.2f}" for t in told) + " |", flush=True)
    some = np.flatnonzero(held)
    print(f"music of {len(some)} held-out photographs: how well it tells a measure (Spearman)")
    for name in MEASURES:
        before = told_by_music(heard(codes[some], model), values[name][some])
        after = told_by_music(heard(without(codes[some], mean, found[name]), model), values[name][some])
        print(f"| {name} | {before:.2f} | ignored {after:.2f} |", flush=True)
    dark, light = (encode(args.models / "eye", (shown.pictures[some].astype(float) * g).clip(0, 255).astype(np.uint8)).astype(np.float64) for g in GAINS)
    other = np.roll(light, 1, 0)
    for name, change in (("nothing", lambda c: c), ("bright", lambda c: without(c, mean, found["bright"])),
                         ("bright and contrast", lambda c: without(without(c, mean, found["bright"]), mean, (
                             lambda p: p / np.linalg.norm(p))(found["contrast"] - found["contrast"] @ found["bright"] * found["bright"])))):
        one, two, far = (heard(change(c), model) for c in (dark, light, other))
        apart = np.linalg.norm(change(dark) - change(light), axis=1).mean()
        print(f"the same photograph dark and light, {name} ignored: tokens that differ {(one != two).mean():.3f}, of another photograph "
              f"{(one != far).mean():.3f}; codes {apart:.2f} apart")
    # The same code moved along the direction alone, as far as photographs are spread.
    pattern = found["bright"]
    spread = ((codes[held] - mean) @ pattern).std()
    low, high = codes[some] - 1.5 * spread * pattern, codes[some] + 1.5 * spread * pattern
    print(f"moved along the direction by 3 deviations: tokens that differ {(heard(low, model) != heard(high, model)).mean():.3f}, bright ignored "
          f"{(heard(without(low, mean, pattern), model) != heard(without(high, mean, pattern), model)).mean():.3f}")


if __name__ == "__main__":
    main()
