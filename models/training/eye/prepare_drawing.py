"""Cuts the views that the decoder learns to draw, at the size that it draws, and asks the eye for the code of each. The
photographs are split as the eye's own training was."""
import argparse
from pathlib import Path
import numpy as np
from PIL import Image
from names.photographs import UNLABELLED, encode, photographs
from network import DRAWN, SIDE

VIEWS, SEED, PART = 4, 11, 4096
"""Views of each photograph that is learnt from, the whole first; the parts are large, so that they are not blown up. And
pictures that are looked at together."""


def part(size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a random part: 60 to 100 % of the area, sides up to 5:4 off."""
    area, shape = rng.uniform(0.6, 1.0), np.exp(rng.uniform(-0.22, 0.22))
    width, height = min(1.0, np.sqrt(area * shape)) * size[0], min(1.0, np.sqrt(area / shape)) * size[1]
    left, top = rng.uniform(0, size[0] - width), rng.uniform(0, size[1] - height)
    return left, top, left + width, top + height


def shrunk(pictures: np.ndarray) -> np.ndarray:
    """Drawn pictures at the eye's size, rounded, as the program shrinks them."""
    if pictures.shape[1] == SIDE:
        return pictures
    cells = pictures.reshape(len(pictures), SIDE, pictures.shape[1] // SIDE, SIDE, pictures.shape[2] // SIDE, 3)
    return np.floor(cells.astype(np.float32).mean((2, 4)) + 0.5).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="the folder of the eye's exported encoder")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    known, rng = photographs(args.data), np.random.default_rng(SEED)
    wide = []
    for path, held in zip(known.paths, known.held, strict=True):
        picture = Image.open(path).convert("RGB")
        for index in range(1 if held else VIEWS):
            box = part(picture.size, rng) if index > 0 else None
            # The mean of what a pixel covers would leave steps where a side is hardly longer than what is drawn.
            wide.append(np.asarray(picture.resize((DRAWN, DRAWN), Image.Resampling.BICUBIC, box=box)))
    pictures = np.stack(wide)
    codes = np.concatenate([encode(args.models, shrunk(pictures[i:i + PART])) for i in range(0, len(pictures), PART)])
    held = np.repeat(known.held, np.where(known.held, 1, VIEWS))
    names = sorted(set(known.folders) - set(UNLABELLED))
    labels = np.array([names.index(f) if f in names else -1 for f in known.folders])
    np.savez(args.out, pictures=pictures[~held], codes=codes[~held],
             held=pictures[held], seen=known.pictures[known.held], known=encode(args.models, known.pictures[~known.held]),
             labels=labels[~known.held], wanted=labels[known.held])
    print({"views": int((~held).sum()), "held-out photographs": int(held.sum())})


if __name__ == "__main__":
    main()
