"""The table of harmony: how far a piece keeps its key, its chords and its form, and how its parts sound together.

All times are sixteenths from a bar line. Printed for prepared songs it is real music's column; `figures` takes any piece."""
import argparse
from dataclasses import dataclass, field
from pathlib import Path
import numpy as np
from common.chords import COUNT, MAJOR_SCALE, NONE, classes
from songs.keys import SCALE
from songs.song import BARS, closes, load

LAGS = 32
"""Bars back that count as a return."""
HARSH, ROUGH = (1, 6, 11), (1, 2, 6, 10, 11)
"""Interval classes that clash, and all dissonant ones."""
LOW = 55
"""The lowest note that is struck at once is the bass where it lies below this."""


@dataclass
class Piece:
    """Notes [N, 4]: begin, length, pitch, velocity (0..1); chords and melody tokens a sixteenth, key-relative or not."""

    melody: np.ndarray
    piano: np.ndarray
    chords: np.ndarray
    tonic: int = 0
    mode: int = 0
    bar: int = 16
    bass: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    """Where it is empty, the bass is the piano's."""


def weights(notes: np.ndarray, begin: float = 0, end: float = 1e9) -> np.ndarray:
    """How long each pitch class sounds in a window."""
    spans = (np.minimum(notes[:, 0] + notes[:, 1], end) - np.maximum(notes[:, 0], begin)).clip(0)
    return np.bincount(notes[:, 2].astype(int) % 12, spans, 12)


def fits(found: np.ndarray) -> np.ndarray:
    """For the twelve major scales in the order of fifths, the share of the time in each."""
    return np.array([found[np.roll(SCALE, 7 * k)].sum() for k in range(12)]) / max(found.sum(), 1e-9)


def fifths(a: np.ndarray, b: np.ndarray) -> int:
    """The least distance on the circle of fifths between scales of two sets."""
    away = np.abs(a[:, None] - b[None]) % 12
    return int(np.minimum(away, 12 - away).min())


def key(notes: np.ndarray, count: int, bar: int) -> dict[str, float]:
    """In the piece's scale, in its own scale every eight bars, two-bar windows wholly in it, fifths between neighbours."""
    best = int(fits(weights(notes)).argmax())
    eights = [weights(notes, at * bar, (at + 8) * bar) for at in range(0, count, 8)]
    twos = [w for w in (weights(notes, at * bar, (at + 2) * bar) for at in range(0, count, 2)) if w.sum() > 0]
    inside = [fits(w) for w in twos]
    firsts, ties = [np.array([f.argmax()]) for f in inside], [np.flatnonzero(f >= f.max() - 1e-6) for f in inside]

    def between(sets: list) -> float:
        return float(np.mean([fifths(a, b) for a, b in zip(sets, sets[1:])])) if len(sets) > 1 else 0.0

    return {"in scale": fits(weights(notes))[best], "in own scale of 8 bars": sum(fits(w).max() * w.sum() for w in eights) / max(1e-9, sum(w.sum() for w in eights)),
            "2-bar windows in scale": float(np.mean([f[best] > 1 - 1e-6 for f in inside])), "fifths, best fit": between(firsts), "fifths, nearest": between(ties)}


def returns(bars: list) -> float:
    """Share of the bars (those that say something) that are the same as one of the 32 before them."""
    found = [any(bars[at] == before for before in bars[max(0, at - LAGS):at]) for at in range(len(bars)) if bars[at]]
    return float(np.mean(found)) if found else 0.0


def stretches(bars: list, alike: float = 0.8) -> float:
    """Share of the four-bar stretches of which so much of the events was there, in its place, four or more bars ago."""
    found = []
    for at in range(0, len(bars) - 3, 4):
        here = [(i, e) for i in range(4) for e in bars[at + i]]
        if not here or at < 4:
            continue
        found.append(any(2 * len(set(here) & set(then)) >= alike * (len(here) + len(then)) for back in range(4, at + 1)
                         for then in [[(i, e) for i in range(4) for e in bars[at - back + i]]]))
    return float(np.mean(found)) if found else 0.0


