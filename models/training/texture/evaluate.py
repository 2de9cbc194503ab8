"""Measures the exported accompaniment: cost, piano from codes on held-out songs' chords, obedience, what a code says."""
import argparse
from pathlib import Path
import numpy as np
from common.chords import NONE
from common.flow import LATENT
from common.measure import spearman
from harmony_figures import Piece, figures
from lead.evaluate import beginnings, notes_of
from songs.song import load
from texture.data import asked as texture_asked, slotted
from texture.play import Graphs, notes
from texture.slots import BASS, PLAYED

SHOWN = ("onsets a bar", "notes an onset", "pitch p10", "pitch median", "pitch p90", "bass onsets a bar", "bass at a change", "its root", "bass roots",
         "piano bars back in rhythm", "melody-bass: m2, M7, tritone", "melody-piano: m2, M7, tritone", "bass-piano")
LEVELS, PLACES = (-1, 0, 1), (15.9, 50, 84.1)
"""What is asked for of all bars alike, and which percentiles of songs that is."""
OUT = len(BASS) + len(BASS) * 6 + PLAYED - len(BASS)


def gumbel(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return rng.gumbel(size=(*shape, OUT)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    args = parser.parse_args()
    rng, found, bars = np.random.default_rng(1), Graphs(args.models), 16
    all_songs = [s for s in load(args.songs / "held.npz") if s.source == "pop909"]
    songs = beginnings(all_songs, bars, 0)[:64]
    chords, modes = np.stack([s.chords for s in songs]), np.array([s.mode for s in songs])
    count, steps = chords.shape
    metre = np.zeros(count, np.int64)
    print(f"{count} songs: " + " | ".join(SHOWN))
    whole = [s for s in all_songs if s.metre == 0 and s.bars >= 40][:48]
    real = [figures(Piece(s.notes[s.notes[:, 0] == 0][:, 1:5].astype(float), s.notes[s.notes[:, 0] == 1][:, 1:5].astype(float), s.chords, 9 if s.mode else 0, s.mode))
            for s in whole]
    print("| real | " + " | ".join(f"{np.nanmean([f[n] for f in real]):.3f}" for n in SHOWN) + " |")
    drawn = rng.standard_normal((count, bars // 2, LATENT)).astype(np.float32)

    def rows(name: str, codes: np.ndarray, heat: float, noise: np.ndarray) -> np.ndarray:
        """Prints what is played; what is struck."""
        played, told = found.play(codes, chords, metre, modes, heat, noise), []
        for song, struck in zip(songs, played):
            piano = np.array([(*n, 0.7) for n in notes(struck, song.chords, 0)], float).reshape(-1, 4)
            if len(piano) > 8:
                told.append(figures(Piece(notes_of(song.melody), piano, song.chords, 9 if song.mode else 0, song.mode)))
        print(f"| {name}, temperature {heat} | " + " | ".join(f"{np.nanmean([f[n] for f in told]):.3f}" for n in SHOWN) + " |")
        return played

    for name, codes in (("N(0, I) every two bars", drawn), ("N(0, I), one a song", np.repeat(drawn[:, :1], bars // 2, 1))):
        for heat in (0.35, 0.5, 0.8):
            rows(name, codes, heat, gumbel((count, steps), rng))
    # A generator of its own, so that what follows is drawn as it was before this was measured.
    again = np.tile(gumbel((count, 2 * 16), np.random.default_rng(2)), (1, bars // 2, 1))
    rows("as the nodes play: one for eight bars, every two bars drawn alike", np.repeat(drawn[:, ::4], 4, 1), 0.5, again)

    wanted = np.concatenate([texture_asked(s, slotted(s)[0])[:, :2] for s in whole])
    there = [np.nanpercentile(wanted[:, i], PLACES) for i in (0, 1)]

    def of_bars(played: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of all bars: struck steps, mean slot, whether there is one."""
        onsets = played[..., 1:].any(2).reshape(-1, 16).sum(1)
        slots = played[..., len(BASS):].reshape(-1, 16, PLAYED - len(BASS)).sum(1)
        return onsets, (slots @ np.arange(slots.shape[1])) / slots.sum(1).clip(1), slots.sum(1) > 0

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a[..., 1:] > 0, b[..., 1:] > 0
        return (a & b).sum() / (a | b).sum()

    one = found.play(drawn, chords, metre, modes, 0.5, gumbel((count, steps), rng))
    print(f"alike: same code {alike(one, found.play(drawn, chords, metre, modes, 0.5, gumbel((count, steps), rng))):.2f}, "
          f"another {alike(one, found.play(np.roll(drawn, 1, 0), chords, metre, modes, 0.5, gumbel((count, steps), rng))):.2f}")
    for index, name in enumerate(("density", "register")):
        asked = np.repeat(rng.standard_normal((count, bars)), 16, 1).astype(np.float32)
        control, given = np.zeros((count, steps, 3), np.float32), np.zeros((count, steps, 3), np.float32)
        control[..., index], given[..., index] = asked, 1
        onsets, register, struck = of_bars(found.play(drawn, chords, metre, modes, 0.5, gumbel((count, steps), rng), control, given))
        of, kept = (register, struck) if index else (onsets, np.ones(len(onsets), bool))
        print(f"control {name}: Spearman {spearman(asked[:, ::16].ravel()[kept], of[kept]):.2f}")
        levels = np.repeat(np.array(LEVELS, np.float32), -(-count // len(LEVELS)))[:count]
        control[..., index] = levels[:, None]
        of = of_bars(found.play(drawn, chords, metre, modes, 0.5, gumbel((count, steps), np.random.default_rng(3)), control, given))[index]
        told = [of.reshape(count, bars)[levels == level].mean() for level in LEVELS]
        print(f"  asked for {LEVELS}: {', '.join(f'{t:.1f}' for t in told)}; songs' bars there: " + ", ".join(f"{r:.1f}" for r in there[index]))
    print("chords that are none:", float((chords >= NONE).mean()))


if __name__ == "__main__":
    main()
