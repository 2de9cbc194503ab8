"""Measures the exported stream graphs: cost, music from codes, obedience, form, cuts, time."""
import argparse
import time
from pathlib import Path
import numpy as np
import onnxruntime
import torch
from common.exported import divergence
from common.flow import LATENT
from controls import BAR, CONTROLS, LOWEST, SPAN, novelty
from graphs import Graphs, gumbel
from knobs import KNOBS, attributes
from melody.features import features
from similarity import apart, matrix, told
from tunes import Tunes

LENGTH = 64
"""Bars of a piece whose form is measured."""
RETURNING = "planner, a scene of 8 bars returning twice"


def windows(bars: np.ndarray) -> np.ndarray:
    """[N, 32] of neighbouring bars with at least four notes together, as `melody` is measured on."""
    found = np.concatenate([bars[:-1], bars[1:]], 1)
    onsets = found > 1
    found = np.where(np.cumsum(onsets, 1) > 0, found, 0)
    return found[onsets.sum(1) >= 4]


def held_windows(tunes: Tunes) -> np.ndarray:
    return np.concatenate([windows(tunes.tune(i)) for i in range(len(tunes.ends))])


def whole(tunes: Tunes, bars: int) -> np.ndarray:
    """[N, bars, 16]: the beginnings of all tunes that are so long."""
    return np.stack([tunes.tune(i)[:bars] for i in range(len(tunes.ends)) if len(tunes.tune(i)) >= bars])


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def spread(codes: np.ndarray) -> np.ndarray:
    """A code for each bar to one for each sixteenth."""
    return np.repeat(codes, BAR, 1)


def costs(graphs: Graphs, held: Tunes) -> None:
    """Prints the cost of held-out tunes, beginnings of 16 bars, no control given."""
    bars = whole(held, 16)
    tokens = bars.reshape(len(bars), -1)
    for name, codes in (("their own codes", graphs.encode(bars)), ("a code of nothing", np.zeros((*bars.shape[:2], LATENT), np.float32))):
        _, odds = graphs.play(spread(codes), 1, gumbel((1, 1), np.random.default_rng(0)), forced=tokens)
        print(f"held-out tunes, {name}: {-odds.mean():.4f} nats a sixteenth")


def music(graphs: Graphs, train: Tunes, held: Tunes, rng: np.random.Generator) -> None:
    """Prints the divergences of two-bar windows from held-out tunes'."""
    target, share = features(held_windows(held))
    print(f"held-out mean scale share {share:.3f}")
    real = held_windows(train)
    own = graphs.encode(whole(held, 16))
    sets = {"other real tunes (train)": real[rng.permutation(len(real))[:2000]]}
    drawn = rng.standard_normal((128, 16, LATENT)).astype(np.float32)
    kinds = {"codes of held-out tunes": own, "a code from N(0, I) every bar": drawn,
             "a code from N(0, I) every four bars": np.repeat(drawn[:, ::4], 4, 1), "planner": graphs.plan(128, 16, 1, rng)}
    for heat in (0.5, 0.7, 0.9):
        for name, codes in kinds.items():
            rows, _ = graphs.play(spread(codes), heat, gumbel((len(codes), 256), rng))
            sets[f"{name}, temperature {heat}"] = np.concatenate([windows(r.reshape(-1, BAR)) for r in rows])
    for name, rows in sets.items():
        found, share = features(rows)
        print("| " + " | ".join([name, *(f"{divergence(a, b):.3f}" for a, b in zip(found, target)), f"{share:.3f}"]) + " |")


