"""Reads traditional tunes in ABC notation into bars of notes."""
import re
from fractions import Fraction as F
from pathlib import Path

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


def tunes(folder: Path) -> list[str]:
    """Every tune of a folder, from its X: line on."""
    texts = (p.read_text(errors="replace") for p in sorted(folder.glob("*.abc")))
    return [t for text in texts for t in re.split(r"(?m)^(?=X:)", text) if t.startswith("X:")]


def bars(tune: str) -> list[list]:
    """The bars of a tune in 4/4 or 2/2, else none; repeats are not unrolled."""
    head = dict(re.findall(r"(?m)^([A-Z]):\s*(.*?)\s*$", tune))
    if head.get("M", "").split("%")[0].strip() not in ("4/4", "C", "C|", "2/2"):
        return []
    unit = F(*map(int, found.groups())) if (found := re.match(r"(\d+)/(\d+)", head.get("L", "1/8"))) else F(1, 8)
    body = "\n".join(line for line in tune.splitlines() if not re.match(r"[A-Za-z]:", line))
    return [b for b in bars_of(body, key_signs(head.get("K", "C")), unit) if b]


def title(tune: str) -> str:
    """The first title of a tune, in lower case."""
    return (re.search(r"(?m)^T:\s*(.*)$", tune) or re.match("()", ""))[1].strip().lower()
