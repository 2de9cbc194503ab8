"""Cuts views out of photographs, asks the teacher for the features of each, and whitens them to targets."""
import argparse
from pathlib import Path
import numpy as np
from PIL import Image
import teacher

SIDE, WIDE, TARGETS, WHITENED, VIEWS, SEED = 64, 80, 256, 64, 5, 7
"""Sides of the eye's pictures and of those that training cuts them from; principal components of the teacher that are
kept, and how many of them, the first, are scaled to variance 1 (the others keep their share beside the last of these).
"""
UNLABELLED = ("BACKGROUND_Google", "Faces_easy")
"""Folders that are not classes: clutter, and the same photographs as Faces."""


def view(picture: Image.Image, rng: np.random.Generator, whole: bool) -> Image.Image:
    """The whole picture, or a random part of it: 30 to 100 % of the area, sides up to 4:3 off."""
    if whole:
        return picture
    width, height = picture.size
    area, shape = rng.uniform(0.3, 1.0), np.exp(rng.uniform(-0.29, 0.29))
    w, h = min(1.0, np.sqrt(area * shape)) * width, min(1.0, np.sqrt(area / shape)) * height
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return picture.crop((round(left), round(top), round(left + w), round(top + h)))


def pixels(picture: Image.Image, side: int) -> np.ndarray:
    """A picture squeezed to a square, as the frame encoder does."""
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--views", type=int, default=VIEWS)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rng, features = np.random.default_rng(SEED), teacher.Features(args.out.parent)
    folders = sorted(p for p in (args.data / "images" / "caltech101").iterdir() if p.is_dir())
    files = [(path, label) for label, folder in enumerate(folders) for path in sorted(folder.glob("*.jpg"))
             if folder.name != UNLABELLED[1]]
    small, wide, large, labels, classes, photographs, held, found = [], [], [], [], [], [], [], []
    for number, (path, label) in enumerate(files):
        picture = Image.open(path).convert("RGB")
        test = folders[label].name not in UNLABELLED and rng.random() < 0.2
        for index in range(1 if test else args.views):
            part = view(picture, rng, whole=index == 0)
            small.append(pixels(part, SIDE))
            wide.append(pixels(part, WIDE))
            large.append(pixels(part, teacher.SIDE))
            classes.append(-1 if folders[label].name in UNLABELLED else label)
            labels.append(classes[-1] if index == 0 else -1)
            photographs.append(number)
            held.append(test)
        if len(large) >= 64:
            found.append(features.of(np.stack(large)))
            large = []
            if len(found) % 100 == 0:
                print(f"{len(labels)} views", flush=True)
    if large:
        found.append(features.of(np.stack(large)))
    kept, test = np.concatenate(found), np.array(held)
    mean = kept[~test].mean(0)
    spread, directions = np.linalg.eigh(np.cov((kept[~test] - mean).T))
    top = np.argsort(spread)[::-1][:TARGETS]
    targets = (kept - mean) @ directions[:, top] / np.sqrt(np.maximum(spread[top], spread[top[WHITENED - 1]]))
    np.savez(args.out, pictures=np.stack(small), wide=np.stack(wide), targets=targets.astype(np.float32),
             labels=np.array(labels), classes=np.array(classes), photographs=np.array(photographs), held=test)
    print({"views": len(labels), "held-out photographs": int(test.sum()), "share of variance": float(spread[top[:WHITENED]].sum() / spread.sum())})


if __name__ == "__main__":
    main()
