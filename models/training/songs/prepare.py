"""Reads all songs that have chords, key-relative, and gives chords to traditional tunes; split by title."""
import argparse
import hashlib
import re
import warnings
from collections.abc import Iterator
from fractions import Fraction as F
from pathlib import Path
import numpy as np
from common.chords import COUNT, MUSICXML, NONE, moved, token
from melody import read_abc
from melody.read_musicxml import DEGREE, pitch_of, score_of
from songs import keys, read_midi
from songs.harmonise import Harmoniser
from songs.song import BARS, Song, grouped, save, sounding

FEWEST = 8
"""Bars in a stretch."""
FOLDERS = ("oneills1850", "ryansMammoth", "airdsAirs")
ABC_METRES = {"4/4": 0, "C": 0, "C|": 0, "2/2": 0, "3/4": 1, "6/8": 2}


def by_beats(folder: Path) -> Iterator[Song]:
    """The stretches of whole bars of a song of POP909."""
    beats = np.loadtxt(folder / "beat_midi.txt", ndmin=2)
    tracks, pedal = read_midi.played(folder / f"{folder.name}.mid")
    melody, piano = (tracks.get(n, np.zeros((0, 4))) for n in ("MELODY", "PIANO"))
    downs = np.flatnonzero(beats[:, 2] > 0)
    if len(downs) < 3 or not len(melody) or not len(piano):
        return
    metre = 0
    if np.median(np.diff(downs)) in (3, 6):
        metre, downs = 1, np.flatnonzero(beats[:, 1] > 0)
    length = 3 if metre else 4

    def grid(times: np.ndarray) -> np.ndarray:
        return np.interp(times, beats[:, 0], np.arange(len(beats))) * 4

    notes = []
    for part, array in ((0, melody), (1, piano)):
        begin, end = grid(array[:, 0]), grid(array[:, 1])
        step = np.round(begin)
        if part == 0 and np.abs(begin - step).mean() > 0.1:
            return
        notes.append(np.stack([np.full(len(array), part), step, np.maximum(end - begin, 0.1), array[:, 2], array[:, 3] / 127,
                               begin - step, *np.zeros((2, len(array)))], 1))
    notes = np.concatenate(notes)
    notes = notes[np.lexsort((notes[:, 3], notes[:, 1]))]
    if len(pedal):
        when, down = grid(pedal[:, 0]), pedal[:, 1] >= 32
        pressed = when[down & ~np.concatenate([[False], down[:-1]])]
        at = np.searchsorted(when, notes[:, 1] + 0.5, side="right") - 1
        notes[:, 7] = (at >= 0) & down[at.clip(0)]
        nearest = np.searchsorted(pressed, notes[:, 1] - 0.6)
        nearest = np.where(nearest < len(pressed), pressed[nearest.clip(max=max(0, len(pressed) - 1))] if len(pressed) else 1e9, 1e9)
        notes[:, 6] = nearest < notes[:, 1] + 1.5
    else:
        notes[:, 6:] = -1
    steps = len(beats) * 4
    chords = np.full(steps, NONE)
    for begin, end, label in read_midi.labels(folder / "chord_midi.txt"):
        first, last = np.round(grid(np.array([begin, end]))).astype(int)
        chords[first:last] = read_midi.chord_of(label)
    near, moves = 0, np.zeros(steps, np.int64)
    modes = np.zeros(steps, np.int64)
    named = read_midi.labels(folder / "key_audio.txt")
    for index, (begin, end, label) in enumerate(named):
        first = 0 if index == 0 else int(grid(np.array([begin]))[0] // 16 * 16)
        last = steps if index == len(named) - 1 else int(grid(np.array([named[index + 1][0]]))[0] // 16 * 16)
        if last <= first:
            continue
        tonic, mode = read_midi.key_of(label)
        inside = notes[(notes[:, 1] >= first) & (notes[:, 1] < last)]
        weights = np.bincount(inside[:, 3].astype(int) % 12, np.minimum(inside[:, 2], 8), 12)
        wanted = (tonic + 3 * mode) % 12
        found = keys.scale(weights, wanted)
        near = keys.shift(found, near)
        here = np.array([moved(c, -near) for c in chords[first:last]])
        moves[first:last], modes[first:last] = near, mode if found == wanted else keys.mode(here)
        chords[first:last] = here
    notes[:, 3] -= moves[notes[:, 1].astype(int).clip(0, steps - 1)]
    line = np.zeros(steps + 64, np.int64)
    sung = notes[notes[:, 0] == 0]
    for _, step, _, pitch, *_ in sung:
        line[int(step)] = np.clip(pitch, 21, 108) - 19
    for _, step, duration, pitch, *_ in sung:
        begin = int(step)
        end = max(begin + 1, int(np.round(step + duration)))
        if not (line[begin + 1:end + 1] > 1).any() and end < len(line):
            line[end] = 1
    runs: list[list[int]] = [[]]
    for a, b in zip(downs, downs[1:]):
        if b - a == length and (not runs[-1] or (runs[-1][-1] + length == a and modes[a * 4] == modes[(a - length) * 4])):
            runs[-1].append(a)
        else:
            runs.append([a] if b - a == length else [])
    for run in runs:
        if len(run) < FEWEST:
            continue
        first, last = run[0] * 4, (run[-1] + length) * 4
        inside = notes[(notes[:, 1] >= first) & (notes[:, 1] < last)].copy()
        inside[:, 1] -= first
        yield Song("pop909", folder.name, metre, int(modes[first]), int(moves[first]), chords[first:last], line[first:last], inside)


def sheet(path: Path) -> Iterator[Song]:
    """The stretches of bars of one metre of a lead sheet, with its chords; repeats are not unrolled."""
    part = score_of(path).find("part")
    divisions, metre, fifths, chord = F(1), None, 0, NONE
    runs: list[tuple[int, list, list]] = []
    for measure in part if part is not None else []:
        at, line, chords, tie, fits = F(0), [], [], False, True
        for item in measure:
            if item.tag == "attributes":
                divisions = F(item.findtext("divisions") or divisions)
                if (time := item.find("time")) is not None:
                    metre = ABC_METRES.get(f"{time.findtext('beats')}/{time.findtext('beat-type')}")
                fifths = int(item.findtext("key/fifths") or fifths)
            elif item.tag == "harmony":
                root, kind = item.find("root"), item.findtext("kind") or ""
                if root is not None and kind in MUSICXML:
                    chord = token(DEGREE[root.findtext("root-step", "C")] + int(float(root.findtext("root-alter") or 0)), MUSICXML[kind])
                chords.append((int(at + F(1, 2)), chord))
            elif item.tag == "backup":
                fits = False
            elif item.tag == "note" and item.find("grace") is None and item.find("chord") is None:
                length = F(item.findtext("duration", "0")) / divisions * 4
                line.append((int(at + F(1, 2)), pitch_of(item), any(t.get("type") == "stop" for t in item.findall("tie"))))
                at += length
        if metre is None or not fits or at != BARS[metre]:
            runs.append((-1, [], []))
        elif runs and runs[-1][0] == metre:
            runs[-1][1].append(line)
            runs[-1][2].append(chords)
        else:
            runs.append((metre, [line], [chords]))
    yield from laid("openewld", path.stem.lower(), fifths, runs)


def laid(source: str, title: str, fifths: int, runs: list[tuple[int, list, list]]) -> Iterator[Song]:
    """Songs of runs of bars of (sixteenth, pitch or None, tied) and of (sixteenth, chord)."""
    for metre, lines, found in runs:
        if metre < 0 or len(lines) < FEWEST or not any(found):
            continue
        bar = BARS[metre]
        melody, chords, now, sounds = np.zeros(bar * len(lines), np.int64), np.full(bar * len(lines), NONE), NONE, False
        for index, (line, named) in enumerate(zip(lines, found)):
            for at, pitch, tied in line:
                if tied and pitch is not None:
                    continue
                melody[index * bar + min(at, bar - 1)] = (1 if sounds else 0) if pitch is None else np.clip(pitch, 21, 108) - 19
                sounds = pitch is not None
            for at, chord in named:
                now = chord
                chords[index * bar + min(at, bar - 1):] = now
        pitches = sounding(melody)
        weights = np.bincount(pitches[pitches > 0] % 12, minlength=12).astype(float)
        for chord in chords[chords < NONE]:
            weights[chord // COUNT] += 0.3
        scale = keys.scale(weights, fifths * 7 % 12)
        shift = keys.shift(scale)
        chords = np.array([moved(c, -shift) for c in chords])
        yield Song(source, title, metre, keys.mode(chords), shift, chords, np.where(melody > 1, (melody - shift).clip(2, 89), melody))


def folk(text: str, folder: str) -> Iterator[tuple[Song, bool]]:
    """The stretches of whole bars of a traditional tune, without chords yet; modes other than major and minor are left out."""
    head = dict(re.findall(r"(?m)^([A-Z]):\s*(.*?)\s*$", text))
    metre = ABC_METRES.get(head.get("M", "").split("%")[0].strip())
    key = re.match(r"\s*([A-G])([#b]?)\s*([A-Za-z]*)", head.get("K", "C"))
    if metre is None or not key or key[3].lower()[:3] not in ("", "maj", "ion", "m", "min", "aeo"):
        return
    mode = int(key[3].lower()[:3] in ("m", "min", "aeo"))
    tonic = (read_abc.DEGREE[key[1]] + {"#": 1, "b": -1, "": 0}[key[2]]) % 12
    unit = F(*map(int, found.groups())) if (found := re.match(r"(\d+)/(\d+)", head.get("L", "1/8"))) else F(1, 8)
    body = "\n".join(line for line in text.splitlines() if not re.match(r"[A-Za-z]:", line))
    waiting = [b for b in read_abc.bars_of(body, read_abc.key_signs(head.get("K", "C")), unit) if b]
    shift, bar = keys.shift((tonic + 3 * mode) % 12), BARS[metre]
    runs: list[list] = [[]]
    while waiting:
        notes = waiting.pop(0)
        if waiting and sum(n[1] for n in notes) + sum(n[1] for n in waiting[0]) == bar:
            notes = notes + waiting.pop(0)
        if sum(n[1] for n in notes) == bar and all(n[0] is None or 30 <= n[0] <= 100 for n in notes):
            runs[-1].append(notes)
        else:
            runs.append([])
    for run in runs:
        if len(run) < FEWEST:
            continue
        melody, at, sounds, tied = np.zeros(bar * len(run), np.int64), F(0), False, None
        for pitch, length, tie in (n for notes in run for n in notes):
            step = min(len(melody) - 1, int(at + F(1, 2)))
            if pitch is None:
                melody[step], sounds = (1 if sounds else 0), False
            elif pitch != tied:
                melody[step], sounds = np.clip(pitch - shift, 21, 108) - 19, True
            tied = pitch if tie else None
            at += length
        yield Song(folder, read_abc.title(text), metre, mode, shift, np.full(len(melody), NONE), melody)


def held(title: str) -> bool:
    return hashlib.sha256(title.encode()).digest()[0] < 26


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder: train.npz and held.npz are written there")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    root, songs = args.data / "melody", []
    for folder in sorted(p for p in (root / "pop909").glob("*") if (p / "beat_midi.txt").exists()):
        songs += by_beats(folder)
    for path in sorted((root / "openewld").rglob("*.mxl")):
        songs += sheet(path)
    print(len(songs), "songs with chords", flush=True)
    harmoniser, rng = Harmoniser([s for s in songs if not held(s.title)]), np.random.default_rng(5)
    for folder in FOLDERS:
        for text in read_abc.tunes(root / folder):
            for song in folk(text, folder):
                song.chords = harmoniser.drawn(song, rng)
                songs.append(song)
    for song in songs:
        song.first = grouped(song)
    split = {"train": [s for s in songs if not held(s.title)], "held": [s for s in songs if held(s.title)]}
    for name, part in split.items():
        save(args.out / f"{name}.npz", part)
        count: dict[tuple[str, int, int], int] = {}
        for song in part:
            key = (song.source, song.metre, song.mode)
            count[key] = count.get(key, 0) + song.bars
        print(name, len(part), "songs; bars by source, metre and mode:", count)


if __name__ == "__main__":
    main()
