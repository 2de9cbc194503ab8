"""Compares ways to learn knobs from few examples, on the eye's codes of films: `teach` is what wins here.

    python teaching.py --model ../../eye FILMS

needs numpy, onnxruntime and ffmpeg, and a quarter of a minute of one core for two minutes of film. The Gaussian process
is that of `nodes/src/latent/teach/gaussian.rs`, whose test has figures of it.
"""
import argparse
import subprocess
import time
from pathlib import Path

import numpy as np
import onnxruntime

SIDE = 64
RATE = 8
"""Pictures a second."""
HALF = RATE // 2
"""Pictures in the half second whose mean is one example."""
SHOT = 4.5
"""A step of this length between neighbouring codes begins a new shot: the eye's card has the steps of films."""
SAME = 0.9
"""Shots whose mean codes have this cosine show the same scene."""
COUNTS = (2, 5, 10, 20, 40, 80)
KNOBS = 4
LENGTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
"""Lengths that are tried, as shares of the root of twice the dimension: how far apart codes of unlike pictures are."""
LINEAR = (0.0, 0.1, 1.0)
NOISE = (0.003, 0.03, 0.3)
FAITHFUL = 0.05
"""An example's own picture plays what was taught, but for this error (root of the mean square)."""
FEW = 5
"""With fewer examples nothing can be tried out on them: the middle of each grid is taken."""


