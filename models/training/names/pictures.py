"""Finds the directions of names in the eye's codes, prints how well each tells held-out photographs, and writes names.ron."""
import argparse
import json
from pathlib import Path
import numpy as np
from common.measure import spearman
from names.file import Name, write
from names.photographs import SIDE, UNLABELLED, Photographs, encode, measured, photographs
from names.probes import auc, balanced_spearman, best_ridge, logistic, normal
from PIL import Image

WANTED, FOLDS = 0.4, 5
GROUPS = json.loads((Path(__file__).parent / "groups.json").read_text())
SUMMARIES = {"bright": "mean brightness", "warm": "red rather than blue", "busy": "how much of it is edges", "contrast": "spread of brightness",
             "colourful": "spread and strength of colours", "green": "green rather than red and blue",
             "light above": "the upper half brighter than the lower", "near": "how large a part of the scene fills the picture, as if one came closer"}


def sides(word: dict, folders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which photographs show the word, and which count at all."""
    yes = np.isin(folders, word["yes"])
    no = np.isin(folders, word["no"]) if "no" in word else ~yes & ~np.isin(folders, [*word["leave out"], UNLABELLED[0]])
    return yes, yes | no


def unseen_classes(word: dict, codes: np.ndarray, shown: Photographs) -> float:
    """The AUC on held-out photographs of folders of which none was learnt from, on either side; NaN for a word of one folder."""
    yes, counts = sides(word, shown.folders)
    folders = [sorted(set(shown.folders[part & counts])) for part in (yes, ~yes)]
    if len(folders[0]) < 2:
        return float("nan")
    rng, found, weights = np.random.default_rng(2), [], []
    folds = min(FOLDS, len(folders[0]))
    part = {f: i % folds for side in folders for i, f in enumerate(rng.permutation(side))}
    fold = np.array([part.get(f, -1) for f in shown.folders])
    for number in range(folds):
        learn, ask = counts & ~shown.held & (fold != number), counts & shown.held & (fold == number)
        if yes[ask].sum() == 0:
            continue
        found.append(auc(codes[ask] @ logistic(codes[learn], yes[learn])[0], yes[ask]))
        weights.append(yes[ask].sum())
    return float(np.average(found, weights=weights))


def closer(shown: Photographs, models: Path, chosen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Codes of middle parts of photographs, and how near each is: minus the logarithm of the area that is left."""
    pictures, near = [], []
    for index in np.flatnonzero(chosen):
        picture = Image.open(shown.paths[index]).convert("RGB")
        side = np.exp(rng.uniform(np.log(0.35), 0))
        w, h = picture.width * side, picture.height * side
        left, top = (picture.width - w) / 2, (picture.height - h) / 2
        part = picture.crop((round(left), round(top), round(left + w), round(top + h)))
        pictures.append(np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BOX)))
        near.append(-2 * np.log(side))
    return encode(models, np.stack(pictures)), np.array(near)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="the eye's folder")
    args = parser.parse_args()
    shown = photographs(args.data)
    codes = encode(args.models, shown.pictures).astype(np.float64)
    held = shown.held
    print(f"{len(held)} photographs, {held.sum()} held out; held-out codes: mean {np.abs(codes[held].mean(0)).mean():.3f}, variance {codes[held].var(0).mean():.3f}")
    mean, names = codes[~held].mean(0), []

    def keep(name: str, reaches: float, direction: np.ndarray, wanted: np.ndarray, counted: np.ndarray, kind: str, offset: float = 0.0) -> None:
        """Adds a name where it reaches what is wanted."""
        if reaches < WANTED:
            print(f"    {name}: not shipped")
            return
        centred, told = codes[counted] - codes[counted].mean(0), wanted - wanted.mean()
        pattern = centred.T @ (told / len(told))
        names.append(Name(name, SUMMARIES.get(name, f"whether it shows: {name}"), kind, reaches, direction, offset,
                          pattern / np.linalg.norm(pattern), codes[~held] @ direction))

    print("| measure | Spearman, held-out photographs |")
    for name, values in measured(shown.pictures).items():
        direction = best_ridge(codes[~held], normal(values[~held]))
        reaches = spearman(codes[held] @ direction, values[held])
        print(f"| {name} | {reaches:.3f} |")
        keep(name, reaches, direction, normal(values[~held]), ~held, "measure")
    rng = np.random.default_rng(3)
    labelled = shown.folders != UNLABELLED[0]
    parts, near = closer(shown, args.models, ~held & labelled & (rng.random(len(held)) < 0.5), rng)
    asked, wanted = closer(shown, args.models, held, rng)
    direction = best_ridge(parts, near)
    reaches = spearman(asked @ direction, wanted)
    heads = [auc(codes[two] @ direction, shown.folders[two] == close) for close, whole in GROUPS["close-ups"]
             for two in [held & np.isin(shown.folders, [close, whole])]]
    print(f"| near | {reaches:.3f} (heads against whole animals, AUC: {', '.join(f'{h:.2f}' for h in heads)}) |")
    if reaches >= WANTED:
        keep("near", reaches, direction, codes[~held] @ direction, ~held, "measure")
    print("| word | AUC, held-out photographs | AUC, folders never learnt from | Spearman of both sides alike | hits | false |")
    for name, word in GROUPS["words"].items():
        yes, counts = sides(word, shown.folders)
        learn, ask = counts & ~held, counts & held
        direction, offset = logistic(codes[learn], yes[learn])
        scores = codes[ask] @ direction + offset
        area, unseen = auc(scores, yes[ask]), unseen_classes(word, codes, shown)
        reaches = balanced_spearman(area if np.isnan(unseen) else unseen)
        print(f"| {name} | {area:.3f} | {unseen:.3f} | {reaches:.2f} | {(scores[yes[ask]] > 0).mean():.2f} | {(scores[~yes[ask]] > 0).mean():.2f} |")
        keep(name, reaches, direction, yes[learn] / yes[learn].mean() * 1.0, learn, "word", offset)
    write(args.models / "names.ron", mean, names)


if __name__ == "__main__":
    main()
