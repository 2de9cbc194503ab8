"""Writes two-bar windows of the Groove MIDI Dataset, in its official split."""
import argparse
import csv
from pathlib import Path
import numpy as np
import read_groove

STEPS, BAR = 32, 16
FEWEST_HITS = 4
SPLITS = {"train": "train", "validation": "held", "test": "test"}


def tokens_of(hits: np.ndarray) -> np.ndarray:
    """The set of classes hit at each step, as bits."""
    return (hits.astype(np.int64) << np.arange(9)).sum(-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    groove = next((args.data / "drums" / "groove").rglob("info.csv")).parent
    windows: dict[str, list[np.ndarray]] = {name: [] for name in SPLITS.values()}
    for row in csv.DictReader((groove / "info.csv").open()):
        if row["time_signature"] != "4-4":
            continue
        take = read_groove.take(groove / row["midi_filename"])
        parts = (take[at:at + STEPS] for at in range(0, len(take) - STEPS + 1, BAR))
        windows[SPLITS[row["split"]]] += [p for p in parts if p[..., 0].sum() >= FEWEST_HITS]
    found = {}
    for name, parts in windows.items():
        played = np.stack(parts)
        tokens = tokens_of(played[..., 0])
        _, first = np.unique(tokens, axis=0, return_index=True)
        found |= {name: tokens[np.sort(first)], f"{name}_played": played[np.sort(first)]}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **found)
    print({name: len(found[name]) for name in windows})


if __name__ == "__main__":
    main()
