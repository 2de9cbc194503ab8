"""Writes 2-bar windows of melody tokens from all sources, split by tune."""
import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
import numpy as np
import read_abc
import read_musicxml
import read_pop909
from tokens import tokens_of

ABC_FOLDERS = ("oneills1850", "ryansMammoth", "airdsAirs")
FEWEST_NOTES = 4


def pairs(bars: list[list]) -> list[np.ndarray]:
    """The rows of all neighbouring bars."""
    found = (tokens_of(bars[i:i + 2]) for i in range(len(bars) - 1))
    return [r for r in found if r is not None]


def sources(melody: Path) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """Source, title and rows of every tune in the data folder."""
    for folder in ABC_FOLDERS:
        for tune in read_abc.tunes(melody / folder):
            yield folder, read_abc.title(tune), pairs(read_abc.bars(tune))
    for path in sorted((melody / "openewld").rglob("*.mxl")):
        yield "openewld", path.stem.lower(), pairs(read_musicxml.bars(path))
    for folder in sorted(p for p in (melody / "pop909").glob("*") if (p / "beat_midi.txt").exists()):
        yield "pop909", folder.name, read_pop909.rows(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    split: dict[str, list] = {"train": [], "held": []}
    count: dict[str, int] = {}
    for source, title, rows in sources(args.data / "melody"):
        held = hashlib.sha256(title.encode()).digest()[0] < 26
        kept = [r for r in rows if (r > 1).sum() >= FEWEST_NOTES]
        count[source] = count.get(source, 0) + len(kept)
        split["held" if held else "train"] += kept
    found = {k: np.unique(np.stack(v), axis=0) for k, v in split.items()}
    seen = {r.tobytes() for r in found["train"]}
    found["held"] = np.stack([r for r in found["held"] if r.tobytes() not in seen])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **found)
    print(count, {k: len(v) for k, v in found.items()})


if __name__ == "__main__":
    main()