def by_bar(notes: np.ndarray, count: int, bar: int, pitched: bool = True) -> list[tuple]:
    """Each bar's notes as (sixteenth, pitch), or its rhythm."""
    found: list[set] = [set() for _ in range(count)]
    for begin, _, pitch, _ in notes:
        if 0 <= begin < count * bar:
            found[int(begin) // bar].add((int(begin) % bar, int(pitch)) if pitched else (int(begin) % bar,))
    return [tuple(sorted(f)) for f in found]


def tune(notes: np.ndarray, count: int, bar: int) -> dict[str, float]:
    """Steps, leaps, range, notes, rests and returns of a melody."""
    leaps = np.abs(np.diff(notes[:, 2]))
    bars = by_bar(notes, count, bar)
    sounding = np.zeros(count * bar)
    for begin, length, _, _ in notes:
        sounding[int(begin):int(np.ceil(begin + length - 1e-6))] = 1
    heard = sum(1 for b in bars if b)
    return {"steps": float((leaps <= 2).mean()) if len(leaps) else 0, "leaps": float((leaps > 7).mean()) if len(leaps) else 0,
            "range": float(np.ptp(notes[:, 2])), "notes a sounding bar": len(notes) / max(1, heard), "rest": 1 - sounding.mean(),
            "bars back": returns(bars), "4-bar stretches back": stretches(bars)}


def on_chords(piece: Piece, notes: np.ndarray) -> dict[str, float]:
    """Chord tones of the melody by place, and how the others are left; how chords change."""
    chords, bar = piece.chords, piece.bar
    half = bar // 2
    inside = {c: classes(c) for c in np.unique(chords)}
    at = notes[:, 0].astype(int).clip(0, len(chords) - 1)
    real = chords[at] < NONE
    tone = np.array([int(p) % 12 in inside[chords[a]] for p, a in zip(notes[:, 2], at)])
    strong, one = at % half == 0, at % bar == 0
    off = at % 4 != 0
    by_step = [abs(b - a) <= 2 for a, b, t, r in zip(notes[:, 2], notes[1:, 2], tone, real) if r and not t]

    def share(where: np.ndarray) -> float:
        return float(tone[where & real].mean()) if (where & real).any() else np.nan

    changed = np.flatnonzero(chords[1:] != chords[:-1]) + 1
    scale = {(piece.tonic + (3 if piece.mode else 0) + s) % 12 for s in MAJOR_SCALE}
    there = chords < NONE
    rows = [tuple(r) for r in chords[:len(chords) // bar * bar].reshape(-1, bar)]
    events = [tuple((i, c) for i, c in enumerate(r) if i % half == 0) for r in rows]
    lengths = notes[:, 1][real]
    return {"chord tones": share(np.ones(len(at), bool)), "on beats 1, 3": share(strong), "on beat 1": share(one), "off the beat": share(off),
            "by time": float((tone[real] * lengths).sum() / max(lengths.sum(), 1e-9)), "others left by step": float(np.mean(by_step)) if by_step else np.nan,
            "changes a bar": len(changed) / max(1, len(rows)), "changes on beats 1, 3": float((changed % half == 0).mean()) if len(changed) else np.nan,
            "changes on 1": float((changed % bar == 0).mean()) if len(changed) else np.nan,
            "diatonic time": float(np.mean([inside[c] <= scale for c in chords[there]])) if there.any() else np.nan,
            "chord bars back": returns(rows), "4-bar stretches of chords back": stretches(events, 1.0)}


def pairs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of all pairs of notes that sound at once, the interval classes and how long."""
    begin = np.maximum(a[:, None, 0], b[None, :, 0])
    end = np.minimum(a[:, None, 0] + a[:, None, 1], b[None, :, 0] + b[None, :, 1])
    together = end - begin > 0.5
    return (np.abs(a[:, None, 2] - b[None, :, 2]) % 12)[together], (end - begin)[together]


def bass_of(piano: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bass (the lowest note of those struck at once, where it is low) and the others."""
    low = np.zeros(len(piano), bool)
    order = np.lexsort((piano[:, 2], piano[:, 0]))
    first = np.concatenate([[True], np.diff(piano[order, 0]) > 0.5]) if len(piano) else np.zeros(0, bool)
    low[order] = first & (piano[order, 2] < LOW)
    return piano[low], piano[~low]


def together(piece: Piece, notes: np.ndarray, piano: np.ndarray) -> dict[str, float]:
    """Clashes between the parts; what the accompaniment does."""
    bass, upper = (piece.bass, piano) if len(piece.bass) else bass_of(piano)
    found = {}
    for name, (a, b) in {"melody-bass": (notes, bass), "melody-piano": (notes, np.concatenate([bass, upper]))}.items():
        kinds, long = pairs(a, b)
        found[f"{name}: m2, M7, tritone"] = float(np.isin(kinds, HARSH).mean()) if len(kinds) else np.nan
        if name == "melody-bass":
            found["melody-bass: any"] = float(np.isin(kinds, ROUGH).mean()) if len(kinds) else np.nan
    kinds, _ = pairs(bass, upper)
    found["bass-piano"] = float(np.isin(kinds, HARSH).mean()) if len(kinds) else np.nan
    chords, bar = piece.chords, piece.bar
    count = len(chords) // bar
    everything = np.concatenate([bass, upper]) if len(piece.bass) else piano
    onsets = np.unique(everything[:, 0].astype(int))
    heard = len(np.unique(onsets // bar))
    changed = [c for c in np.flatnonzero(chords[1:] != chords[:-1]) + 1 if chords[c] < NONE]
    struck = {int(b): int(p) for b, _, p, _ in bass}
    hit = [c for c in changed if c in struck]
    at = bass[:, 0].astype(int).clip(0, len(chords) - 1)
    real = chords[at] < NONE
    inside = {c: classes(c) for c in np.unique(chords)}
    places = everything[:, 0].astype(int).clip(0, len(chords) - 1)
    low, middle, high = np.percentile(everything[:, 2], [10, 50, 90]) if len(everything) else (np.nan,) * 3
    return found | {"onsets a bar": len(onsets) / max(1, heard), "notes an onset": len(everything) / max(1, len(onsets)),
                    "pitch p10": low, "pitch median": middle, "pitch p90": high, "bass onsets a bar": len(np.unique(bass[:, 0])) / max(1, heard),
                    "bass at a change": len(hit) / max(1, len(changed)), "its root": float(np.mean([struck[c] % 12 == chords[c] // COUNT for c in hit])) if hit else np.nan,
                    "bass roots": float((bass[real, 2] % 12 == chords[at][real] // COUNT).mean()) if real.any() else np.nan,
                    "piano chord tones": float(np.mean([int(p) % 12 in inside[chords[a]] for p, a in zip(everything[:, 2], places) if chords[a] < NONE])),
                    "piano bars back in rhythm": returns(by_bar(everything, count, bar, False)), "piano bars back": returns(by_bar(everything, count, bar)),
                    "velocity with density, piano": louder(everything, bar)}


def louder(notes: np.ndarray, bar: int) -> float:
    """The correlation of a bar's onsets and its mean velocity, over the bars that sound."""
    where = notes[:, 0].astype(int) // bar
    _, index, onsets = np.unique(where, return_inverse=True, return_counts=True)
    loud = np.bincount(index, notes[:, 3]) / onsets
    onsets = np.array([len(np.unique(notes[index == i, 0].astype(int))) for i in range(len(onsets))])
    return float(np.corrcoef(onsets, loud)[0, 1]) if len(onsets) > 4 and onsets.std() > 0 and loud.std() > 0 else np.nan


def ends(piece: Piece, notes: np.ndarray, tokens: np.ndarray) -> dict[str, float]:
    """Where phrases end: on which note, on which chord."""
    at = closes(tokens)
    pitches = {int(b): int(p) for b, _, p, _ in notes}
    found = [(pitches[a] % 12 == piece.tonic, piece.chords[a] // COUNT == piece.tonic and piece.chords[a] < NONE) for a in at if a in pitches]
    return {"phrase ends": float(len(found)), "on the tonic": float(np.mean([f[0] for f in found])) if found else np.nan,
            "on its chord": float(np.mean([f[1] for f in found])) if found else np.nan}


def tokens_of(notes: np.ndarray, steps: int) -> np.ndarray:
    """Melody tokens of notes that do not overlap."""
    found = np.zeros(steps, np.int64)
    for begin, length, pitch, _ in notes:
        if 0 <= begin < steps:
            found[int(begin)] = pitch - 19
            end = int(round(begin + length))
            if end < steps and found[end] == 0:
                found[end] = 1
    return found


def monophonic(notes: np.ndarray) -> np.ndarray:
    """The highest note of each onset, each until the next at most."""
    notes = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    notes = notes[np.concatenate([np.diff(notes[:, 0]) > 0.5, [True]])] if len(notes) else notes
    notes = notes.copy()
    notes[:-1, 1] = np.minimum(notes[:-1, 1], np.diff(notes[:, 0]))
    return notes


def figures(piece: Piece) -> dict[str, float]:
    """Every figure of a piece; not a number where there is nothing to measure."""
    count, notes = len(piece.chords) // piece.bar, monophonic(piece.melody)
    found = key(notes, count, piece.bar) | tune(notes, count, piece.bar) | on_chords(piece, notes)
    found |= ends(piece, notes, tokens_of(notes, len(piece.chords))) | {"velocity with density, melody": louder(notes, piece.bar)}
    return found | (together(piece, notes, piece.piano) if len(piece.piano) or len(piece.bass) else {})


def table(all_found: list[dict[str, float]]) -> str:
    """Median and 10-90 % of every figure, a line each."""
    names = list(dict.fromkeys(n for f in all_found for n in f))
    rows = []
    for name in names:
        values = np.array([f[name] for f in all_found if not np.isnan(f.get(name, np.nan))])
        low, middle, high = np.percentile(values, [10, 50, 90]) if len(values) else (np.nan,) * 3
        rows.append(f"| {name} | {middle:.3f} | {low:.3f} | {high:.3f} | {values.mean() if len(values) else np.nan:.3f} |")
    return "\n".join(["| figure | median | 10 % | 90 % | mean |", "|---|---|---|---|---|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True, help="a file that songs/prepare.py wrote")
    parser.add_argument("--source", default="pop909")
    parser.add_argument("--fewest", type=int, default=40, help="bars of a song that counts")
    args = parser.parse_args()
    found = []
    for song in load(args.songs):
        if song.source != args.source or song.metre or song.bars < args.fewest:
            continue
        notes = song.notes[:, [1, 2, 3, 4]].astype(float)
        melody, piano = notes[song.notes[:, 0] == 0], notes[song.notes[:, 0] == 1]
        if not len(melody):
            onsets = np.flatnonzero(song.melody > 1)
            edges = np.flatnonzero(song.melody > 0)
            ends_at = np.append(edges, len(song.melody))[np.searchsorted(edges, onsets) + 1]
            melody = np.stack([onsets, ends_at - onsets, song.melody[onsets] + 19, np.full(len(onsets), 0.7)], 1).astype(float)
        found.append(figures(Piece(melody, piano, song.chords, 9 if song.mode else 0, song.mode, BARS[song.metre])))
    print(len(found), "songs")
    print(table(found))


if __name__ == "__main__":
    main()
