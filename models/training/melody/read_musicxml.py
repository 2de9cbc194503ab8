"""Reads lead sheets in compressed MusicXML into bars of notes."""
import xml.etree.ElementTree as xml
import zipfile
from fractions import Fraction as F
from pathlib import Path

DEGREE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def score_of(path: Path) -> xml.Element:
    """The score inside a compressed file."""
    with zipfile.ZipFile(path) as packed:
        name = next(n for n in packed.namelist() if n.endswith("xml") and not n.startswith("META-INF"))
        return xml.fromstring(packed.read(name))


def pitch_of(note: xml.Element) -> int | None:
    """The MIDI pitch of a note, or None for a rest."""
    found = note.find("pitch")
    if found is None:
        return None
    return (12 * (int(found.findtext("octave", "4")) + 1) + DEGREE[found.findtext("step", "C")]
            + int(float(found.findtext("alter") or 0)))


def bars(path: Path) -> list[list]:
    """Bars of [pitch or None, length in sixteenths, tied to the next] of the first part; a bar outside 4/4 and 2/2,
    or with two voices, is empty; repeats are not unrolled."""
    part, found = score_of(path).find("part"), []
    divisions, metre = F(1), None
    for measure in part if part is not None else []:
        bar: list[list] = []
        for item in measure:
            if item.tag == "attributes":
                divisions = F(item.findtext("divisions") or divisions)
                if (time := item.find("time")) is not None:
                    metre = (time.findtext("beats"), time.findtext("beat-type"))
            elif item.tag == "backup":
                metre = None
            elif item.tag == "note" and item.find("grace") is None and item.find("chord") is None:
                length = F(item.findtext("duration", "0")) / divisions * 4
                tied = any(t.get("type") == "start" for t in item.findall("tie"))
                bar.append([pitch_of(item), length, tied])
        found.append(bar if metre in (("4", "4"), ("2", "2")) else [])
    return found