def obedience(graphs: Graphs, heat: float, rng: np.random.Generator) -> None:
    """Prints the rank correlation of what is asked for and what is played, all else random."""
    count, bars = 128, 16
    drawn = rng.standard_normal((count, bars, LATENT)).astype(np.float32)
    rows, _ = graphs.play(spread(drawn), heat, gumbel((count, bars * BAR), rng))
    found = attributes(torch.from_numpy(rows.reshape(-1, BAR))).numpy()
    heard = found[:, 0] > 0
    for index, name in enumerate(KNOBS):
        kept = heard if name == "register" else np.ones_like(heard)
        print(f"knob {name}: Spearman {spearman(drawn[..., index].ravel()[kept], found[:, index][kept]):.3f}")
    for name, low, high in (("density", 0.05, 0.6), ("register", 0.35, 0.8)):
        index = CONTROLS.index(name)
        asked = rng.uniform(low, high, (count, bars)).astype(np.float32)
        control, given = (np.zeros((count, bars * BAR, len(CONTROLS)), np.float32) for _ in range(2))
        control[..., index], given[..., index] = np.repeat(asked, BAR, 1), 1
        rows, _ = graphs.play(spread(drawn), heat, gumbel((count, bars * BAR), rng), control, given)
        found = attributes(torch.from_numpy(rows.reshape(-1, BAR))).numpy()
        kept = found[:, 0] > 0
        of = found[:, KNOBS.index(name)]
        print(f"control {name}, against random knobs: Spearman {spearman(asked.ravel()[kept], of[kept]):.3f}")
    control, given = (np.zeros((count, bars * BAR, len(CONTROLS)), np.float32) for _ in range(2))
    asked = rng.random((count, bars * BAR)) < 0.1
    control[..., 0], given[..., 0] = asked, asked
    rows, _ = graphs.play(spread(drawn), heat, gumbel((count, bars * BAR), rng), control, given)
    print(f"control onset: notes at {(rows[asked] > 1).mean():.3f} of the sixteenths asked for, {(rows[~asked] > 1).mean():.3f} of the others")


