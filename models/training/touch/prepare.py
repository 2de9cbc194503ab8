"""Writes the onsets of prepared songs and of drummers as the touch model hears them."""
import argparse
from pathlib import Path
import numpy as np
from touch.data import NAMES, read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=Path, required=True, help="the folder that songs/prepare.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="the data folder, for its drummers")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found = {}
    for split in ("held", "train"):
        parts = read(args.songs, args.data, split)
        for index, name in enumerate(NAMES):
            found[f"{split}_{name}"] = np.concatenate([p[index] for p in parts]).astype(np.int64 if name == "phase" else np.float32)
        found[f"{split}_lengths"] = [len(p[0]) for p in parts]
        found[f"{split}_kinds"] = [p[4:] for p in parts]
        print(split, len(parts), "parts", len(found[f"{split}_phase"]), "onsets", flush=True)
    np.savez_compressed(args.out, **found)


if __name__ == "__main__":
    main()