def pictures_of(film: Path) -> np.ndarray:
    """The film's pictures at the eye's size."""
    command = ["ffmpeg", "-v", "error", "-i", str(film), "-vf", f"fps={RATE},scale={SIDE}:{SIDE}:flags=area",
               "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIDE, SIDE, 3)


def looks(pictures: np.ndarray) -> np.ndarray:
    """What anybody sees in pictures: light, warmth, colour, detail."""
    colours = pictures.astype(np.float32) / 255
    grey = colours.mean(3)
    return np.stack([grey.mean((1, 2)), (colours[..., 0] - colours[..., 2]).mean((1, 2)),
                     (colours.max(3) - colours.min(3)).mean((1, 2)),
                     np.abs(np.diff(grey, axis=1)).mean((1, 2)) + np.abs(np.diff(grey, axis=2)).mean((1, 2))], 1)


def scenes_of(codes: np.ndarray, films: np.ndarray) -> list[np.ndarray]:
    """The moments (indices) of each scene: shots that look alike are one, in whatever film they are."""
    begins = np.flatnonzero((np.linalg.norm(np.diff(codes, axis=0), axis=1) > SHOT) | (np.diff(films) > 0)) + 1
    shots = [shot for shot in np.split(np.arange(len(codes)), begins) if len(shot) >= 2 * HALF]
    scenes: list[tuple[np.ndarray, list[np.ndarray]]] = []
    for shot in shots:
        mean = codes[shot].mean(0)
        mean /= max(np.linalg.norm(mean), 1e-9)
        for known, moments in scenes:
            if known @ mean > SAME:
                moments.append(shot)
                break
        else:
            scenes.append((mean, [shot]))
    return [np.concatenate(moments) for _, moments in scenes]


def kernel(one: np.ndarray, other: np.ndarray, length: float, linear: float) -> np.ndarray:
    dimension = one.shape[1]
    squares = (one ** 2).sum(1)[:, None] + (other ** 2).sum(1)[None] - 2 * one @ other.T
    return (np.exp(-np.maximum(squares, 0) / (4 * dimension * length ** 2)) + linear * one @ other.T / dimension
            + 4.0)


def gaussian(x: np.ndarray, y: np.ndarray, asked: np.ndarray, lengths=LENGTHS, linears=LINEAR,
             faithful=FAITHFUL) -> np.ndarray:
    """Gaussian process of a constant, a linear and an RBF kernel, chosen by its error with each example left out."""
    grid = [(length, linear, noise) for length in lengths for linear in linears for noise in NOISE]
    if len(x) < FEW:
        grid = [(lengths[2], linears[len(linears) // 2], NOISE[1])]
    middle, best = y.mean(0), (np.inf, None)
    for length, linear, noise in grid:
        inverse = np.linalg.inv(kernel(x, x, length, linear) + noise * np.eye(len(x)))
        weights = inverse @ (y - middle)
        error = np.sqrt(((weights / np.diag(inverse)[:, None]) ** 2).mean())
        # What is left of the examples themselves is the noise's share.
        unfaithful = noise * np.sqrt((weights ** 2).mean())
        error += 10 * max(unfaithful - faithful, 0)
        if error < best[0]:
            best = (error, (length, linear, weights))
    length, linear, weights = best[1]
    return np.clip(middle + kernel(asked, x, length, linear) @ weights, 0, 1)


def ridge(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Linear, its penalty chosen in the same way."""
    best = (np.inf, None)
    x1, asked1 = x - x.mean(0), asked - x.mean(0)
    for penalty in 10.0 ** np.arange(-1, 4):
        gram = x1 @ x1.T
        inverse = np.linalg.inv(gram + penalty * np.eye(len(x)))
        weights = inverse @ (y - y.mean(0))
        hat = gram @ inverse + 1 / len(x)
        left_out = (y - y.mean(0) - gram @ weights) / np.maximum(1 - np.diag(hat), 1e-6)[:, None]
        error = (left_out ** 2).mean()
        if error < best[0]:
            best = (error, x1.T @ weights)
    return np.clip(y.mean(0) + asked1 @ best[1], 0, 1)


def nearest(x: np.ndarray, y: np.ndarray, asked: np.ndarray, count: int = 3) -> np.ndarray:
    """The mean of the nearest, each by one over its distance."""
    apart = np.sqrt(np.maximum((asked ** 2).sum(1)[:, None] + (x ** 2).sum(1)[None] - 2 * asked @ x.T, 1e-12))
    order = np.argsort(apart, 1)[:, :count]
    weight = 1 / np.maximum(np.take_along_axis(apart, order, 1), 1e-6)
    return (y[order] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True)


METHODS = {
    "mean": lambda x, y, asked: np.repeat(y.mean(0)[None], len(asked), 0),
    "ridge": ridge,
    "kNN 3, 1/d": nearest,
    "GP over ridge": gaussian,
    "GP over the mean": lambda x, y, asked: gaussian(x, y, asked, linears=(0.0,)),
    "the same, not held to its examples": lambda x, y, asked: gaussian(x, y, asked, linears=(0.0,), faithful=1),
}
"""What is compared; `teach` is the last but one."""


def example(codes: np.ndarray, scene: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The mean of half a second from somewhere in the scene, and its last moment."""
    at = int(rng.integers(HALF, len(scene)))
    return codes[scene[at - HALF:at]].mean(0), scene[at - 1]


NEAR = 0.35
"""Length of the kernel that says whether a picture is known."""


HELD = 0.7
"""From so much of the variance on the knobs stay where they are."""


def unknown(x: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The share of the variance that the examples leave: 0 for one of them, 1 far from all."""
    noise = 0.03
    inverse = np.linalg.inv(kernel(x, x, NEAR, 0.0) - 4.0 + noise * np.eye(len(x)))
    across = kernel(asked, x, NEAR, 0.0) - 4.0
    return 1 - (across @ inverse * across).sum(1)


def auc(low: np.ndarray, high: np.ndarray) -> float:
    order = np.argsort(np.concatenate([low, high]))
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    return float((ranks[len(low):].sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the model eye")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("films", type=Path, nargs="+", help="films, or folders of films")
    args = parser.parse_args()
    films = [film for path in args.films for film in (sorted(path.glob("*.mp4")) if path.is_dir() else [path])]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(args.model / "encoder.onnx"), options)
    codes, seen, numbers = [], [], []
    for number, film in enumerate(films):
        pictures = pictures_of(film)
        found = np.concatenate([session.run(None, {"frames": pictures[i:i + 32]})[0] for i in range(0, len(pictures), 32)])
        codes.append(found.astype(np.float64))
        seen.append(looks(pictures))
        numbers.append(np.full(len(found), number))
    codes, seen = np.concatenate(codes), np.concatenate(seen)
    seen = (seen - seen.mean(0)) / np.maximum(seen.std(0), 1e-6)
    scenes = scenes_of(codes, np.concatenate(numbers))
    print(f"{len(films)} films, {len(codes)} codes, {len(scenes)} scenes")
    apart = np.array([[np.linalg.norm(codes[a].mean(0) - codes[b].mean(0)) for b in scenes] for a in scenes])
    within = np.concatenate([np.linalg.norm(codes[s] - codes[s].mean(0), axis=1) for s in scenes])
    print(f"distance to one's scene's mean: median {np.median(within):.2f}, 95 of 100 {np.quantile(within, .95):.2f}; "
          f"between scenes: median {np.median(apart[apart > 0]):.2f}, least 5 of 100 {np.quantile(apart[apart > 0], .05):.2f}")

    print("\nA: knobs that follow light, warmth, colour and detail, each bent; scenes that were not taught; RMSE")
    for count in COUNTS:
        errors = {name: [] for name in METHODS}
        for trial in range(args.trials):
            rng = np.random.default_rng([trial, count])
            order = rng.permutation(len(scenes))
            taught, held = order[:len(order) // 2], order[len(order) // 2:]
            turn = rng.normal(size=(2, KNOBS, KNOBS))
            bent = np.tanh(seen @ turn[0] / 2) + np.sin(seen @ turn[1] / 2)
            knobs = 0.5 + bent / (2 * np.abs(bent).max())
            picks = [example(codes, scenes[taught[i % len(taught)]], rng) for i in range(count)]
            x = np.array([code for code, _ in picks])
            y = knobs[[moment for _, moment in picks]]
            asked = np.concatenate([scenes[s][::4] for s in held])
            for name, method in METHODS.items():
                errors[name].append(np.sqrt(((method(x, y, codes[asked]) - knobs[asked]) ** 2).mean()))
        print(f"{count:3}: " + ", ".join(f"{name} {np.mean(e):.3f}" for name, e in errors.items()))

    print("\nB: any knobs for each scene, one example a scene; other moments of the taught scenes: RMSE / step between "
          "moments; how well a taught scene is told from others (AUC)")
    for count in (5, 10, 20):
        errors = {name: [] for name in METHODS}
        jitter = {name: [] for name in METHODS}
        told, held = [], []
        for trial in range(args.trials):
            rng = np.random.default_rng([trial, count])
            order = rng.permutation(len(scenes))[:count + 3]
            taught, others = order[:count], order[count:]
            knobs = rng.random((count, KNOBS))
            x = np.array([example(codes, scenes[s], rng)[0] for s in taught])
            asked = [scenes[s] for s in taught]
            wanted = np.concatenate([np.repeat(knobs[i:i + 1], len(s), 0) for i, s in enumerate(asked)])
            where = np.concatenate(asked)
            for name, method in METHODS.items():
                got = method(x, knobs, codes[where])
                errors[name].append(np.sqrt(((got - wanted) ** 2).mean()))
                jitter[name].append(np.abs(np.diff(got, axis=0))[np.diff(where) == 1].mean())
            strange = np.concatenate([scenes[s] for s in others])
            new = unknown(x, np.concatenate([codes[where], codes[strange]]))
            told.append(auc(new[:len(where)], new[len(where):]))
            held.append([(part > HELD).mean() for part in (new[:len(where)], new[len(where):])])
        print(f"{count:3}: " + ", ".join(f"{name} {np.mean(errors[name]):.3f}/{np.mean(jitter[name]):.3f}" for name in METHODS)
              + f"; AUC {np.mean(told):.3f}; held: {np.mean(held, 0)[0]:.3f} of taught scenes, "
                f"{np.mean(held, 0)[1]:.3f} of others")

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, codes.shape[1])), rng.random((200, KNOBS))
    begin = time.perf_counter()
    gaussian(x, y, x[:1])
    print(f"\n200 examples are learnt in {time.perf_counter() - begin:.2f} s here")


if __name__ == "__main__":
    main()
