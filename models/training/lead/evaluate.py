"""Measures the exported melody on chords: cost, music from codes on held-out songs' chords, obedience, cuts, phrase ends."""
import argparse
from pathlib import Path
import numpy as np
import torch
from common.chords import NONE
from common.flow import LATENT
from common.measure import drawn, graphs, spearman
from harmony_figures import Piece, figures
from lead.data import next_chords
from lead.knobs import KNOBS, attributes
from lead.inputs import CONTROLS, OPEN, START
from songs.song import BARS, Song, closes, load

BAR = 16
SHOWN = ("in scale", "chord tones", "on beats 1, 3", "on beat 1", "others left by step", "steps", "leaps", "range", "notes a sounding bar", "rest",
         "phrase ends", "on the tonic", "bars back", "4-bar stretches back")


class Graphs:
    """Encoder and step."""

    def __init__(self, folder: Path) -> None:
        self.run, size = graphs(folder, "encoder", "step")
        self.size = size["step"]

    def play(self, codes: np.ndarray, chords: np.ndarray, mode: np.ndarray, heat: float, rng: np.random.Generator, metre: int = 0,
             control: np.ndarray | None = None, given: np.ndarray | None = None, close: np.ndarray | None = None,
             forced: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and log odds of [N, bars, 64] codes on [N, steps] chords."""
        count, steps = chords.shape
        bar = BARS[metre]
        nothing = np.zeros((count, steps, len(CONTROLS)), np.float32)
        control, given = nothing if control is None else control, nothing if given is None else given
        close = np.full((count, steps), OPEN) if close is None else close
        coming, ahead = (np.stack(part) for part in zip(*(next_chords(c) for c in chords)))
        state, token, rows, odds = np.zeros((count, self.size), np.float32), np.full(count, START), [], []
        for at in range(steps):
            logits, state = self.run["step"](None, {
                "token": token, "chord": chords[:, at], "next": coming[:, at], "ahead": ahead[:, at], "phase": np.full(count, at % bar),
                "metre": np.full(count, metre), "mode": mode, "code": codes[:, at // bar], "control": control[:, at], "given": given[:, at],
                "close": close[:, at], "state": state})
            token = drawn(logits, heat, rng) if forced is None else forced[:, at]
            top = logits.max(1, keepdims=True)
            odds.append((logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True)))[np.arange(count), token])
            rows.append(token)
        return np.stack(rows, 1), np.stack(odds, 1)


def notes_of(tokens: np.ndarray) -> np.ndarray:
    """Begin, length, pitch and a velocity of melody tokens."""
    onsets, events = np.flatnonzero(tokens > 1), np.append(np.flatnonzero(tokens > 0), len(tokens))
    ends = events[np.searchsorted(events, onsets) + 1]
    return np.stack([onsets, ends - onsets, tokens[onsets] + 19, np.full(len(onsets), 0.7)], 1).astype(float)


def shown(rows: np.ndarray, chords: np.ndarray, modes: np.ndarray, bar: int = BAR) -> str:
    """The mean of the figures of pieces."""
    found = [figures(Piece(notes_of(r), np.zeros((0, 4)), c, 9 if m else 0, int(m), bar)) for r, c, m in zip(rows, chords, modes) if (r > 1).sum() > 4]
    return " | ".join(f"{np.nanmean([f[n] for f in found]):.2f}" for n in SHOWN)


def beginnings(songs: list[Song], bars: int, metre: int, skip: int = 8) -> list[Song]:
    """Songs of a metre with so many bars after the first, with chords throughout."""
    found = []
    for song in songs:
        part = slice(skip * song.bar, (skip + bars) * song.bar)
        if song.metre == metre and song.bars >= skip + bars and (song.chords[part] < NONE).mean() > 0.95 and (song.melody[part] > 1).sum() > bars:
            found.append(Song(song.source, song.title, metre, song.mode, 0, song.chords[part], song.melody[part]))
    return found


def bars_of(tokens: np.ndarray, bar: int) -> np.ndarray:
    """[N, bars, 16], short bars filled with nothing."""
    rows = tokens.reshape(len(tokens), -1, bar)
    return np.concatenate([rows, np.zeros((*rows.shape[:2], BAR - bar), np.int64)], 2)


def music(found: Graphs, songs: list[Song], metre: int, rng: np.random.Generator) -> None:
    """Prints cost and figures on the chords of held-out songs."""
    bars, bar = 16, BARS[metre]
    picked = beginnings(songs, bars, metre, 8 if metre == 0 else 0)[:64]
    chords, tokens, modes = np.stack([s.chords for s in picked]), np.stack([s.melody for s in picked]), np.array([s.mode for s in picked])
    print(f"metre {metre}, {len(picked)} songs: " + " | ".join(SHOWN))
    print("| real | " + shown(tokens, chords, modes, bar) + " |")
    rows = bars_of(tokens, bar)
    own = found.run["encoder"](None, {"tokens": rows.reshape(-1, BAR), "metre": np.full(rows.shape[0] * rows.shape[1], metre)})[0].reshape(len(rows), -1, LATENT)
    half = bars // 2 * bar
    for name, codes in (("own codes", own), ("a code of nothing", own * 0)):
        nats = -found.play(codes, chords, modes, 1, rng, metre, forced=tokens)[1]
        late = -found.play(codes[:, bars // 2:], chords[:, half:], modes, 1, rng, metre, forced=tokens[:, half:])[1]
        print(f"{name}: {nats.mean():.4f} nats a sixteenth; of the second half {nats[:, half:].mean():.4f}, where the first was not heard {late.mean():.4f}")
    every = rng.standard_normal((len(picked), bars, LATENT)).astype(np.float32)
    for name, codes in (("own codes", own), ("N(0, I) every bar", every), ("N(0, I) every four bars", np.repeat(every[:, ::4], 4, 1))):
        for heat in (0.7,) if name != "N(0, I) every four bars" else (0.5, 0.7):
            print(f"| {name}, temperature {heat} | {shown(found.play(codes, chords, modes, heat, rng, metre)[0], chords, modes, bar)} |")


def obedience(found: Graphs, songs: list[Song], rng: np.random.Generator) -> None:
    """Prints what knobs, controls, cuts and closes do."""
    bars, heat = 8, 0.7
    picked = beginnings(songs, bars, 0)
    picked = [picked[i % len(picked)] for i in range(96)]
    chords, modes = np.stack([s.chords for s in picked]), np.array([s.mode for s in picked])
    count, steps = chords.shape
    codes = rng.standard_normal((count, bars, LATENT)).astype(np.float32)
    zero = torch.zeros(count * bars, dtype=torch.int64)
    rows = found.play(codes, chords, modes, heat, rng)[0]
    other = [found.play(c, chords, modes, heat, rng)[0] for c in (codes, np.roll(codes, 1, 0))]
    rhythm = [((o > 1) & (rows > 1)).sum() / ((o > 1) | (rows > 1)).sum() for o in other]
    print(f"rhythm alike: same code {rhythm[0]:.2f}, another {rhythm[1]:.2f}")
    of = attributes(torch.from_numpy(rows.reshape(-1, BAR)), zero).numpy()
    for index, name in enumerate(KNOBS):
        kept = of[:, 0] > 0
        print(f"knob {name}: Spearman {spearman(codes[..., index].ravel()[kept], of[kept, index]):.3f}")
    for name, low, high in (("density", 0.05, 0.6), ("register", 0.35, 0.8)):
        index = CONTROLS.index(name)
        asked = rng.uniform(low, high, (count, bars)).astype(np.float32)
        control, given = (np.zeros((count, steps, len(CONTROLS)), np.float32) for _ in range(2))
        control[..., index], given[..., index] = np.repeat(asked, BAR, 1), 1
        of = attributes(torch.from_numpy(found.play(codes, chords, modes, heat, rng, 0, control, given)[0].reshape(-1, BAR)), zero).numpy()
        kept = of[:, 0] > 0
        print(f"control {name}, against random knobs: Spearman {spearman(asked.ravel()[kept], of[kept, KNOBS.index(name)]):.3f}")
    control, given = (np.zeros((count, steps, len(CONTROLS)), np.float32) for _ in range(2))
    asked = rng.random((count, steps)) < 0.1
    control[..., 0], given[..., 0] = asked, asked
    rows = found.play(codes, chords, modes, heat, rng, 0, control, given)[0]
    print(f"control onset: notes at {(rows[asked] > 1).mean():.3f} of the sixteenths asked for, {(rows[~asked] > 1).mean():.3f} of the others")
    control, given = (np.zeros((count, steps, len(CONTROLS)), np.float32) for _ in range(2))
    at = rng.integers(4 * BAR, 5 * BAR, count)
    given[..., 5] = 1
    plain = found.play(codes, chords, modes, heat, np.random.default_rng(3), 0, control, given)[0]
    control[np.arange(count), at, 5] = 1
    cut = found.play(codes, chords, modes, heat, np.random.default_rng(3), 0, control, given)[0]
    print(f"a cut: a note begins there in {(cut[np.arange(count), at] > 1).mean():.3f} (without {(plain[np.arange(count), at] > 1).mean():.3f})")
    last = rng.integers(5 * BAR, 7 * BAR, count) // 8 * 8
    close = np.where(np.arange(steps) <= last[:, None], last[:, None] - np.arange(steps), OPEN).clip(0, OPEN)
    for name, asked_close in (("asked", close), ("not asked", None)):
        rows = found.play(codes, chords, modes, heat, rng, close=asked_close)[0]
        ends = np.mean([l in closes(r) for r, l in zip(rows, last)])
        print(f"a phrase ends at the place {name}: {ends:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    rng, found, songs = np.random.default_rng(1), Graphs(args.models), load(args.songs / "held.npz")
    music(found, [s for s in songs if s.source in ("pop909", "openewld")], 0, rng)
    for metre in (1, 2):
        music(found, songs, metre, rng)
    obedience(found, [s for s in songs if s.source in ("pop909", "openewld")], rng)


if __name__ == "__main__":
    main()
