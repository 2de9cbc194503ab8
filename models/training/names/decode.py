"""Plays codes by each exported model of music, two bars (chords: eight) from each code, as its node does without controls."""
from collections.abc import Callable
from pathlib import Path
import numpy as np
from common.chords import NONE, START as NO_CHORD, token
from common.exported import Exported
from common.measure import drawn, graphs
from texture.play import Graphs as Texture

BAR, STEPS, HALF_BARS = 16, 32, 16
CONTROLS, OPEN, FAR = 6, 63, 32
"""Controls of `stream` and `lead`; a phrase end that is not asked for; sixteenths that a chord is known ahead."""
LOOPS = ([(0, "maj"), (7, "maj"), (9, "min"), (5, "maj")], [(0, "maj"), (9, "min"), (5, "maj"), (7, "7")], [(2, "m7"), (7, "7"), (0, "maj7"), (0, "maj7")],
         [(9, "min"), (5, "maj"), (0, "maj"), (7, "maj")], [(9, "min"), (2, "min"), (4, "7"), (9, "min")], [(9, "min"), (7, "maj"), (5, "maj"), (4, "maj")])
"""Progressions that accompaniments and melodies on chords are measured over, the last three of them in A minor."""

Play = Callable[[np.ndarray, np.random.Generator], dict[str, np.ndarray]]
"""Codes [N, 64] to what was played: `tokens` [N, steps] and what belongs to them."""


def over_chords(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two bars of chords for each code, [N, 32], a chord for each bar, and their modes."""
    loop, first = rng.integers(0, len(LOOPS), count), rng.integers(0, 4, count)
    rows = [[token(*LOOPS[l][(f + bar) % 4]) for bar in range(2)] for l, f in zip(loop, first)]
    return np.repeat(np.array(rows), BAR, 1), (loop >= 3).astype(np.int64)


def autoencoder(folder: Path) -> Play:
    """`melody`."""
    model = Exported(folder, 90)
    return lambda codes, rng: {"tokens": model.decode(codes, 0.5, rng=rng)}


def drums(folder: Path) -> Play:
    """`drums`, with how loud each hit is."""
    model = Exported(folder, 512, "groove")

    def play(codes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        tokens = model.decode(codes, 0.5, rng=rng)
        hits = (tokens[..., None] >> np.arange(9) & 1).astype(np.float32)
        condition, _, touch = model.run["start"](None, {"latent": codes})
        loud = np.empty_like(hits)
        for step in range(STEPS):
            loud[:, step], _, touch = model.run["groove"](None, {"condition": condition, "hits": np.ascontiguousarray(hits[:, step]), "touch": touch})
        return {"hits": hits, "loud": loud * hits}

    return play


def stream(folder: Path) -> Play:
    """`stream`, the same code for two bars."""
    run, size = graphs(folder, "step")

    def play(codes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        count = len(codes)
        state, last, rows = np.zeros((count, size["step"]), np.float32), np.full(count, 90), []
        nothing = np.zeros((count, CONTROLS), np.float32)
        for at in range(STEPS):
            phase = np.zeros((count, BAR), np.float32)
            phase[:, at % BAR] = 1
            logits, state = run["step"](None, {"code": codes, "token": last, "control": nothing, "given": nothing, "phase": phase, "state": state})
            last = drawn(logits, 0.7, rng)
            rows.append(last)
        return {"tokens": np.stack(rows, 1)}

    return play


def lead(folder: Path) -> Play:
    """`lead` and `lead_transformer`, the same code for two bars over chords."""
    run, size = graphs(folder, "step")

    def play(codes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        count, nothing = len(codes), np.zeros((len(codes), CONTROLS), np.float32)
        chords, mode = over_chords(count, rng)
        state, last, rows = np.zeros((count, size["step"]), np.float32), np.full(count, 90), []
        for at in range(STEPS):
            second, whole = at >= BAR, np.zeros(count, np.int64)
            coming = chords[:, BAR] if not second else np.full(count, NO_CHORD)
            ahead = np.where(coming == chords[:, at], FAR, BAR - at) if not second else whole + FAR
            coming = np.where(coming == chords[:, at], NO_CHORD, coming)
            logits, state = run["step"](None, {
                "token": last, "chord": chords[:, at], "next": coming, "ahead": ahead, "phase": whole + at % BAR, "metre": whole, "mode": mode,
                "code": codes, "control": nothing, "given": nothing, "close": whole + OPEN, "state": state})
            last = drawn(logits, 0.7, rng)
            rows.append(last)
        return {"tokens": np.stack(rows, 1)}

    return play


def harmony(folder: Path) -> Play:
    """`harmony`: sixteen half bars of chords, in major and in minor."""
    run, size = graphs(folder, "step")

    def play(codes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        count, nothing = len(codes), np.zeros((len(codes), 3), np.float32)
        mode, whole = rng.integers(0, 2, count), np.zeros(count, np.int64)
        state, last, rows = np.zeros((count, size["step"]), np.float32), np.full(count, NO_CHORD), []
        for at in range(HALF_BARS):
            logits, state = run["step"](None, {"chord": last, "code": codes, "mood": nothing, "given": nothing, "countdown": whole + HALF_BARS + 1,
                                               "phase": whole + at, "metre": whole, "mode": mode, "state": state})
            logits[:, NONE] = -1e9
            last = drawn(logits, 0.8, rng)
            rows.append(last)
        return {"chords": np.stack(rows, 1), "mode": mode}

    return play


def texture(folder: Path) -> Play:
    """`texture`: two bars of accompaniment over chords."""
    model = Texture(folder)

    def play(codes: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        chords, mode = over_chords(len(codes), rng)
        noise = rng.gumbel(size=(len(codes), STEPS, 56)).astype(np.float32)
        return {"played": model.play(codes[:, None], chords, np.zeros(len(codes), np.int64), mode, 0.7, noise), "chords": chords}

    return play


MODELS = {"melody": autoencoder, "drums": drums, "stream": stream, "lead": lead, "lead_transformer": lead, "harmony": harmony, "texture": texture}
