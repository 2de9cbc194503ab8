"""Writes whole tunes as bars of melody tokens, split by tune as `melody` splits them."""
import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
import numpy as np
from melody import read_abc, read_musicxml, read_pop909
from melody.tokens import BAR, tokens_of

ABC_FOLDERS = ("oneills1850", "ryansMammoth", "airdsAirs")
FEWEST_BARS = 4
MOST_EMPTY = 2
"""Bars without a note in a row; more are cut out, such as those before the singer begins."""


def runs(bars: list[list]) -> list[np.ndarray]:
    """The stretches of whole bars, as tokens; two short neighbours (a part's last bar, the next one's upbeat) make one."""
    found, run = [], []
    waiting = list(bars)
    while waiting:
        bar = waiting.pop(0)
        if waiting and sum(n[1] for n in bar) + sum(n[1] for n in waiting[0]) == BAR:
            bar = bar + waiting.pop(0)
        if tokens_of([bar]) is not None:
            run.append(bar)
        elif run:
            found.append(tokens_of(run))
            run = []
    return [r.reshape(-1, BAR) for r in found + ([tokens_of(run)] if run else [])]


def song(folder: Path) -> list[np.ndarray]:
    """The stretches of bars of four beats in a song of POP909."""
    tokens, downbeats = read_pop909.line(folder)
    found: list[list[np.ndarray]] = [[]]
    for first, last in zip(downbeats, downbeats[1:]):
        if last - first == 4:
            found[-1].append(tokens[first * 4:first * 4 + BAR])
        elif found[-1]:
            found.append([])
    return [np.stack(f) for f in found if f]


def sung(bars: np.ndarray) -> np.ndarray:
    """The bars without long rests."""
    empty, kept = 0, []
    for bar in bars:
        empty = 0 if (bar > 1).any() else empty + 1
        if empty <= MOST_EMPTY and (kept or empty == 0):
            kept.append(bar)
    return np.array(kept, np.int64).reshape(-1, BAR)


def sources(melody: Path) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """Source, title and stretches of bars of every tune in the data folder."""
    for folder in ABC_FOLDERS:
        for tune in read_abc.tunes(melody / folder):
            yield folder, read_abc.title(tune), runs(read_abc.bars(tune))
    for path in sorted((melody / "openewld").rglob("*.mxl")):
        yield "openewld", path.stem.lower(), runs(read_musicxml.bars(path))
    for folder in sorted(p for p in (melody / "pop909").glob("*") if (p / "beat_midi.txt").exists()):
        yield "pop909", folder.name, song(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    split: dict[str, list] = {"train": [], "held": []}
    count: dict[str, int] = {}
    for source, title, stretches in sources(args.data / "melody"):
        held = hashlib.sha256(title.encode()).digest()[0] < 26
        bars = sung(np.concatenate(stretches)) if stretches else np.zeros((0, BAR), np.int64)
        if len(bars) >= FEWEST_BARS:
            count[source] = count.get(source, 0) + len(bars)
            split["held" if held else "train"].append(bars)
    seen = {t.tobytes() for t in split["train"]}
    split["held"] = [t for t in split["held"] if t.tobytes() not in seen]
    parts = {}
    for name, tunes in split.items():
        parts[name] = np.concatenate(tunes)
        parts[f"{name}_ends"] = np.cumsum([len(t) for t in tunes])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **parts)
    print(count, {k: len(v) for k, v in parts.items()})


if __name__ == "__main__":
    main()
