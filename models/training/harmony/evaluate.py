"""Measures the exported chord model: cost, chords from codes, moods, closes."""
import argparse
from pathlib import Path
import numpy as np
from common.chords import CHORDS, COUNT, MAJOR_SCALE, MINOR, NONE, START, TENSION, TONIC, classes, name
from common.flow import LATENT
from common.measure import drawn, graphs, spearman
from harmony.data import LONG, Line, Lines, home
from harmony.network import FARTHEST, MOODS, STEPS
from harmony_figures import returns

DIATONIC = np.array([classes(c) <= MAJOR_SCALE for c in range(NONE)] + [False])


class Graphs:
    """The step, played in 4/4."""

    def __init__(self, folder: Path) -> None:
        self.run, size = graphs(folder, "encoder", "step")
        self.size = size["step"]

    def play(self, codes: np.ndarray, mode: np.ndarray, rng: np.random.Generator, heat: float = 1.0, mood: np.ndarray | None = None,
             given: np.ndarray | None = None, countdown: np.ndarray | None = None, forced: np.ndarray | None = None,
             phase: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Chords and their log odds, of [N, steps, 64] codes; `forced` are chords that are given."""
        count, steps = codes.shape[:2]
        nothing = np.zeros((count, steps, len(MOODS)), np.float32)
        mood, given = nothing if mood is None else mood, nothing if given is None else given
        countdown = np.full((count, steps), FARTHEST + 1) if countdown is None else countdown
        phase = np.tile(np.arange(steps) % STEPS, (count, 1)) if phase is None else phase
        state, chord, rows, odds = np.zeros((count, self.size), np.float32), np.full(count, START), [], []
        for at in range(steps):
            logits, state = self.run["step"](None, {"chord": chord, "code": codes[:, at], "mood": mood[:, at], "given": given[:, at],
                                                    "countdown": countdown[:, at], "phase": phase[:, at], "metre": np.zeros(count, np.int64), "mode": mode, "state": state})
            told = logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True)) - logits.max(1, keepdims=True)
            if forced is None:
                logits[:, NONE] = -1e9
                chord = drawn(logits, heat, rng)
            else:
                chord = forced[:, at]
            rows.append(chord)
            odds.append(told[np.arange(count), chord])
        return np.stack(rows, 1), np.stack(odds, 1)


def told(rows: np.ndarray) -> str:
    """Changes a bar, diatonic time, bars that return, roots' motion, the commonest chords."""
    changed = rows[:, 1:] != rows[:, :-1]
    back = np.mean([returns([tuple(b) for b in row.reshape(-1, 2)]) for row in rows])
    motion = ((rows[:, 1:] // COUNT - rows[:, :-1] // COUNT) % 12)[changed]
    ways = np.bincount(motion, minlength=12) / max(1, len(motion))
    common = np.bincount(rows.ravel(), minlength=CHORDS) / rows.size
    return (f"changes a bar {2 * changed.mean():.2f}, diatonic {DIATONIC[rows].mean():.3f}, minor {MINOR[rows].mean():.2f}, bars back {back:.2f}, roots up 5/7/2/10: "
            f"{ways[5]:.2f} {ways[7]:.2f} {ways[2]:.2f} {ways[10]:.2f}; " + ", ".join(f"{name(c)} {common[c]:.2f}" for c in np.argsort(-common)[:8]))


def real(lines: list[Line], mode: int) -> np.ndarray:
    """The beginnings of held-out songs in 4/4."""
    return np.stack([l.chords[:LONG] for l in lines if len(l.chords) >= LONG and l.metre == 0 and l.mode == mode and (l.chords[:LONG] < NONE).all()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    rng, found = np.random.default_rng(1), Graphs(args.models)
    lines = Lines(args.songs / "held.npz").lines
    count = 96
    for mode in (0, 1):
        modes, rows = np.full(count, mode), real(lines, mode)
        print(f"mode {mode}, {len(rows)} held-out songs: {told(rows)}")
        codes = np.repeat(rng.standard_normal((count, LONG // STEPS, LATENT)), STEPS, 1).astype(np.float32)
        for heat in (0.8, 1.0):
            print(f"codes of N(0, I), temperature {heat}: {told(found.play(codes, modes, rng, heat)[0])}")
        held = np.full(len(rows), mode)
        own = np.repeat(np.stack([found.run["encoder"](None, {"chords": rows[:, at:at + STEPS], "metre": held * 0, "mode": held})[0]
                                  for at in range(0, LONG, STEPS)], 1), STEPS, 1)
        for what, with_codes in (("own codes", own), ("a code of nothing", own * 0)):
            print(f"perplexity, {what}: {np.exp(-found.play(with_codes, held, rng, forced=rows)[1].mean()):.2f}")
        same = [found.play(codes, modes, rng, 0.8)[0] for _ in range(2)]
        other = found.play(np.roll(codes, 1, 0), modes, rng, 0.8)[0]
        print(f"chords alike: same code {(same[0] == same[1]).mean():.2f}, another {(same[0] == other).mean():.2f}")
        for index, mood in enumerate(MOODS):
            asked = np.repeat(rng.standard_normal((count, LONG // STEPS)), STEPS, 1).astype(np.float32)
            value, given = np.zeros((count, LONG, 3), np.float32), np.zeros((count, LONG, 3), np.float32)
            value[..., index], given[..., index] = asked, 1
            rows_of = found.play(codes, modes, rng, 1.0, value, given)[0].reshape(-1, STEPS)
            of = (-MINOR[rows_of].mean(1), TENSION[rows_of].mean(1), (rows_of[:, 1:] != rows_of[:, :-1]).mean(1))[index]
            print(f"mood {mood}: Spearman {spearman(asked[:, ::STEPS].ravel(), of):.2f}")
        close = 2 * rng.integers(8, 28, count)
        countdown = np.where(np.arange(LONG) <= close[:, None], close[:, None] - np.arange(LONG), FARTHEST + 1).clip(0, FARTHEST + 1)
        for what, asked in (("asked", countdown), ("not asked", None)):
            rows_of, at = found.play(codes, modes, rng, 1.0, countdown=asked)[0], np.arange(count)
            tonic = home(rows_of, mode)
            print(f"tonic at the close, {what}: {tonic[at, close].mean():.2f}, newly reached {(tonic[at, close] & ~tonic[at, close - 1]).mean():.2f}")
    print("tonic tokens", TONIC)


if __name__ == "__main__":
    main()