def form(graphs: Graphs, held: Tunes, heat: float, melody: Path | None, rng: np.random.Generator) -> None:
    """Prints how 64 bars resemble themselves: real tunes, the planner's, N(0, I)'s, independent chunks."""
    real = whole(held, LENGTH).reshape(-1, LENGTH * BAR)
    half = len(real) // 2
    count = 48
    drawn = rng.standard_normal((count, LENGTH, LATENT)).astype(np.float32)
    plan = graphs.plan(count, LENGTH, 1, rng)
    theme = plan.copy()
    theme[:, 24:32], theme[:, 48:56] = plan[:, :8], plan[:, :8]  # scenes that return bring their codes back
    sets = {"held-out tunes, one half": list(real[half:])}
    for name, codes in (("planner", plan), ("planner, its deviation halved", graphs.plan(count, LENGTH, 0.5, rng)), (RETURNING, theme),
                        ("N(0, I) every bar", drawn)):
        sets[name] = list(graphs.play(spread(codes), heat, gumbel((count, LENGTH * BAR), rng))[0])
    alike = np.mean([[np.diagonal(matrix(p), 24)[:8].mean(), np.diagonal(matrix(p), 16)[:8].mean()] for p in sets[RETURNING]], 0)
    print(f"a scene that returns resembles its first time {alike[0]:.3f}, any other {alike[1]:.3f}")
    if melody:
        sets["melody's chunks from N(0, I)"] = list(chunks(melody, count * LENGTH // 2, rng).reshape(count, -1))
    lags, shares, returns = told(list(real[:half]))
    print(f"held-out tunes, the other half: {half} pieces, resemblance {lags.mean():.3f}, bars that return {returns:.3f}")
    for name, pieces in sets.items():
        found = told(pieces)
        print(f"| {name} | {found[0].mean():.3f} | {np.abs(found[0] - lags).mean():.3f} | {apart(found[1], shares):.3f} | {found[2]:.3f} |")


def chunks(folder: Path, count: int, rng: np.random.Generator) -> np.ndarray:
    """Two bars each by the model `melody`, from codes of N(0, I), at temperature 0.5."""
    start, step = (onnxruntime.InferenceSession(str(folder / f"{n}.onnx")).run for n in ("start", "step"))
    condition, state = start(None, {"latent": rng.standard_normal((count, LATENT)).astype(np.float32)})
    token, rows = np.full(count, 90, np.int64), []
    for _ in range(2 * BAR):
        logits, state = step(None, {"condition": condition, "token": token, "state": state})
        token = (logits / 0.5 + rng.gumbel(size=logits.shape)).argmax(1)
        rows.append(token)
    return np.stack(rows, 1)


def cut(graphs: Graphs, heat: float, rng: np.random.Generator) -> None:
    """Prints what a cut at any sixteenth of the fifth bar does, against the same music without it, drawn alike."""
    count, bars = 256, 8
    plan, other = spread(graphs.plan(count, bars, 1, rng)), spread(graphs.plan(count, bars, 1, rng))
    noise, at = gumbel((count, bars * BAR), rng), rng.integers(4 * BAR, 5 * BAR, count)
    after = np.arange(bars * BAR)[None] >= at[:, None]
    control, given = (np.zeros((count, bars * BAR, len(CONTROLS)), np.float32) for _ in range(2))
    control[np.arange(count), at, 5] = 1
    given[..., 5] = 1
    plain, _ = graphs.play(plan, heat, noise, control * 0, given)
    ways = {"code and cut": (np.where(after[..., None], other, plan), control, given),
            "code alone": (np.where(after[..., None], other, plan), control * 0, given),
            "cut alone": (plan, control, given)}
    control, given = control.copy(), given.copy()
    control[np.arange(count), at, 0] = given[np.arange(count), at, 0] = 1
    control[..., 4], given[..., 4] = 1, after & (np.arange(bars * BAR)[None] < at[:, None] + BAR)
    ways["code, cut, accent and novelty"] = (np.where(after[..., None], other, plan), control, given)
    ahead = at[:, None] + np.arange(BAR)
    rows = np.arange(count)[:, None]
    print(f"without a cut: notes at {(plain[rows, at[:, None]] > 1).mean():.3f} of the places")
    event = plain > 0
    for name, (codes, *asked) in ways.items():
        found, _ = graphs.play(codes, heat, noise, *asked)
        either = event | (found > 0)
        share = [(found != plain)[rows, part].sum() / max(1, either[rows, part].sum()) for part in (ahead[:, :4], ahead)]
        first = np.where((found[rows, ahead] > 1).any(1), (found[rows, ahead] > 1).argmax(1), BAR)
        new = novelty(torch.from_numpy(found)).numpy()
        print(f"| {name} | {(found[rows, at[:, None]] > 1).mean():.3f} | {share[0]:.3f} | {share[1]:.3f} | {first.mean():.2f} "
              f"| {new[:, 5].mean() - novelty(torch.from_numpy(plain)).numpy()[:, 5].mean():+.3f} |")


def timing(graphs: Graphs) -> None:
    """Prints how long one step takes, and one bar of planning."""
    one, steps = np.zeros((1, 320, LATENT), np.float32), []
    for _ in range(5):
        begin = time.perf_counter()
        graphs.play(one, 1, np.zeros((1, 320, 90), np.float32))
        steps.append((time.perf_counter() - begin) / 320)
    begin = time.perf_counter()
    graphs.plan(1, 32, 1, np.random.default_rng(0))
    print(f"a step {min(steps) * 1e3:.3f} ms, the drawing counted in; a bar of planning {(time.perf_counter() - begin) / 32 * 1e3:.3f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tunes", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--melody", type=Path, help="the model melody, to compare with")
    parser.add_argument("--heat", type=float, default=0.7, help="the temperature of all but the first table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng, graphs = np.random.default_rng(7), Graphs(args.models)
    train, held = Tunes(args.tunes, "train"), Tunes(args.tunes, "held")
    codes = graphs.encode(held.bars)
    print("knobs of held-out bars, mean and deviation:", codes[:, :4].mean(0).round(2), codes[:, :4].std(0).round(2),
          "free part:", np.abs(codes[:, 4:].mean(0)).mean().round(2), codes[:, 4:].std(0).mean().round(2))
    timing(graphs)
    costs(graphs, held)
    music(graphs, train, held, rng)
    obedience(graphs, args.heat, rng)
    form(graphs, held, args.heat, args.melody, rng)
    cut(graphs, args.heat, rng)


if __name__ == "__main__":
    main()
