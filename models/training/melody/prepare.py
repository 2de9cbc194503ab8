"""Reads traditional tunes in ABC and writes 2-bar windows of melody tokens, split by tune."""
import argparse
import hashlib
import re
from fractions import Fraction as F
from pathlib import Path
import numpy as np

FOLDERS = ("oneills1850", "ryansMammoth", "airdsAirs")
FIFTHS = {"C": 0, "D": 2, "E": 4, "F": -1, "G": 1, "A": 3, "B": 5}
MODES = {"": 0, "maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "dor": -2, "mix": -1, "phr": -4, "lyd": 1, "loc": -5}
DEGREE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
TOKEN = re.compile(r"(?P<bar>[:|\[\]]*\|[:|\]]*|::)|\((?P<tuplet>[2-9])(?::\d*)*|(?P<broken>[<>]+)"
                   r"|(?P<sign>\^\^|\^|__|_|=)?(?P<note>[A-Ga-gzx])(?P<octave>[,']*)(?P<length>\d*(?:/+\d*)?)(?P<tie>-?)")


def key_signs(text: str) -> dict[str, int]:
    """The sharps and flats of a key field such as `Gm` or `D dor`."""
    found = re.match(r"\s*([A-G])([#b]?)\s*([A-Za-z]*)", text)
    if not found:
        return {}
    fifths = FIFTHS[found[1]] + {"#": 7, "b": -7, "": 0}[found[2]] + MODES.get(found[3].lower()[:3], 0)
    order = "FCGDAEB"
    return {n: 1 for n in order[:fifths]} if fifths > 0 else {n: -1 for n in order[7 + fifths:]} if fifths < 0 else {}


def length_of(text: str) -> F:
    """A length such as `3`, `/2`, `//` or `3/2`, in default note lengths."""
    top, slashes, bottom = re.match(r"(\d*)(/*)(\d*)", text).groups()
    return F(int(top or 1), (int(bottom) if bottom else 2 ** len(slashes)) or 1)


def bars_of(body: str, signs: dict[str, int], unit: F) -> list[list]:
    """Bars of [pitch or None, length in sixteenths, tied to the next]; repeats are not unrolled."""
    body = re.sub(r'"[^"]*"|\{[^}]*\}|![^!]*!|\[[A-Za-z]:[^\]]*\]|%.*', "", body)
    bars, bar, local = [], [], {}
    left, scale, broken = 0, F(1), None
    for t in TOKEN.finditer(body):
        if t["bar"]:
            bars, bar, local = bars + [bar], [], {}
        elif t["tuplet"]:
            left = int(t["tuplet"])
            scale = {2: F(3, 2), 3: F(2, 3), 4: F(3, 4)}.get(left, F(2, left))
        elif t["broken"] and bar:
            part = F(1, 2 ** len(t["broken"]))
            first, broken = (2 - part, part) if t["broken"][0] == ">" else (part, 2 - part)
            bar[-1][1] *= first
        elif t["note"]:
            length = length_of(t["length"]) * unit * 16 * (scale if left else 1) * (broken or 1)
            left, broken = max(0, left - 1), None
            name = t["note"].upper()
            octave = 72 if t["note"].islower() else 60
            octave += 12 * (t["octave"].count("'") - t["octave"].count(","))
            if t["sign"]:
                local[(name, octave)] = SIGNS[t["sign"]]
            rest = t["note"] in "zx"
            pitch = None if rest else octave + DEGREE[name] + local.get((name, octave), signs.get(name, 0))
            bar.append([pitch, length, bool(t["tie"])])
    return bars + [bar]


def tokens_of(bars: list[list]) -> np.ndarray | None:
    """32 tokens of two whole bars, or None where they do not fill the grid."""
    row, sounding, tied = np.zeros(32, np.int64), False, None
    for index, bar in enumerate(bars):
        if sum(n[1] for n in bar) != 16:
            return None
        at = F(16 * index)
        for pitch, length, tie in bar:
            step = min(31, int(at + F(1, 2)))
            if pitch is None:
                row[step], sounding = (1 if sounding else 0), False
            elif pitch != tied:
                if not 27 <= pitch <= 102:
                    return None
                row[step], sounding = pitch - 19, True
            tied = pitch if tie else None
            at += length
    return row if (row > 1).sum() >= 4 else None


def tunes(folder: Path) -> list[str]:
    """Every tune of a folder, from its X: line on."""
    texts = (p.read_text(errors="replace") for p in sorted(folder.glob("*.abc")))
    return [t for text in texts for t in re.split(r"(?m)^(?=X:)", text) if t.startswith("X:")]


def windows(tune: str) -> list[np.ndarray]:
    """The 2-bar windows of a tune in 4/4 or 2/2 (hop one bar)."""
    head = dict(re.findall(r"(?m)^([A-Z]):\s*(.*?)\s*$", tune))
    if head.get("M", "").split("%")[0].strip() not in ("4/4", "C", "C|", "2/2"):
        return []
    unit = F(*map(int, found.groups())) if (found := re.match(r"(\d+)/(\d+)", head.get("L", "1/8"))) else F(1, 8)
    body = "\n".join(line for line in tune.splitlines() if not re.match(r"[A-Za-z]:", line))
    bars = [b for b in bars_of(body, key_signs(head.get("K", "C")), unit) if b]
    rows = (tokens_of(bars[i:i + 2]) for i in range(len(bars) - 1))
    return [r for r in rows if r is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    split: dict[str, list] = {"train": [], "held": []}
    for tune in (t for f in FOLDERS for t in tunes(args.data / "melody" / f)):
        title = (re.search(r"(?m)^T:\s*(.*)$", tune) or re.match("()", ""))[1].strip().lower()
        held = hashlib.sha256(title.encode()).digest()[0] < 26
        split["held" if held else "train"] += windows(tune)
    found = {k: np.unique(np.stack(v), axis=0) for k, v in split.items()}
    seen = {r.tobytes() for r in found["train"]}
    found["held"] = np.stack([r for r in found["held"] if r.tobytes() not in seen])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **found)
    print({k: len(v) for k, v in found.items()})


if __name__ == "__main__":
    main()
