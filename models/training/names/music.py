"""Finds the directions of names in the codes of each model of music, prints how well they tell what is played from codes
that were not learnt from, and how well pushing a code along them is heard; writes names.ron."""
import argparse
from pathlib import Path
import numpy as np
from common.measure import spearman
from names.decode import MODELS, Play
from names.file import Name, write
from names.heard import MEASURES, OF, SUMMARIES
from names.probes import best_ridge, normal

WANTED, LATENT, PUSH = 0.4, 64, 3.0
"""Spearman correlation of what is pushed and what is heard, from which on a name ships; numbers of a code; how far an
amount of 1 pushes, in deviations."""
COUNTS = {"lead_transformer": (1500, 500, 24)}
USUAL = (4000, 1000, 96)
"""Codes that are learnt from, that are held out, and of these how many are pushed."""
AMOUNTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
BATCH = 500


def played(play: Play, codes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What codes play, some at a time."""
    parts = [play(np.ascontiguousarray(codes[i:i + BATCH]), rng) for i in range(0, len(codes), BATCH)]
    return {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}


def pushed(codes: np.ndarray, direction: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Codes moved along a direction of length 1, as long as before: what `latent_steer` does."""
    moved = codes + PUSH * amount[:, None] * direction
    return (moved * (np.linalg.norm(codes, axis=1) / np.linalg.norm(moved, axis=1))[:, None]).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="the folder of all models")
    parser.add_argument("--model", action="append", choices=MODELS, default=[])
    args = parser.parse_args()
    for model in args.model or MODELS:
        rng, play, measure = np.random.default_rng(5), MODELS[model](args.models / model), MEASURES[model]
        train, held, some = COUNTS.get(model, USUAL)
        codes = rng.standard_normal((train + held, LATENT)).astype(np.float32)
        values, counts = measure(played(play, codes, rng))
        learn, ask = counts & (np.arange(len(codes)) < train), counts & (np.arange(len(codes)) >= train)
        print(f"{model}: {learn.sum()} codes learnt from, {ask.sum()} held out\n| name | told | pushed | |", flush=True)
        names = []
        for name, found in values.items():
            direction = best_ridge(codes[learn].astype(np.float64), normal(found[learn]))
            direction /= max(np.linalg.norm(direction), 1e-9)
            told = spearman(codes[ask] @ direction, found[ask]) if found[ask].std() > 0 else 0.0
            amount = np.tile(AMOUNTS, some)
            after, sounds = measure(played(play, pushed(np.repeat(codes[-some:], len(AMOUNTS), 0), direction, amount), rng))
            heard = spearman(amount[sounds], after[name][sounds]) if after[name][sounds].std() > 0 else 0.0
            print(f"| {name} | {told:.2f} | {heard:.2f} | {'' if heard >= WANTED else 'not shipped'} |", flush=True)
            if heard >= WANTED:
                summary = OF.get(model, {}).get(name) or SUMMARIES[name]
                names.append(Name(name, summary, "measure", heard, direction, 0.0, direction, codes[learn] @ direction))
        write(args.models / model / "names.ron", np.zeros(LATENT), names)


if __name__ == "__main__":
    main()
